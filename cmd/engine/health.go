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
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-engine/holdfast/transport"
)

// healthTimeoutDefault is how long a probe waits: /readyz itself answers at once, whatever the disk does.
const healthTimeoutDefault = 5 * time.Second

// healthBodyBytesMax bounds what is read of an answer.
const healthBodyBytesMax = 64 << 10

// healthSettings say which engine to ask, in the words of serve, so that the same environment and file serve both.
type healthSettings struct {
	http    string
	access  httpAccess
	live    bool
	timeout time.Duration
}

func healthCommand() *cobra.Command {
	var s healthSettings
	var config string
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
			if err := settingsOfServe(cmd.Flags()); err != nil {
				return err
			}
			return s.ask(cmd.Context(), cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&s.http, "http", transport.HTTPListenDefault, "where the engine's HTTP side listens, as host:port")
	f.BoolVar(&s.live, "live", false, "ask whether the process answers (/healthz), not whether it is ready (/readyz)")
	f.DurationVar(&s.timeout, "timeout", healthTimeoutDefault, "how long to wait for the answer, as in 5s")
	s.access.addTo(f)
	f.StringVar(&config, "config", "", "YAML file with the settings of serve, one a line")
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
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	token, err := s.access.token()
	if err != nil {
		return err
	}
	url, err := s.url()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("--http %s: %w", s.http, err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	link := &http.Transport{DisableKeepAlives: true}
	if s.access.certFile != "" {
		if link.TLSClientConfig, err = onlyCertificate(s.access.certFile); err != nil {
			return err
		}
	}
	response, err := (&http.Client{Transport: link}).Do(request)
	if err != nil {
		return fmt.Errorf("no answer: %w; is the engine running, and does it listen there?", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, healthBodyBytesMax))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", url, err)
	}
	text := strings.TrimSpace(string(body))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, text)
	}
	_, err = fmt.Fprintln(stdout, text)
	return err
}

// url is the page to ask. An engine that listens everywhere is asked on this machine.
func (s *healthSettings) url() (string, error) {
	host, port, err := net.SplitHostPort(s.http)
	if err != nil {
		return "", fmt.Errorf("--http %q: give host:port, as in 127.0.0.1:8480", s.http)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	scheme, page := "http", "/readyz"
	if s.access.certFile != "" {
		scheme = "https"
	}
	if s.live {
		page = "/healthz"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + page, nil
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
