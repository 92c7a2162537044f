package client

import (
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// fill gives every field of a command a value, or leaves it empty.
func fill(rng *rand.Rand, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Name() == "correlation" || rng.IntN(3) == 0 {
			continue
		}
		value := func() protoreflect.Value {
			switch f.Kind() {
			case protoreflect.BoolKind:
				return protoreflect.ValueOfBool(rng.IntN(2) == 0)
			case protoreflect.Int64Kind:
				return protoreflect.ValueOfInt64([]int64{0, 1, 300, -1, 1<<63 - 1}[rng.IntN(5)])
			case protoreflect.StringKind:
				return protoreflect.ValueOfString([]string{"", "b1", "A/1/4", string(make([]byte, 200))}[rng.IntN(4)])
			default:
				panic("no such kind in a command of the hot path: " + f.Kind().String())
			}
		}
		switch {
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			for range rng.IntN(3) {
				fill(rng, m.Mutable(f).List().AppendMutable().Message())
			}
		case f.IsList():
			for range rng.IntN(3) {
				m.Mutable(f).List().Append(value())
			}
		default:
			m.Set(f, value())
		}
	}
}

func TestHotCommandsAreWrittenAsTheStandardDoes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		for _, m := range []proto.Message{new(pb.HoldCommand), new(pb.ExtendCommand), new(pb.ReleaseCommand), new(pb.ConfirmCommand)} {
			fill(rng, m.ProtoReflect())
			got, err := appendCommand(nil, m)
			if err != nil {
				t.Fatal(err)
			}
			want, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
			if err != nil || string(got) != string(want) {
				t.Fatalf("%T %v (%v)\n%x\ninstead of\n%x", m, m, err, got, want)
			}
			entry := new(pb.Batch)
			if err := proto.Unmarshal(appendEntry(nil, verbOf(m), got), entry); err != nil || len(entry.Commands) != 1 {
				t.Fatalf("batch entry: %v, %v", entry, err)
			}
		}
	}
}

func TestEveryCommandHasAVerbAndAPlaceInABatch(t *testing.T) {
	fields := new(pb.BatchCommand).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		m := new(pb.BatchCommand).ProtoReflect().NewField(f).Message().Interface()
		verb := verbOf(m)
		if verb.String() != string(f.Name()) || protoreflect.FieldNumber(verb) != f.Number() {
			t.Errorf("%T has verb %s, and in a batch the name %s and the number %d", m, verb, f.Name(), f.Number())
		}
	}
	if v := verbOf(new(pb.Reply)); v != engine.VerbNone {
		t.Errorf("a reply has verb %s", v)
	}
}

// FuzzReply looks at arbitrary bytes as an answer: nothing may panic, and what the quick looks see is what the standard decoder sees.
func FuzzReply(f *testing.F) {
	for _, m := range []*pb.Reply{
		{},
		{RequestId: "h1", Repeated: true, Hold: &pb.Hold{Id: "h7"}, Correlation: "0123456789abcdef"},
		{Error: &pb.Error{Code: "sold_out", RetryAfterMs: 5}},
		{Results: []*pb.Reply{{RequestId: "a"}, {Error: &pb.Error{Code: "invalid"}}}},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := Reply{body}
		_, _, _, _, _ = r.Code(), r.HoldID(), r.Repeated(), r.Err(), r.retryAfter()
		if _, ok := parseCorrelation(correlationOf(body)); ok && len(correlationOf(body)) != correlationLen {
			t.Fatal("a correlation of another length")
		}
		eachResult(body, func(int, []byte) {})
		m, bad := r.Decode()
		if bad != nil {
			return
		}
		again, _ := proto.Marshal(m) // as an engine writes it: every field once, in order
		r = Reply{again}
		code, id, repeated, err, after := r.Code(), r.HoldID(), r.Repeated(), r.Err(), r.retryAfter()
		if (m.Error != nil) != (err != nil) || m.Error != nil && code != codeNamed([]byte(m.Error.Code)) || m.Error == nil && code != engine.CodeOK {
			t.Fatalf("code %v, error %v of %v", code, err, m)
		}
		if id != m.Hold.GetId() || repeated != m.Repeated || m.Error.GetRetryAfterMs() >= 0 && after.Milliseconds() != min(m.Error.GetRetryAfterMs(), 3_600_000) {
			t.Fatalf("hold %q, repeated %v, retry after %v of %v", id, repeated, after, m)
		}
		if results := eachResult(again, func(int, []byte) {}); results != len(m.Results) {
			t.Fatalf("%d results of %d", results, len(m.Results))
		}
		if m.Correlation != "" && len(m.ProtoReflect().GetUnknown()) == 0 && string(correlationOf(again)) != m.Correlation {
			t.Fatalf("correlation %q of %v", correlationOf(again), m)
		}
	})
}

