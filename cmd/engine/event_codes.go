package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

const codesExample = `Codes, as YAML (JSON of the same fields is taken as well; docs/codes.md says what each does):

  codes:
    - name: fans              # everybody may see it, so it is never the code
      code: "FANS-4KQ7-ZP2M"  # in quotes; or its hash
      uses: 200
      lots: [ga, stalls]      # also lots that are code_only
      discount_bp: 1500       # 15 % off the face price; or discount_minor
      track: members          # of the line, in which it gives a place
      ends_at: 2030-05-01T10:00:00Z
    - {name: press, ended: true}`

// codes sets codes of an event, or shows them. A code is never an argument: those are seen by everybody on the machine, and kept by shells.
func (s *eventSettings) codes() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "codes ID [-f FILE]",
		Short: "Set presale and promo codes from a JSON or YAML file, or show what they are used",
		Long: `Adds, changes and ends codes of an event from a file, or from stdin with -f -. Of a code whose name the event has, only the fields that are given change. Without a
file it shows the event's first 256 codes: never what buyers type, which the engine does not know, it has only hashes.

` + codesExample,
		Example: `  engine event codes night-one -f codes.yaml --dry-run
  engine event codes night-one -f codes.yaml
  decrypt codes.yaml.age | engine event codes night-one -f -
  engine event codes night-one`,
		Args: oneEvent,
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				return s.sendShown(cmd.Context(), args[0], "get", "codes", map[string]any{})
			}
			id, fields, err := readEventFile(file, cmd.InOrStdin())
			if err != nil {
				return err
			}
			if id != "" && id != args[0] {
				return fmt.Errorf("the argument says event %s, the file says %s: which is it?", args[0], id)
			}
			if err := quotedCodes(fields); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			return s.sendShown(cmd.Context(), args[0], "codes", "codes", fields)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "file with the codes, JSON or YAML; - is stdin")
	return cmd
}

// quotedCodes refuses codes that are no text: YAML reads digits as a number, and what it makes of 0123 or 1e5 is another code.
func quotedCodes(fields map[string]any) error {
	list, ok := fields["codes"].([]any)
	if !ok || len(list) == 0 {
		return errors.New("it has no list `codes`: `engine event codes --help` shows one to start from")
	}
	for i := range list {
		code, ok := list[i].(map[string]any)
		if !ok {
			return fmt.Errorf("codes[%d] is not of the form {name: ..., code: ...}", i)
		}
		for _, name := range []string{"name", "code", "hash"} {
			if _, text := code[name].(string); !text && code[name] != nil {
				return fmt.Errorf("codes[%d].%s is not text: put it in quotes", i, name)
			}
		}
	}
	return nil
}

// withoutCodes is what a command that would be sent is shown as: a terminal is no place for codes.
func withoutCodes(fields map[string]any) map[string]any {
	list, ok := fields["codes"].([]any)
	if !ok {
		return fields
	}
	shown := map[string]any{}
	for name, v := range fields {
		shown[name] = v
	}
	hidden := make([]any, len(list))
	for i := range list {
		hidden[i] = list[i]
		if code, ok := list[i].(map[string]any); ok && code["code"] != nil {
			without := map[string]any{}
			for name, v := range code {
				without[name] = v
			}
			without["code"] = "(not shown)"
			hidden[i] = without
		}
	}
	shown["codes"] = hidden
	return shown
}

// wireCode is a code as the engine shows it.
type wireCode struct {
	Name          string   `json:"name"`
	Uses          int64    `json:"uses"`
	Used          int64    `json:"used"`
	Placed        int64    `json:"placed"`
	Lots          []string `json:"lots"`
	DiscountBp    int64    `json:"discount_bp"`
	DiscountMinor int64    `json:"discount_minor"`
	Track         string   `json:"track"`
	OpensAt       string   `json:"opens_at"`
	EndsAt        string   `json:"ends_at"`
	Ended         bool     `json:"ended"`
}

// printCodes shows the codes of an event to people.
func (e *wireEvent) printCodes(b *strings.Builder, suffix string) {
	if len(e.Codes) == 0 {
		fmt.Fprintf(b, "event %s has no codes%s; `engine event codes --help` shows how to set some\n", e.ID, suffix)
		return
	}
	for i := range e.Codes {
		c := &e.Codes[i]
		fmt.Fprintf(b, "code %s: %s of %s used", c.Name, thousands(c.Used), thousands(c.Uses))
		if c.Placed > 0 {
			fmt.Fprintf(b, ", %s places in the line", thousands(c.Placed))
		}
		if c.DiscountBp > 0 {
			fmt.Fprintf(b, ", %d.%02d %% off", c.DiscountBp/100, c.DiscountBp%100) //nolint:mnd // hundredths of a percent
		}
		if c.DiscountMinor > 0 {
			b.WriteString(", " + money(c.DiscountMinor, e.Currency) + " off")
		}
		for _, part := range [...]struct{ before, text string }{{", for ", strings.Join(c.Lots, " and ")}, {", as ", c.Track}, {", from ", c.OpensAt}, {", until ", c.EndsAt}} {
			if part.text != "" {
				b.WriteString(part.before + part.text)
			}
		}
		if c.Ended {
			b.WriteString(", ended")
		}
		b.WriteByte('\n')
	}
	if n := int64(len(e.Codes)); n < e.CodesAll {
		fmt.Fprintf(b, "%s of %s codes; name others in a file to see them\n", thousands(n), thousands(e.CodesAll))
	}
	if suffix != "" {
		fmt.Fprintln(b, strings.TrimSpace(suffix))
	}
}
