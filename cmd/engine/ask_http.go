package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-engine/holdfast/transport"
)

// httpTarget is a running engine's HTTP side, in the words of serve, so that the same environment and file serve both.
type httpTarget struct {
	http    string
	access  httpAccess
	timeout time.Duration
	config  string
}

func (h *httpTarget) addTo(f *pflag.FlagSet, timeout time.Duration) {
	f.StringVar(&h.http, "http", transport.HTTPListenDefault, "where the engine's HTTP side listens, as host:port or the URL that serve prints")
	f.DurationVar(&h.timeout, "timeout", timeout, "how long to wait for the answer, as in 5s")
	h.access.addTo(f)
	f.StringVar(&h.config, "config", "", "YAML file with the settings of serve, one a line")
}

// prepare fills in what the command line left to the environment and the file. Only where the engine is comes from there: what is asked does not.
func (h *httpTarget) prepare(cmd *cobra.Command) error {
	asked := map[string]string{}
	for _, name := range []string{"data", "account"} {
		if f := cmd.Flags().Lookup(name); f != nil {
			asked[name] = f.Value.String()
		}
	}
	if err := settingsOfServe(cmd.Flags()); err != nil {
		return err
	}
	for name, value := range asked {
		if err := cmd.Flags().Set(name, value); err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
	}
	return nil
}

// base is where the engine listens. One that listens everywhere is asked on this machine.
func (h *httpTarget) base() (string, error) {
	said, at, isURL := strings.Cut(h.http, "://")
	if !isURL {
		said, at = "http", h.http
	}
	host, port, err := net.SplitHostPort(strings.TrimSuffix(at, "/"))
	if err != nil || strings.ContainsAny(port, "/?#") || said != "http" && said != "https" {
		return "", fmt.Errorf("--http %q: give host:port or a URL, as in 127.0.0.1:8480 or http://127.0.0.1:8480", h.http)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	if h.access.certFile != "" {
		said = "https"
	}
	return said + "://" + net.JoinHostPort(host, port), nil
}

// get asks for a page once, and returns its status and at most bytesMax of it.
func (h *httpTarget) get(ctx context.Context, page string, query url.Values, bytesMax int64) (status string, code int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	token, err := h.access.token()
	if err != nil {
		return "", 0, nil, err
	}
	base, err := h.base()
	if err != nil {
		return "", 0, nil, err
	}
	address := base + page
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", 0, nil, fmt.Errorf("--http %s: %w", h.http, err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	link := &http.Transport{DisableKeepAlives: true}
	if h.access.certFile != "" {
		if link.TLSClientConfig, err = onlyCertificate(h.access.certFile); err != nil {
			return "", 0, nil, err
		}
	}
	response, err := (&http.Client{Transport: link}).Do(request)
	if err != nil {
		return "", 0, nil, fmt.Errorf("no answer: %w; is the engine running, and does it listen there?", err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(response.Body, bytesMax+1)); err != nil {
		return "", 0, nil, fmt.Errorf("read the answer of %s: %w", address, err)
	}
	if int64(len(body)) > bytesMax {
		return "", 0, nil, fmt.Errorf("the answer of %s has more than %d bytes: ask for less", address, bytesMax)
	}
	return response.Status, response.StatusCode, body, nil
}

// getJSON asks for a page below /api/v1/ and reads it into a value. What the engine refuses is an error in its own words.
func (h *httpTarget) getJSON(ctx context.Context, page string, query url.Values, bytesMax int64, into any) (body []byte, err error) {
	status, code, body, err := h.get(ctx, page, query, bytesMax)
	if err != nil {
		return nil, err
	}
	if code != http.StatusOK {
		var refused struct {
			Error struct{ Code, Message, Field string } `json:"error"`
		}
		if json.Unmarshal(body, &refused) != nil || refused.Error.Code == "" {
			return nil, fmt.Errorf("%s: %s", status, body)
		}
		text := "refused, " + refused.Error.Code
		if refused.Error.Field != "" {
			text += " (" + refused.Error.Field + ")"
		}
		return nil, errors.New(text + ": " + refused.Error.Message)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return nil, fmt.Errorf("the engine's answer cannot be read: %w", err)
	}
	return body, nil
}