func BenchmarkAppendHold(b *testing.B) {
	m := &pb.HoldCommand{RequestId: "h-00000001", Buyer: "b-00000001", Items: []*pb.Item{{Lot: "ga", Quantity: 2}}}
	var buf []byte
	b.Run("codec=ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = appendHold(buf[:0], m)
		}
	})
	b.Run("codec=generated", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var err error
			if buf, err = (proto.MarshalOptions{}).MarshalAppend(buf[:0], m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestPausesGrowAndStayInBounds(t *testing.T) {
	o, err := Options{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	for attempts := 1; attempts < 100; attempts++ {
		for range 20 {
			p := o.pause(attempts, 0)
			if p < o.BackoffMin/2 || p > o.BackoffMax || attempts == 1 && p > o.BackoffMin {
				t.Fatalf("pause %v after attempt %d", p, attempts)
			}
			if p := o.pause(attempts, 3*o.BackoffMax); p < 3*o.BackoffMax {
				t.Fatalf("pause %v in spite of the engine's hint", p)
			}
		}
	}
}

func TestMessagesAreFoundOnlyWhileInFlight(t *testing.T) {
	var ms messages
	s := new(sender)
	var live []*message
	rng := rand.New(rand.NewPCG(3, 4))
	old := map[string]bool{}
	for range 5000 {
		if rng.IntN(2) == 0 || len(live) == 0 {
			m := ms.find(ms.add(s, nil, time.Time{}))
			live = append(live, m)
			if ms.newest != m {
				t.Fatal("the newest message is another")
			}
			continue
		}
		i := rng.IntN(len(live))
		m := live[i]
		live = append(live[:i], live[i+1:]...)
		id := string(appendCorrelation(nil, m.flight))
		if ms.answeredBy([]byte(id)) != m || old[id] {
			t.Fatalf("message %s is not found, or was there before", id)
		}
		ms.remove(m)
		ms.recycle(m)
		old[id] = true
		if ms.answeredBy([]byte(id)) != nil {
			t.Fatalf("message %s is found after it was answered", id)
		}
		count := 0
		for k := ms.oldest; k != nil; k = k.newer {
			if k != live[count] {
				t.Fatalf("the order of sending is lost at %d", count)
			}
			count++
		}
		if count != len(live) || ms.count != count {
			t.Fatalf("%d messages in the list, %d counted, %d in flight", count, ms.count, len(live))
		}
	}
	for _, bad := range []string{"", "0", "0123456789abcdeg", "ffffffffffffffff", "0123456789ABCDEF"} {
		if ms.answeredBy([]byte(bad)) != nil {
			t.Errorf("%q is found", bad)
		}
	}
}

// A caller who has gone leaves its call in the queue. What decides whether a batch may grow is the call that would be taken, not the one that is skipped.
func TestACallerWhoHasGoneDecidesNothing(t *testing.T) {
	gone := &call{body: []byte("gone")}
	gone.state.Store(callLeft)
	s := &sender{client: &Client{options: Options{BatchCommandsMax: 8, BatchBytesMax: 1000}}, waiting: []*call{gone, {body: []byte("alone"), alone: true}}, bytes: 9}
	if s.fits(1, 10) {
		t.Error("a command that goes by itself fits into a batch")
	}
	if s.head != 1 || s.bytes != 5 {
		t.Errorf("the queue begins at %d and has %d bytes", s.head, s.bytes)
	}
}
