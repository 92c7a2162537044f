package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
	"github.com/holdfast-engine/holdfast/store"
)

func archiveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "archive",
		Short:   "Read the files of archived events",
		Long:    `Reads the files below archive/ of a data folder, where events go at the end of their time of keeping. No engine is needed.`,
		Example: "  engine archive show ./data/archive/_/night-one.archive",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(archiveShow())
	return cmd
}

func archiveShow() *cobra.Command {
	var asJSON, facts bool
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Check an archive, and show what the event came to",
		Long: `Reads a whole archive: its checksum, its last state with every invariant and its state hash, and its facts, which are replayed to that state if the file has
them from the first on. Prints what the event came to.`,
		Example: `  engine archive show ./data/archive/_/night-one.archive
  engine archive show ./data/archive/_/night-one.archive --json
  engine archive show ./data/archive/_/night-one.archive --facts`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name one file, as in: engine archive show ./data/archive/_/night-one.archive")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return showArchive(args[0], asJSON, facts, cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	cmd.Flags().BoolVar(&facts, "facts", false, "print a line of each run of facts as well: first fact, number, time, bytes in hexadecimal")
	return cmd
}

// archiveReport is what is in an archive, as it is printed with --json.
type archiveReport struct {
	Account    string    `json:"account"`
	Event      string    `json:"event"`
	ArchivedAt time.Time `json:"archived_at"`
	Seq        uint64    `json:"seq"`
	FirstFact  uint64    `json:"first_fact"`
	Facts      uint64    `json:"facts"`
	Replayed   bool      `json:"replayed"`
	StateHash  string    `json:"state_hash"`
	Orders     int64     `json:"orders"`
	Tickets    int64     `json:"tickets"`
	Unsold     int64     `json:"unsold"`
	Requests   int64     `json:"request_ids"`
}

func showArchive(file string, asJSON, facts bool, stdout io.Writer) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("open the archive: %w", err)
	}
	defer f.Close()
	var lines strings.Builder
	var replayed *engine.Event
	info, err := store.ReadArchive(f, func(run *engine.Run) error {
		if facts {
			fmt.Fprintf(&lines, "%d %d %s %s\n", run.First, run.Facts.Count, time.Unix(0, int64(run.At)).UTC().Format(time.RFC3339Nano), hex.EncodeToString(run.Facts.Buf))
		}
		if run.First == 1 {
			replayed = engine.New(run.Key)
		}
		if replayed == nil {
			return nil // the log no longer had the first facts
		}
		return replayed.Fold(run)
	})
	if err != nil {
		return err
	}
	ev, err := lastState(&info)
	if err != nil {
		return err
	}
	if replayed != nil && replayed.StateHash() != info.StateHash {
		return errOtherEvent
	}
	return printArchive(&info, ev.Stats(), replayed != nil, asJSON, lines.String(), stdout)
}

var errOtherEvent = errors.New("the archive's facts, its state and its state hash are not of the same event: restore the file from a copy")

// lastState is the event in an archive.
func lastState(info *store.ArchiveInfo) (*engine.Event, error) {
	agg, err := wallet.OpenSnapshot(info.Key, info.State)
	if err != nil {
		return nil, fmt.Errorf("the last state in the archive: %w", err)
	}
	ev, ok := agg.(*engine.Event)
	if !ok || ev.StateHash() != info.StateHash {
		return nil, errOtherEvent
	}
	return ev, nil
}

// orArchived is a look that shows an event as its archive in a data folder has it, if it has been archived. From then on nothing happens to it: that is how it was behind
// every later batch too.
func orArchived(dir string, look func(store.Look) (store.Seen, error)) func(store.Look) (store.Seen, error) {
	return func(l store.Look) (store.Seen, error) {
		if l.Key.Kind != engine.KindEvent {
			return look(l)
		}
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(store.ArchiveFile(l.Key))))
		if errors.Is(err, os.ErrNotExist) {
			return look(l)
		}
		if err != nil {
			return store.Seen{}, fmt.Errorf("open the archive: %w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		info, err := store.ReadArchive(f, nil)
		if err == nil && info.Key != l.Key {
			err = errOtherEvent
		}
		if err != nil {
			return store.Seen{}, err
		}
		ev, err := lastState(&info)
		if err != nil {
			return store.Seen{}, err
		}
		ev.Reread()
		return store.Seen{State: ev, HighMark: info.At}, nil
	}
}

func printArchive(info *store.ArchiveInfo, stats engine.Stats, replayed, asJSON bool, facts string, stdout io.Writer) error {
	r := archiveReport{
		Account: info.Key.Account, Event: info.Key.ID, ArchivedAt: time.Unix(0, int64(info.At)).UTC(), Seq: uint64(info.Seq), FirstFact: uint64(info.First),
		Facts: info.Facts, Replayed: replayed, StateHash: fmt.Sprintf("%016x", info.StateHash),
		Orders: stats.Orders, Tickets: stats.Sold, Unsold: stats.Free, Requests: stats.Requests,
	}
	if asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "event %s of account %s, archived at %s\n", r.Event, r.Account, r.ArchivedAt.Format(time.RFC3339))
	fmt.Fprintf(&b, "  %s orders, %s tickets sold, %s unsold\n", thousands(r.Orders), thousands(r.Tickets), thousands(r.Unsold))
	switch {
	case r.Replayed:
		fmt.Fprintf(&b, "  all %s facts, replayed to state hash %s\n", thousands(int64(r.Facts)), r.StateHash)
	case r.Facts > 0:
		fmt.Fprintf(&b, "  facts %d to %d, and the state after them, with state hash %s; earlier ones had been cut from the log\n", r.FirstFact, r.Seq, r.StateHash)
	default:
		fmt.Fprintf(&b, "  the state after fact %d, with state hash %s; all facts had been cut from the log\n", r.Seq, r.StateHash)
	}
	b.WriteString(facts)
	_, err := io.WriteString(stdout, b.String())
	return err
}
