package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// Surveys says who is due to be asked how it went.
type Surveys interface {
	// SurveysDue returns who has become due after one moment, the earliest first, at most limit.
	SurveysDue(ctx context.Context, after engine.Instant, limit int) ([]measure.SurveyDue, error)
}

// SurveyPublisher keeps notices, and knows which survey.due it has kept last.
type SurveyPublisher interface {
	Publisher
	// LastSurvey is the time of the newest survey.due of an account, 0 if there is none; [ErrOff] says that the account has no notices.
	LastSurvey(ctx context.Context, account string) (engine.Instant, error)
}

const (
	// SurveyEveryDefault is how long a surveyor waits between two looks.
	SurveyEveryDefault = 5 * time.Second
	// surveysPerLookMax is how many it takes at once.
	surveysPerLookMax = 256
)

// Surveyor tells in notices who is due to be asked how a purchase went. Whom to ask is decided where the log is measured, which knows buyers by hashes only: the
// buyer's id comes from the event, which is asked for the order or purchase. How far it has come is in the stream itself: who was due up to the time of the
// newest survey.due has been told.
type Surveyor struct {
	Surveys   Surveys
	Engine    Engine
	Publisher SurveyPublisher
	Logger    *slog.Logger
	Every     time.Duration // between two looks; 0 is SurveyEveryDefault

	after     engine.Instant            // everybody up to here was told, or cannot be
	last      map[string]engine.Instant // of each account: what the stream had at the start
	published atomic.Uint64
	skipped   atomic.Uint64
}

// Published is how many were told since the start, and Skipped how many could not be: their event is archived or set aside, or their account has no notices.
func (s *Surveyor) Published() uint64 { return s.published.Load() }

// Skipped is described at Published.
func (s *Surveyor) Skipped() uint64 { return s.skipped.Load() }

// Run tells until ctx ends. What fails is tried again with the next look: nobody is passed over before [measure.SurveyKeepMs] is over.
func (s *Surveyor) Run(ctx context.Context) {
	s.last = make(map[string]engine.Instant)
	every := s.Every
	if every == 0 {
		every = SurveyEveryDefault
	}
	for {
		for {
			n, err := s.look(ctx)
			if err != nil && ctx.Err() == nil {
				s.Logger.Warn("somebody who is due to be asked cannot be told: it is tried again", "err", err, "after", every)
			}
			if err != nil || n < surveysPerLookMax {
				break
			}
		}
		if sleep(ctx, every) != nil {
			return
		}
	}
}

// look tells some, and returns how many there were.
func (s *Surveyor) look(ctx context.Context) (int, error) {
	due, err := s.Surveys.SurveysDue(ctx, s.after, surveysPerLookMax)
	if err != nil {
		return 0, err
	}
	for i := range due {
		if err := s.tell(ctx, &due[i]); err != nil {
			return i, err
		}
		s.after = due[i].Due
	}
	return len(due), nil
}

func (s *Surveyor) tell(ctx context.Context, d *measure.SurveyDue) error {
	account := d.Key.Account
	last, known := s.last[account]
	if !known {
		var err error
		if last, err = s.Publisher.LastSurvey(ctx, account); errors.Is(err, ErrOff) {
			s.skipped.Add(1)
			return nil
		} else if err != nil {
			return err
		}
		s.last[account] = last
	}
	if d.Due <= last {
		return nil
	}
	t := engine.Told{At: d.Due, Order: d.Order, Purchase: d.Purchase, Hold: d.Hold}
	if d.Order != 0 {
		t.Purchase = 0
	}
	about, code, err := ask(ctx, s.Engine, account, d.Key.ID, []engine.Told{t})
	if err != nil {
		return err
	}
	var n *Notice
	if code == engine.CodeOK {
		b := &building{account: account, event: d.Key.ID, about: about}
		b.survey(d, &about.told[0])
		if b.err != nil {
			return b.err
		}
		if len(b.made) > 0 {
			n = b.made[0]
		}
	}
	if n == nil {
		s.skipped.Add(1)
		s.Logger.Warn("nobody is asked about a purchase that its event does not know any more", "event", d.Key.ID, "why", code.String())
		return nil
	}
	switch err := s.Publisher.Publish(ctx, n); {
	case errors.Is(err, ErrOff):
		s.skipped.Add(1)
	case err != nil:
		return err
	default:
		s.published.Add(1)
	}
	return nil
}

// survey tells that a buyer is due to be asked about an order, or about a purchase that came to nothing.
func (b *building) survey(d *measure.SurveyDue, v *toldView) {
	switch {
	case v.order != nil:
		o := b.orderOf(v.order)
		b.add(SurveyDue, "survey/"+o.ID, o.ID, d.Due, &Data{Buyer: v.order.Buyer, Order: o})
	case v.purchase != nil:
		p := v.purchase
		id := string(engine.AppendPurchaseID(nil, p.ID, p.Incarnation))
		told := &Purchase{ID: id, State: p.State.String(), TotalMinor: p.TotalMinor, Currency: p.Currency}
		if p.Decline != 0 {
			told.Decline = p.Decline.String()
		}
		b.add(SurveyDue, "survey/"+id, id, d.Due, &Data{Buyer: p.Buyer, Purchase: told})
	}
}

// LastSurvey implements [SurveyPublisher].
func (s *Streams) LastSurvey(ctx context.Context, account string) (engine.Instant, error) {
	js, err := s.JetStream(ctx, account)
	if err != nil {
		return 0, err
	}
	if js == nil {
		return 0, ErrOff
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	stream, err := js.Stream(ctx, Stream)
	if err != nil {
		return 0, fmt.Errorf("stream %s of account %s: %w", Stream, account, err)
	}
	m, err := stream.GetLastMsgForSubject(ctx, SubjectPrefix+"*."+string(SurveyDue))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("stream %s of account %s: the newest %s: %w", Stream, account, SurveyDue, err)
	}
	var newest cloudEvent
	if err := json.Unmarshal(m.Data, &newest); err != nil {
		return 0, fmt.Errorf("stream %s of account %s: the newest %s is not ours: %w", Stream, account, SurveyDue, err)
	}
	return engine.Instant(newest.Time.UnixNano()), nil
}
