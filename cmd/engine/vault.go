package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine/wallet"
	"github.com/holdfast-engine/holdfast/store"
)

// vaultKeyBeside is where the vault's key is if nothing else was said: beside the folder itself, where data is a link to it.
func vaultKeyBeside(data string) string {
	if real, err := filepath.EvalSymlinks(data); err == nil {
		data = real
	}
	return data + "-vault.key"
}

// inside reports whether path lies in dir. Both are absolute.
func inside(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func vaultCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "vault",
		Example: "  engine vault rotate /srv/holdfast",
		Short:   "Change the key that closes saved payment methods",
		Long: `Saved methods of payment lie in the data folder, each buyer's under a key of their own. These keys are closed with one master key, which lies in a file
outside the folder: whoever has only one of the two has nothing.`,
	}
	cmd.AddCommand(vaultRotateCommand())
	return cmd
}

func vaultRotateCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "rotate DATA",
		Short: "Give a stopped engine's vault a new master key",
		Long: `Draws a new master key, closes every buyer's key with it and writes it into the key file in place of the old one. What is sealed is not touched. The
engine must be stopped: the folder is opened. If it is interrupted, either key opens what it closed, and the next rotation finishes it.

The old key still opens backups that were made before: keep a copy as long as you keep those.`,
		Example: `  engine vault rotate /srv/holdfast
  engine vault rotate /srv/holdfast --vault-key /etc/holdfast/vault.key`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return rotateVault(cmd.Context(), args[0], key, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&key, "vault-key", "", "the key file (default DATA-vault.key, beside the data folder)")
	return cmd
}

func rotateVault(ctx context.Context, data, key string, stdout io.Writer) (err error) {
	if data, err = filepath.Abs(data); err != nil {
		return fmt.Errorf("find the data folder: %w", err)
	}
	if key == "" {
		key = vaultKeyBeside(data)
	}
	if _, err := os.Stat(filepath.Join(data, "FORMAT")); err != nil {
		return fmt.Errorf("%s is no data folder: %w", data, err)
	}
	var failed error
	s, err := store.Open(store.Config{
		Dir: data, VaultKey: key, New: wallet.NewAggregate, Open: wallet.OpenSnapshot, Logger: slog.New(slog.DiscardHandler), ReserveBytes: -1,
		Fatal: func(err error) { failed = err },
	})
	if err != nil {
		return openHelp(err, data)
	}
	n, err := s.Vault().Rotate(ctx)
	if err := errors.Join(err, failed, s.Close()); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d keys are closed with a new master key, which is in %s; copy it to where you keep such files\n", n, key)
	return nil
}
