package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/transport"
)

func keysCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "keys FILE...",
		Short: "Make nkeys for NATS users",
		Long: `Makes an nkey for each file: the seed, which is the secret, goes into the file, readable by its owner only; the public key is printed, for the
configuration of the NATS server. A file that exists is left alone and the command ends there.`,
		Example: `  engine keys shop.nk                    prints the public key, U...
  engine keys engine.nk shop.nk office.nk
  engine event list --nkey office.nk     connects as that user`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, files []string) error {
			if len(files) == 0 {
				return errors.New("name a file for each key, as in: engine keys shop.nk")
			}
			for _, file := range files {
				public, err := makeKey(file)
				if err != nil {
					return err
				}
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", public, file); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// makeKey writes the seed of a new nkey into a new file and returns the public key.
func makeKey(file string) (public string, err error) {
	seed, public, err := transport.NewUserKey()
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	_, err = f.Write(append(seed, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("make a key: %w", err), os.Remove(file))
	}
	return public, nil
}
