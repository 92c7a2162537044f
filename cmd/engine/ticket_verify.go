package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/transport/ticket"
)

// keySetTimeout is how long the keys may take to come from a URL.
const keySetTimeout = 10 * time.Second

func ticketVerifyCommand() *cobra.Command {
	var keys string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify CODE --jwks FILE|URL",
		Short: "Check a ticket's code without asking the engine",
		Long: `Checks a code against the public keys in a file, or at a URL as in http://127.0.0.1:8480/jwks.json, and says what it is for. The code - reads it from stdin. The
status is 0 only if the signature is good.

A good signature says that the ticket was sold, and which one it is. It cannot say whether the ticket was used, given back, or has got a newer code since: that is what
admit is for (docs/tickets.md).`,
		Example: `  engine ticket verify eyJhbGciOiJFZERTQSIsImtpZCI6... --jwks jwks.json
  engine ticket verify - --jwks http://127.0.0.1:8480/jwks.json < code.txt`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if keys == "" {
				return errors.New("name the public keys with --jwks FILE or URL; `engine ticket keys` prints them")
			}
			code := args[0]
			if code == "-" {
				text, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), ticket.CodeBytesMax+2))
				if err != nil {
					return fmt.Errorf("read the code: %w", err)
				}
				code = string(text)
			}
			text, err := readKeySet(cmd.Context(), keys)
			if err != nil {
				return fmt.Errorf("read --jwks: %w", err)
			}
			set, err := ticket.ParseKeySet(text)
			if err != nil {
				return fmt.Errorf("--jwks %s: %w", keys, err)
			}
			claims, err := ticket.Verify(code, set)
			if err != nil {
				return fmt.Errorf("NOT VALID: %w", err)
			}
			return printVerdict(cmd.OutOrStdout(), claims, asJSON)
		},
	}
	cmd.Flags().StringVar(&keys, "jwks", "", "file or URL with the public keys")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what the code says as JSON")
	return cmd
}

// printVerdict says what a good code is for, and what that does not mean.
func printVerdict(w io.Writer, c *ticket.Claims, asJSON bool) error {
	if asJSON {
		text, err := json.Marshal(c)
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n", text)
		}
		return err
	}
	_, err := fmt.Fprintf(w, `VALID SIGNATURE
event       %s
ticket      %s
for         %s
code        generation %d
sold        %s, by account %s
Only the engine knows whether this ticket was used, given back, or has a newer code: ask it to admit.
`, c.Event, c.Ticket, placeOf(c.Lot, c.Seat), c.Generation, c.Issued().Format(time.RFC3339), c.Account)
	return err
}

// readKeySet reads public keys from a file or a URL, and no more than there can be.
func readKeySet(ctx context.Context, from string) ([]byte, error) {
	if !strings.HasPrefix(from, "http://") && !strings.HasPrefix(from, "https://") {
		f, err := os.Open(from)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		return io.ReadAll(io.LimitReader(f, ticket.KeySetBytesMax+1))
	}
	ctx, cancel := context.WithTimeout(ctx, keySetTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", from, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, ticket.KeySetBytesMax+1))
}
