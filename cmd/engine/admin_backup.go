package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// wireBackup is what the engine says of a backup.
type wireBackup struct {
	Name       string    `json:"name"`
	Path       string    `json:"path"`
	State      string    `json:"state"`
	LastBatch  int64     `json:"last_batch"`
	ChainHead  string    `json:"chain_head"`
	States     string    `json:"states"`
	Aggregates int64     `json:"aggregates"`
	Bytes      int64     `json:"bytes"`
	Made       time.Time `json:"made"`
}

// backupAskedEvery is how often a backup that is being made is asked about: each time is in the audit.
const backupAskedEvery = 10 * time.Second

func (s *adminSettings) backup() *cobra.Command {
	return &cobra.Command{
		Use:   "backup [NAME]",
		Short: "Let a running engine make a backup of itself, and wait for it",
		Long: `Lets the engine make a verified backup of itself while it serves, in a new folder called NAME (an id; the default is the time in UTC) below the folder that
"engine serve --backups" says, on the engine's machine. It holds the events of every account. One is made at a time.

It waits until the backup is whole, and asks how far it is every ten seconds. If it is interrupted, the engine goes on: the same command with the same NAME
waits on, or says what the backup has. Restore it with "engine restore".`,
		Example: `  engine admin backup
  engine admin backup before-the-sale --as maria
  engine admin backup before-the-sale --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			return s.awaitBackup(cmd.Context(), name, cmd.ErrOrStderr())
		},
	}
}

// awaitBackup asks for a backup until it is whole, and shows it.
func (s *adminSettings) awaitBackup(ctx context.Context, name string, stderr io.Writer) error {
	for said := false; ; {
		fields := map[string]any{}
		if name != "" {
			fields["name"] = name
		}
		answer, r, err := s.askOnce(ctx, "backup", fields)
		if err != nil {
			return err
		}
		b := r.Backup
		switch {
		case r.Error == nil && b == nil:
			return fmt.Errorf("the engine's answer says nothing of a backup: %s", answer)
		case r.Error == nil && b.State != "whole":
			if name = b.Name; !said {
				said = true
				fmt.Fprintf(stderr, "engine: backup %s is being made in %s\n", b.Name, b.Path)
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("the engine goes on with backup %s: %w", name, ctx.Err())
			case <-time.After(backupAskedEvery):
			}
			continue
		case s.json:
			if err := s.printJSON(answer); err != nil {
				return err
			}
		}
		if r.Error != nil {
			return r.Error
		}
		if s.json {
			return nil
		}
		_, err = fmt.Fprintf(s.stdout, "backup %s is whole and verified, made %s\n  folder      %s\n  last batch  %d\n  chain head  %s\n  states      %s over %s aggregates\n  bytes       %s\n",
			b.Name, b.Made.UTC().Format(time.RFC3339), b.Path, b.LastBatch, b.ChainHead, b.States, thousands(b.Aggregates), thousands(b.Bytes))
		return err
	}
}
