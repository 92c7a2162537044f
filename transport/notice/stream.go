package notice

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Stream is the name of the stream in each account.
const Stream = "HOLDFAST_NOTICES"

// The bounds of the stream. Beyond them the oldest notices go.
const (
	// StreamBytesMaxDefault is a million notices or so.
	StreamBytesMaxDefault = 1 << 30
	// StreamAgeMaxDefault is how long somebody may be away who reads notices.
	StreamAgeMaxDefault = 7 * 24 * time.Hour
	// MessageBytesMax is the longest notice: [TicketsPerNoticeMax] tickets with the longest of everything.
	MessageBytesMax = 512 << 10
	// duplicatesWindow is how long the stream remembers ids: a crash and a start take less.
	duplicatesWindow = 2 * time.Minute
	publishTimeout   = 5 * time.Second
)

// Streams keeps notices in the stream of each account.
type Streams struct {
	accounts map[string]*accountStream
}

// accountStream is the stream of one account.
type accountStream struct {
	js     jetstream.JetStream
	config jetstream.StreamConfig
	sure   bool

	mu    sync.Mutex
	ready bool // it was found or made
	off   bool // the account has no JetStream
}

// StreamConfig bounds the stream of an account.
type StreamConfig struct {
	BytesMax int64         // 0 is [StreamBytesMaxDefault]
	AgeMax   time.Duration // 0 is [StreamAgeMaxDefault]
}

// NewStreams makes a publisher that keeps nothing yet: [Streams.Add] gives it accounts.
func NewStreams() *Streams { return &Streams{accounts: make(map[string]*accountStream)} }

// Add gives an account its connection, before the first Publish. sure says that JetStream can be counted on to answer if it is there at all, as in a server of
// our own: then an account without JetStream has no notices. Otherwise Publish fails until JetStream answers.
func (s *Streams) Add(account string, nc *nats.Conn, sure bool, c StreamConfig) error {
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(publishTimeout))
	if err != nil {
		return fmt.Errorf("notices of account %s: %w", account, err)
	}
	if c.BytesMax == 0 {
		c.BytesMax = StreamBytesMaxDefault
	}
	if c.AgeMax == 0 {
		c.AgeMax = StreamAgeMaxDefault
	}
	if c.AgeMax < duplicatesWindow {
		return fmt.Errorf("notices have to be kept for %v at least, not for %v", duplicatesWindow, c.AgeMax)
	}
	s.accounts[account] = &accountStream{js: js, sure: sure, config: jetstream.StreamConfig{
		Name: Stream, Description: "What Holdfast tells: docs/notices.md", Subjects: []string{Subjects}, Storage: jetstream.FileStorage,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, MaxBytes: c.BytesMax, MaxAge: c.AgeMax, MaxMsgSize: MessageBytesMax,
		Duplicates: duplicatesWindow, DenyDelete: true,
	}}
	return nil
}

// JetStream returns the way to an account's stream, once it is there; nil if the account has no notices. It fails while JetStream does not answer.
func (s *Streams) JetStream(ctx context.Context, account string) (jetstream.JetStream, error) {
	a := s.accounts[account]
	if a == nil {
		return nil, nil //nolint:nilnil // no stream, and no reason to look for one
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ready && !a.off {
		if err := a.prepare(ctx); err != nil {
			return nil, fmt.Errorf("stream %s of account %s: %w", Stream, account, err)
		}
	}
	if a.off {
		return nil, nil //nolint:nilnil // see above
	}
	return a.js, nil
}

// prepare finds the stream, or makes it. What an operator has set beyond our own settings stays. REQUIRES: a.mu.
func (a *accountStream) prepare(ctx context.Context) error {
	stream, err := a.js.Stream(ctx, Stream)
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), a.sure && (errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, nats.ErrNoResponders)):
		a.off = true
		return nil
	case errors.Is(err, jetstream.ErrStreamNotFound):
		if _, err = a.js.CreateStream(ctx, a.config); err != nil {
			return fmt.Errorf("make it: %w", err)
		}
		a.ready = true
		return nil
	case err != nil:
		return err
	}
	have := stream.CachedInfo().Config
	switch {
	case len(have.Subjects) != 1 || have.Subjects[0] != Subjects || have.Storage != jetstream.FileStorage || have.Mirror != nil:
		return fmt.Errorf("it is there, but does not keep %s in files: somebody else made it for something else", Subjects)
	case have.MaxBytes != a.config.MaxBytes || have.MaxAge != a.config.MaxAge:
		have.MaxBytes, have.MaxAge = a.config.MaxBytes, a.config.MaxAge
		if _, err := a.js.UpdateStream(ctx, have); err != nil {
			return fmt.Errorf("set its bounds: %w", err)
		}
	}
	a.ready = true
	return nil
}

// Publish implements [Publisher].
func (s *Streams) Publish(ctx context.Context, n *Notice) error {
	js, err := s.JetStream(ctx, n.Account)
	if err != nil {
		return err
	}
	if js == nil {
		return ErrOff
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	if _, err := js.Publish(ctx, n.Subject(), n.Body, jetstream.WithMsgID(n.ID), jetstream.WithExpectStream(Stream)); err != nil {
		if errors.Is(err, jetstream.ErrNoStreamResponse) {
			s.accounts[n.Account].lost()
		}
		return fmt.Errorf("stream %s of account %s: %w", Stream, n.Account, err)
	}
	return nil
}

// lost notes that the stream is not there any more: the next attempt makes it again.
func (a *accountStream) lost() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ready = false
}
