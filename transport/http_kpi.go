package transport

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// kpiPrefix is below what the figures are served.
const kpiPrefix = "/api/v1/"

// kpiAPI serves the figures to people's tools: JSON that is read only.
type kpiAPI struct {
	measurer Measurer
	state    func() *State
	report   Report
	lines    *Watch        // knows the servers that publish lines
	answers  chan struct{} // one token an answer that is being made
	streams  chan struct{} // one token a stream that is open
	closing  chan struct{} // closed when the server takes nothing more
}

func newKPIAPI(c *HTTPConfig) *kpiAPI {
	return &kpiAPI{
		measurer: c.Measurer, state: c.State, report: c.Report, lines: c.Lines, answers: make(chan struct{}, KPIAnswersMax), streams: make(chan struct{}, KPIStreamsMax), closing: make(chan struct{}),
	}
}

func (a *kpiAPI) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+kpiPrefix+"kpi", a.bounded(a.kpi))
	mux.HandleFunc("GET "+kpiPrefix+"kpi/stream", a.stream)
	mux.HandleFunc("GET "+kpiPrefix+"events", a.bounded(a.events))
	mux.HandleFunc("GET "+kpiPrefix+"definitions", a.definitions)
	mux.HandleFunc("GET "+kpiPrefix+"state", a.bounded(a.showState))
	if a.report != nil {
		mux.HandleFunc("GET "+kpiPrefix+"report", a.showReport)
	}
	if a.lines != nil {
		mux.HandleFunc("GET "+kpiPrefix+"line", a.bounded(a.showLine))
		mux.HandleFunc("GET "+kpiPrefix+"line/entries", a.bounded(a.showEntries))
	}
	mux.HandleFunc(kpiPrefix, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			writeProblem(w, http.StatusMethodNotAllowed, &refusal{code: engine.CodeUnknownVerb, text: "nothing is changed here: use GET"})
			return
		}
		writeProblem(w, http.StatusNotFound, &refusal{
			code: engine.CodeUnknownVerb, text: "there is no such page: use " + kpiPrefix + " with kpi, kpi/stream, events, definitions, state, report, line or line/entries",
		})
	})
	return mux
}

// bounded refuses a request while as many are being answered as there is room for.
func (a *kpiAPI) bounded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case a.answers <- struct{}{}:
			defer func() { <-a.answers }()
		default:
			writeProblem(w, http.StatusServiceUnavailable, &refusal{
				code: engine.CodeOverloaded, retryAfterMs: kpiRetryAfter.Milliseconds(),
				text: strconv.Itoa(KPIAnswersMax) + " answers are being made: try again after retry_after_ms",
			})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), kpiAnswerTimeout)
		defer cancel()
		next(w, r.WithContext(ctx))
	}
}

// kpi answers a query.
func (a *kpiAPI) kpi(w http.ResponseWriter, r *http.Request) {
	q, ref := a.query(r.URL)
	if ref == nil {
		var answer *measure.Answer
		if answer, ref = answerOf(r.Context(), a.measurer, q); ref == nil {
			writeJSON(w, http.StatusOK, answer)
			return
		}
	}
	writeProblem(w, statusOf(ref.code), ref)
}

// answerOf answers a query, whoever asks: rows beyond the bound are left out, and said to be.
func answerOf(ctx context.Context, m Measurer, q *measure.Query) (*measure.Answer, *refusal) {
	answer, err := m.Answer(ctx, q)
	if errors.Is(err, measure.ErrTooMuch) {
		return nil, &refusal{code: engine.CodeTooLarge, field: "kpis", text: err.Error()}
	}
	if err != nil {
		return nil, notNow(err)
	}
	if q.Event != "" && answer.Event == nil && len(answer.Rows) == 0 {
		return nil, &refusal{code: engine.CodeEventUnknown, field: "event", text: "nothing is known of an event " + q.Event + ": " + kpiPrefix + "events lists them"}
	}
	return answer, nil
}

// notNow words an error of a [Measurer].
func notNow(err error) *refusal {
	text := err.Error()
	if errors.Is(err, context.DeadlineExceeded) {
		text = "the figures were not there in time"
	}
	return &refusal{code: engine.CodeUnavailable, text: text + ": try again after retry_after_ms", retryAfterMs: kpiRetryAfter.Milliseconds()}
}

