package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
)

const (
	natsDefault         = "nats://" + transport.ListenDefault
	eventTimeoutDefault = 10 * time.Second
)

// eventSettings are the flags that all event commands share.
type eventSettings struct {
	access    natsAccess
	timeout   time.Duration
	dryRun    bool
	requestID string
	json      bool
	stdout    io.Writer
}

func eventCommand() *cobra.Command {
	s := &eventSettings{}
	cmd := &cobra.Command{
		Use:   "event",
		Short: "Create, show and steer events of a running engine",
		Long: `Speaks to a running engine over NATS, with the same messages that services send (docs/wire.md). Refusals are printed with their code and end with status 1.

--dry-run checks a command with the engine's own rules, here, shows what would be sent, and sends nothing. In scripts give --request-id: the
same command with the same id has its effect once, however often it is sent.

` + accessHelp,
		Example: `  engine event create night-one -f night-one.yaml --dry-run
  engine event create night-one -f night-one.yaml
  engine event open night-one
  engine event show night-one
  engine event block night-one --lot stalls --seats A/1/1,A/1/2
  engine event capacity night-one --lot ga --to 1200
  engine event codes night-one -f codes.yaml
  engine event close night-one`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := cmd.PersistentFlags()
	s.access.addTo(f)
	f.DurationVar(&s.timeout, "timeout", eventTimeoutDefault, "how long to wait for an answer, as in 10s")
	f.BoolVar(&s.dryRun, "dry-run", false, "check the command here, show what would be sent, and send nothing")
	f.StringVar(&s.requestID, "request-id", "", "request id of the command (default a new random one): the same id again has its effect once")
	f.BoolVar(&s.json, "json", false, "print the engine's answer as JSON")
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return s.prepare(cmd) }
	cmd.AddCommand(s.create(), s.list(), s.show(), s.open(), s.pause(), s.close(), s.block(), s.capacity(), s.codes())
	return cmd
}

// prepare takes what is known only when a command runs.
func (s *eventSettings) prepare(cmd *cobra.Command) error {
	s.stdout = cmd.OutOrStdout()
	return s.access.fromEnvironment(cmd)
}

const eventExample = `An event, as YAML (JSON of the same fields is taken as well; docs/wire.md has them all):

  event: night-one            # or as the argument
  name: Night One
  currency: EUR
  starts_at: 2030-06-01T18:00:00Z
  hold_ttl_ms: 120000
  limit_per_buyer: 4
  open: true                  # on sale at once; otherwise engine event open
  # line: {mode: line}        # sold through a line (docs/line.md); a line without a mode is open: whoever comes may buy
  pools:
    - {pool: house, capacity: 1010}
  lots:
    - lot: ga
      face_minor: 4500        # 45.00 EUR
      fees: [{name: service, minor: 250}]
      capacity: 1000
      pools: [house]
    - lot: stalls
      face_minor: 9000
      rows: [{section: A, row: 1, seats: 20}]
      pools: [house]`

func (s *eventSettings) create() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "create [ID] -f FILE",
		Short: "Create an event from a JSON or YAML file",
		Long:  "Creates an event from a file, or from stdin with -f -.\n\n" + eventExample,
		Example: `  engine event create night-one -f night-one.yaml
  engine event create -f night-one.json --request-id night-one-1
  generate-event | engine event create night-one -f - --dry-run`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				return errors.New("name the event's file with -f FILE, or -f - for stdin; `engine event create --help` shows one to start from")
			}
			id, fields, err := readEventFile(file, cmd.InOrStdin())
			if err != nil {
				return err
			}
			switch {
			case len(args) == 1 && id != "" && id != args[0]:
				return fmt.Errorf("the argument says event %s, the file says %s: which is it?", args[0], id)
			case len(args) == 1:
				id = args[0]
			case id == "":
				return errors.New("the event has no id: give one as argument (engine event create ID -f FILE) or as the field `event` of the file")
			}
			return s.send(cmd.Context(), id, "create", fields)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "file with the event, JSON or YAML; - is stdin")
	return cmd
}

func (s *eventSettings) list() *cobra.Command {
	var after string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the ids of events",
		Example: "  engine event list\n  engine event list --after night-one --limit 10",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.listEvents(cmd.Context(), after, limit)
		},
	}
	cmd.Flags().StringVar(&after, "after", "", "list events whose id comes after this one")
	cmd.Flags().IntVar(&limit, "limit", 0, "list so many at most (default 0, all)")
	return cmd
}

func (s *eventSettings) show() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show an event: its lots and pools with their counts",
		Example: "  engine event show night-one\n  engine event show night-one --json",
		Args:    oneEvent,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.send(cmd.Context(), args[0], "get", map[string]any{})
		},
	}
}

func (s *eventSettings) open() *cobra.Command {
	return s.turn("open", "Put an event on sale", "Puts a draft or a paused event on sale.")
}

func (s *eventSettings) pause() *cobra.Command {
	return s.turn("pause", "Take no new holds until the event is opened again", "Takes no new holds until the event is opened again. Holds that were taken can still be paid.")
}

