package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// errNotDrawn says that a draw cannot be recomputed yet.
var errNotDrawn = errors.New("nothing to verify yet")

// fetchDraw collects what an engine publishes of an event's draw, as anybody who may read it can.
func fetchDraw(ctx context.Context, c *client.Client, account, event string) (*publishedDraw, error) {
	e, err := c.Get(ctx, event)
	if err != nil {
		return nil, lineRefusal(err)
	}
	switch l := e.Line; {
	case l == nil:
		return nil, errNoLine(event)
	case l.Commit == "":
		return nil, fmt.Errorf("%w: event %s had no lobby: its line is first come, first served", errNotDrawn, event)
	case l.Root == "":
		return nil, fmt.Errorf("%w: the lobby of event %s is open: its root is published when it closes", errNotDrawn, event)
	case l.Seed == "" && l.DrawValue && l.Value == "":
		return nil, fmt.Errorf("%w: event %s waits for its public value: engine line draw %s --value VALUE", errNotDrawn, event, event)
	case l.Seed == "":
		return nil, fmt.Errorf("%w: the seed of event %s is not revealed; it follows the closing of the lobby within seconds", errNotDrawn, event)
	}
	l, err := linePage(ctx, c, event, 1)
	if err != nil {
		return nil, err
	}
	d := &publishedDraw{Lobby: publishedLobby{Account: account, Event: event, DrawValue: e.Line.DrawValue}, Closed: publishedClosing{Entries: l.Entries}}
	d.Revealed.Value = l.Value
	for _, h := range []struct {
		into *line.Hash
		text string
	}{{&d.Lobby.Commit, l.Commit}, {&d.Closed.Root, l.Root}, {&d.Revealed.Seed, l.Seed}} {
		if err := h.into.UnmarshalText([]byte(h.text)); err != nil {
			return nil, fmt.Errorf("what the engine says of the draw cannot be read: %w", err)
		}
	}
	for got := int64(0); ; {
		page := publishedPage{From: line.Entry(got + 1), Leaves: make([]line.Hash, len(l.Leaves))}
		for i, text := range l.Leaves {
			if err := page.Leaves[i].UnmarshalText([]byte(text)); err != nil {
				return nil, fmt.Errorf("leaf %d cannot be read: %w", got+int64(i)+1, err)
			}
		}
		if len(page.Leaves) > 0 {
			d.Entries = append(d.Entries, page)
		}
		if got += int64(len(page.Leaves)); got >= d.Closed.Entries || len(page.Leaves) == 0 {
			return d, nil // a list that is too short does not verify
		}
		if l, err = linePage(ctx, c, event, got+1); err != nil {
			return nil, err
		}
	}
}

// linePage reads the line, with leaves from an entry on.
func linePage(ctx context.Context, c *client.Client, event string, from int64) (*pb.Line, error) {
	r, err := c.Do(ctx, event, &pb.PlaceCommand{EntriesFrom: from})
	if err != nil {
		return nil, lineRefusal(err)
	}
	return r.GetLine(), nil
}

// lineRefusal says a refusal as the other commands do.
func lineRefusal(err error) error {
	var refused *client.Refusal
	if !errors.As(err, &refused) {
		return err
	}
	if refused.Code == engine.CodeEventUnknown {
		refused.Message += "; `engine event list` lists those that there are"
	}
	return &wireError{Code: refused.Name, Message: refused.Message, Field: refused.Field, Retryable: refused.Retryable}
}