// query reads the query of a URL, or says what is wrong with it.
func (a *kpiAPI) query(u *url.URL) (*measure.Query, *refusal) {
	values, ref := parameters(u, "account", "event", "window", "by", "kpis", "courses")
	if ref != nil {
		return nil, ref
	}
	q := &measure.Query{Event: values.Get("event"), Window: measure.Window(values.Get("window")), By: measure.Dimension(values.Get("by"))}
	if q.Account, ref = a.account(values.Get("account")); ref != nil {
		return nil, ref
	}
	if k := values.Get("kpis"); k != "" {
		q.KPIs = strings.Split(k, ",")
	}
	switch courses := values.Get("courses"); courses {
	case "", "0", "false":
	case "1", "true":
		q.Courses = true
	default:
		return nil, &refusal{code: engine.CodeInvalid, field: "courses", text: "courses is 1 or 0"}
	}
	return q, checkQuery(q)
}

// checkQuery says what is wrong with a query, whichever way it came.
func checkQuery(q *measure.Query) *refusal {
	if q.Event != "" && !engine.ValidID(q.Event) {
		return &refusal{code: engine.CodeInvalid, field: "event", text: "an event's id is 1 to 64 of A-Z a-z 0-9 _ -"}
	}
	if len(q.KPIs) > kpisPerQueryMax {
		return &refusal{code: engine.CodeTooLarge, field: "kpis", text: "at most " + strconv.Itoa(kpisPerQueryMax) + " KPIs may be named; none at all asks for all"}
	}
	if field, err := q.Check(); err != nil {
		return &refusal{code: engine.CodeInvalid, field: field, text: err.Error()}
	}
	return nil
}

// account is the account that is meant: the only one, if none is named.
func (a *kpiAPI) account(named string) (string, *refusal) {
	served := a.state().Accounts
	switch {
	case named == "" && len(served) == 1:
		return served[0], nil
	case slices.Contains(served, named):
		return named, nil
	case len(served) == 0:
		return "", &refusal{code: engine.CodeUnavailable, text: "the engine is starting: try again after retry_after_ms", retryAfterMs: kpiRetryAfter.Milliseconds()}
	}
	return "", &refusal{code: engine.CodeInvalid, field: "account", text: "name one of the accounts that this engine serves: " + strings.Join(served, ", ")}
}

// Events is a page of events: the answer of /api/v1/events.
type Events struct {
	AtMs   int64              `json:"at_ms"`
	Events []measure.EventNow `json:"events"`
	// Total is how many match. Next is the offset of the next page, 0 if there is none.
	Total int `json:"total"`
	Next  int `json:"next,omitempty"`
}

// events lists events: those whose id or name holds a text, in some order, a page at a time.
func (a *kpiAPI) events(w http.ResponseWriter, r *http.Request) {
	page, ref := a.eventsPage(r)
	if ref != nil {
		writeProblem(w, statusOf(ref.code), ref)
		return
	}
	writeJSON(w, http.StatusOK, page)
}

func (a *kpiAPI) eventsPage(r *http.Request) (*Events, *refusal) {
	values, ref := parameters(r.URL, "account", "search", "state", "sort", "offset", "limit")
	if ref != nil {
		return nil, ref
	}
	account, ref := a.account(values.Get("account"))
	if ref != nil {
		return nil, ref
	}
	offset, ref := wholeNumber(values, "offset", 0, 0, 1<<30) //nolint:mnd // any page
	if ref != nil {
		return nil, ref
	}
	limit, ref := wholeNumber(values, "limit", ListLimitDefault, 1, ListLimitMax)
	if ref != nil {
		return nil, ref
	}
	order, known := eventOrders()[values.Get("sort")]
	if !known {
		return nil, &refusal{code: engine.CodeInvalid, field: "sort", text: "events are sorted by id, name, last (the newest entry first), orders or sold (most first)"}
	}
	events, err := a.measurer.Events(r.Context(), account)
	if err != nil {
		return nil, notNow(err)
	}
	search, state := strings.ToLower(values.Get("search")), values.Get("state")
	matching := make([]measure.EventNow, 0, len(events)) // a copy: the measurer's own stays as it is
	for i := range events {
		e := &events[i]
		if (state == "" || e.State == state) && (strings.Contains(strings.ToLower(e.ID), search) || strings.Contains(strings.ToLower(e.Name), search)) {
			matching = append(matching, *e)
		}
	}
	slices.SortStableFunc(matching, order)
	page := &Events{AtMs: time.Now().UnixMilli(), Total: len(matching)}
	end := min(offset+limit, len(matching))
	if page.Events = matching[min(offset, end):end]; end < len(matching) {
		page.Next = end
	}
	return page, nil
}

