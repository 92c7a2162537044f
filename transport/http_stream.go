package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// stream answers a query each second, as server-sent events, until whoever asked has gone. Each answer is whole, so nobody has to catch up: a
// Last-Event-ID is taken and changes nothing. Where there is no answer, a `problem` says why, each second too: whoever hears nothing for some seconds knows that
// the connection is gone.
func (a *kpiAPI) stream(w http.ResponseWriter, r *http.Request) {
	q, ref := a.query(r.URL)
	if ref != nil {
		writeProblem(w, statusOf(ref.code), ref)
		return
	}
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		writeProblem(w, http.StatusServiceUnavailable, &refusal{
			code: engine.CodeOverloaded, retryAfterMs: kpiStreamRetryAfter.Milliseconds(),
			text: strconv.Itoa(KPIStreamsMax) + " streams are open: close one that nobody looks at, or try again after retry_after_ms",
		})
		return
	}
	out := http.NewResponseController(w)
	if err := out.SetReadDeadline(time.Time{}); err != nil { // it would end the stream after the time that a request may take
		writeProblem(w, http.StatusInternalServerError, &refusal{code: engine.CodeInternal, text: "this connection cannot carry a stream"})
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // a proxy would hold it back
	w.WriteHeader(http.StatusOK)
	if send(w, out, []byte("retry: "+strconv.FormatInt(kpiRetryAfter.Milliseconds(), 10)+"\n\n")) != nil {
		return
	}
	tick := time.NewTicker(kpiEvery)
	defer tick.Stop()
	for {
		if send(w, out, a.message(r.Context(), q)) != nil {
			return // whoever asked has gone, or does not read
		}
		select {
		case <-r.Context().Done():
			return
		case <-a.closing:
			return
		case <-tick.C:
		}
	}
}

// message is the next message of a stream.
func (a *kpiAPI) message(ctx context.Context, q *measure.Query) []byte {
	ctx, cancel := context.WithTimeout(ctx, kpiAnswerTimeout)
	defer cancel()
	answer, ref := answerOf(ctx, a.measurer, q)
	var b bytes.Buffer
	var body any = answer
	if ref != nil {
		b.WriteString("event: problem\n")
		body = problemOf(ref)
	} else {
		fmt.Fprintf(&b, "id: %d-%d\n", answer.Batch, answer.AtMs)
	}
	text, err := json.Marshal(body)
	if err != nil {
		text = []byte(`{}`)
	}
	b.WriteString("data: ")
	b.Write(text)
	b.WriteString("\n\n")
	return b.Bytes()
}

// send writes and flushes. Whoever does not read for a while is let go.
func send(w http.ResponseWriter, out *http.ResponseController, text []byte) error {
	if err := out.SetWriteDeadline(time.Now().Add(httpWriteTimeout)); err != nil {
		return fmt.Errorf("set the deadline of a write: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("write to a stream: %w", err)
	}
	return out.Flush()
}
