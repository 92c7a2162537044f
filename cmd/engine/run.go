package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// run is the whole program: main gives it the process, tests give it buffers. It returns when the command is done or ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var unknown string
	if err != nil && strings.HasPrefix(err.Error(), "unknown command ") { // of the program itself
		_, _ = fmt.Sscanf(err.Error(), "unknown command %q", &unknown) // else it is shown as nothing
		return noCommand(root, unknown)
	}
	return err
}

// noCommand says that a command has no such subcommand, which one was meant, and where to look.
func noCommand(of *cobra.Command, word string) error {
	of.SuggestionsMinimumDistance = 2 // letters
	near := ""
	if like := of.SuggestionsFor(word); len(like) > 0 {
		near = fmt.Sprintf("did you mean %s %s? ", of.CommandPath(), like[0])
	}
	return fmt.Errorf("there is no command %s %s: %s`%s --help` lists what there is", of.CommandPath(), word, near, of.CommandPath())
}

// explainArguments lets a command that was given words which it does not take say what it takes.
func explainArguments(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		explainArguments(sub)
	}
	check := cmd.Args
	if check == nil {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		switch {
		case err == nil:
			return nil
		case cmd.HasAvailableSubCommands() && len(args) > 0:
			return noCommand(cmd, args[0])
		case strings.Contains(err.Error(), "arg(s)") || strings.HasPrefix(err.Error(), "unknown command "):
			return fmt.Errorf("it is used as: %s; `%s --help` has examples", cmd.UseLine(), cmd.CommandPath())
		}
		return err
	}
}

// newRoot is the program with all its subcommands.
func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "engine",
		Short: "Holdfast sells tickets at the speed of a click",
		Long: `Holdfast is a reservation engine: it takes a buyer's click, holds the ticket, and hands it over once paid, for events
whose tickets vanish in minutes. Every answer it gives is on disk before it leaves.

Start here:
  engine demo                 a whole on-sale in a temporary folder, with 20,000 buyers: look first
  engine serve                the real thing, on 127.0.0.1:4222 (NATS) and 127.0.0.1:8480 (HTTP), data in ./data
  engine event create -f FILE a first event, from another terminal
  engine event show ID        what became of it; the dashboard is at http://127.0.0.1:8480/
  engine ticket show          the tickets of an order, with their codes
  engine line status ID       how far its line is; engine line verify ID recomputes the draw
  engine kpi                  conversion, funnel, latency, money: the figures, live
  engine report --event ID    what a sale came to, as a page
  engine baseline             the same figures of the checkout before, from a shop's own records
  engine health               is it ready?
  engine why ID REQUEST       what became of a request, and why
  engine admin audit          what operators have done
  engine verify DIR           prove that a data folder is whole (the engine must be stopped)
  engine load                 ask a running engine for so much a second, and see how it does
  engine backup DIR NEW       make a backup, and engine restore makes a data folder of it

Buyers' commands travel over NATS, in JSON or protobuf, from any language: see docs/wire.md.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(
		serveCommand(), demoCommand(), eventCommand(), adminCommand(), whyCommand(), archiveCommand(), verifyCommand(), backupCommand(), restoreCommand(),
		laneCommand(), oneClickCommand(), lineCommand(), purchaseCommand(), vaultCommand(), walletCommand(), ticketCommand(), orderCommand(), webhooksCommand(), inspectCommand(), doctorCommand(), keysCommand(),
		sandboxCommand(),
		loadCommand(), kpiCommand(), baselineCommand(), reportCommand(), healthCommand(), versionCommand(),
	)
	explainArguments(root)
	return root
}
