package stripe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	stripego "github.com/stripe/stripe-go/v85"
)

// retryAfterMax bounds what a server may ask for, so that a mistake there does not stop sales for a day.
const retryAfterMax = time.Hour

// errAnswerTooLong says that an answer was not read to its end.
var errAnswerTooLong = errors.New("the answer is longer than it may be")

// A reply is what came back on a request, as far as anything did.
type reply struct {
	status     int // 0: nothing came
	retryAfter time.Duration
	requestID  string
	data       []byte          // of a success
	problem    *stripego.Error // of a failure that Stripe explained
	unsent     bool            // there was no connection: the request cannot have arrived
	err        error           // why nothing, or nothing whole, came
}

// send makes one request and no other.
func (g *Gateway) send(ctx context.Context, method, path, key string, body []byte) reply {
	var r reply
	ctx = context.WithValue(ctx, replyKey{}, &r)
	params := &stripego.RawParams{Params: stripego.Params{Context: ctx}}
	if method == http.MethodPost {
		params.IdempotencyKey = stripego.String(key)
	}
	response, err := g.backend.RawRequest(method, path, g.key, string(body), params)
	switch {
	case err == nil:
		r.data = response.RawJSON
	case !errors.As(err, &r.problem):
		r.err = err
		dial := new(net.OpError)
		r.unsent = r.status == 0 && errors.As(err, &dial) && dial.Op == "dial"
	}
	return r
}

// replyKey finds the reply of a request in its context.
type replyKey struct{}

// A guard stands between stripe-go and the network: it keeps net/http from sending a request twice by itself, bounds what is read, and takes down what
// stripe-go does not pass on.
type guard struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(request *http.Request) (*http.Response, error) {
	out := request.Clone(request.Context())
	out.GetBody = nil
	out.Body = http.NoBody
	if request.Method == http.MethodPost {
		data, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data)) // stripe-go leaves the length open
	}
	response, err := g.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	if r, ok := request.Context().Value(replyKey{}).(*reply); ok {
		r.status, r.requestID, r.retryAfter = response.StatusCode, requestID(response), retryAfter(response)
	}
	response.Body = &bounded{response.Body, answerBytesMax}
	return response, nil
}

// requestID is what Stripe's support asks for. It is shown to people, so it is nothing else.
func requestID(response *http.Response) string {
	if id := response.Header.Get("Request-Id"); isRef(id) {
		return id
	}
	return ""
}

// retryAfter is what the server asks for, in whole seconds or as a date.
func retryAfter(response *http.Response) time.Duration {
	text := response.Header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return min(max(time.Duration(seconds)*time.Second, 0), retryAfterMax)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(time.Until(at), 0), retryAfterMax)
	}
	return 0
}

// bounded ends with an error where an answer is longer than it may be.
type bounded struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errAnswerTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
