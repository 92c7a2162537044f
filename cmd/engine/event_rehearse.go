package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
)

// stage is an engine without a disk and without actors: every command meets an event that does not exist yet. It serves to ask the engine's own
// decoders and rules what they think of a command.
type stage struct{}

// Submit implements transport.Engine.
func (stage) Submit(r *engine.Request) engine.Code {
	var facts engine.Facts
	ev := engine.New(engine.Key{Account: r.Account, Kind: engine.KindEvent, ID: r.Event})
	for i := range r.Commands {
		r.Reply.Outcome(r, i, ev.Step(&r.Commands[i], engine.Instant(time.Now().UnixNano()), &facts))
	}
	r.Reply.Durable(r)
	return engine.CodeOK
}

// Archived implements transport.Engine: a rehearsal knows no archives.
func (stage) Archived(_, _ string) (at engine.Instant, ok bool) { return 0, false }

// Events implements transport.Engine.
func (stage) Events(string, string, int) []string { return nil }

// rehearse checks a command with the engine's own rules, prints what would be sent (visible is body without secrets), and sends nothing. The command goes through a NATS server
// of its own in this process, so that nothing is checked differently from the real thing.
func rehearse(ctx context.Context, timeout time.Duration, w io.Writer, event, subject string, body, visible []byte) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	server, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0"})
	if err != nil {
		return fmt.Errorf("--dry-run: %w", err)
	}
	defer server.WaitForShutdown()
	defer server.Shutdown()
	nc, err := transport.Connect(url)
	if err != nil {
		return fmt.Errorf("--dry-run: %w", err)
	}
	defer nc.Close()
	s, err := transport.Serve(transport.Config{}, nc, stage{})
	if err != nil {
		return fmt.Errorf("--dry-run: %w", err)
	}
	answer, err := (&natsAccess{url: url}).request(ctx, subject, body)
	if drained := s.Drain(ctx); drained != nil && err == nil {
		err = drained
	}
	if err != nil {
		return fmt.Errorf("--dry-run: %w", err)
	}
	_, refusal := parseReply(answer)
	var no *wireError
	if errors.As(refusal, &no) && no.Code == engine.CodeEventUnknown.String() && subject != transport.Subject(event, "create") {
		refusal = nil // on this stage no event exists; everything that is checked before that was right
	}
	if refusal != nil {
		return refusal
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, visible, "", "  "); err != nil {
		return fmt.Errorf("--dry-run: %w", err)
	}
	verdict := "Its fields are right. Whether the event allows it only the running engine knows."
	if subject == transport.Subject(event, "create") {
		verdict = "The engine's rules take it, unless the id is taken."
	}
	_, err = fmt.Fprintf(w, "would send to %s:\n%s\n%s Nothing was sent.\n", subject, pretty.Bytes(), verdict)
	return err
}
