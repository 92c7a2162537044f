package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/transport"
)

func (s *adminSettings) inspect() *cobra.Command {
	var at string
	var facts int
	cmd := &cobra.Command{
		Use:   "inspect EVENT",
		Short: "Show what an event is, or was, in a running engine",
		Long: fmt.Sprintf(`Shows an event as the log of a running engine has it, and its newest facts in words, as "engine inspect" does of a folder that no engine uses.

--at shows it as it was: behind one of its facts (--at 4711), behind a batch of the log (--at batch:17), or at a moment (--at 2026-05-01T10:02:00Z, in node
time). Of the past there is as much as the log has: it is cut behind snapshots, and where a moment is gone this command says which is the first that is there.

The engine reads its log for this from where it begins, one such command at a time, for %v at most, and goes on serving: give --timeout for a long log.
Facts name buyers by the ids that the calling services chose.`, inspectTimeMax),
		Example: `  engine admin inspect night-one
  engine admin inspect night-one --at 2026-05-01T10:02:00Z --facts 50
  engine admin inspect night-one --at 4711 --json --timeout 30s`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name one event, as in: engine admin inspect night-one")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			moment, err := lookAt(at)
			if err != nil {
				return err
			}
			if facts < 0 || facts > transport.InspectFactsMax {
				return fmt.Errorf("--facts %d: choose 0 to %d", facts, transport.InspectFactsMax)
			}
			fields := map[string]any{"event": args[0], "facts": facts}
			switch {
			case moment.Fact > 0:
				fields["fact"] = moment.Fact
			case moment.Batch > 0:
				fields["batch"] = moment.Batch
			case moment.Time > 0:
				fields["at"] = timeOf(moment.Time).Format(time.RFC3339Nano)
			}
			return s.send(cmd.Context(), "inspect", fields, func(w io.Writer, r *wireAdminReply) { _ = r.Inspection.print(w) }) // into memory
		},
	}
	f := cmd.Flags()
	f.StringVar(&at, "at", "", "the moment to show: a fact's number, batch:NUMBER, or a time in RFC 3339 (default the end of the log)")
	f.IntVar(&facts, "facts", inspectFactsDefault, fmt.Sprintf("how many of the newest facts to show, 0 to %d", transport.InspectFactsMax))
	return cmd
}
