package client_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// Touches are reported one by one, by many at once and without waiting: each counts once, and those of many callers travel together.
func TestTouchesAreReported(t *testing.T) {
	url := broker(t)
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	server, err := transport.Serve(transport.Config{}, nc, &transporttest.Direct{Now: 1_777_629_600_000_000_000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Drain(within(t)); err != nil {
			t.Error(err)
		}
	})
	c := connect(t, url, client.Options{})
	ctx := within(t)
	if _, err := c.Touch(ctx, "e1", &pb.Touch{Kind: "viewed"}); !errors.As(err, new(*client.Refusal)) {
		t.Errorf("a touch of an event that is not there: %v", err)
	}
	if _, err := c.Create(ctx, "e1", &pb.CreateCommand{Currency: "EUR"}); err != nil {
		t.Fatal(err)
	}
	one := &pb.Touch{Kind: "viewed", Buyer: "b1", Consent: true}
	for _, want := range []int64{1, 0} { // it was given an id
		if got, err := c.Touch(ctx, "e1", one); err != nil || got.Taken != want || got.Repeated != 1-want {
			t.Errorf("%v, %v", got, err)
		}
	}
	var wait sync.WaitGroup
	const many = 500
	wait.Add(many)
	before := server.Stats().Messages
	for i := range many {
		c.TouchAsync("e1", func(r client.Reply, err error) {
			if err != nil || r.Code() != engine.CodeOK {
				t.Errorf("%v: %v", r.Code(), err)
			}
			wait.Done()
		}, &pb.Touch{Kind: "prompted", Id: fmt.Sprint("p", i)})
	}
	wait.Wait()
	if messages := server.Stats().Messages - before; messages >= many {
		t.Errorf("%d touches took %d messages", many, messages)
	}
	for i := range 10 {
		if err := c.Report("e1", &pb.Touch{Kind: "clicked", Id: fmt.Sprint("c", i)}, &pb.Touch{Kind: "carted"}); err != nil {
			t.Error(err)
		}
	}
	if got, err := c.Touch(ctx, "e1", &pb.Touch{Kind: "clicked", Id: "c9"}); err != nil || got.Repeated != 1 {
		t.Errorf("what was reported before is answered %v, %v", got, err)
	}
	if err := c.Report("e 1", one); err == nil {
		t.Error("an event that is no id was taken")
	}
}
