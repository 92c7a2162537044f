package webhook

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// DeadStream keeps what could not be delivered, on holdfast.v1.dead.<endpoint>.
const DeadStream = "HOLDFAST_DEAD"

const (
	deadPrefix = "holdfast.v1.dead."
	// DeadLettersMax is how many dead letters of one endpoint are kept: the oldest go.
	DeadLettersMax = 10_000
	// DeadBytesMax is how many bytes the dead letters of an account take: the oldest go.
	DeadBytesMax = 256 << 20
	// DeadShownMax is how many of them are shown, or delivered again, at once.
	DeadShownMax = 1000
	deadAgeMax   = 30 * 24 * time.Hour

	headerNotice   = "Holdfast-Notice"
	headerSubject  = "Holdfast-Subject"
	headerError    = "Holdfast-Error"
	headerAttempts = "Holdfast-Attempts"
)

// DeadLetter is a notice that could not be delivered.
type DeadLetter struct {
	Notice   string // its id
	Subject  string
	At       time.Time // when it was given up
	Attempts int
	Error    string // of the last attempt

	seq  uint64
	body []byte
}

// bury keeps a notice that could not be delivered.
func bury(ctx context.Context, js jetstream.JetStream, e *Endpoint, m jetstream.Msg, id string, attempts int, why error) error {
	letter := &nats.Msg{Subject: deadPrefix + e.ID, Data: m.Data(), Header: nats.Header{
		headerNotice: {id}, headerSubject: {m.Subject()}, headerError: {why.Error()}, headerAttempts: {strconv.Itoa(attempts)},
	}}
	publish := func() error {
		_, err := js.PublishMsg(ctx, letter, jetstream.WithMsgID(e.ID+"/"+id), jetstream.WithExpectStream(DeadStream))
		return err
	}
	err := publish()
	if errors.Is(err, jetstream.ErrNoStreamResponse) { // it is made with the first letter
		_, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: DeadStream, Description: "What webhooks could not deliver: docs/webhooks.md", Subjects: []string{deadPrefix + ">"}, Storage: jetstream.FileStorage,
			MaxMsgsPerSubject: DeadLettersMax, MaxBytes: DeadBytesMax, MaxAge: deadAgeMax, Discard: jetstream.DiscardOld,
		})
		if err == nil || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			err = publish()
		}
	}
	if err != nil {
		return fmt.Errorf("stream %s: %w", DeadStream, err)
	}
	return nil
}

// Dead shows the oldest dead letters of an endpoint, at most limit.
func (h *Hooks) Dead(ctx context.Context, account, id string, limit int) ([]DeadLetter, error) {
	list, _, err := h.letters(ctx, account, id, limit)
	return list, err
}

func (h *Hooks) letters(ctx context.Context, account, id string, limit int) ([]DeadLetter, jetstream.Stream, error) {
	js, err := h.c.Streams.JetStream(ctx, account)
	if err != nil || js == nil {
		return nil, nil, err
	}
	s, err := js.Stream(ctx, DeadStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("stream %s: %w", DeadStream, err)
	}
	var list []DeadLetter
	for seq := uint64(1); len(list) < min(limit, DeadShownMax); {
		m, err := s.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(deadPrefix+id))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("stream %s: %w", DeadStream, err)
		}
		attempts, _ := strconv.Atoi(m.Header.Get(headerAttempts)) // it was written above
		list = append(list, DeadLetter{
			Notice: m.Header.Get(headerNotice), Subject: m.Header.Get(headerSubject), At: m.Time.UTC(), Attempts: attempts, Error: m.Header.Get(headerError),
			seq: m.Sequence, body: m.Data,
		})
		seq = m.Sequence + 1
	}
	return list, s, nil
}

// Revive sends the oldest dead letters of an endpoint again, at most limit, and forgets those that arrive. It stops at the first that does not, and returns why.
func (h *Hooks) Revive(ctx context.Context, account, id string, limit int) (delivered int, err error) {
	h.mu.Lock()
	w, err := h.find(account, id)
	h.mu.Unlock()
	if err != nil {
		return 0, err
	}
	list, stream, err := h.letters(ctx, account, id, limit)
	if err != nil {
		return 0, err
	}
	for i := range list {
		l := &list[i]
		if _, err := post(ctx, h.client, &w.endpoint, l.Notice, l.body, h.c.Now()); err != nil {
			w.note(err)
			return delivered, fmt.Errorf("notice %s: %w", l.Notice, err)
		}
		w.arrived()
		delivered++
		if err := stream.DeleteMsg(ctx, l.seq); err != nil {
			return delivered, fmt.Errorf("notice %s was delivered, and stays among the dead letters: %w", l.Notice, err)
		}
	}
	return delivered, nil
}
