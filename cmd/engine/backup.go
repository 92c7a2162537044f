package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
	"github.com/holdfast-engine/holdfast/store"
)

func backupCommand() *cobra.Command {
	var c store.BackupConfig
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "backup DIR NEW",
		Short: "Make a backup of a stopped data folder (a running engine makes its own: see serve)",
		Long: `Makes a backup of the data folder DIR, which no engine uses, in the folder NEW, which must not be there or be empty. DIR is not changed.

The copy is checked like a data folder before it is called a backup: both copies of the newest log, the chain, every event's facts and state. A
folder that is not whole is refused. The file BACKUP, written last, says up to which batch of the log the backup is whole, the head of the chain there,
a hash over the states of all events, and every file with its SHA-256. What an interrupted backup leaves is marked and refused by restore.
The files of archived events come along; "engine archive show" replays one.

Tables on the same file system are linked, which takes no time and no space; but then a bad spot of the disk is bad in both. Use --copy, or another disk,
for a backup that survives the disk. Nothing can be sold from a backup: engine restore makes a data folder of it.`,
		Example: `  engine backup ./data /mnt/backups/monday
  engine backup ./data ./before-upgrade              linked: at once
  engine backup ./data ./before-upgrade --copy       with blocks of its own`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("name a data folder and a new folder for the backup, as in: engine backup ./data /mnt/backups/monday")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			from, to, err := absolutes(args[0], args[1])
			if err != nil {
				return err
			}
			c.Dir = to
			progress := newCopyProgress(cmd.ErrOrStderr(), "backup")
			c.Progress, c.Verifying = progress.copied, progress.verifying
			m, err := store.BackupFolder(cmd.Context(), store.VerifyConfig{Dir: from, New: wallet.NewAggregate, Open: wallet.OpenSnapshot}, c)
			if err != nil {
				return backupHelp(err, from)
			}
			return printBackup(cmd.OutOrStdout(), m, to, asJSON)
		},
	}
	cmd.Flags().BoolVar(&c.Copy, "copy", false, "copy tables instead of linking those on the same file system")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was made as JSON")
	return cmd
}

// backupHelp adds what to do next to an error of a backup.
func backupHelp(err error, from string) error {
	switch {
	case errors.Is(err, store.ErrInUse):
		return fmt.Errorf("%w; or let the engine make a backup while it serves: engine admin backup, or kill -USR1 PID", err)
	case errors.Is(err, store.ErrDamaged):
		return fmt.Errorf("%w; nothing was made: `engine verify %s` says what is wrong", err, from)
	}
	return err
}

func absolutes(a, b string) (string, string, error) {
	first, err := filepath.Abs(a)
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", a, err)
	}
	second, err := filepath.Abs(b)
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", b, err)
	}
	return first, second, nil
}

// madeBackup is what a backup or a restore says with --json: the manifest without its files.
type madeBackup struct {
	Dir         string    `json:"dir"`
	Made        time.Time `json:"made"`
	Folder      string    `json:"folder"`
	FirstBatch  uint64    `json:"first_batch"`
	LastBatch   uint64    `json:"last_batch"`
	ChainHead   string    `json:"chain_head"`
	States      string    `json:"states"`
	Aggregates  int       `json:"aggregates"`
	Files       int       `json:"files"`
	Bytes       uint64    `json:"bytes"`
	Incarnation string    `json:"incarnation,omitempty"` // of a restored folder, as it stands in ids
}

func describeBackup(m *store.Manifest, dir string) madeBackup {
	return madeBackup{
		Dir: dir, Made: m.Made, Folder: m.Folder, FirstBatch: m.FirstBatch, LastBatch: m.LastBatch, ChainHead: m.ChainHead, States: m.States,
		Aggregates: m.Aggregates, Files: len(m.Files), Bytes: m.Bytes,
	}
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print as JSON: %w", err)
	}
	return nil
}

