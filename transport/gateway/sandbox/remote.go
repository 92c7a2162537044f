package sandbox

import (
	"bytes"
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

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// answerBytesMax bounds an answer that a remote sandbox is read for; the truth may be longer.
const answerBytesMax = 64 << 10

// Remote is a sandbox in another process: it outlives whoever uses it. It is safe for concurrent use.
type Remote struct {
	base   string
	name   string
	client *http.Client
}

// Dial returns the sandbox that `engine sandbox` serves at base, as in http://127.0.0.1:8490. It does not connect yet. Methods name it by name; empty
// is sandbox.
func Dial(base, name string) (*Remote, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("the sandbox's address %q: write it as http://127.0.0.1:8490", base)
	}
	if name == "" {
		name = "sandbox"
	}
	transport := &http.Transport{
		DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, MaxConnsPerHost: 64, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute,
	}
	return &Remote{base: strings.TrimSuffix(base, "/"), name: name, client: &http.Client{
		Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close lets go of idle connections.
func (r *Remote) Close() { r.client.CloseIdleConnections() }

// Name is how methods name the gateway.
func (r *Remote) Name() string { return r.name }

// Capabilities says what can be done with a kind of method.
func (r *Remote) Capabilities(k payment.MethodKind) payment.Capabilities { return capabilities(k) }

// Prepare makes the exact bytes of a request.
func (r *Remote) Prepare(in payment.Intent) ([]byte, error) { return prepare(in) }

// Do sends a call once. Whatever goes wrong behind the connection is unknown.
func (r *Remote) Do(ctx context.Context, call payment.Call) payment.Result {
	var result payment.Result
	m := callMessage{Operation: call.Operation, Key: call.Key, Order: call.Order, Ref: call.Ref, RefundRef: call.RefundRef, Body: call.Body}
	if err := r.post(ctx, pathCalls, m, &result); err != nil {
		if dial := new(net.OpError); errors.As(err, &dial) && dial.Op == "dial" {
			return payment.Result{Answer: payment.NotDone, Detail: "cannot connect"}
		}
		return noAnswer(err.Error())
	}
	return result
}

// Authenticate is Gateway.Authenticate of the other process.
func (r *Remote) Authenticate(ctx context.Context, clientSecret string, succeeds bool) error {
	return r.post(ctx, pathAuthenticate, authenticateMessage{clientSecret, succeeds}, &struct{}{})
}

// SetMode is Gateway.SetMode of the other process.
func (r *Remote) SetMode(ctx context.Context, m Mode) error {
	return r.post(ctx, pathMode, modeMessage{m}, &struct{}{})
}

// Truth asks the other process for the truth.
func (r *Remote) Truth(ctx context.Context) (Truth, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+pathTruth, http.NoBody)
	if err != nil {
		return Truth{}, err
	}
	var t Truth
	return t, r.send(request, 1<<30, &t)
}

func (r *Remote) post(ctx context.Context, path string, message, into any) error {
	data, err := json.Marshal(message)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	request.GetBody = nil // without it net/http cannot send a request a second time by itself
	request.Header.Set("Content-Type", "application/json")
	return r.send(request, answerBytesMax, into)
}

func (r *Remote) send(request *http.Request, bytesMax int64, into any) error {
	response, err := r.client.Do(request)
	if err != nil {
		return fmt.Errorf("the sandbox does not answer: %w", err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, bytesMax+1))
	switch {
	case err != nil:
		return fmt.Errorf("the sandbox's answer is cut: %w", err)
	case int64(len(data)) > bytesMax:
		return fmt.Errorf("the sandbox's answer is longer than %d bytes", bytesMax)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("the sandbox answers %d: %.200s", response.StatusCode, data)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("the sandbox's answer is not what it should be: %w", err)
	}
	return nil
}
