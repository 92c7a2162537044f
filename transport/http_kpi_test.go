package transport_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/transport"
)

// fakeMeasurer answers with what it is told to.
type fakeMeasurer struct {
	mu      sync.Mutex
	answers int
	err     error
	asked   []measure.Query
	hold    chan struct{} // if not nil, an answer waits for it
	events  []measure.EventNow
}

func (f *fakeMeasurer) Answer(ctx context.Context, q *measure.Query) (*measure.Answer, error) {
	f.mu.Lock()
	f.answers++
	f.asked = append(f.asked, *q)
	n, err, hold := f.answers, f.err, f.hold
	f.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err != nil {
		return nil, err
	}
	a := &measure.Answer{Query: *q, AtMs: 1000, ThroughMs: 900, Batch: uint64(n), Rows: []measure.Row{}}
	if q.Event != "none" {
		value := float64(n)
		a.Rows = append(a.Rows, measure.Row{Figures: []measure.Figure{{KPI: "orders", Value: &value, Unit: measure.UnitCount}}})
	}
	return a, nil
}

func (f *fakeMeasurer) Events(_ context.Context, account string) ([]measure.EventNow, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if account != "a1" {
		return nil, errors.New("another account was asked for")
	}
	return f.events, f.err
}

func (f *fakeMeasurer) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// figuresServer serves the figures of one account, a1, or of those that are named.
func figuresServer(t testing.TB, f *fakeMeasurer, token string, accounts ...string) *transport.HTTPServer {
	t.Helper()
	if len(accounts) == 0 {
		accounts = []string{"a1"}
	}
	return serveHTTP(t, transport.HTTPConfig{
		Listen: "127.0.0.1:0", Token: token, Measurer: f,
		State: func() *transport.State { return &transport.State{Accounts: accounts, Ready: true, Version: "v9"} },
		Page:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("the page")) }),
	})
}

// problem reads the error of an answer, as code and field.
func problem(t testing.TB, body string) (code, field, message string) {
	t.Helper()
	var p struct {
		Error struct{ Code, Field, Message string } `json:"error"`
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil || p.Error.Code == "" || p.Error.Message == "" {
		t.Fatalf("%q is no error: %v", body, err)
	}
	return p.Error.Code, p.Error.Field, p.Error.Message
}

func TestFiguresAreServed(t *testing.T) {
	f := &fakeMeasurer{}
	h := figuresServer(t, f, "")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	status, body := fetch(t, client, h.URL()+"/api/v1/kpi?event=e1&window=1m&by=flow&courses=1", "")
	var a measure.Answer
	if err := json.Unmarshal([]byte(body), &a); status != http.StatusOK || err != nil || len(a.Rows) != 1 || *a.Rows[0].Figures[0].Value != 1 {
		t.Errorf("%d %s %v", status, body, err)
	}
	want := measure.Query{Account: "a1", Event: "e1", Window: measure.Window1m, By: measure.ByFlow, Courses: true}
	if got := f.asked[0]; got.Account != want.Account || got.Event != want.Event || got.Window != want.Window || got.By != want.By || !got.Courses {
		t.Errorf("asked %+v", got)
	}
	if _, body := fetch(t, client, h.URL()+"/api/v1/definitions", ""); !strings.HasPrefix(body, `{"definitions":`) {
		t.Errorf("definitions: %s", body)
	}
	if _, body := fetch(t, client, h.URL()+"/api/v1/state", ""); !strings.Contains(body, `"version":"v9"`) || !strings.Contains(body, `"ready":true`) {
		t.Errorf("state: %s", body)
	}
	if status, body := fetch(t, client, h.URL()+"/anything", ""); status != http.StatusOK || body != "the page" {
		t.Errorf("the page: %d %s", status, body)
	}
}

func TestBadQueriesOfFiguresAreExplained(t *testing.T) {
	h := figuresServer(t, &fakeMeasurer{}, "")
	two := figuresServer(t, &fakeMeasurer{}, "", "a1", "a2")
	much := &fakeMeasurer{}
	much.fail(fmt.Errorf("these are 100 figures, and 10 are %w", measure.ErrTooMuch))
	long := figuresServer(t, much, "")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, c := range []struct {
		server             *transport.HTTPServer
		path               string
		status             int
		code, field, words string
	}{
		{h, "kpi?window=5m", 400, "invalid", "window", "15m"},
		{h, "kpi?by=colour", 400, "invalid", "by", "device"},
		{h, "kpi?event=e1&by=genre", 400, "invalid", "by", "one event"},
		{h, "kpi?event=a%20b", 400, "invalid", "event", "A-Z"},
		{h, "kpi?kpis=happiness", 400, "invalid", "kpis", "happiness"},
		{h, "kpi?kpis=" + strings.Repeat("a,", 300), 400, "too_large", "kpis", "200"},
		{long, "kpi?by=event", 400, "too_large", "kpis", "name the KPIs"},
		{h, "kpi?courses=maybe", 400, "invalid", "courses", "1 or 0"},
		{h, "kpi?windw=1m", 400, "unknown_field", "windw", "window"},
		{h, "kpi?window=1m&window=1h", 400, "invalid", "window", "twice"},
		{h, "kpi?account=other", 400, "invalid", "account", "a1"},
		{two, "kpi", 400, "invalid", "account", "a1, a2"},
		{h, "kpi?event=none", 404, "event_unknown", "event", "none"},
		{h, "kpi/stream?window=5m", 400, "invalid", "window", "15m"},
		{h, "events?limit=0", 400, "invalid", "limit", "1000"},
		{h, "events?offset=x", 400, "invalid", "offset", "0"},
		{h, "events?sort=luck", 400, "invalid", "sort", "orders"},
		{h, "state?x=1", 400, "unknown_field", "x", ""},
		{h, "definitions?4111111111111111=1", 400, "unknown_field", "", ""},
		{h, "nothing", 404, "unknown_verb", "", "definitions"},
	} {
		status, body := fetch(t, client, c.server.URL()+"/api/v1/"+c.path, "")
		if code, field, words := problem(t, body); status != c.status || code != c.code || field != c.field || !strings.Contains(words, c.words) {
			t.Errorf("%s: %d %s", c.path, status, body)
		}
	}
}

func TestFiguresAreNotThereWhileTheEngineStarts(t *testing.T) {
	f := &fakeMeasurer{}
	f.fail(errors.New("the engine is starting"))
	h := figuresServer(t, f, "")
	r, err := http.Get(h.URL() + "/api/v1/kpi")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q", r.Status, r.Header.Get("Retry-After"))
	}
}