func (s *eventSettings) close() *cobra.Command {
	return s.turn("close", "End an event's sale", "Ends the sale for good. Holds that were taken can still be paid until their deadline.")
}

// turn is a command that changes nothing but the event's state.
func (s *eventSettings) turn(verb, short, long string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ID", Short: short, Long: long, Example: "  engine event " + verb + " night-one",
		Args: oneEvent,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.send(cmd.Context(), args[0], verb, map[string]any{})
		},
	}
}

func (s *eventSettings) block() *cobra.Command {
	var lot string
	var quantity int64
	var seats []string
	var undo bool
	cmd := &cobra.Command{
		Use:   "block ID --lot LOT --quantity N | --seats LABELS",
		Short: "Take free tickets of a lot out of sale, or put them back",
		Long:  "Takes free tickets of a lot out of sale: for guests, the press, a camera that stands in the way. --undo puts them back on sale.",
		Example: `  engine event block night-one --lot ga --quantity 40
  engine event block night-one --lot stalls --seats A/1/1,A/1/2
  engine event block night-one --lot ga --quantity 40 --undo`,
		Args: oneEvent,
		RunE: func(cmd *cobra.Command, args []string) error {
			fields := map[string]any{"lot": lot}
			switch {
			case lot == "":
				return errors.New("name the lot with --lot; `engine event show " + args[0] + "` lists them")
			case (quantity != 0) == (len(seats) > 0):
				return errors.New("say what to block: --quantity N in a counted lot, --seats A/1/1,A/1/2 in a seated one")
			case quantity != 0:
				fields["quantity"] = quantity
			default:
				fields["seats"] = seats
			}
			verb := "block"
			if undo {
				verb = "unblock"
			}
			return s.send(cmd.Context(), args[0], verb, fields)
		},
	}
	f := cmd.Flags()
	f.StringVar(&lot, "lot", "", "lot to block tickets of")
	f.Int64Var(&quantity, "quantity", 0, "tickets of a counted lot")
	f.StringSliceVar(&seats, "seats", nil, "labels of seats of a seated lot, as in A/1/1,A/1/2")
	f.BoolVar(&undo, "undo", false, "put blocked tickets back on sale")
	return cmd
}

func (s *eventSettings) capacity() *cobra.Command {
	var lot, pool string
	var to int64
	cmd := &cobra.Command{
		Use:   "capacity ID --lot LOT | --pool POOL --to N",
		Short: "Set the capacity of a lot or a pool",
		Long: `Sets the capacity of a lot or a pool, in tickets. It never goes below what is held, being paid, sold or blocked: the answer says what
was possible.`,
		Example: `  engine event capacity night-one --lot ga --to 1200
  engine event capacity night-one --pool house --to 4800`,
		Args: oneEvent,
		RunE: func(cmd *cobra.Command, args []string) error {
			fields := map[string]any{"capacity": to}
			switch {
			case (lot == "") == (pool == ""):
				return errors.New("say whose capacity to set: --lot LOT or --pool POOL; `engine event show " + args[0] + "` lists them")
			case !cmd.Flags().Changed("to"):
				return errors.New("say what to set it to, in tickets: --to N")
			case lot != "":
				fields["lot"] = lot
			default:
				fields["pool"] = pool
			}
			return s.send(cmd.Context(), args[0], "capacity", fields)
		},
	}
	f := cmd.Flags()
	f.StringVar(&lot, "lot", "", "lot to change")
	f.StringVar(&pool, "pool", "", "pool to change")
	f.Int64Var(&to, "to", 0, "the new capacity, in tickets")
	return cmd
}

func oneEvent(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one event, as in: engine event %s night-one; `engine event list` lists them", cmd.Name())
	}
	return nil
}

// send gives one command to the engine, or to its rules with --dry-run, and prints the answer.
func (s *eventSettings) send(ctx context.Context, event, verb string, fields map[string]any) error {
	return s.sendShown(ctx, event, verb, verb, fields)
}

// sendShown is send for a command whose answer is shown in another way.
func (s *eventSettings) sendShown(ctx context.Context, event, verb, shown string, fields map[string]any) error {
	if !engine.ValidID(event) {
		return fmt.Errorf("refused, invalid: %q cannot be the id of an event: use 1 to %d of A-Z a-z 0-9 _ -", event, engine.IDLenMax)
	}
	if verb != "get" {
		switch id := s.requestID; {
		case id != "":
			fields["request_id"] = id
		case fields["request_id"] == nil:
			fields["request_id"] = newRequestID()
		}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	subject := transport.Subject(event, verb)
	if s.dryRun {
		visible, err := json.Marshal(withoutCodes(fields))
		if err != nil {
			return fmt.Errorf("%s: %w", verb, err)
		}
		return rehearse(ctx, s.timeout, s.stdout, event, subject, body, visible)
	}
	reply, err := s.ask(ctx, subject, body)
	if err != nil {
		return err
	}
	return s.print(event, shown, reply)
}

// newRequestID is an id that nobody has used.
func newRequestID() string {
	var random [12]byte
	_, _ = rand.Read(random[:]) // it never fails: see its documentation
	return "cli-" + hex.EncodeToString(random[:])
}
