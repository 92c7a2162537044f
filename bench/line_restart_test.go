package bench_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"os"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/store"
)

// BenchmarkLineRestart is the time from opening a data folder to the first answer over NATS, with a million waiters in the line of one event. Then everybody is
// asked for: each must have the place from before.
//
//	lobby           nobody is drawn yet, and all joins are in the tail of the log: there is no snapshot
//	log             drawn, and everything is in the tail: the draw is done again
//	snapshot+tail   drawn, and there is a snapshot; a tenth of the waiters, who came later, are in the tail
func BenchmarkLineRestart(b *testing.B) {
	for _, from := range []string{"lobby", "log", "snapshot+tail"} {
		b.Run("from="+from, func(b *testing.B) { measure(b, func() { benchmarkLineRestart(b, from) }) })
	}
}

func benchmarkLineRestart(b *testing.B, from string) {
	waiters := size(1_000_000, 10_000)
	dir := dataDir(b)
	ids := idText(bench.NewWorkload(1), waiters)
	before := fillLine(b, dir, ids, from)

	var times, recoveries, cpu bench.Numbers
	for range rounds() {
		folder := copyOf(b, dir)
		began, used := time.Now(), bench.CPUTime()
		rig, err := bench.StartRig(bench.RigConfig{Dir: folder})
		check(b, err)
		_, err = rig.State(bench.EventID)
		times = append(times, float64(time.Since(began).Microseconds())/1000)
		cpu = append(cpu, float64((bench.CPUTime()-used).Microseconds())/1000)
		check(b, err)
		recoveries = append(recoveries, float64(rig.Recovered.TookMs))
		if after := askPlaces(b, rig, ids).hash.Sum(nil); !bytes.Equal(after, before) {
			b.Fatalf("places are not what they were: their hash is %x, it was %x", after, before)
		}
		check(b, rig.Close())
		check(b, os.RemoveAll(folder))
	}
	b.ReportMetric(times.Median(), "restart-ms")
	b.ReportMetric(recoveries.Median(), "recover-ms")
	b.ReportMetric(cpu.Median(), "cpu-ms")
	b.Logf("restart ms %v", times)
	b.Logf("recover ms %v", recoveries)
	b.Logf("places     %x of %d waiters, before and after each", before[:8], waiters)
}

// fillLine writes a log of an event that has nothing to sell and a line of everybody in ids, and returns the hash of the places.
func fillLine(b *testing.B, dir, ids, from string) []byte {
	b.Helper()
	s := openStore(b, dir, func(c *store.Config) { c.PassBytes = -1 })
	ev, facts := pureEventOf(b, lineSpec(0))
	l := newLogged(b, s, ev, facts)
	l.step(&engine.Command{Verb: engine.VerbSeed, Line: &engine.LineCommand{Commit: line.Commit(lineSeed)}})
	joins := func(from, to int) {
		for i := from; i < to; i++ {
			cmd := engine.Command{Verb: engine.VerbJoin, Channel: "web", Device: engine.DeviceMobile}
			holdCommand(&cmd, ids, i)
			l.step(&cmd)
		}
	}
	waiters := len(ids) / (2 * bench.IDLen)
	lobby := waiters
	if from == "snapshot+tail" {
		lobby -= waiters / 10
	}
	joins(0, lobby)
	if from != "lobby" {
		l.step(&engine.Command{Verb: engine.VerbOpen, RequestID: "open"})
		l.step(&engine.Command{Verb: engine.VerbReveal, Line: &engine.LineCommand{Seed: lineSeed}})
	}
	l.flush()
	if lobby < waiters {
		_, err := s.Pass(context.Background())
		check(b, err)
		joins(lobby, waiters)
		l.flush()
	}
	if v, ok := ev.Line(); !ok || v.Waiting != int64(waiters) || (v.Phase == engine.LineServing) != (from != "lobby") {
		b.Fatalf("the line is not what it should be: %+v", v)
	}
	check(b, s.Close())
	p := newPlaces()
	cmd := engine.Command{Verb: engine.VerbPlace}
	for i := range waiters {
		placeCommand(&cmd, ids, i)
		p.add(ev.Step(&cmd, l.now, facts))
	}
	p.check(b, waiters)
	return p.hash.Sum(nil)
}

// placeCommand asks for the place of the buyer at i of what idText wrote.
func placeCommand(cmd *engine.Command, ids string, i int) {
	holdCommand(cmd, ids, i)
	cmd.Verb, cmd.RequestID = engine.VerbPlace, ""
}

// askPlaces asks the running engine for the place of everybody, as the transport does.
func askPlaces(b *testing.B, rig *bench.Rig, ids string) *places {
	b.Helper()
	waiters := len(ids) / (2 * bench.IDLen)
	p := newPlaces()
	req := &engine.Request{Account: engine.SingleAccount, Event: bench.EventID, Reply: p}
	for i := 0; i < waiters; {
		req.Commands = req.Commands[:0]
		for end := min(waiters, i+engine.CommandsPerRequestMax); i < end; i++ {
			var cmd engine.Command
			placeCommand(&cmd, ids, i)
			req.Commands = append(req.Commands, cmd)
		}
		if code := rig.Node.Submit(req); code != engine.CodeOK {
			b.Fatalf("places are refused: %v", code)
		}
		<-p.durable
	}
	p.check(b, waiters)
	return p
}

// places is what places are shown, and a hash of them in the order of the asking.
type places struct {
	places  map[line.Entry]line.Place
	hash    hash.Hash
	shown   int
	wrong   string
	bytes   []byte
	durable chan struct{}
}

func newPlaces() *places {
	return &places{places: make(map[line.Entry]line.Place), hash: sha256.New(), durable: make(chan struct{}, 1)}
}

func (p *places) add(out *engine.Outcome) {
	if out.Code != engine.CodeOK || out.Shows&engine.ShowsPlace == 0 {
		p.wrong = fmt.Sprintf("place %d is answered %v %s", p.shown, out.Code, out.AppendMessage(nil))
		return
	}
	v := out.Place
	p.bytes = binary.BigEndian.AppendUint32(append(p.bytes[:0], v.Buyer...), uint32(v.Entry))
	p.bytes = append(binary.BigEndian.AppendUint32(p.bytes, uint32(v.Place)), byte(v.State))
	p.hash.Write(p.bytes)
	p.places[v.Entry] = v.Place
	p.shown++
}

func (p *places) check(b *testing.B, want int) {
	b.Helper()
	if p.wrong != "" || p.shown != want {
		b.Fatalf("%d places were shown, not %d: %s", p.shown, want, p.wrong)
	}
}

// Outcome and Durable make places a Replier.
func (p *places) Outcome(_ *engine.Request, _ int, out *engine.Outcome) { p.add(out) }
func (p *places) Durable(*engine.Request)                               { p.durable <- struct{}{} }
