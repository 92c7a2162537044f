package bench

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// BuyConfig says what [Buy] sends.
type BuyConfig struct {
	Event       string
	Workload    *Workload
	Wait        time.Duration // that a buy waits for its final state
	Outstanding int           // closed loop: so many at any time
	PerSecond   float64       // open loop instead: so many a second, latency counted from when each should have left
	Buys        int           // all of them; 0 is until the time is over
	For         time.Duration // closed loop, and open loop without Buys
	// First answers are taken as they are: a purchase that waits for its turn is one. Otherwise every buy must be sold.
	First bool
}

// BuyRound is what was measured.
type BuyRound struct {
	Sold, Waiting, Busy int64 // first answers, by what they said
	Took                time.Duration
	CPU                 time.Duration
	Latency             *hdrhistogram.Histogram // until the first answer, in microseconds
	Began               time.Time
	Etas                map[string]time.Duration // by buyer: when the first answer said that their turn would come, since Began
}

// PerSecond is the rate of what was sold.
func (r *BuyRound) PerSecond() float64 { return float64(r.Sold) / r.Took.Seconds() }

// buying is a round under way.
type buying struct {
	c       BuyConfig
	nc      *nats.Conn
	subject string
	reply   string
	body    []byte
	request int // places in body
	buyer   int
	echo    int

	mu     sync.Mutex
	began  time.Time
	round  BuyRound
	sent   map[uint64]time.Duration // by correlation
	number uint64
	err    error
	over   bool // nothing more is sent
	done   chan struct{}
}

// Buy sends purchases over NATS, each of one ticket by a buyer of its own, and waits for all first answers.
func Buy(url string, c BuyConfig) (BuyRound, error) {
	nc, err := nats.Connect(url, nats.Name("bench buy"), nats.NoReconnect())
	if err != nil {
		return BuyRound{}, fmt.Errorf("bench: connect: %w", err)
	}
	defer nc.Close()
	ids, echo := bytes.Repeat([]byte{'r'}, IDLen), bytes.Repeat([]byte{'c'}, correlationLen)
	buyer := bytes.Repeat([]byte{'b'}, IDLen)
	wait, one := c.Wait.Milliseconds(), int64(1)
	body, err := proto.Marshal(&pb.BuyCommand{
		RequestId: string(ids), Buyer: string(buyer), Channel: channel, Device: device, Items: []*pb.Item{{Lot: LotID, Quantity: one}}, WaitMs: &wait, Correlation: string(echo),
	})
	if err != nil {
		return BuyRound{}, fmt.Errorf("bench: %w", err)
	}
	b := &buying{
		c: c, nc: nc, subject: EngineSubjects + c.Event + ".buy", reply: nats.NewInbox(), body: body,
		request: bytes.Index(body, ids), buyer: bytes.Index(body, buyer), echo: bytes.Index(body, echo), sent: make(map[uint64]time.Duration), done: make(chan struct{}),
		round: BuyRound{Latency: newLatencies(), Etas: make(map[string]time.Duration)},
	}
	sub, err := nc.Subscribe(b.reply, b.receive)
	if err == nil {
		err = sub.SetPendingLimits(-1, -1) // the window bounds it
	}
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		return BuyRound{}, fmt.Errorf("bench: %w", err)
	}
	return b.run()
}

func (b *buying) run() (BuyRound, error) {
	cpu := CPUTime()
	b.began = time.Now()
	b.round.Began = b.began
	if b.c.PerSecond > 0 {
		b.arrivals()
	} else {
		b.mu.Lock()
		for range b.c.Outstanding {
			b.send(time.Since(b.began))
		}
		b.mu.Unlock()
		time.Sleep(b.c.For)
	}
	b.mu.Lock()
	b.over = true
	b.round.Took = time.Since(b.began)
	sold := b.round.Sold
	if len(b.sent) == 0 {
		close(b.done)
	}
	b.mu.Unlock()
	select {
	case <-b.done:
	case <-time.After(2 * latencyMax):
		return b.round, errors.New("bench: not every buy was answered")
	}
	b.round.CPU = CPUTime() - cpu
	if b.c.PerSecond == 0 {
		b.round.Sold = sold // before the round was over
	}
	return b.round, b.err
}

