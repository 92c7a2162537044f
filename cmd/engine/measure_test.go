package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/store"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// kpisOf makes the KPIs of a stopped folder twice, from the checkpoint in it and anew from its whole log, and demands that they are equal to the byte.
func kpisOf(t *testing.T, data string) (batch, checkpoint uint64) {
	t.Helper()
	kept, err := measureFolder(t.Context(), data, false, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	anew, err := measureFolder(t.Context(), data, true, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	if kept.Book.Batch() != anew.Book.Batch() || anew.Book.Batch() == 0 || anew.Since != 0 {
		t.Errorf("the KPIs are of batch %d, a replay is of %d, since %d", kept.Book.Batch(), anew.Book.Batch(), anew.Since)
	}
	if !bytes.Equal(kept.AppendState(nil), anew.AppendState(nil)) {
		t.Errorf("at batch %d the KPIs are not those of an uninterrupted replay", anew.Book.Batch())
	}
	return anew.Book.Batch(), checkpointOf(t, data)
}

// checkpointOf is the batch of the checkpoint in a stopped folder, 0 if there is none.
func checkpointOf(t *testing.T, data string) uint64 {
	t.Helper()
	rep, err := inspect(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rep.KPIs
}

// TestKPIsEqualAReplayAfterKills kills an engine that sells, again and again and at random moments, and compares what it goes on from with a replay of the log.
func TestKPIsEqualAReplayAfterKills(t *testing.T) {
	data := newData(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	checkpoints := 0
	for life := range 4 {
		c := startChild(t, data, "--measure-checkpoint", "20ms")
		shop, err := client.Connect(c.NATS, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if life == 0 {
			if _, err := shop.Create(within(t), "e1", smallEvent(1_000_000)); err != nil {
				t.Fatal(err)
			}
		}
		sold := sellUntil(t, shop, life)
		for before, more := sold.Load(), 200+rng.Int64N(800); sold.Load() < before+more; {
			metricsOf(t, c.HTTP) // whoever asks changes nothing
		}
		c.end(t, syscall.SIGKILL)
		_ = shop.Close()
		batch, checkpoint := kpisOf(t, data)
		t.Logf("life %d: killed at batch %d, checkpoint of %d", life, batch, checkpoint)
		if checkpoint > 0 && checkpoint < batch {
			checkpoints++
		}
	}
	if checkpoints == 0 {
		t.Error("no kill met a checkpoint and log behind it: what this test is about did not happen")
	}
	c := startChild(t, data)
	if state := c.end(t, syscall.SIGTERM); state.ExitCode() != 0 {
		t.Errorf("after SIGTERM it ended with %v\n%s", state, c.logs)
	}
	if batch, checkpoint := kpisOf(t, data); checkpoint != batch {
		t.Errorf("a stop left a checkpoint of batch %d, the log is at %d", checkpoint, batch)
	}
}

// sellUntil sells to as many as come, from four connections, until the engine is gone. It returns how many have bought.
func sellUntil(t *testing.T, shop *client.Client, life int) *atomic.Int64 {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	sold := new(atomic.Int64)
	for i := range 4 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				buyer := fmt.Sprintf("b%d-%d-%d", life, i, n)
				held, err := shop.Hold(ctx, "e1", &pb.HoldCommand{Buyer: buyer, Items: []*pb.Item{{Lot: "ga", Quantity: 1}}})
				if err != nil {
					return // it has been killed
				}
				if n%3 > 0 {
					if _, err := shop.Confirm(ctx, "e1", &pb.ConfirmCommand{Buyer: buyer, Hold: held.Id, PaymentRef: "p-" + buyer}); err != nil {
						return
					}
				}
				sold.Add(1)
			}
		})
	}
	return sold
}

// TestKPIsEqualAReplayAfterADemoIsKilled does the same to the demo, in which everything happens that the engine can do.
func TestKPIsEqualAReplayAfterADemoIsKilled(t *testing.T) {
	temp := t.TempDir()
	cmd := exec.Command(os.Args[0], "demo", "--exit", "--buyers", "3000", "--tickets", "700")
	cmd.Env = append(os.Environ(), runMainEnv+"=1", "TMPDIR="+temp)
	logs := new(output)
	cmd.Stdout, cmd.Stderr = logs, logs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	data := awaitDemo(t, logs)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	batch, checkpoint := kpisOf(t, data)
	t.Logf("killed at batch %d, checkpoint of %d", batch, checkpoint)
	if checkpoint == 0 {
		t.Error("the demo had no checkpoint yet")
	}
	f, err := measureFolder(t.Context(), data, true, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	if events := f.Book.Events("_"); len(events) == 0 || events[0].Orders < 20 || events[0].Sold < 20 {
		t.Errorf("the demo has sold 20 orders, and the KPIs say %+v", events)
	}
}

// awaitDemo returns the demo's data folder once some of its log has been kept as a checkpoint, and the sale goes on.
func awaitDemo(t *testing.T, logs *output) (data string) {
	t.Helper()
	introduced := regexp.MustCompile(`An engine in (\S+), NATS at \S+, HTTP at (\S+)\.\n`)
	ctx := within(t)
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		at := introduced.FindStringSubmatch(logs.String())
		if at == nil {
			continue
		}
		shown := metricsOf(t, at[2])
		orders, _ := strconv.Atoi(shown[`holdfast_kpi{kpi="orders",window="sale",flow="all"}`]) // there is no line before the first
		if n := shown["holdfast_kpi_checkpoints_total"]; n != "" && n != "0" && orders >= 20 {
			return at[1]
		}
	}
	t.Fatalf("the demo keeps no KPIs:\n%s", logs)
	return ""
}

// TestABackupKeepsTheKPIs makes a backup of an engine that has a checkpoint, restores it, and goes on.
func TestABackupKeepsTheKPIs(t *testing.T) {
	data := newData(t)
	c := startChild(t, data, "--measure-checkpoint", "20ms")
	shop, err := client.Connect(c.NATS, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shop.Close() }()
	if _, err := shop.Create(within(t), "e1", smallEvent(1000)); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		sell(t, shop, "e1", "b"+strconv.Itoa(i))
	}
	if state := c.end(t, syscall.SIGTERM); state.ExitCode() != 0 {
		t.Fatalf("%v\n%s", state, c.logs)
	}
	_, checkpoint := kpisOf(t, data)
	backup, restored := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "data")
	must(t, "backup", data, backup)
	must(t, "restore", backup, restored)
	bringVaultKey(t, data, restored)
	if _, got := kpisOf(t, restored); got != checkpoint {
		t.Errorf("the restored folder has a checkpoint of batch %d, want %d", got, checkpoint)
	}
	c = startChild(t, restored)
	if state := c.end(t, syscall.SIGTERM); state.ExitCode() != 0 {
		t.Fatalf("%v\n%s", state, c.logs)
	}
	if batch, got := kpisOf(t, restored); got != batch || got <= checkpoint {
		t.Errorf("after a life in the restored folder the checkpoint is of batch %d, the log at %d", got, batch)
	}
}

