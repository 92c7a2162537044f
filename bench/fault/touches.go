package fault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// Touches are counted twice: by their own answers, as commands are, and by the KPI of views, which the engine makes of its log.

// touchesMost is how many new touches a command of the load has at most.
const touchesMost = 3

// touch reports views of a buyer: new ones, and every now and then one that was reported before, in this command or in an earlier one.
func (w *lane) touch(event, buyer string) *Command {
	id := w.nextID()
	cmd := &pb.TouchCommand{RequestId: id}
	for i := range 1 + w.random.IntN(touchesMost) {
		t := &pb.Touch{Kind: engine.TouchViewed.String(), Id: fmt.Sprintf("%s-%d", id, i), Device: "mobile", Channel: "web"}
		if w.percent(50) {
			t.Buyer, t.Consent = buyer, true
		}
		cmd.Touches = append(cmd.Touches, t)
	}
	if w.percent(20) {
		cmd.Touches = append(cmd.Touches, cmd.GetTouches()[0])
	}
	if before := w.viewed[event]; before != "" && w.percent(30) {
		cmd.Touches = append(cmd.Touches, &pb.Touch{Kind: engine.TouchViewed.String(), Id: before})
	}
	w.viewed[event] = cmd.GetTouches()[0].GetId()
	c := NewCommand(event, cmd)
	c.Buyer = buyer
	return c
}

// touch takes in touches that were taken.
func (t *truth) touch(l *Ledger, e *Entry) {
	cmd := new(pb.TouchCommand)
	if err := proto.Unmarshal(e.Body, cmd); err != nil {
		panic(fmt.Sprintf("fault: decode what was encoded: %v", err))
	}
	if v := e.Answer.GetTouches(); int(v.GetTaken()+v.GetRepeated()) != len(cmd.GetTouches()) {
		l.contradict("%s touch %s: %d touches were answered with %v", t.event, e.ID, len(cmd.GetTouches()), v)
	}
	for _, touch := range cmd.GetTouches() {
		t.viewed[touch.GetId()] = true
	}
}

const (
	viewsPatience = 30 * time.Second // the book is behind the log for moments
	viewsEvery    = 200 * time.Millisecond
)

// views compares the KPI of views of every event with the touches that were acknowledged, each counted once. The other KPIs that are asked for make the
// question one that nobody has asked in this second: several who ask the same share an answer.
func (l *Ledger) views(ctx context.Context, c *Client, sum *Comparison, others ...string) error {
	l.mu.Lock()
	want, all := map[string]int64{}, int64(0)
	for event, t := range l.events {
		if n := int64(len(t.viewed)); n > 0 {
			want[event], all = n, all+n
		}
	}
	l.mu.Unlock()
	sum.Views = int(all)
	for end := now().Add(viewsPatience); ; {
		got, lag, err := c.Views(ctx, others...)
		if err != nil {
			return err
		}
		if lag == 0 && maps.Equal(got, want) {
			return nil
		}
		tooMany := false
		for event, n := range got {
			tooMany = tooMany || n > want[event]
		}
		if tooMany || now().After(end) {
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, event := range slices.Sorted(maps.Keys(want)) {
				if got[event] != want[event] {
					l.contradict("%s: the KPI of views is %d, %d touches were acknowledged (lag %d ms)", event, got[event], want[event], lag)
				}
			}
			if lag > 0 {
				l.contradict("the KPIs are %d ms behind the log after %v", lag, viewsPatience)
			}
			return nil
		}
		select {
		case <-time.After(viewsEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Views asks for the KPI of views of each event that has some, and for how far the KPIs are behind the log.
func (c *Client) Views(ctx context.Context, others ...string) (views map[string]int64, lagMs int64, err error) {
	body, err := proto.Marshal(&pb.KpisCommand{By: "event", Kpis: append([]string{"views"}, others...)})
	if err != nil {
		return nil, 0, fmt.Errorf("encode a query: %w", err)
	}
	msg, err := c.nc.RequestWithContext(ctx, "holdfast.v1.kpis.get", body)
	if err != nil {
		return nil, 0, fmt.Errorf("ask for the views: %w", err)
	}
	reply := new(pb.KpisReply)
	if err := proto.Unmarshal(msg.Data, reply); err != nil {
		return nil, 0, fmt.Errorf("the figures are not protobuf of the contract: %w", err)
	}
	if e := reply.GetError(); e != nil {
		return nil, 0, errors.New("ask for the views: " + e.GetCode() + ": " + e.GetMessage())
	}
	views = map[string]int64{}
	for _, row := range reply.GetKpis().GetRows() {
		for _, f := range row.GetFigures() {
			if f.GetKpi() == "views" && f.GetValue() > 0 {
				views[row.GetSeries()] = int64(f.GetValue())
			}
		}
	}
	return views, reply.GetKpis().GetLagMs(), nil
}
