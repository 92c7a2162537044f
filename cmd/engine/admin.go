package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
)

// adminSettings are the flags that all admin commands share.
type adminSettings struct {
	eventSettings
	operator string
}

func adminCommand() *cobra.Command {
	s := &adminSettings{}
	cmd := &cobra.Command{
		Use:   "admin",
		Short: "Operate a running engine; everything asked for is in its audit",
		Long: `Speaks to a running engine over NATS, on the subjects holdfast.v1.admin.> that only operators may use (docs/wire.md). Whatever the engine carries
out or refuses is written into its log before the answer leaves: who (--as, in their own words), what, when, and how it ended. "engine admin audit"
shows it.

` + accessHelp,
		Example: `  engine admin events
  engine admin snapshot --as maria
  engine admin audit --since 24h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	s.addTo(cmd)
	cmd.AddCommand(s.audit(), s.events(), s.snapshot(), s.archive(), s.sleep(), s.releaseQuarantine(), s.backup(), s.inspect())
	return cmd
}

// addTo gives a command, and those below it, the flags that say which engine is meant and who asks.
func (s *adminSettings) addTo(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	s.askerFlags(f)
	f.BoolVar(&s.json, "json", false, "print the engine's answer as JSON")
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return s.prepare(cmd) }
}

// askerFlags makes the flags that say which engine is meant and who asks.
func (s *adminSettings) askerFlags(f *pflag.FlagSet) {
	s.access.addTo(f)
	f.DurationVar(&s.timeout, "timeout", eventTimeoutDefault, "how long to wait for an answer, as in 10s")
	f.StringVar(&s.operator, "as", "", "who asks, for the audit: an id, which nothing proves")
	f.StringVar(&s.requestID, "request-id", "", "request id of the command, for the audit (default a new random one)")
}

// wireAdminReply is what the admin commands read of an answer in JSON.
type wireAdminReply struct {
	Audit    int64            `json:"audit"`
	Error    *wireError       `json:"error"`
	Entries  *wireAudit       `json:"entries"`
	Events   *wireEventCounts `json:"events"`
	Snapshot *wirePass        `json:"snapshot"`
	Why      *wireWhy         `json:"why"`
	Backup   *wireBackup      `json:"backup"`

	Inspection *inspected    `json:"inspection"`
	Webhooks   *wireWebhooks `json:"webhooks"`
	Evidence   string        `json:"evidence"`
	TicketKey  string        `json:"ticket_key"`
	Wallet     string        `json:"wallet"`

	Lanes    []wireLane    `json:"lanes"`
	OneClick *wireOneClick `json:"one_click"`
	Resolved *wireResolved `json:"resolved"`

	Event *struct {
		Event string `json:"event"`
		Place string `json:"place"`
		File  string `json:"file"`
	} `json:"event"`
}

type wireAudit struct {
	Entries []wireAuditEntry `json:"entries"`
	Next    int64            `json:"next"`
	Oldest  int64            `json:"oldest"`
}

type wireAuditEntry struct {
	Seq       int64     `json:"seq"`
	At        time.Time `json:"at"`
	Account   string    `json:"account"`
	Verb      string    `json:"verb"`
	Arguments string    `json:"arguments"`
	Operator  string    `json:"operator"`
	RequestID string    `json:"request_id"`
	Code      string    `json:"code"`
}

type wireEventCounts struct {
	Awake       int64 `json:"awake"`
	Asleep      int64 `json:"asleep"`
	Quarantined []struct {
		Event string `json:"event"`
		Why   string `json:"why"`
	} `json:"quarantined"`
}

type wirePass struct {
	From      int64 `json:"from_batch"`
	To        int64 `json:"to_batch"`
	Trimmed   int64 `json:"trimmed_batch"`
	Facts     int64 `json:"facts"`
	Snapshots int64 `json:"snapshots"`
	Bytes     int64 `json:"bytes"`
	TookMs    int64 `json:"took_ms"`
}

// send gives one command to the engine. show prints what is in its answer, unless --json prints the answer itself.
func (s *adminSettings) send(ctx context.Context, verb string, fields map[string]any, show func(w io.Writer, r *wireAdminReply)) error {
	r, err := s.askAdmin(ctx, verb, fields)
	if err != nil || s.json {
		return err
	}
	var text strings.Builder
	show(&text, r)
	_, err = io.WriteString(s.stdout, text.String())
	return err
}

// askAdmin gives one command to the engine and returns its answer, which it also prints with --json. A refusal is an error.
func (s *adminSettings) askAdmin(ctx context.Context, verb string, fields map[string]any) (*wireAdminReply, error) {
	answer, r, err := s.askOnce(ctx, verb, fields)
	if err != nil {
		return nil, err
	}
	if s.json {
		if err := s.printJSON(answer); err != nil {
			return nil, err
		}
	}
	if r.Error != nil {
		return nil, r.Error
	}
	return r, nil
}

// askOnce gives one command to the engine and returns its answer, as it came and read.
func (s *adminSettings) askOnce(ctx context.Context, verb string, fields map[string]any) ([]byte, *wireAdminReply, error) {
	if fields["request_id"] = s.requestID; s.requestID == "" {
		fields["request_id"] = newRequestID()
	}
	if s.operator != "" {
		fields["operator"] = s.operator
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", verb, err)
	}
	answer, err := s.ask(ctx, transport.AdminSubject(verb), body)
	if err != nil {
		return nil, nil, err
	}
	r := new(wireAdminReply)
	if err := json.Unmarshal(answer, r); err != nil {
		return nil, nil, fmt.Errorf("the engine's answer cannot be read: %w: %s", err, answer)
	}
	return answer, r, nil
}

func (s *adminSettings) events() *cobra.Command {
	return &cobra.Command{
		Use:     "events",
		Short:   "Count the events by state, and list the quarantined ones",
		Example: "  engine admin events\n  engine admin events --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.send(cmd.Context(), "events", map[string]any{}, func(w io.Writer, r *wireAdminReply) {
				fmt.Fprintf(w, "%s awake, %s asleep, %d quarantined\n", thousands(r.Events.Awake), thousands(r.Events.Asleep), len(r.Events.Quarantined))
				for _, q := range r.Events.Quarantined {
					fmt.Fprintf(w, "quarantined: %s: %s\n", q.Event, q.Why)
				}
			})
		},
	}
}

func (s *adminSettings) snapshot() *cobra.Command {
	return &cobra.Command{
		Use:   "snapshot",
		Short: "Run a snapshot pass now: replay the log, compare it, keep new snapshots, cut the log",
		Long: `Runs a snapshot pass and waits for its end: the log since the last one is folded onto the last snapshots, every state hash in it is compared, and
the log that nobody needs any more is cut off. Give --timeout for a long log.`,
		Example: "  engine admin snapshot\n  engine admin snapshot --as maria --timeout 10m",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.send(cmd.Context(), "snapshot", map[string]any{}, func(w io.Writer, r *wireAdminReply) {
				p := r.Snapshot
				fmt.Fprintf(w, "batches %d to %d: %s facts replayed, %s snapshots of %s bytes, cut up to batch %d, in %v\n", p.From, p.To, thousands(p.Facts),
					thousands(p.Snapshots), thousands(p.Bytes), p.Trimmed, time.Duration(p.TookMs)*time.Millisecond)
			})
		},
	}
}

func (s *adminSettings) audit() *cobra.Command {
	var after int64
	var limit int
	var since, until string
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show what operators have done, oldest first",
		Long: fmt.Sprintf(`Shows what operators asked for and how it ended. The engine keeps the newest %d entries at hand; the log has all of them.`,
			engine.AuditsMax),
		Example: `  engine admin audit
  engine admin audit --since 24h
  engine admin audit --since 2030-06-01T18:00:00Z --until 2030-06-02T00:00:00Z --limit 50
  engine admin audit --after 120 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fields := map[string]any{}
			for name, text := range map[string]string{"since": since, "until": until} {
				if text == "" {
					continue
				}
				at, err := momentOf(text, time.Now())
				if err != nil {
					return fmt.Errorf("--%s %w", name, err)
				}
				fields[name] = at.UTC().Format(time.RFC3339Nano)
			}
			if limit < 0 || after < 0 {
				return errors.New("--limit and --after must not be negative")
			}
			return s.showAudit(cmd.Context(), fields, after, limit)
		},
	}
	f := cmd.Flags()
	f.Int64Var(&after, "after", 0, "only entries with a greater number")
	f.IntVar(&limit, "limit", 0, "so many at most (default 0, all)")
	f.StringVar(&since, "since", "", "not before: a time, or how long ago, as in 24h")
	f.StringVar(&until, "until", "", "before: a time, or how long ago")
	return cmd
}

