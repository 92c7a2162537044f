package bench

import (
	"fmt"

	"github.com/nats-io/nats.go"
)

// Echo is the ceiling: a plain NATS subscriber that answers every request with a prepared reply, the engine's own answer to such a request, byte
// for byte and with its headers; only the correlation is copied over. What the engine does beside it is then what a hold costs.
type Echo struct {
	nc *nats.Conn
}

// NewEcho subscribes to the event below [EchoSubjects] and answers like reply.
func NewEcho(url, event string, reply *nats.Msg) (*Echo, error) {
	nc, err := nats.Connect(url, nats.Name("bench echo"), nats.NoReconnect(), nats.SkipSubjectValidation())
	if err != nil {
		return nil, fmt.Errorf("bench: connect the echo: %w", err)
	}
	out := &nats.Msg{Header: reply.Header, Data: append([]byte(nil), reply.Data...)}
	tail := out.Data[len(out.Data)-correlationLen:] // the correlation is a reply's last field, and a request's
	sub, err := nc.Subscribe(EchoSubjects+event+".*", func(m *nats.Msg) {
		copy(tail, m.Data[len(m.Data)-correlationLen:])
		if len(out.Header) == 0 {
			_ = nc.Publish(m.Reply, out.Data) // a lost answer fails the round that waits for it
			return
		}
		out.Subject = m.Reply
		_ = nc.PublishMsg(out)
	})
	if err == nil {
		err = sub.SetPendingLimits(-1, -1)
	}
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("bench: subscribe the echo: %w", err)
	}
	return &Echo{nc: nc}, nil
}

// Close ends the connection.
func (e *Echo) Close() { e.nc.Close() }
