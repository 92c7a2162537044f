package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/transport"
)

// verdict is what the doctor thinks of something.
type verdict string

const (
	verdictOK   verdict = "ok"
	verdictNote verdict = "note" // it works, but somebody should know
	verdictFix  verdict = "fix"  // it must not stay like that
)

// finding is one line of the doctor's report.
type finding struct {
	What     string  `json:"what"`
	Measured string  `json:"measured"`
	Verdict  verdict `json:"verdict"`
	Advice   string  `json:"advice,omitempty"`
}

// doctor gathers findings.
type doctor struct{ found []finding }

func (d *doctor) say(v verdict, what, measured, advice string) {
	d.found = append(d.found, finding{What: what, Measured: measured, Verdict: v, Advice: advice})
}

// pick says one of three things, by two conditions: the first that is true counts.
func (d *doctor) pick(fix, note bool, what, measured, advice string) {
	switch {
	case fix:
		d.say(verdictFix, what, measured, advice)
	case note:
		d.say(verdictNote, what, measured, advice)
	default:
		d.say(verdictOK, what, measured, "")
	}
}

var errMustBeFixed = errors.New("something must be fixed, see above")

func doctorCommand() *cobra.Command {
	var data string
	var asJSON bool
	var access natsAccess
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look whether this machine is fit to run the engine",
		Long: `Looks at the machine, the data folder's disk and, with --nats, at a NATS system: what it is, whether that will do, and what to do if not. It takes a
few seconds, in which it writes and syncs a small file in the data folder, or beside it if there is none yet.

Verdicts: ok; note, it works but you should know; fix, it must not stay like that: then the exit status is 1.

` + accessHelp,
		Example: `  engine doctor --data /srv/holdfast
  engine doctor --nats nats://nats.internal:4222 --nkey shop.nk
  engine doctor --json                                     for scripts`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := access.fromEnvironment(cmd); err != nil {
				return err
			}
			return examine(cmd.Context(), data, &access, asJSON, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&data, "data", dataDefault, "data folder; it need not be there yet")
	f.StringVar(&access.url, "nats", "", "URL of a NATS system to look at as well (default none)")
	accessFlags(f, &access.Access)
	f.BoolVar(&asJSON, "json", false, "print the findings as JSON")
	return cmd
}

func examine(ctx context.Context, data string, access *natsAccess, asJSON bool, w io.Writer) error {
	d := &doctor{}
	d.folder(data)
	d.machine()
	if access.url != "" {
		d.nats(ctx, access)
	}
	bad := 0
	for i := range d.found {
		if d.found[i].Verdict == verdictFix {
			bad++
		}
	}
	var err error
	if asJSON {
		err = printJSON(w, struct {
			OK       bool      `json:"ok"`
			Findings []finding `json:"findings"`
		}{bad == 0, d.found})
	} else {
		err = d.print(w)
	}
	if err == nil && bad > 0 {
		err = fmt.Errorf("%d of %d: %w", bad, len(d.found), errMustBeFixed)
	}
	return err
}

func (d *doctor) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range d.found {
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.Verdict, f.What, f.Measured)
		if f.Advice != "" {
			fmt.Fprintf(t, "\t\t-> %s\n", f.Advice)
		}
	}
	return t.Flush()
}

// What a NATS server should have. A batch of commands and a page of events must fit into a message; a consumer that is slow for a moment must not be cut off.
const (
	natsPayloadMin = transport.BatchBytesMax + 64<<10
	natsPendingMin = 64 << 20
	natsFarAway    = 5 * time.Millisecond
)

// nats looks at a NATS system.
func (d *doctor) nats(ctx context.Context, access *natsAccess) {
	options, err := access.Options(access.url)
	if err != nil {
		d.say(verdictFix, "NATS access", err.Error(), "put the flags right: engine doctor --help")
		return
	}
	n, err := transport.Examine(ctx, access.url, options...)
	if err != nil {
		d.say(verdictFix, "NATS", err.Error(), "is the server running, and are the URL and the credentials right?")
		return
	}
	d.say(verdictOK, "NATS", fmt.Sprintf("nats-server %s at %s", n.Version, n.URL), "")
	d.pick(false, n.RoundTrip > natsFarAway, "NATS round trip", n.RoundTrip.Round(time.Microsecond).String(), "every command waits for it: bring engine and server closer together")
	d.pick(n.MaxPayload < natsPayloadMin, false, "NATS max_payload", fmt.Sprintf("%d KiB", n.MaxPayload>>10),
		fmt.Sprintf("set max_payload to 1MB: batches may have %d KiB", transport.BatchBytesMax>>10))
	d.pick(!n.AuthRequired && !n.Loopback, !n.AuthRequired, "NATS users", yesNo(n.AuthRequired, "must say who they are", "anybody may connect"),
		"set up users and permissions by subject: deploy/nats.conf is a template")
	d.pick(!n.TLS && !n.Loopback, false, "NATS TLS", yesNo(n.TLS, "encrypted", "not encrypted"), "between machines use TLS: a tls block in nats.conf, and --tls-ca here")
	d.pick(false, !n.JetStream, "JetStream", yesNo(n.JetStream, "on, for this account", "not for this account"),
		"nothing needs it yet; published facts will: jetstream { store_dir: ..., sync_interval: always }")
	if !n.Known {
		d.say(verdictNote, "NATS max_pending, sync_interval", "not visible to this user",
			"ask with a user of the system account, or see to it in nats.conf: max_pending 64MB or more; jetstream { sync_interval: always }")
		return
	}
	d.pick(n.MaxPending < natsPendingMin, false, "NATS max_pending", fmt.Sprintf("%d MiB", n.MaxPending>>20), "set max_pending to 64MB or more: an engine that syncs for a moment is cut off as a slow consumer")
	if n.JetStream {
		d.pick(false, !n.SyncAlways, "JetStream sync_interval", yesNo(n.SyncAlways, "always", n.SyncInterval.String()), "set sync_interval: always; otherwise a power cut loses what was acknowledged")
	}
}

func yesNo(v bool, yes, no string) string {
	if v {
		return yes
	}
	return no
}
