package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

// run is the whole program: main gives it the process, tests give it buffers. It returns when the command is done or ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
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
  engine event show ID        what became of it
  engine ticket show          the tickets of an order, with their codes
  engine kpi                  conversion, funnel, latency, money: the figures, live
  engine report --event ID    what a sale came to, as a page
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
		laneCommand(), oneClickCommand(), purchaseCommand(), vaultCommand(), walletCommand(), ticketCommand(), orderCommand(), webhooksCommand(), inspectCommand(), doctorCommand(), keysCommand(),
		sandboxCommand(),
		loadCommand(), kpiCommand(), baselineCommand(), reportCommand(), healthCommand(), versionCommand(),
	)
	return root
}
