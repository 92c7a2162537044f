package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// quietConfig is an engine on free ports that tests start by hand.
func quietConfig(t *testing.T) processConfig {
	t.Helper()
	c := processConfig{data: newData(t), listen: "127.0.0.1:0", http: "127.0.0.1:0", bounds: defaultBounds()}
	c.bounds.store.ReserveBytes = -1
	c.bounds.store.KeepEvery = 10 * time.Millisecond
	return c
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never happened: %s", what)
		}
	}
}

func TestReaderThatIsTooFarBehindHoldsBackSales(t *testing.T) {
	c := quietConfig(t)
	c.bounds.store.CursorLagBytes = 1
	p, err := startProcess(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}()
	if err := p.ready(); err != nil {
		t.Errorf("a new engine is not ready: %v", err)
	}
	reader, err := p.store.Cursor("reader")
	if err != nil {
		t.Fatal(err)
	}
	shop, err := client.Connect(p.natsURL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shop.Close() }()
	ctx := within(t)
	if _, err := shop.Create(ctx, "e1", smallEvent(100)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "holds are refused", func() bool { return strings.Contains(p.refuseHoldsFor(), "reader of facts") })
	eventually(t, "the node has heard of it", func() bool {
		return p.node.Submit(&engine.Request{Account: engine.SingleAccount, Event: "e1", Commands: []engine.Command{{Verb: engine.VerbHold}}}) == engine.CodeUnavailable
	})
	for verb, want := range map[engine.Verb]engine.Code{engine.VerbTouch: engine.CodeUnavailable, engine.VerbConfirm: engine.CodeOK} { // touches wait, payments do not
		if got := p.node.Submit(&engine.Request{Account: engine.SingleAccount, Event: "e1", Commands: []engine.Command{{Verb: verb}}}); got != want {
			t.Errorf("%s is %s, want %s", verb, got, want)
		}
	}
	reader.Advance(p.store.Durable())
	eventually(t, "holds are taken again", func() bool { return p.refuseHoldsFor() == "" })
	// The client has been sending its hold again all the while.
	if _, err := shop.Hold(ctx, "e1", &pb.HoldCommand{Buyer: "b1", Items: []*pb.Item{{Lot: "ga", Quantity: 1}}}); err != nil {
		t.Errorf("a hold after the reader caught up: %v", err)
	}
}

func TestReadySaysWhyNot(t *testing.T) {
	p, err := startProcess(t.Context(), quietConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if err := p.ready(); err == nil || err.Error() != "stopping" {
		t.Errorf("after the stop it is ready with: %v", err)
	}
	if err := p.stop(); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}

// TestFailedStartLetsGoOfEverything: the last part does not start, and the folder and the ports of those before it are free again.
func TestFailedStartLetsGoOfEverything(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := quietConfig(t)
	c.listen = taken.Addr().String()
	_, err = startProcess(t.Context(), c)
	refuses(t, err, "address already in use", "--listen")
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := startProcess(t.Context(), c)
	if err != nil {
		t.Fatalf("the folder or the port is still taken: %v", err)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}

// TestStopGoesOnWhenAPartFails: a part that cannot be closed keeps none of the others open.
func TestStopGoesOnWhenAPartFails(t *testing.T) {
	p, err := startProcess(t.Context(), quietConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	p.onClose("a part", func(context.Context) error { return broken })
	if err := p.stop(); !errors.Is(err, broken) || !strings.Contains(err.Error(), "stop a part") {
		t.Errorf("the stop says %v", err)
	}
	again, err := startProcess(t.Context(), p.config)
	if err != nil {
		t.Fatalf("the folder is still taken: %v", err)
	}
	if err := again.stop(); err != nil {
		t.Error(err)
	}
}
