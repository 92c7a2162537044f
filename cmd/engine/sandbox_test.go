package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// TestSandboxCommand runs the sandbox, charges once, stops it and starts it again on its ledger.
func TestSandboxCommand(t *testing.T) {
	ledger := filepath.Join(t.TempDir(), "ledger.jsonl")
	var ref string
	for range 2 {
		ctx, stop := context.WithCancel(t.Context())
		out, in := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			ended <- run(ctx, []string{"sandbox", "--listen", "127.0.0.1:0", "--ledger", ledger}, in, io.Discard)
		}()
		line, err := bufio.NewReader(out).ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var ready sandboxReady
		if err := json.Unmarshal(line, &ready); err != nil || !ready.Ready {
			t.Fatalf("the ready line is %s (%v)", line, err)
		}
		remote, err := sandbox.Dial(ready.URL, "")
		if err != nil {
			t.Fatal(err)
		}
		intent := payment.Intent{
			Operation: payment.Authorise, Key: "k", Order: "o", AmountMinor: 9500, Currency: "EUR", OnSession: true,
			Method: payment.Method{Token: "sbx_ok", Kind: payment.MethodCard},
		}
		body, err := remote.Prepare(intent)
		if err != nil {
			t.Fatal(err)
		}
		got := remote.Do(t.Context(), payment.Call{Operation: intent.Operation, Key: intent.Key, Order: intent.Order, Body: body})
		if got.Answer != payment.Authorised || ref != "" && got.Ref != ref {
			t.Errorf("charged: %+v; before the restart it was %q", got, ref)
		}
		ref = got.Ref
		remote.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	truth, err := sandbox.ReadTruth(ledger)
	if err != nil || len(truth.Charges) != 1 || truth.Orders["o"].ReservedMinor != 9500 {
		t.Errorf("the ledger holds %+v (%v), want one charge", truth, err)
	}
}

func TestSandboxStaysOnThisMachine(t *testing.T) {
	for _, listen := range []string{":8490", "0.0.0.0:8490", "10.0.0.7:1", "nonsense"} {
		if err := run(t.Context(), []string{"sandbox", "--listen", listen}, io.Discard, io.Discard); err == nil {
			t.Errorf("it listened on %s", listen)
		}
	}
}
