package fault

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// ErrUnknown says that no answer came: the command may have run or not. Ask again with the same request id.
var ErrUnknown = errors.New("outcome unknown: the connection ended before the answer")

// Client is a caller of the engine over one NATS connection. It never reconnects: when the engine dies, everything in flight is unknown.
// Safe for concurrent use.
type Client struct {
	nc    *nats.Conn
	sub   *nats.Subscription
	inbox string
	down  chan struct{} // closed when the connection has ended

	mu      sync.Mutex
	waiting map[string]chan<- []byte // by correlation
	last    uint64
	strays  uint64 // messages that answer nothing in flight
}

// dialPatience is far above what a connection takes, so that a machine that is busy with other things is no finding.
const dialPatience = 30 * time.Second

// Dial connects to an engine's NATS server.
func Dial(url string) (*Client, error) {
	c := &Client{down: make(chan struct{}), waiting: map[string]chan<- []byte{}}
	var once sync.Once
	ended := func(*nats.Conn) { once.Do(func() { close(c.down) }) }
	nc, err := nats.Connect(url, nats.NoReconnect(), nats.Timeout(dialPatience), nats.ClosedHandler(ended),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", url, err)
	}
	c.nc, c.inbox = nc, nats.NewInbox()
	if c.sub, err = nc.Subscribe(c.inbox, c.receive); err != nil {
		nc.Close()
		return nil, fmt.Errorf("subscribe to the inbox: %w", err)
	}
	if err := c.sub.SetPendingLimits(-1, -1); err != nil {
		nc.Close()
		return nil, fmt.Errorf("lift the inbox's limits: %w", err)
	}
	return c, nil
}

// Close ends the connection; what is in flight becomes unknown.
func (c *Client) Close() { c.nc.Close() }

// Ended is closed when the connection has ended, by Close or because the engine died.
func (c *Client) Ended() <-chan struct{} { return c.down }

// Strays is how many messages came that answer nothing in flight: a second answer to the same command would be one.
func (c *Client) Strays() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.strays
}

func (c *Client) receive(m *nats.Msg) {
	correlation := correlationOf(m.Data)
	if m.Header.Get("Status") == "503" {
		return // nobody listens there: the caller's context will end, or the engine comes up
	}
	c.mu.Lock()
	answer, ok := c.waiting[correlation]
	delete(c.waiting, correlation)
	if !ok {
		c.strays++
	}
	c.mu.Unlock()
	if ok {
		answer <- m.Data
	}
}

const fieldCorrelation = 15

// correlationOf reads field 15 of a reply.
func correlationOf(body []byte) string {
	for len(body) > 0 {
		num, typ, n := protowire.ConsumeTag(body)
		if n < 0 {
			return ""
		}
		body = body[n:]
		if n = protowire.ConsumeFieldValue(num, typ, body); n < 0 {
			return ""
		}
		if num == fieldCorrelation && typ == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(body)
			return string(v)
		}
		body = body[n:]
	}
	return ""
}

// Send publishes a message without waiting; the raw reply comes to answer, which must have room for it. The verb is the last token of the subject.
func (c *Client) Send(event, verb string, body []byte, answer chan<- []byte) error {
	c.mu.Lock()
	c.last++
	correlation := strconv.FormatUint(c.last, 36)
	c.waiting[correlation] = answer
	c.mu.Unlock()
	msg := make([]byte, 0, len(body)+20)
	msg = append(msg, body...)
	msg = protowire.AppendTag(msg, fieldCorrelation, protowire.BytesType)
	msg = protowire.AppendString(msg, correlation)
	if err := c.nc.PublishRequest(Subject(event, verb), c.inbox, msg); err != nil {
		c.mu.Lock()
		delete(c.waiting, correlation)
		c.mu.Unlock()
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return nil
}

// Subject is where commands of a verb for an event go.
func Subject(event, verb string) string {
	return strings.Join([]string{"holdfast.v1.events", event, verb}, ".")
}

// Raw sends a message and returns the raw reply. The error wraps ErrUnknown when the connection ends first.
func (c *Client) Raw(ctx context.Context, event, verb string, body []byte) ([]byte, error) {
	answer := make(chan []byte, 1)
	if err := c.Send(event, verb, body, answer); err != nil {
		return nil, err
	}
	select {
	case b := <-answer:
		return b, nil
	case <-c.down:
		select {
		case b := <-answer: // it came before the end
			return b, nil
		default:
		}
		return nil, ErrUnknown
	case <-ctx.Done():
		return nil, fmt.Errorf("%s %s: no answer: %w", event, verb, ctx.Err())
	}
}

// Ask sends one command and returns the reply, whether it says yes or no.
func (c *Client) Ask(ctx context.Context, cmd *Command) (*pb.Reply, error) {
	b, err := c.Raw(ctx, cmd.Event, cmd.Verb.String(), cmd.Body)
	if err != nil {
		return nil, err
	}
	return decodeReply(b)
}

// AskAll sends commands of one event as one batch and returns a reply for each.
func (c *Client) AskAll(ctx context.Context, cmds []*Command) ([]*pb.Reply, error) {
	b, err := c.Raw(ctx, cmds[0].Event, "batch", EncodeBatch(cmds))
	if err != nil {
		return nil, err
	}
	reply, err := decodeReply(b)
	if err != nil {
		return nil, err
	}
	if reply.GetError() != nil {
		return nil, fmt.Errorf("a batch of %d commands was refused whole: %s: %s", len(cmds), reply.GetError().GetCode(), reply.GetError().GetMessage())
	}
	if len(reply.GetResults()) != len(cmds) {
		return nil, fmt.Errorf("a batch of %d commands got %d results", len(cmds), len(reply.GetResults()))
	}
	return reply.GetResults(), nil
}

// EncodeBatch writes a batch of encoded commands. In a batch, a command's field number is its verb's number.
func EncodeBatch(cmds []*Command) []byte {
	var body, one []byte
	for _, cmd := range cmds {
		one = protowire.AppendTag(one[:0], protowire.Number(cmd.Verb), protowire.BytesType)
		one = protowire.AppendBytes(one, cmd.Body)
		body = protowire.AppendTag(body, 2, protowire.BytesType)
		body = protowire.AppendBytes(body, one)
	}
	return body
}

// Show reads an event.
func (c *Client) Show(ctx context.Context, event string) (*pb.Event, error) {
	reply, err := c.Ask(ctx, &Command{Event: event, Verb: engine.VerbGet})
	if err != nil {
		return nil, err
	}
	if reply.GetEvent() == nil {
		return nil, fmt.Errorf("get %s: %s: %s", event, reply.GetError().GetCode(), reply.GetError().GetMessage())
	}
	return reply.GetEvent(), nil
}

func decodeReply(b []byte) (*pb.Reply, error) {
	reply := new(pb.Reply)
	if err := proto.Unmarshal(b, reply); err != nil {
		return nil, fmt.Errorf("the reply is not protobuf of the contract: %w", err)
	}
	return reply, nil
}