// metricsOf is what /metrics says, by name and labels.
func metricsOf(t *testing.T, url string) map[string]string {
	t.Helper()
	r, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			all[name] = value
		}
	}
	return all
}

// TestMetricsShowTheKPIsToTheDigit compares /metrics with what the KPI request answers at the same batch.
func TestMetricsShowTheKPIsToTheDigit(t *testing.T) {
	p := startedProcess(t, newData(t))
	defer func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}()
	shop, err := client.Connect(p.natsURL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shop.Close() }()
	if _, err := shop.Create(within(t), "e1", smallEvent(100)); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		sell(t, shop, "e1", "b"+strconv.Itoa(i))
	}
	m := p.node.Measurement()
	for m.Lag() > 0 {
		time.Sleep(time.Millisecond)
	}
	exact := make(map[string]bool)
	for _, d := range measure.Definitions() {
		exact[d.ID] = d.Exact
	}
	for _, window := range []measure.Window{measure.WindowSale, measure.Window1m} {
		for _, by := range []measure.Dimension{measure.ByNothing, measure.ByFlow} {
			var answer *measure.Answer
			var shown map[string]string
			for answer == nil || answer.Batch != p.store.Durable() {
				if answer, err = m.Answer(t.Context(), &measure.Query{Account: "_", Window: window, By: by}); err != nil {
					t.Fatal(err)
				}
				shown = metricsOf(t, p.httpURL)
			}
			compared := 0
			for _, row := range answer.Rows {
				flow := row.Series
				if by == measure.ByNothing {
					flow = "all"
				}
				for _, f := range row.Figures {
					name := fmt.Sprintf("holdfast_kpi{kpi=%q,window=%q,flow=%q}", f.KPI, window, flow)
					text, there := shown[name]
					if want := f.Value != nil && exact[f.KPI]; there != want {
						t.Errorf("%s: shown: %v, want %v", name, there, want)
						continue
					}
					if !there {
						continue
					}
					if got, err := strconv.ParseFloat(text, 64); err != nil || got != *f.Value {
						t.Errorf("%s is %s (%v), the answer says %v", name, text, err, *f.Value)
					}
					compared++
				}
			}
			if compared < 5 {
				t.Errorf("only %d figures of window %s by %q were compared", compared, window, by)
			}
		}
	}
	if shown := metricsOf(t, p.httpURL); shown[`holdfast_kpi{kpi="orders",window="sale",flow="all"}`] != "30" {
		t.Errorf("30 orders are %q", shown[`holdfast_kpi{kpi="orders",window="sale",flow="all"}`])
	}
}

