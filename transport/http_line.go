package transport

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// showLine answers with an event's line as it is published, or with a report.
func (a *kpiAPI) showLine(w http.ResponseWriter, r *http.Request) {
	s, event, values, ref := a.lineAsked(r.URL, "account", "event", "report")
	var body []byte
	if ref == nil {
		switch values.Get("report") {
		case "", "0":
			body, ref = s.lines.show(r.Context(), event)
		case "1":
			body, ref = s.lines.report(r.Context(), event)
		default:
			ref = &refusal{code: engine.CodeInvalid, field: "report", text: "report is 1 or 0"}
		}
	}
	writeWire(w, body, ref)
}

// showEntries answers with a page of the leaves of a lobby's entries: all that it takes to recompute the draw, beside the line.
func (a *kpiAPI) showEntries(w http.ResponseWriter, r *http.Request) {
	s, event, values, ref := a.lineAsked(r.URL, "account", "event", "from")
	from := 0
	if ref == nil {
		from, ref = wholeNumber(values, "from", 1, 1, 1<<32-1) //nolint:mnd // any entry
	}
	var body []byte
	if ref == nil {
		body, ref = s.lines.entries(r.Context(), event, line.Entry(from))
	}
	writeWire(w, body, ref)
}

// lineAsked finds the server of the account whose line is asked for.
func (a *kpiAPI) lineAsked(u *url.URL, known ...string) (s *Server, event string, values url.Values, ref *refusal) {
	if values, ref = parameters(u, known...); ref != nil {
		return nil, "", nil, ref
	}
	if event = values.Get("event"); !engine.ValidID(event) {
		return nil, "", nil, &refusal{code: engine.CodeInvalid, field: "event", text: "name an event: 1 to 64 of A-Z a-z 0-9 _ -"}
	}
	account, ref := a.account(values.Get("account"))
	if ref != nil {
		return nil, "", nil, ref
	}
	if s = a.lines.of(account); s == nil {
		return nil, "", nil, &refusal{code: engine.CodeUnavailable, text: "the engine is starting or stopping: try again after retry_after_ms", retryAfterMs: kpiRetryAfter.Milliseconds()}
	}
	return s, event, values, nil
}

func writeWire(w http.ResponseWriter, body []byte, ref *refusal) {
	if ref != nil {
		writeProblem(w, statusOf(ref.code), ref)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n')) // whoever asked has gone: nothing to do
}

// show is an event's line as it was published last, or as it is if it was not.
func (l *linesSide) show(ctx context.Context, event string) ([]byte, *refusal) {
	if o := l.outlook(event); o != nil && time.Since(o.at) < 2*lineEvery {
		return o.appendNow(nil), nil
	}
	r := newLineRead(l.server.config.Account, event)
	if ref := l.ask(ctx, &r.Request, r.done); ref != nil {
		return nil, ref
	}
	if r.code != engine.CodeOK {
		return nil, &refusal{code: r.code, field: "event", text: "there is no event " + event}
	}
	if r.seen == nil {
		return nil, noLine(event)
	}
	r.seen.prepare(time.Now(), 0, 0)
	return r.seen.appendNow(nil), nil
}

func noLine(event string) *refusal {
	return &refusal{code: engine.CodeEventUnknown, field: "event", text: "event " + event + " has no line"}
}

// entries are leaves of the lobby's entries of an event, with its line.
func (l *linesSide) entries(ctx context.Context, event string, from line.Entry) ([]byte, *refusal) {
	r := &entriesRead{done: make(chan struct{})}
	r.commands[0] = engine.Command{Verb: engine.VerbPlace, Line: &engine.LineCommand{EntriesFrom: from}}
	r.Request = engine.Request{Account: l.server.config.Account, Event: event, Commands: r.commands[:], Reply: r}
	if ref := l.ask(ctx, &r.Request, r.done); ref != nil {
		return nil, ref
	}
	switch {
	case r.code != engine.CodeOK:
		return nil, &refusal{code: r.code, field: "event", text: "there is no event " + event}
	case r.body == nil:
		return nil, noLine(event)
	}
	return r.body, nil
}

// ask submits a read, and waits for its answer.
func (l *linesSide) ask(ctx context.Context, r *engine.Request, done <-chan struct{}) *refusal {
	if code := l.server.engine.Submit(r); code != engine.CodeOK {
		ref := l.server.submitRefusal(code, r.Event)
		return &ref
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return &refusal{code: engine.CodeUnavailable, text: "the line was not there in time: try again after retry_after_ms", retryAfterMs: kpiRetryAfter.Milliseconds()}
	}
}

// entriesRead reads leaves of a lobby's entries. It is the engine's Replier for itself.
type entriesRead struct {
	engine.Request
	commands [1]engine.Command
	code     engine.Code
	body     []byte
	done     chan struct{}
}

// Outcome writes the line with its leaves. It implements [engine.Replier].
func (r *entriesRead) Outcome(_ *engine.Request, _ int, out *engine.Outcome) {
	if r.code = out.Code; out.Code == engine.CodeOK && out.Shows&engine.ShowsLine != 0 {
		w := jsonWriter{b: []byte{'{'}}
		w.line(out.Line, nil)
		w.end('}')
		r.body = w.b
	}
}

// Durable implements [engine.Replier].
func (r *entriesRead) Durable(*engine.Request) { close(r.done) }
