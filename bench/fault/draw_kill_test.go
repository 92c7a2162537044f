package fault

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine/line"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// drawKills is a lobby that is drawn and served by an engine which is killed all the time.
type drawKills struct {
	Crashes
	ctx    context.Context
	t      *testing.T
	client *Client
	tally  Tally
	event  string
	told   []line.Place // by entry: what was told
}

// lobbySize is how many join. A draw of so many takes some 50 ms.
const lobbySize = 60_000

// TestKillInADraw kills a real engine while a large lobby is drawn, and while freed tickets are given to the line: the draw is the one that was promised,
// everybody has the place that anybody can recompute of what was published, and nobody is overtaken.
func TestKillInADraw(t *testing.T) {
	random := seed(t)
	dir, done, err := KeptFolder("holdfast-draw-")
	if err != nil {
		t.Fatal(err)
	}
	k := &drawKills{
		Crashes: Crashes{Program: engineProgram(t), Data: filepath.Join(dir, "data"), Notes: dir, Seed: random, random: rand.New(rand.NewPCG(random, 3))},
		ctx:     within(t, 10*patience), t: t,
	}
	k.logs.logs = map[string]*lineLog{}
	for round := range *rounds {
		k.round(round)
	}
	k.kill(0)
	t.Logf("%d rounds of %d in a lobby, %d crashes, %d before a draw and %d in one, %d passes, %d inversions", *rounds, lobbySize, k.tally.Crashes, k.tally.MidReveal, k.tally.MidDraw,
		k.tally.Passes, k.tally.Inversions)
	if k.tally.Passes == 0 {
		t.Error("nobody got a pass")
	}
	if err := done(!t.Failed()); err != nil {
		t.Error(err)
	}
}

func (k *drawKills) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatalf("%v\nkept %s", err, k.Notes)
	}
}

// starts starts the engine and connects to it.
func (k *drawKills) starts() {
	k.t.Helper()
	k.must(k.serve())
	client, err := Dial(k.process.Ready.NATS)
	k.must(err)
	k.client = client
}

// kill ends the engine after a while, and perhaps once more while it starts, and reads its log.
func (k *drawKills) kill(after time.Duration) {
	k.t.Helper()
	time.Sleep(after)
	k.must(KillNine(k.ctx, k.process, []*Client{k.client}))
	k.process = nil
	k.tally.Crashes++
	k.must(k.logs.read(k.ctx, k.Data, &k.tally))
	if k.random.IntN(3) == 0 {
		k.must(k.crashAtStart(&k.tally))
		k.must(k.logs.read(k.ctx, k.Data, &k.tally))
	}
}

// send sends a command and does not wait.
func (k *drawKills) send(cmd *Command) {
	k.t.Helper()
	k.must(k.client.Send(cmd.Event, cmd.Verb.String(), cmd.Body, make(chan []byte, 1)))
}

func (k *drawKills) ask(cmd *Command) *pb.Reply {
	k.t.Helper()
	r, err := k.client.Ask(k.ctx, cmd)
	k.must(err)
	return r
}

// many sends a command for each of many, in batches, and gives the answers to use.
func (k *drawKills) many(n int, make func(i int) *Command, use func(i int, r *pb.Reply)) {
	k.t.Helper()
	const atOnce = 1024
	for from := 0; from < n; from += atOnce {
		var cmds []*Command
		for i := from; i < min(n, from+atOnce); i++ {
			cmds = append(cmds, make(i))
		}
		replies, err := k.client.AskAll(k.ctx, cmds)
		k.must(err)
		for i, r := range replies {
			use(from+i, r)
		}
	}
}

