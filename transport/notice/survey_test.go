package notice_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/transport/notice"
)

func eventKey(id string) engine.Key {
	return engine.Key{Account: "_", Kind: engine.KindEvent, ID: id}
}

// chosen are those whom somebody has chosen. It ends a surveyor that has come to their end.
type chosen struct {
	due []measure.SurveyDue
	end context.CancelFunc
}

func (c *chosen) SurveysDue(_ context.Context, after engine.Instant, limit int) ([]measure.SurveyDue, error) {
	var due []measure.SurveyDue
	for _, d := range c.due {
		if d.Due > after && len(due) < limit {
			due = append(due, d)
		}
	}
	if len(due) == 0 {
		c.end()
		return nil, errors.New("the end")
	}
	return due, nil
}

// once fails the first time that it is asked to publish.
type once struct {
	notice.SurveyPublisher
	failed bool
}

func (o *once) Publish(ctx context.Context, n *notice.Notice) error {
	if !o.failed {
		o.failed = true
		return errors.New("no way out")
	}
	return o.SurveyPublisher.Publish(ctx, n)
}

// survey tells of all who are due.
func survey(t *testing.T, nc *nats.Conn, h *theatre, skipped uint64, due ...measure.SurveyDue) *notice.Surveyor {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &notice.Surveyor{Surveys: &chosen{due, cancel}, Engine: h, Publisher: streams(t, nc), Logger: slog.New(slog.DiscardHandler), Every: 1}
	for ctx.Err() == nil {
		s.Run(ctx)
	}
	if s.Skipped() != skipped {
		t.Errorf("%d were skipped, want %d", s.Skipped(), skipped)
	}
	return s
}

// TestWhoIsDueIsToldOnce: the order with its buyer, the purchase that came to nothing, and nothing of an event that is gone; and a surveyor that starts again
// goes on behind what the stream has.
func TestWhoIsDueIsToldOnce(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	_, nc := house(t)
	everything(t, h, "night-one")
	due := []measure.SurveyDue{
		{Key: eventKey("night-one"), Due: start + 1, Order: 1},
		{Key: eventKey("night-one"), Due: start + 2, Purchase: 1},
		{Key: eventKey("gone"), Due: start + 3, Order: 1},
		{Key: eventKey("night-one"), Due: start + 4, Order: 2, Purchase: 2},
	}
	survey(t, nc, h, 1, due[:3]...)
	if s := survey(t, nc, h, 1, due...); s.Published() != 1 {
		t.Errorf("%d were told behind what the stream has, want 1", s.Published())
	}
	var got []string
	for _, v := range take(t, nc, func(v *told) bool { return v.Time.UnixNano() == int64(start+4) }) {
		got = append(got, v.ID+" "+v.Data.Buyer+" "+v.Subject)
		if v.msgID != v.ID || v.subject != "holdfast.v1.notices.night-one.survey.due" || (v.Data.Order == nil) == (v.Data.Purchase == nil) {
			t.Errorf("%+v", v)
		}
	}
	if want := []string{"_/night-one/survey/o1 b1 o1", "_/night-one/survey/p1 b3 p1", "_/night-one/survey/o2 b4 o2"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestASurveyThatFailsIsToldAgain: nobody is passed over while the stream does not answer.
func TestASurveyThatFailsIsToldAgain(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	_, nc := house(t)
	everything(t, h, "night-one")
	ctx, cancel := context.WithCancel(t.Context())
	due := &chosen{[]measure.SurveyDue{{Key: eventKey("night-one"), Due: start + 1, Order: 1}}, cancel}
	s := &notice.Surveyor{Surveys: due, Engine: h, Publisher: &once{SurveyPublisher: streams(t, nc)}, Logger: slog.New(slog.DiscardHandler), Every: 1}
	s.Run(ctx)
	if s.Published() != 1 || s.Skipped() != 0 {
		t.Errorf("%d told, %d skipped, want 1 and 0", s.Published(), s.Skipped())
	}
}