// showAudit prints the audit page by page.
func (s *adminSettings) showAudit(ctx context.Context, fields map[string]any, after int64, limit int) error {
	for left := limit; ; {
		page := transport.ListLimitMax
		if limit > 0 {
			page = min(page, left)
		}
		fields["after"], fields["limit"] = after, page
		r, err := s.askAdmin(ctx, "audit", fields)
		if err != nil {
			return err
		}
		if !s.json {
			if err := printAudit(s.stdout, r.Entries.Entries); err != nil {
				return err
			}
		}
		left -= len(r.Entries.Entries)
		if after = r.Entries.Next; after == 0 || limit > 0 && left <= 0 {
			return nil
		}
	}
}

func printAudit(w io.Writer, entries []wireAuditEntry) error {
	for i := range entries {
		e := &entries[i]
		who := "nobody named"
		if e.Operator != "" {
			who = e.Operator + " (declared)"
		}
		text := e.Verb
		if e.Arguments != "" {
			text += " " + e.Arguments
		}
		if _, err := fmt.Fprintf(w, "%6d  %s  %s  %s: %s  %s\n", e.Seq, e.At.UTC().Format(time.RFC3339), who, text, e.Code, e.RequestID); err != nil {
			return fmt.Errorf("print the audit: %w", err)
		}
	}
	return nil
}

// momentOf reads a time, or how long ago it was.
func momentOf(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a time, as in 2030-06-01T18:00:00Z, nor how long ago, as in 24h", text)
	}
	return at, nil
}
