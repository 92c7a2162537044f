package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// wireWebhooks is what the webhooks commands read of an answer.
type wireWebhooks struct {
	Endpoints []struct {
		ID        string    `json:"id"`
		Host      string    `json:"host"`
		Kinds     []string  `json:"kinds"`
		Made      time.Time `json:"made"`
		Delivered int64     `json:"delivered"`
		Failed    int64     `json:"failed"`
		Waiting   int64     `json:"waiting"`
		Error     string    `json:"error"`
	} `json:"endpoints"`
	Made   string `json:"made"`
	Secret string `json:"secret"`
	Dead   []struct {
		Notice   string    `json:"notice"`
		Subject  string    `json:"subject"`
		At       time.Time `json:"at"`
		Attempts int64     `json:"attempts"`
		Error    string    `json:"error"`
	} `json:"dead"`
	Delivered int64  `json:"delivered"`
	Problem   string `json:"problem"`
}

func webhooksCommand() *cobra.Command {
	s := &adminSettings{}
	cmd := &cobra.Command{
		Use:   "webhooks",
		Short: "Deliver notices to HTTPS endpoints",
		Long: `Has a running engine deliver its notices (docs/notices.md) to HTTPS endpoints: signed as Standard Webhooks says, again and again for two days until the endpoint takes them
(docs/webhooks.md). What is asked for is in the engine's audit.

` + accessHelp,
		Example: `  engine webhooks add https://shop.example/hooks --kinds order.confirmed,order.refunding
  engine webhooks list
  engine webhooks dead wh-0123456789ab
  engine webhooks replay wh-0123456789ab --since 2h
  engine webhooks remove wh-0123456789ab`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	s.addTo(cmd)
	cmd.AddCommand(s.webhooksAdd(), s.webhooksList(), s.webhooksRemove(), s.webhooksReplay(), s.webhooksDead())
	return cmd
}

func (s *adminSettings) webhooksAdd() *cobra.Command {
	var kinds []string
	cmd := &cobra.Command{
		Use:   "add URL",
		Short: "Deliver what is published from now on to a URL",
		Long: `Adds an endpoint, and prints its id and the secret that its requests are signed with. The secret is shown this once: give it to the service behind the URL. The URL must be
https and reachable from outside: addresses of networks of your own are never called.`,
		Example: "  engine webhooks add https://shop.example/hooks\n  engine webhooks add https://shop.example/hooks --kinds ticket.issued,ticket.replaced",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			fields := map[string]any{"action": "add", "url": args[0]}
			if len(kinds) > 0 {
				fields["kinds"] = kinds
			}
			return s.send(cmd.Context(), "webhooks", fields, func(w io.Writer, r *wireAdminReply) {
				fmt.Fprintf(w, "endpoint %s\nsecret   %s\nThe secret is shown this once.\n", r.Webhooks.Made, r.Webhooks.Secret)
			})
		},
	}
	cmd.Flags().StringSliceVar(&kinds, "kinds", nil, "kinds of notices, as in order.confirmed,ticket.issued (default all)")
	return cmd
}

func (s *adminSettings) webhooksList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show the endpoints and how they do", Example: "  engine webhooks list\n  engine webhooks list --json", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.send(cmd.Context(), "webhooks", map[string]any{"action": "list"}, func(w io.Writer, r *wireAdminReply) {
				if len(r.Webhooks.Endpoints) == 0 {
					fmt.Fprintln(w, "no endpoints: `engine webhooks add URL` makes one")
				}
				for _, e := range r.Webhooks.Endpoints {
					kinds := "all notices"
					if len(e.Kinds) > 0 {
						kinds = strings.Join(e.Kinds, ", ")
					}
					fmt.Fprintf(w, "%s  %s  %s\n  %s delivered, %s attempts failed, %s wait\n", e.ID, e.Host, kinds, thousands(e.Delivered), thousands(e.Failed), thousands(e.Waiting))
					if e.Error != "" {
						fmt.Fprintf(w, "  last failure: %s\n", e.Error)
					}
				}
			})
		},
	}
}

func (s *adminSettings) webhooksRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove ID", Short: "Deliver nothing more to an endpoint", Example: "  engine webhooks remove wh-0123456789ab", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.send(cmd.Context(), "webhooks", map[string]any{"action": "remove", "endpoint": args[0]}, func(w io.Writer, _ *wireAdminReply) {
				fmt.Fprintf(w, "endpoint %s is removed\n", args[0])
			})
		},
	}
}

func (s *adminSettings) webhooksReplay() *cobra.Command {
	var since string
	var limit int
	cmd := &cobra.Command{
		Use:   "replay ID",
		Short: "Deliver dead letters again, or everything since a moment",
		Long: `Without --since it delivers the endpoint's dead letters again, oldest first, and stops at the first that fails. With --since it delivers everything again that was published since
then, as far as the stream still has it, and goes on from there: the endpoint knows by the ids what it has had.`,
		Example: "  engine webhooks replay wh-0123456789ab\n  engine webhooks replay wh-0123456789ab --since 2h",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			fields := map[string]any{"action": "replay", "endpoint": args[0]}
			if since != "" {
				at, err := momentOf(since, time.Now())
				if err != nil {
					return fmt.Errorf("--since %w", err)
				}
				fields["since"] = at.UTC().Format(time.RFC3339Nano)
			}
			if limit > 0 {
				fields["limit"] = limit
			}
			r, err := s.askAdmin(cmd.Context(), "webhooks", fields)
			if err != nil || s.json {
				return err
			}
			if since != "" {
				_, err = fmt.Fprintf(s.stdout, "endpoint %s gets again what was published since then\n", args[0])
				return err
			}
			if _, err := fmt.Fprintf(s.stdout, "%d dead letters delivered\n", r.Webhooks.Delivered); err != nil {
				return fmt.Errorf("print the answer: %w", err)
			}
			if p := r.Webhooks.Problem; p != "" {
				return errors.New("the next one was not: " + p)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "a time, or how long ago, as in 2h")
	cmd.Flags().IntVar(&limit, "limit", 0, "so many dead letters at most (default 0, 100 of them)")
	return cmd
}

func (s *adminSettings) webhooksDead() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "dead ID", Short: "Show the notices that an endpoint would not take", Example: "  engine webhooks dead wh-0123456789ab", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			fields := map[string]any{"action": "dead", "endpoint": args[0]}
			if limit > 0 {
				fields["limit"] = limit
			}
			return s.send(cmd.Context(), "webhooks", fields, func(w io.Writer, r *wireAdminReply) {
				for _, l := range r.Webhooks.Dead {
					fmt.Fprintf(w, "%s  %s  %s  %d attempts: %s\n", l.At.UTC().Format(time.RFC3339), l.Notice, l.Subject, l.Attempts, l.Error)
				}
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "so many at most (default 0, 100 of them)")
	return cmd
}
