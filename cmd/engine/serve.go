package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-engine/holdfast/store"
	"github.com/holdfast-engine/holdfast/transport"
)

// The defaults of serve that are not a bound of a room.
const (
	dataDefault = "./data"
	// drainDefault is how long a stop waits for answers that are under way: more than any disk that still works should take.
	drainDefault = 30 * time.Second
)

// logSettings say how a process logs. Log lines go to stderr: stdout is for what scripts read.
type logSettings struct {
	level  string
	format string
}

func (l *logSettings) addTo(f *pflag.FlagSet, level string) {
	f.StringVar(&l.level, "log-level", level, "least level of log lines: debug, info, warn or error")
	f.StringVar(&l.format, "log-format", "text", "form of log lines on stderr: text or json")
}

// logger makes the logger that the settings ask for.
func (l *logSettings) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		return nil, fmt.Errorf("--log-level %q: choose debug, info, warn or error", l.level)
	}
	options := &slog.HandlerOptions{Level: level}
	switch l.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, fmt.Errorf("--log-format %q: choose text or json", l.format)
}

func serveCommand() *cobra.Command {
	var c processConfig
	var log logSettings
	var config string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the engine",
		Long: `Runs the engine until it is told to stop. It keeps everything in one data folder, which it makes if it is missing, and embeds a NATS
server, so nothing else has to be installed. When it answers, it prints one line of JSON on stdout:

  {"ready":true,"nats":"nats://127.0.0.1:4222","http":"http://127.0.0.1:8480","data":"/srv/data","recovery_ms":12,"facts":3405}

SIGTERM (or Ctrl-C) stops it: it takes nothing more, answers what it took, syncs and exits with status 0. A second signal ends it at once;
nothing that was acknowledged is lost then either.

SIGUSR1 makes a backup while it serves: kill -USR1 PID, where PID is in the ready line. It goes into a new folder below --backups, named by the time
in UTC, as in 20261122T031500Z; the log says when it is whole, and engine restore makes a data folder of it.

On the HTTP side / is the dashboard, to open in a browser; /metrics is for Prometheus, /api/v1/ has figures as JSON (docs/kpis.md), /jwks.json the keys that
verify tickets; /healthz says that the process lives, /readyz that it has recovered and its disk answers.
` + settingsHelp,
		Example: `  engine serve                                             everything on this machine, data in ./data
  engine serve --data /srv/holdfast --log-format json      as a service
  engine serve --listen 127.0.0.1:0 --http 127.0.0.1:0     on free ports: the ready line names them
  engine serve --nats nats://nats.internal:4222 --nkey engine.nk --tls-ca ca.pem   on a NATS system that is there already
  engine serve --nats-config nats.conf --nkey engine.nk    with users and TLS
  HOLDFAST_SLEEP_AFTER=10m engine serve --config engine.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := applySettings(cmd); err != nil {
				return err
			}
			logger, err := log.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if c.natsURL != "" && c.natsConfig != "" {
				return errors.New("--nats uses a NATS system that is there already: --nats-config is for the embedded one")
			}
			c.logger = logger
			store.SpareThreads()
			return serve(cmd.Context(), &c, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false // what everybody needs comes first
	f.StringVar(&c.data, "data", dataDefault, "data folder; made with mode 0700 if it is missing")
	f.StringVar(&c.listen, "listen", "", "address of the embedded NATS server (default "+transport.ListenDefault+", or what --nats-config says); port 0 picks a free one; beyond loopback it wants users and TLS")
	f.StringVar(&c.http, "http", transport.HTTPListenDefault, "address of the dashboard, figures, metrics and health; port 0 picks a free one; beyond loopback it wants --http-token-file or --http-cert")
	f.StringVar(&c.natsURL, "nats", "", "use the NATS system at this URL instead of embedding a server")
	f.StringVar(&c.natsConfig, "nats-config", "", "configuration of the embedded NATS server in the form of NATS, with accounts, users, permissions and TLS (default no users); deploy/nats.conf is one to start from")
	f.StringVar(&config, "config", "", "YAML file with settings, one a line, as in sleep-after: 10m")
	f.DurationVar(&c.drain, "drain-timeout", drainDefault, "how long a stop waits for answers that are under way, as in 30s")
	f.StringVar(&c.backups, "backups", "", "folder for backups of the running engine (default DATA-backups, beside the data folder)")
	f.BoolVar(&c.backupsCopy, "backups-copy", false, "copy tables into backups instead of linking those on the same file system")
	f.BoolVar(&c.bounds.actors.OneClickAtOnce, "one-click-at-once", false, "let buyers buy with one click who have not completed a purchase before")
	f.StringVar(&c.vaultKey, "vault-key", "", "file with the key that closes saved payment methods (default DATA-vault.key, beside the data folder); made with mode 0600 at the first start. Keep a copy of it apart from the data: without it they are lost")
	c.gateways.addTo(f)
	log.addTo(f, "info")
	c.httpAccess.addTo(f)
	accessFlags(f, &c.access)
	f.StringVar(&c.accountsFile, "accounts", "", "YAML file with several accounts to serve and who the engine is in each, instead of --account; docs/security.md shows one")
	c.bounds.addTo(cmd)
	return cmd
}

// readyLine is what a script waits for.
type readyLine struct {
	Ready      bool   `json:"ready"`
	NATS       string `json:"nats"`
	HTTP       string `json:"http"`
	Data       string `json:"data"`
	RecoveryMs int64  `json:"recovery_ms"`
	Facts      uint64 `json:"facts"`
	Version    string `json:"version"`
	PID        int    `json:"pid"`
}

// serve runs an engine until ctx ends, then drains it.
func serve(ctx context.Context, c *processConfig, stdout io.Writer) error {
	c.logger.Info("starting", "version", versionText(), "data", c.data, "pid", os.Getpid())
	p, err := startProcess(ctx, *c)
	if err != nil {
		return err
	}
	line, err := json.Marshal(readyLine{
		Ready: true, NATS: p.natsURL, HTTP: p.httpURL, Data: p.config.data,
		RecoveryMs: p.recovered.TookMs, Facts: p.recovered.Facts, Version: versionText(), PID: os.Getpid(),
	})
	if err == nil {
		_, err = fmt.Fprintf(stdout, "%s\n", line)
	}
	if err != nil { // whoever started us waits for that line
		return stopWith(p, fmt.Errorf("print the ready line: %w", err))
	}
	if err := notifySystemd("READY=1"); err != nil {
		return stopWith(p, err)
	}
	c.logger.Info("ready", "nats", p.natsURL, "http", p.httpURL, "recovery_ms", p.recovered.TookMs, "facts", p.recovered.Facts)
	p.backups.onSignal(ctx)
	if err := notifySystemd("STOPPING=1"); err != nil {
		c.logger.Warn("the service manager does not know that this is a stop", "err", err)
	}
	c.logger.Info("stopping: what was taken is answered; a second signal ends the process at once")
	return stopWith(p, nil)
}

// stopWith drains the process and returns the first error, or what went wrong with that.
func stopWith(p *process, first error) error {
	if err := p.stop(); err != nil && first == nil {
		first = fmt.Errorf("%w; nothing that was acknowledged is lost: start again", err)
	}
	if first == nil {
		p.config.logger.Info("stopped")
	}
	return first
}

// exitAtOnce ends the process because going on could lose or invent something. What was acknowledged is on disk; the next start goes on from there.
func exitAtOnce(err error) {
	fmt.Fprintf(os.Stderr, "engine: stopped at once: %v\nNothing was acknowledged that is not on disk. Start it again; callers retry with the same request ids.\n", err)
	os.Exit(1)
}