func printBackup(w io.Writer, m *store.Manifest, dir string, asJSON bool) error {
	made := describeBackup(m, dir)
	if asJSON {
		return printJSON(w, made)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	made.rows(t, dir)
	fmt.Fprintf(t, "\nwhole, and verified. To use it: engine restore %s NEW\n", dir)
	return t.Flush()
}

func (b *madeBackup) rows(t io.Writer, title string) {
	fmt.Fprintf(t, "%s\n", title)
	fmt.Fprintf(t, "  made\t%s of folder %s\n", b.Made.Format(time.RFC3339), b.Folder)
	fmt.Fprintf(t, "  batches\t%d to %d, everything acknowledged up to there\n", b.FirstBatch, b.LastBatch)
	fmt.Fprintf(t, "  chain head\t%s\n", b.ChainHead)
	fmt.Fprintf(t, "  states\t%s over %s aggregates\n", b.States, thousands(int64(b.Aggregates)))
	fmt.Fprintf(t, "  files\t%s with %s bytes\n", thousands(int64(b.Files)), thousands(int64(b.Bytes)))
}

// copyProgress says how far a copy is, at most once a second, and nothing about a short one.
type copyProgress struct {
	w    io.Writer
	what string
	last time.Time
}

func newCopyProgress(w io.Writer, what string) *copyProgress {
	return &copyProgress{w: w, what: what, last: time.Now()}
}

func (p *copyProgress) copied(done, total uint64) {
	if now := time.Now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		fmt.Fprintf(p.w, "engine: %s: %d of %d MiB\n", p.what, done>>20, total>>20)
	}
}

func (p *copyProgress) verifying() {
	fmt.Fprintf(p.w, "engine: %s: everything is copied, verifying\n", p.what)
}

func restoreCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "restore BACKUP NEW",
		Short: "Make a data folder of a backup",
		Long: `Makes the data folder NEW, which must not be there or be empty, of a backup. The backup is only read.

Every file is compared with what the backup says of it, and the copy is checked like a data folder, before it gets its name: what an interrupted restore leaves
has ".unfinished" behind its name, cannot be served, and is removed by the next attempt.

The original may have gone on after the backup was made, and so may other copies. So a restore is noted in the log: holds, orders and tickets that are made from
now on have ids that say so (h18-tgs3k0 where the original gives h18), and are never mistaken for those of another copy. What was there keeps its id. The time
since the backup counts as an outage: nobody's hold has expired by it.

What was sold after the backup is not in it. Before you sell from NEW, stop the original for good.`,
		Example: `  engine restore /mnt/backups/monday ./data
  engine restore /mnt/backups/monday ./data && engine serve --data ./data`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("name a backup and a new data folder, as in: engine restore /mnt/backups/monday ./data")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return restoreBackup(cmd.Context(), args[0], args[1], asJSON, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was restored as JSON")
	return cmd
}

func restoreBackup(ctx context.Context, backup, dir string, asJSON bool, stdout, stderr io.Writer) error {
	from, to, err := absolutes(backup, dir)
	if err != nil {
		return err
	}
	progress := newCopyProgress(stderr, "restore")
	var failed error
	c := store.RestoreConfig{
		Backup: from, Progress: progress.copied, Verifying: progress.verifying,
		Store: store.Config{Dir: to, New: wallet.NewAggregate, Open: wallet.OpenSnapshot, Logger: slog.New(slog.DiscardHandler), ReserveBytes: -1, Fatal: func(err error) { failed = err }},
	}
	var in engine.Incarnation
	c.Incarnate = func(s *store.Store, rec *engine.Recovered) (err error) {
		// The second of the restore: two restores of one backup give different ids as well.
		in, err = actors.Restored(s, s, rec, engine.Incarnation(max(0, time.Now().Unix())))
		return err
	}
	m, err := store.Restore(ctx, c)
	if err = errors.Join(err, failed); err != nil {
		return restoreHelp(err, from)
	}
	made := describeBackup(m, to)
	made.Incarnation = string(engine.AppendIncarnation(nil, in))
	if asJSON {
		return printJSON(stdout, made)
	}
	t := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	made.rows(t, to)
	fmt.Fprintf(t, "  new ids\tend in -%s\n", made.Incarnation)
	fmt.Fprintf(t, "\nwhole, verified and ready: engine serve --data %s --vault-key FILE, with the key file of the original, which is in no backup\n", to)
	return t.Flush()
}

// restoreHelp adds what to do next to an error of a restore.
func restoreHelp(err error, backup string) error {
	switch {
	case errors.Is(err, store.ErrUnfinished), errors.Is(err, os.ErrNotExist):
		return err
	case errors.Is(err, store.ErrDamaged):
		return fmt.Errorf("%w; the backup is not what it says: take another; `engine verify %s` says more; nothing was made", err, backup)
	case errors.Is(err, store.ErrNewer):
		return fmt.Errorf("%w; nothing was made", err)
	}
	return err
}