func TestEventsAreSearchedAndPaged(t *testing.T) {
	f := &fakeMeasurer{}
	for i := range 250 {
		f.events = append(f.events, measure.EventNow{ID: fmt.Sprintf("e%03d", i), Name: fmt.Sprintf("Night %d", 250-i), State: []string{"on_sale", "closed"}[i%2], Orders: int64(i % 7)})
	}
	before := slices.Clone(f.events)
	h := figuresServer(t, f, "")
	client := &http.Client{}
	page := func(query string) (p transport.Events) {
		t.Helper()
		status, body := fetch(t, client, h.URL()+"/api/v1/events?"+query, "")
		if err := json.Unmarshal([]byte(body), &p); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %s %v", query, status, body, err)
		}
		return p
	}
	seen := map[string]bool{}
	for next, pages := 0, 0; ; pages++ {
		p := page(fmt.Sprintf("limit=60&offset=%d&sort=orders", next))
		for i, e := range p.Events {
			if i > 0 && e.Orders > p.Events[i-1].Orders {
				t.Errorf("%s with %d orders comes after %d", e.ID, e.Orders, p.Events[i-1].Orders)
			}
			seen[e.ID] = true
		}
		if next = p.Next; next == 0 {
			if pages != 4 || p.Total != 250 {
				t.Errorf("page %d is the last, of %d events", pages, p.Total)
			}
			break
		}
	}
	if len(seen) != 250 {
		t.Errorf("%d events were seen", len(seen))
	}
	if p := page("search=NIGHT%2024"); p.Total != 11 { // 24 and 240 to 249
		t.Errorf("%d events are called Night 24...", p.Total)
	}
	if p := page("search=e00&state=closed"); p.Total != 5 || p.Events[0].ID != "e001" {
		t.Errorf("%+v", p)
	}
	if p := page("offset=900"); len(p.Events) != 0 || p.Total != 250 {
		t.Errorf("beyond the end: %+v", p)
	}
	if !slices.EqualFunc(before, f.events, func(a, b measure.EventNow) bool { return a.ID == b.ID }) {
		t.Error("the measurer's own list was sorted")
	}
}

// openStream opens a stream and returns its lines.
func openStream(t testing.TB, ctx context.Context, url, last string) (*http.Response, *bufio.Scanner) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer, bufio.NewScanner(answer.Body)
}

// message reads the next message of a stream: its name and its data.
func message(t testing.TB, lines *bufio.Scanner) (name, id, data string) {
	t.Helper()
	for lines.Scan() {
		switch line := lines.Text(); {
		case line == "" && data != "":
			return name, id, data
		case strings.HasPrefix(line, "event: "):
			name = line[7:]
		case strings.HasPrefix(line, "id: "):
			id = line[4:]
		case strings.HasPrefix(line, "data: "):
			data = line[6:]
		}
	}
	t.Fatalf("the stream has ended: %v", lines.Err())
	return "", "", ""
}

