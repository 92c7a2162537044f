package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/ticket"
)

// ticketSettings are the flags that the ticket commands share.
type ticketSettings struct {
	eventSettings
	event, order string
}

func ticketCommand() *cobra.Command {
	s := &ticketSettings{}
	cmd := &cobra.Command{
		Use:   "ticket",
		Short: "Show, draw and verify the codes of tickets",
		Long: `Every ticket has a code, which its buyer shows at the door: a signed text (a compact JWS), drawn as a QR code. Whoever has the public keys can check that a code
is genuine, without asking the engine; only the engine knows whether it was used. docs/tickets.md has the whole of it.

` + accessHelp,
		Example: `  engine ticket show --event night-one --order o17
  engine ticket qr --event night-one --order o17 --out tickets
  engine ticket keys > jwks.json
  engine ticket verify CODE --jwks jwks.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(s.show(), s.qr(), s.keys(), ticketVerifyCommand(), ticketRotateCommand())
	return cmd
}

// addTo gives a command the flags that say which engine is meant, and which order.
func (s *ticketSettings) addTo(cmd *cobra.Command, ofOrder bool) {
	f := cmd.Flags()
	if ofOrder {
		f.StringVar(&s.event, "event", "", "event of the order")
		f.StringVar(&s.order, "order", "", "the order, as in o17")
	}
	s.access.addTo(f)
	f.DurationVar(&s.timeout, "timeout", eventTimeoutDefault, "how long to wait for an answer, as in 10s")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if ofOrder && (s.event == "" || s.order == "") {
			return fmt.Errorf("name the order: engine ticket %s --event night-one --order o17", cmd.Name())
		}
		return s.prepare(cmd)
	}
}

// wireTicket is a ticket as the engine shows it.
type wireTicket struct {
	ID    string `json:"id"`
	Lot   string `json:"lot"`
	Seat  string `json:"seat"`
	State string `json:"state"`
	Code  string `json:"code"`
}

// tickets reads the tickets of the order, with their codes. It also returns the answer as it came.
func (s *ticketSettings) tickets(ctx context.Context) ([]wireTicket, []byte, error) {
	if !engine.ValidID(s.event) {
		return nil, nil, fmt.Errorf("%q cannot be the id of an event", s.event)
	}
	body, err := json.Marshal(map[string]any{"order": s.order, "codes": true})
	if err != nil {
		return nil, nil, fmt.Errorf("order: %w", err)
	}
	answer, err := s.ask(ctx, transport.Subject(s.event, "order"), body)
	if err != nil {
		return nil, nil, err
	}
	var r struct {
		Error *wireError `json:"error"`
		Order struct {
			Tickets []wireTicket `json:"tickets"`
		} `json:"order"`
	}
	if err := json.Unmarshal(answer, &r); err != nil {
		return nil, nil, fmt.Errorf("the engine's answer cannot be read: %w", err)
	}
	if r.Error != nil {
		return nil, nil, r.Error
	}
	return r.Order.Tickets, answer, nil
}

func (s *ticketSettings) show() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show --event EVENT --order ORDER",
		Short:   "Show the tickets of an order with their codes",
		Long:    "Shows the tickets of an order with their codes. A code is as good as the ticket: do not leave it where others read it.",
		Example: "  engine ticket show --event night-one --order o17\n  engine ticket show --event night-one --order o17 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, answer, err := s.tickets(cmd.Context())
			if err != nil {
				return err
			}
			if s.json {
				return s.printJSON(answer)
			}
			for _, t := range list {
				code := t.Code
				if code == "" {
					code = "no code"
				}
				if _, err := fmt.Fprintf(s.stdout, "%-8s %-9s %s\n%s\n", t.ID, t.State, placeOf(t.Lot, t.Seat), code); err != nil {
					return fmt.Errorf("print the tickets: %w", err)
				}
			}
			return nil
		},
	}
	s.addTo(cmd, true)
	cmd.Flags().BoolVar(&s.json, "json", false, "print the engine's answer as JSON")
	return cmd
}

// placeOf is what a ticket is for: a seat, or a lot.
func placeOf(lot, seat string) string {
	if seat == "" {
		return lot
	}
	return lot + ", seat " + seat
}

func (s *ticketSettings) qr() *cobra.Command {
	var dir, format string
	var pixels int
	cmd := &cobra.Command{
		Use:     "qr --event EVENT --order ORDER --out DIR",
		Short:   "Draw the codes of an order's tickets as QR codes",
		Long:    "Draws the code of each ticket of an order that still admits somebody: a file for each in the folder DIR, readable by its owner only.",
		Example: "  engine ticket qr --event night-one --order o17 --out tickets\n  engine ticket qr --event night-one --order o17 --out tickets --format svg",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case dir == "":
				return errors.New("name the folder for the pictures with --out DIR")
			case format != "png" && format != "svg":
				return fmt.Errorf("--format %q: choose png or svg", format)
			}
			list, _, err := s.tickets(cmd.Context())
			if err != nil {
				return err
			}
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return fmt.Errorf("make the folder for the pictures: %w", err)
			}
			for _, t := range list {
				if t.Code == "" {
					continue
				}
				if err := s.draw(t, filepath.Join(dir, s.event+"-"+t.ID+"."+format), pixels); err != nil {
					return err
				}
			}
			return nil
		},
	}
	s.addTo(cmd, true)
	f := cmd.Flags()
	f.StringVar(&dir, "out", "", "folder for the pictures; made if it is missing")
	f.StringVar(&format, "format", "png", "png or svg")
	f.IntVar(&pixels, "pixels", 8, fmt.Sprintf("png: pixels of a module, 1 to %d", ticket.ModulePixelsMax)) //nolint:mnd // readable on a phone and on paper
	return cmd
}

// draw writes the picture of one ticket.
func (s *ticketSettings) draw(t wireTicket, file string, pixels int) error {
	q, err := ticket.Draw(t.Code)
	if err != nil {
		return err
	}
	picture := q.SVG()
	if filepath.Ext(file) == ".png" {
		if picture, err = q.PNG(pixels); err != nil {
			return err
		}
	}
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		return fmt.Errorf("write a picture: %w", err)
	}
	_, err = fmt.Fprintf(s.stdout, "%s  %s, %s\n", file, t.ID, placeOf(t.Lot, t.Seat))
	return err
}

func (s *ticketSettings) keys() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "keys",
		Short:   "Print the public keys that verify codes, as JSON (JWKS)",
		Long:    "Prints the public keys of the account, as GET /jwks.json does. They are no secret. Gates keep a copy, and fetch it again after a rotation.",
		Example: "  engine ticket keys > jwks.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := s.ask(cmd.Context(), transport.SubjectJWKS, nil)
			if err != nil {
				return err
			}
			if _, err := ticket.ParseKeySet(answer); err != nil {
				return fmt.Errorf("the engine's answer cannot be used: %w: %s", err, answer)
			}
			_, err = fmt.Fprintf(s.stdout, "%s\n", answer)
			return err
		},
	}
	s.addTo(cmd, false)
	return cmd
}

func ticketRotateCommand() *cobra.Command {
	s := &adminSettings{}
	cmd := &cobra.Command{
		Use:     "rotate",
		Short:   "Sign codes with a new key from now on",
		Long:    "Makes a new key, which signs codes from now on. Codes that were signed before stay good: fetch the public keys again wherever a copy of them is kept. An operator's command: it is in the audit.",
		Example: "  engine ticket rotate --as maria",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.send(cmd.Context(), "ticket-rotate", map[string]any{}, func(w io.Writer, r *wireAdminReply) {
				fmt.Fprintf(w, "key %s signs from now on; give the public keys to the gates again\n", r.TicketKey)
			})
		},
	}
	s.addTo(cmd)
	return cmd
}