// eventOrders are the orders that events are listed in. Equal ones stay in the order of their ids.
func eventOrders() map[string]func(x, y measure.EventNow) int {
	byID := func(x, y measure.EventNow) int { return cmp.Compare(x.ID, y.ID) }
	return map[string]func(x, y measure.EventNow) int{
		"": byID, "id": byID,
		"name":   func(x, y measure.EventNow) int { return cmp.Compare(x.Name, y.Name) },
		"last":   func(x, y measure.EventNow) int { return cmp.Compare(y.LastMs, x.LastMs) },
		"orders": func(x, y measure.EventNow) int { return cmp.Compare(y.Orders, x.Orders) },
		"sold":   func(x, y measure.EventNow) int { return cmp.Compare(y.Sold, x.Sold) },
	}
}

func (a *kpiAPI) definitions(w http.ResponseWriter, r *http.Request) {
	if _, ref := parameters(r.URL); ref != nil {
		writeProblem(w, statusOf(ref.code), ref)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Definitions []measure.Definition `json:"definitions"`
	}{measure.Definitions()})
}

func (a *kpiAPI) showState(w http.ResponseWriter, r *http.Request) {
	if _, ref := parameters(r.URL); ref != nil {
		writeProblem(w, statusOf(ref.code), ref)
		return
	}
	writeJSON(w, http.StatusOK, a.state())
}

// showReport makes the report of an event, which takes as long as reading the log does.
func (a *kpiAPI) showReport(w http.ResponseWriter, r *http.Request) {
	values, ref := parameters(r.URL, "account", "event")
	if ref == nil && !engine.ValidID(values.Get("event")) {
		ref = &refusal{code: engine.CodeInvalid, field: "event", text: "name an event: 1 to 64 of A-Z a-z 0-9 _ -"}
	}
	account := ""
	if ref == nil {
		account, ref = a.account(values.Get("account"))
	}
	if ref == nil {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(reportTimeMax)); err != nil {
			ref = &refusal{code: engine.CodeInternal, text: "this connection cannot wait for a report"}
		}
	}
	if ref != nil {
		writeProblem(w, statusOf(ref.code), ref)
		return
	}
	report, refused := a.report(r.Context(), account, values.Get("event"))
	if refused != nil {
		writeProblem(w, statusOf(refused.Code), &refusal{code: refused.Code, field: refused.Field, text: refused.Text, retryAfterMs: refused.RetryAfterMs})
		return
	}
	writeJSON(w, http.StatusOK, report)
}

// parameters reads what follows the question mark: only what is known, each once.
func parameters(u *url.URL, known ...string) (url.Values, *refusal) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, &refusal{code: engine.CodeInvalid, text: "what follows the question mark is malformed: use name=value&name=value"}
	}
	for name, given := range values {
		switch {
		case !slices.Contains(known, name):
			ref := &refusal{code: engine.CodeUnknownField, text: "a parameter has a name that is not known here"}
			if echoable(name) {
				ref.field, ref.text = name, "there is no parameter "+name+" here"
			}
			if len(known) > 0 {
				ref.text += ": use " + strings.Join(known, ", ")
			}
			return nil, ref
		case len(given) > 1:
			return nil, &refusal{code: engine.CodeInvalid, field: name, text: name + " is there twice"}
		}
	}
	return values, nil
}

// wholeNumber reads a parameter that is a whole number.
func wholeNumber(values url.Values, name string, otherwise, from, to int) (int, *refusal) {
	text := values.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < from || n > to {
		return 0, &refusal{code: engine.CodeInvalid, field: name, text: name + " is a whole number from " + strconv.Itoa(from) + " to " + strconv.Itoa(to)}
	}
	return n, nil
}

// statusOf is the HTTP status of a refusal.
func statusOf(code engine.Code) int {
	switch code { //nolint:exhaustive // the others are mistakes of the one who asks
	case engine.CodeOverloaded, engine.CodeUnavailable:
		return http.StatusServiceUnavailable
	case engine.CodeEventUnknown, engine.CodeEventArchived:
		return http.StatusNotFound
	case engine.CodeInternal:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// problemJSON is an error as the wire words it.
type problemJSON struct {
	Error problemBody `json:"error"`
}

type problemBody struct {
	Code         string `json:"code"`
	Message      string `json:"message"`
	Field        string `json:"field,omitempty"`
	Retryable    bool   `json:"retryable"`
	RetryAfterMs int64  `json:"retry_after_ms,omitempty"`
}

func problemOf(ref *refusal) problemJSON {
	return problemJSON{problemBody{ref.code.String(), ref.text, ref.field, ref.code.Retryable(), ref.retryAfterMs}}
}

func writeProblem(w http.ResponseWriter, status int, ref *refusal) {
	if ref.retryAfterMs > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt((ref.retryAfterMs+999)/1000, 10)) //nolint:mnd // in whole seconds
	}
	writeJSON(w, status, problemOf(ref))
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil { // a figure that is no number: our bug
		status, text = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"the answer cannot be written as JSON","retryable":false}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // whoever asked has gone: nothing to do
}