func TestAStreamAnswersAgainAndAgain(t *testing.T) {
	f := &fakeMeasurer{}
	h := figuresServer(t, f, "")
	answer, lines := openStream(t, within(t), h.URL()+"/api/v1/kpi/stream?window=1m", "17-1000")
	if kind := answer.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("content type %q", kind)
	}
	for n := 1; n <= 2; n++ {
		name, id, data := message(t, lines)
		var a measure.Answer
		if err := json.Unmarshal([]byte(data), &a); err != nil || name != "" || id != fmt.Sprintf("%d-1000", n) || a.Batch != uint64(n) {
			t.Errorf("message %d: %q %q %s %v", n, name, id, data, err)
		}
	}
	f.fail(errors.New("the engine is stopping"))
	if name, id, data := message(t, lines); name != "problem" || id != "" || !strings.Contains(data, `"unavailable"`) {
		t.Errorf("%q %q %s", name, id, data)
	}
	f.fail(nil)
	if name, _, _ := message(t, lines); name != "" {
		t.Errorf("after the problem comes %q", name)
	}
}

func TestStreamsBeyondTheBoundAreRefused(t *testing.T) {
	h := figuresServer(t, &fakeMeasurer{}, "")
	ctx, stop := context.WithCancel(within(t))
	defer stop()
	for range transport.KPIStreamsMax {
		answer, lines := openStream(t, ctx, h.URL()+"/api/v1/kpi/stream", "")
		if answer.StatusCode != http.StatusOK {
			t.Fatal(answer.Status)
		}
		message(t, lines)
	}
	answer, lines := openStream(t, ctx, h.URL()+"/api/v1/kpi/stream", "")
	lines.Scan()
	if code, _, _ := problem(t, lines.Text()); answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || code != "overloaded" {
		t.Errorf("%s, Retry-After %q, %s", answer.Status, answer.Header.Get("Retry-After"), lines.Text())
	}
	stop() // those that look have gone: there is room again
	for {
		answer, _ := openStream(t, within(t), h.URL()+"/api/v1/kpi/stream", "")
		if answer.StatusCode == http.StatusOK {
			return
		}
	}
}

func TestFiguresBeyondTheBoundAreRefused(t *testing.T) {
	f := &fakeMeasurer{hold: make(chan struct{})}
	h := figuresServer(t, f, "")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var answered sync.WaitGroup
	for range transport.KPIAnswersMax {
		answered.Go(func() {
			if status, body := fetch(t, client, h.URL()+"/api/v1/kpi", ""); status != http.StatusOK {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	for {
		f.mu.Lock()
		begun := f.answers
		f.mu.Unlock()
		if begun == transport.KPIAnswersMax {
			break
		}
	}
	status, body := fetch(t, client, h.URL()+"/api/v1/kpi", "")
	if code, _, _ := problem(t, body); status != http.StatusServiceUnavailable || code != "overloaded" {
		t.Errorf("%d %s", status, body)
	}
	close(f.hold)
	answered.Wait()
}

func TestAStopEndsStreams(t *testing.T) {
	h, err := transport.ServeHTTP(transport.HTTPConfig{
		Listen: "127.0.0.1:0", Measurer: &fakeMeasurer{}, State: func() *transport.State { return &transport.State{Accounts: []string{"a1"}} },
		Metrics: func(io.Writer) {}, Ready: func() error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	_, lines := openStream(t, within(t), h.URL()+"/api/v1/kpi/stream", "")
	message(t, lines)
	for range 2 { // whoever closes it again does no harm
		if err := h.Close(within(t)); err != nil {
			t.Error(err)
		}
	}
	for lines.Scan() {
	}
}

func TestFiguresAskForTheToken(t *testing.T) {
	const token = "0123456789abcdef"
	h := figuresServer(t, &fakeMeasurer{}, token)
	client := &http.Client{}
	for _, path := range []string{"/", "/api/v1/kpi", "/api/v1/kpi/stream", "/api/v1/events", "/api/v1/definitions", "/api/v1/state"} {
		if status, _ := fetch(t, client, h.URL()+path, ""); status != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d", path, status)
		}
	}
	for password, want := range map[string]int{token: http.StatusOK, token + "x": http.StatusUnauthorized, "": http.StatusUnauthorized} {
		r, err := http.NewRequestWithContext(within(t), http.MethodGet, h.URL()+"/api/v1/state", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("maria", password)
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if asks := answer.Header.Values("WWW-Authenticate"); answer.StatusCode != want || want == http.StatusUnauthorized && len(asks) != 2 {
			t.Errorf("password %q: %s, asks for %q", password, answer.Status, asks)
		}
	}
}

// TestFiguresAreForNoOtherPage: a page elsewhere may neither frame these nor read them by giving its own name this machine's address.
func TestFiguresAreForNoOtherPage(t *testing.T) {
	h := figuresServer(t, &fakeMeasurer{}, "")
	for _, path := range []string{"/", "/api/v1/state", "/metrics"} {
		for host, want := range map[string]int{"": http.StatusOK, "localhost:8480": http.StatusOK, "[::1]": http.StatusOK, "shop.example": http.StatusForbidden} {
			r, err := http.NewRequestWithContext(within(t), http.MethodGet, h.URL()+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("%s for host %q: %s", path, host, answer.Status)
			}
			if p := answer.Header.Get("Content-Security-Policy"); !strings.Contains(p, "frame-ancestors 'none'") || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: headers %v", path, answer.Header)
			}
		}
	}
}
