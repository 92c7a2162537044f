package actors

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// MeasureAsksMax is how many questions may wait for the book; more are refused with [ErrMeasureBusy].
const MeasureAsksMax = 256

// MeasureFiguresMax is how many figures an answer may have, some 300 bytes each with their JSON: a table by event has as many rows as there are events. One with more is
// refused with [measure.ErrTooMuch].
const MeasureFiguresMax = 1 << 16

// sharedAnswersMax is how many answers of the present second are kept for others who ask the same.
const sharedAnswersMax = 1024

// sharedFiguresMax is how many figures, some 200 bytes each, those answers have: beside a larger one no other is kept.
const sharedFiguresMax = 1 << 16

// ErrMeasureBusy is the answer to a question while too many wait: ask again in a second.
var ErrMeasureBusy = errors.New("actors: too many questions wait for the KPIs: ask again in a second")

// ErrMeasureStopped is the answer to a question when the process stops.
var ErrMeasureStopped = errors.New("actors: the KPIs are not answered any more: the engine is stopping")

// kpiAsk is a question to the goroutine that owns the book.
type kpiAsk struct {
	query  measure.Query   // a query if events is false
	events bool            // the events of query.Account
	due    *dueAsk         // who is to be asked
	reply  chan kpiTold    // room for one
	gone   <-chan struct{} // closed when nobody waits for the answer any more
}

// dueAsk asks who is due to be asked in a survey, after one moment.
type dueAsk struct {
	after engine.Instant
	limit int
}

// kpiTold is what a question is answered. Others may have the same: it must not be changed.
type kpiTold struct {
	answer *measure.Answer
	events []measure.EventNow
	due    []measure.SurveyDue
	err    error
}

// sharedAnswers are those of one second.
type sharedAnswers struct {
	second  int64
	by      map[string]kpiTold
	figures int // that they have
}

// forget lets go of the answers of another second.
func (s *sharedAnswers) forget(now engine.Instant) {
	if second := int64(now) / int64(time.Second); second != s.second {
		*s = sharedAnswers{second: second}
	}
}

// keep keeps an answer for others, and lets go of the others if there is no room beside them.
func (s *sharedAnswers) keep(key string, t kpiTold) {
	n := t.figures()
	if s.by == nil || len(s.by) >= sharedAnswersMax || s.figures+n > sharedFiguresMax {
		s.by, s.figures = make(map[string]kpiTold), 0
	}
	s.by[key] = t
	s.figures += n
}

// figures is how many figures an answer has; an event among others is taken for one.
func (t *kpiTold) figures() int {
	n := len(t.events)
	if t.answer != nil {
		for i := range t.answer.Rows {
			n += len(t.answer.Rows[i].Figures)
		}
	}
	return n
}

// Answer answers a query that [measure.Query.Check] has found right. Several who ask the same within a second share one answer: it must not be changed.
// Answers are about everything that was durable a moment before; a query that is refused with [ErrMeasureBusy] may be made again.
func (m *Measurement) Answer(ctx context.Context, q *measure.Query) (*measure.Answer, error) {
	query := *q
	query.KPIs = slices.Clone(q.KPIs)
	t := m.ask(ctx, &kpiAsk{query: query})
	return t.answer, t.err
}

// Events returns the events of an account as they are now, in the order of their ids. Like answers they are shared.
func (m *Measurement) Events(ctx context.Context, account string) ([]measure.EventNow, error) {
	t := m.ask(ctx, &kpiAsk{query: measure.Query{Account: account}, events: true})
	return t.events, t.err
}

// SurveysDue returns who has become due to be asked in a survey after one moment, the earliest first, at most limit: [measure.Book.Surveys].
func (m *Measurement) SurveysDue(ctx context.Context, after engine.Instant, limit int) ([]measure.SurveyDue, error) {
	t := m.ask(ctx, &kpiAsk{due: &dueAsk{after, limit}})
	return t.due, t.err
}

func (m *Measurement) ask(ctx context.Context, a *kpiAsk) kpiTold {
	a.reply, a.gone = make(chan kpiTold, 1), ctx.Done()
	select {
	case <-m.done:
		return kpiTold{err: ErrMeasureStopped}
	default:
	}
	select {
	case m.asks <- a:
	default:
		m.refused.Add(1)
		return kpiTold{err: ErrMeasureBusy}
	}
	select {
	case t := <-a.reply:
		return t
	case <-ctx.Done():
		return kpiTold{err: ctx.Err()}
	case <-m.done:
		return kpiTold{err: ErrMeasureStopped}
	}
}

// answer answers a question from the book, or with what somebody else was answered in this second.
func (m *Measurement) answer(a *kpiAsk) {
	select {
	case <-a.gone: // what waits behind it shall not wait for nothing
		return
	default:
	}
	now := m.clock.Now()
	if a.due != nil { // nobody else asks the same
		a.reply <- m.make(a, now)
		return
	}
	m.shared.forget(now)
	key := a.key()
	t, ok := m.shared.by[key]
	if !ok {
		t = m.make(a, now)
		m.shared.keep(key, t)
	}
	a.reply <- t
}

// key is what makes two questions the same. The parts are ids, and no id has a space.
func (a *kpiAsk) key() string {
	q := &a.query
	return fmt.Sprintf("%v %s %s %s %s %v %s", a.events, q.Account, q.Event, q.Window, q.By, q.Courses, strings.Join(q.KPIs, " "))
}

// make answers a question. A panic costs the one question.
func (m *Measurement) make(a *kpiAsk, now engine.Instant) (t kpiTold) {
	defer func() {
		if cause := recover(); cause != nil {
			t = kpiTold{err: errors.New("actors: this question has no answer because of a bug: see the log")}
			m.logger.Error("a question about KPIs panicked", "query", a.key(), "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
		}
	}()
	if a.due != nil {
		return kpiTold{due: m.follower.Book.Surveys(nil, a.due.after, now, a.due.limit)}
	}
	if a.events {
		return kpiTold{events: m.follower.Book.Events(a.query.Account)}
	}
	if a.query.By == measure.ByEvent { // the others have some hundreds of rows at most
		if n := m.follower.Book.Size(&a.query); n > MeasureFiguresMax {
			return kpiTold{err: fmt.Errorf("these are %d figures, and %d are %w", n, MeasureFiguresMax, measure.ErrTooMuch)}
		}
	}
	answer := m.follower.Book.Answer(&a.query, now)
	// Rounded up: 0 is said of nothing but a book that has everything.
	answer.LagMs, answer.SinceMs = (m.Lag() + time.Millisecond - 1).Milliseconds(), int64(m.follower.Since)/1e6
	return kpiTold{answer: answer}
}