func (k *drawKills) round(round int) {
	k.t.Helper()
	k.event, k.told = "draw-"+strconv.Itoa(round), make([]line.Place, lobbySize)
	if k.process == nil {
		k.starts()
	}
	spec := LineSpec("create", k.event, 0, time.Minute)
	spec.Line.ShoppersMax, spec.Line.Tracks = nil, nil
	if r := k.ask(NewCommand(k.event, spec)); r.GetError() != nil {
		k.t.Fatal(r)
	}
	k.until("lobby")
	buyer := func(i int) string { return "b" + strconv.Itoa(i) }
	entries := make([]line.Entry, lobbySize)
	k.many(lobbySize, func(i int) *Command {
		return NewCommand(k.event, &pb.JoinCommand{RequestId: "j" + strconv.Itoa(i), Buyer: buyer(i)})
	}, func(i int, r *pb.Reply) {
		if entries[i] = line.Entry(r.GetPlace().GetEntry()); entries[i] == 0 {
			k.t.Fatalf("join %d: %v", i, r)
		}
	})
	commit := k.show().GetCommit()
	open := NewCommand(k.event, &pb.OpenCommand{RequestId: "open"})
	for range 3 { // each time a little further
		k.send(open)
		k.kill(time.Duration(k.random.Int64N(int64(60 * time.Millisecond))))
		k.starts()
	}
	if r := k.ask(open); r.GetError() != nil {
		k.t.Fatalf("open: %v", r)
	}
	k.until("serving")
	v := k.show()
	if v.GetCommit() != commit || v.GetEntries() != lobbySize {
		k.t.Fatalf("the lobby of %d was promised %s, and is shown as %v", lobbySize, commit, v)
	}
	places := k.recompute(v)
	k.many(lobbySize, func(i int) *Command { return NewCommand(k.event, &pb.PlaceCommand{Buyer: buyer(i)}) }, func(i int, r *pb.Reply) {
		if p := r.GetPlace(); line.Entry(p.GetEntry()) != entries[i] || line.Place(p.GetPlace()) != places[entries[i]-1] {
			k.t.Fatalf("%s joined as entry %d, which is drawn as place %d, and is shown as %v", buyer(i), entries[i], places[entries[i]-1], r)
		}
	})
	// Many tickets at once go to the line, in slices.
	tickets := NewCommand(k.event, &pb.CapacityCommand{RequestId: "more", Lot: "ga", Capacity: lobbySize / 2})
	for range 3 {
		k.send(tickets)
		k.kill(time.Duration(k.random.Int64N(int64(30 * time.Millisecond))))
		k.starts()
	}
	if r := k.ask(tickets); r.GetError() != nil {
		k.t.Fatalf("capacity: %v", r)
	}
}

// recompute makes the places of what was published, as anybody can.
func (k *drawKills) recompute(v *pb.Line) []line.Place {
	k.t.Helper()
	var seed line.Seed
	var root line.Hash
	read := func(dst []byte, text string) {
		b, err := hex.DecodeString(text)
		k.must(err)
		if copy(dst, b) != len(dst) || len(b) != len(dst) {
			k.t.Fatalf("%q is no hash", text)
		}
	}
	read(seed[:], v.GetSeed())
	read(root[:], v.GetRoot())
	if got := line.Commit(seed); got.String() != v.GetCommit() {
		k.t.Fatalf("the seed's commit is %v, promised was %s", got, v.GetCommit())
	}
	var leaves []line.Hash
	var tree line.Tree
	for len(leaves) < lobbySize {
		page := k.ask(NewCommand(k.event, &pb.PlaceCommand{EntriesFrom: int64(len(leaves) + 1)})).GetLine().GetLeaves()
		if len(page) == 0 {
			k.t.Fatalf("%d of %d leaves are shown", len(leaves), lobbySize)
		}
		for _, text := range page {
			var leaf line.Hash
			read(leaf[:], text)
			tree.Append(leaf)
			leaves = append(leaves, leaf)
		}
	}
	if tree.Root() != root {
		k.t.Fatalf("the leaves come to root %v, published was %v", tree.Root(), root)
	}
	places := line.Places(seed, root, "", leaves)
	if len(slices.Compact(slices.Sorted(slices.Values(places)))) != lobbySize {
		k.t.Fatal("places are given twice")
	}
	return places
}

func (k *drawKills) show() *pb.Line {
	k.t.Helper()
	v, err := k.client.Show(k.ctx, k.event)
	k.must(err)
	if v.GetLine() == nil {
		k.must(fmt.Errorf("event %s has no line", k.event))
	}
	return v.GetLine()
}

// until waits for a phase of the line.
func (k *drawKills) until(phase string) {
	k.t.Helper()
	for k.show().GetPhase() != phase {
		k.must(k.ctx.Err())
		time.Sleep(time.Millisecond)
	}
}
