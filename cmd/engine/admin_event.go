package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (s *adminSettings) archive() *cobra.Command {
	return s.ofEvent("archive", "Archive a closed event now", `Archives a closed event, as the engine does by itself at the end of its time of keeping (engine serve --retention): its last state and its facts move into a
file of their own below archive/ in the data folder, and its id stays taken for good. Refused while the event is not closed, or anything is held or being paid.
There is no way back into the engine; "engine archive show" reads the file.`)
}

func (s *adminSettings) sleep() *cobra.Command {
	return s.ofEvent("sleep", "Put an event to sleep now", `Takes an event out of memory as soon as nobody asks for it, without waiting until it has been idle for long. The next command wakes it.`)
}

func (s *adminSettings) releaseQuarantine() *cobra.Command {
	return s.ofEvent("release-quarantine", "Try again to rebuild a quarantined event", `Rebuilds an event that was set aside from the log, checks every invariant, and lets it go on if it is whole. Otherwise it stays set aside, and the answer
says why. Look at the log and at "engine verify" first: what set it aside was a bug.`)
}

// ofEvent is a command about one event.
func (s *adminSettings) ofEvent(verb, short, long string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ID", Short: short, Long: long, Example: "  engine admin " + verb + " night-one --as maria",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("name one event, as in: engine admin %s night-one", verb)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.send(cmd.Context(), verb, map[string]any{"event": args[0]}, func(w io.Writer, r *wireAdminReply) {
				fmt.Fprintf(w, "event %s is %s", r.Event.Event, r.Event.Place)
				if r.Event.File != "" {
					fmt.Fprintf(w, ", in %s of the data folder", r.Event.File)
				}
				fmt.Fprintln(w)
			})
		},
	}
}
