package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// sandboxListenDefault is where engine sandbox listens when nothing else is said.
const sandboxListenDefault = "127.0.0.1:8490"

// sandboxDrain is how long a stop waits for answers that are under way.
const sandboxDrain = 5 * time.Second

// sandboxSettings say how the sandbox behaves.
type sandboxSettings struct {
	listen string
	config sandbox.Config
}

func sandboxCommand() *cobra.Command {
	var s sandboxSettings
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a payment gateway that takes no money, as a process of its own",
		Long: `Runs the sandbox gateway until it is told to stop. engine serve has one inside; this one outlives the engine, so that what it remembers can be compared
with what the engine believes after a crash. What becomes of a charge is chosen by the token of its method:

  sbx_ok, sbx_decline_soft, sbx_decline_hard, sbx_auth, sbx_redirect, sbx_slow_2000, sbx_pending_5000, sbx_timeout_charged, sbx_timeout_before,
  sbx_error_charged, sbx_error, sbx_throttle, sbx_wrong_amount, sbx_wrong_currency, sbx_capture_fails, sbx_capture_fails_once, sbx_refund_fails

What follows a dot is ignored, as in sbx_ok.b17. When it answers, it prints one line of JSON on stdout:

  {"ready":true,"url":"http://127.0.0.1:8490","ledger":"ledger.jsonl","pid":4711}

GET /v1/truth is what it has really done: all charges, and what they come to by order. It asks nobody who they are and listens on loopback only.`,
		Example: `  engine sandbox                                        on 127.0.0.1:8490, in memory
  engine sandbox --ledger ledger.jsonl --latency 300ms  keeps what it did, and takes its time
  engine sandbox --rate 25 --listen 127.0.0.1:0         refuses more than 25 requests a second`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&s.listen, "listen", sandboxListenDefault, "address on loopback; port 0 picks a free one")
	f.StringVar(&s.config.File, "ledger", "", "file that keeps the ledger, synced before each answer (default in memory only)")
	f.Uint64Var(&s.config.Seed, "seed", 0, "what latencies, faults and ids are drawn from (0 is a seed like any other)")
	f.DurationVar(&s.config.Latency.Median, "latency", 0, "median time of an answer, as in 300ms, or at once (default 0s)")
	f.DurationVar(&s.config.Latency.P99, "latency-p99", 0, "99th percentile of that time, or all answers take the same (default 0s)")
	f.IntVar(&s.config.RatePerSecond, "rate", 0, "requests a second above which it refuses (default no limit)")
	f.DurationVar(&s.config.RetryAfter, "retry-after", time.Second, "after what time it asks whom it refuses to come again")
	for _, fault := range []struct {
		value *int
		name  string
		text  string
	}{
		{&s.config.Faults.DeclineSoft, "decline-soft", "charges declined for the moment"},
		{&s.config.Faults.DeclineHard, "decline-hard", "charges declined for good"},
		{&s.config.Faults.Authenticate, "authenticate", "charges for which the buyer has to authenticate"},
		{&s.config.Faults.LostRequest, "lost-request", "requests that never arrive"},
		{&s.config.Faults.LostAnswer, "lost-answer", "answers that never arrive"},
		{&s.config.Faults.StoredError, "stored-error", "requests that are done and answered with a server error for ever"},
		{&s.config.Faults.Throttle, "throttle", "requests refused as too many"},
		{&s.config.Faults.CaptureFails, "capture-fails", "captures that fail"},
		{&s.config.Faults.RefundFails, "refund-fails", "refunds that fail"},
	} {
		f.IntVar(fault.value, fault.name, 0, "how many in 10,000: "+fault.text+" (default none)")
	}
	return cmd
}

// sandboxReady is what a script waits for.
type sandboxReady struct {
	Ready  bool   `json:"ready"`
	URL    string `json:"url"`
	Ledger string `json:"ledger,omitempty"`
	PID    int    `json:"pid"`
}

func (s *sandboxSettings) run(ctx context.Context, stdout io.Writer) error {
	host, _, err := net.SplitHostPort(s.listen)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--listen %s: the sandbox asks nobody who they are, so it listens on loopback only, as in %s", s.listen, sandboxListenDefault)
	}
	gateway, err := sandbox.New(s.config)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen on %s: %w; --listen names another address, and port 0 picks a free one", s.listen, err), gateway.Close())
	}
	server := &http.Server{Handler: sandbox.Handler(gateway), ReadHeaderTimeout: sandboxDrain, IdleTimeout: 2 * time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	line, err := json.Marshal(sandboxReady{Ready: true, URL: "http://" + listener.Addr().String(), Ledger: s.config.File, PID: os.Getpid()})
	if err == nil {
		_, err = fmt.Fprintf(stdout, "%s\n", line)
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-ended: // it cannot go on listening
			return errors.Join(err, gateway.Close())
		}
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), sandboxDrain)
	defer cancel()
	if server.Shutdown(drain) != nil { // somebody waits for an answer that takes longer
		err = errors.Join(err, server.Close())
	}
	if serving := <-ended; !errors.Is(serving, http.ErrServerClosed) {
		err = errors.Join(err, serving)
	}
	return errors.Join(err, gateway.Close())
}
