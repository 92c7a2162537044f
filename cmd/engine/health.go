package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// healthTimeoutDefault is how long a probe waits: /readyz itself answers at once, whatever the disk does.
const healthTimeoutDefault = 5 * time.Second

// healthBodyBytesMax bounds what is read of an answer.
const healthBodyBytesMax = 64 << 10

// healthSettings say which engine to ask, and what.
type healthSettings struct {
	httpTarget
	live bool
}

func healthCommand() *cobra.Command {
	var s healthSettings
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running engine whether it is ready",
		Long: `Asks the HTTP side of a running engine, prints what it says, and exits with status 0 if it is ready and 1 if not: for containers and
scripts that have no other HTTP client. Ready means that the log is recovered, the disk answers, and no event is set aside.

It finds the engine by the settings of serve: address, token file and certificate may come from the same environment variables
(HOLDFAST_HTTP) or the same --config file.`,
		Example: `  engine health                                     the engine on this machine
  engine health --live                              only whether the process answers
  HOLDFAST_HTTP=127.0.0.1:9000 engine health        wherever serve was told to listen`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.prepare(cmd); err != nil {
				return err
			}
			return s.ask(cmd.Context(), cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	s.addTo(f, healthTimeoutDefault)
	f.BoolVar(&s.live, "live", false, "ask whether the process answers (/healthz), not whether it is ready (/readyz)")
	return cmd
}

// settingsOfServe fills the flags that serve has too from where serve would take them.
func settingsOfServe(flags *pflag.FlagSet) error {
	serve := serveCommand()
	var firstErr error
	note := func(err error) {
		if err != nil && firstErr == nil {
			firstErr = err
		}
	}
	flags.Visit(func(f *pflag.Flag) {
		if serve.Flags().Lookup(f.Name) != nil {
			note(serve.Flags().Set(f.Name, f.Value.String()))
		}
	})
	note(applySettings(serve))
	flags.VisitAll(func(f *pflag.Flag) {
		if of := serve.Flags().Lookup(f.Name); of != nil {
			note(f.Value.Set(of.Value.String()))
		}
	})
	return firstErr
}

// ask probes the engine once.
func (s *healthSettings) ask(ctx context.Context, stdout io.Writer) error {
	page := "/readyz"
	if s.live {
		page = "/healthz"
	}
	status, code, body, err := s.get(ctx, page, nil, healthBodyBytesMax)
	if err != nil {
		return err
	}
	text := strings.TrimSpace(string(body))
	if code != http.StatusOK {
		return fmt.Errorf("%s: %s", status, text)
	}
	_, err = fmt.Fprintln(stdout, text)
	return err
}

// onlyCertificate trusts exactly the certificate of a file, under whatever name the engine is asked: a probe on the engine's own machine knows
// which certificate it must meet, and its name is rarely 127.0.0.1.
func onlyCertificate(file string) (*tls.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read --http-cert: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("--http-cert %s holds no PEM certificate", file)
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // in favour of the next line, which is stricter
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !bytes.Equal(raw[0], block.Bytes) {
				return errors.New("the engine shows another certificate than --http-cert")
			}
			return nil
		},
	}, nil
}