// arrivals sends at a constant rate, whatever the answers do.
func (b *buying) arrivals() {
	gap := time.Duration(float64(time.Second) / b.c.PerSecond)
	for i := 0; b.c.Buys == 0 || i < b.c.Buys; i++ {
		at := time.Duration(i) * gap
		if b.c.Buys == 0 && at >= b.c.For {
			return
		}
		if wait := at - time.Since(b.began); wait > 0 {
			time.Sleep(wait)
		}
		b.mu.Lock()
		b.send(at)
		b.mu.Unlock()
	}
}

// send sends the next buy, which should have left at some time. The caller holds b.mu.
func (b *buying) send(at time.Duration) {
	b.number++
	b.c.Workload.IDs(b.body[b.request:], b.body[b.buyer:])
	putBase32(b.body[b.echo:b.echo+correlationLen], b.number)
	b.sent[b.number] = at
	if err := b.nc.PublishRequest(b.subject, b.reply, b.body); err != nil && b.err == nil {
		b.err = fmt.Errorf("bench: %w", err)
	}
}

func (b *buying) receive(m *nats.Msg) {
	now := time.Since(b.began)
	a, err := readBuy(m.Data)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.err = err
		return
	}
	at, asked := b.sent[a.number]
	if !asked {
		b.err = errors.New("bench: an answer came twice")
		return
	}
	delete(b.sent, a.number)
	_ = b.round.Latency.RecordValue(min(max(1, (now-at).Microseconds()), latencyMax.Microseconds()))
	switch {
	case string(a.state) == "sold":
		b.round.Sold++
	case len(a.state) > 0 && b.c.First:
		b.round.Waiting++
		if string(a.state) == "queued" {
			b.round.Etas[string(a.buyer)] = now + time.Duration(a.etaMs)*time.Millisecond
		}
	case string(a.code) == "payment_busy" && b.c.First:
		b.round.Busy++
	case b.err == nil:
		b.err = fmt.Errorf("bench: a buy was answered %q", m.Data)
	}
	switch {
	case !b.over && b.c.PerSecond == 0:
		b.send(now)
	case b.over && len(b.sent) == 0:
		close(b.done)
	}
}

// buyAnswer is what a Reply to a buy says, as views into it: read by hand, as [Load] reads holds, so that both cost the processor about the same.
type buyAnswer struct {
	number       uint64 // of its correlation
	state, buyer []byte // of the purchase
	etaMs        uint64
	code         []byte // of the error
}

func readBuy(reply []byte) (a buyAnswer, err error) {
	echo := 0
	err = eachField(reply, func(num protowire.Number, v []byte, _ uint64) error {
		switch num {
		case 3: // error
			return eachField(v, func(num protowire.Number, v []byte, _ uint64) error {
				if num == 1 {
					a.code = v
				}
				return nil
			})
		case 11: // purchase
			return eachField(v, func(num protowire.Number, v []byte, n uint64) error {
				switch num {
				case 3:
					a.buyer = v
				case 4:
					a.state = v
				case 20:
					a.etaMs = n
				}
				return nil
			})
		case 15: // correlation
			if echo = len(v); echo == correlationLen {
				a.number = base32(v)
			}
		}
		return nil
	})
	if err == nil && echo != correlationLen {
		err = errors.New("without its correlation")
	}
	if err != nil {
		err = fmt.Errorf("bench: a buy was answered %q: %w", reply, err)
	}
	return a, err
}

// eachField calls do with the fields of a protobuf message that are bytes or numbers.
func eachField(b []byte, do func(num protowire.Number, v []byte, n uint64) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errCutOff
		}
		b = b[n:]
		var v []byte
		var number uint64
		switch typ {
		case protowire.BytesType:
			v, n = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return errCutOff
		}
		b = b[n:]
		if err := do(num, v, number); err != nil {
			return err
		}
	}
	return nil
}