// unreadableLog is a log in which something stands that nobody can read.
type unreadableLog struct{ *store.Cursor }

func (unreadableLog) Read(context.Context, uint64, int, func(uint64, *engine.Run) error) (uint64, error) {
	return 0, engine.ErrMalformed
}

// TestSalesGoOnWhenNothingCanBeMeasured lets measurement stop, and demands that the log is not kept for it until nobody can buy any more.
func TestSalesGoOnWhenNothingCanBeMeasured(t *testing.T) {
	c := quietConfig(t)
	c.bounds.store.CursorLagBytes = 4096
	c.logger, c.drain = slog.New(slog.DiscardHandler), drainDefault
	p := &process{config: c}
	defer func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}()
	spoil := func(context.Context) error {
		p.config.bounds.actors.Measure.Log = unreadableLog{p.kpiCursor}
		return nil
	}
	for _, start := range []func(context.Context) error{p.startHTTP, p.startStore, p.openMeasure, spoil, p.startNode, p.startMeasure, p.startTransport} {
		if err := start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	shop, err := client.Connect(p.natsURL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shop.Close() }()
	if _, err := shop.Create(within(t), "e1", smallEvent(100)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "measurement stops", func() bool { return p.node.Measurement().Stopped() != "" })
	if p.watchMeasure(); !p.store.HasCursor(kpiName) {
		t.Error("the log was let go before it was much")
	}
	for i := range 30 {
		sell(t, shop, "e1", "b"+strconv.Itoa(i))
	}
	if p.watchMeasure(); p.store.HasCursor(kpiName) {
		t.Error("much of the log is kept for KPIs that nobody makes")
	}
	p.watchMeasure() // there is nothing left to give up
	sell(t, shop, "e1", "last")
	if shown := metricsOf(t, p.httpURL); shown["holdfast_kpi_stopped"] != "1" {
		t.Errorf("the metrics say %q", shown["holdfast_kpi_stopped"])
	}
}

// TestMeasurementThatIsSwitchedOnAgainGoesOn switches it off for a life: as nothing was cut from the log meanwhile, nothing is missing.
func TestMeasurementThatIsSwitchedOnAgainGoesOn(t *testing.T) {
	c := quietConfig(t)
	for life := range 3 {
		c.bounds.measure.off = life == 1
		p, err := startProcess(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		shop, err := client.Connect(p.natsURL, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if life == 0 {
			_, err = shop.Create(within(t), "e1", smallEvent(100))
		}
		if err != nil {
			t.Fatal(err)
		}
		sell(t, shop, "e1", "b"+strconv.Itoa(life))
		if got := p.store.HasCursor(kpiName); got == c.bounds.measure.off {
			t.Errorf("life %d: there is a cursor: %v", life, got)
		}
		if m := p.node.Measurement(); (m == nil) != c.bounds.measure.off {
			t.Errorf("life %d: measured: %v", life, m != nil)
		}
		_ = shop.Close()
		if err := p.stop(); err != nil {
			t.Fatal(err)
		}
	}
	f, err := measureFolder(t.Context(), c.data, false, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	if a := f.Book.Answer(&measure.Query{Account: "_", Window: measure.WindowSale, KPIs: []string{"orders"}}, f.Book.Now()); f.Since != 0 || *a.Rows[0].Figures[0].Value != 3 {
		t.Errorf("since %d, %+v: want 3 orders, of the whole log", f.Since, a.Rows)
	}
	kpisOf(t, c.data)
}
