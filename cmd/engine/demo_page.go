package main

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/transport/client"
)

// shopFiles are the shop page: plain HTML, CSS and JavaScript, with nothing from elsewhere.
//
//go:embed shoppage
var shopFiles embed.FS

const (
	shopPath = "/shop/"
	// shopPolicy lets the page load what came with it and talk to where it came from, and nothing else.
	shopPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	visitCookie      = "visit"
	visitorsMax      = 256 // who came first is forgotten first
	pageBodyBytesMax = 4 << 10
	pagePatience     = 25 * time.Second // below the HTTP side's own
)

// shopPage is the HTTP side of the shop: files, and one POST a command. It decides nothing: a bridge asks the engine.
type shopPage struct {
	handler http.Handler
	bridge  atomic.Pointer[bridge] // nil until the engine answers

	mu       sync.Mutex
	visitors map[string]*visitor
	came     []string // cookies, oldest first
}

// newShopPage makes the page, to be mounted at shopPath. It sells as soon as it has a bridge.
func newShopPage() (*shopPage, error) {
	files, err := fs.Sub(shopFiles, "shoppage")
	if err != nil {
		return nil, err
	}
	p := &shopPage{visitors: map[string]*visitor{}}
	mux := http.NewServeMux()
	mux.Handle("GET "+shopPath, http.StripPrefix(shopPath, http.FileServerFS(files)))
	mux.HandleFunc("GET "+shopPath+"qr/{file}", p.qr)
	mux.HandleFunc("POST "+shopPath+"api/visit", p.visit)
	command(p, mux, "counts", (*bridge).counts)
	command(p, mux, "rush", (*bridge).rush)
	command(p, mux, "code", (*bridge).code)
	command(p, mux, "offer", (*bridge).offer)
	command(p, mux, "buy", (*bridge).buy)
	command(p, mux, "hold", (*bridge).hold)
	command(p, mux, "release", (*bridge).release)
	command(p, mux, "pay", (*bridge).pay)
	command(p, mux, "purchase", (*bridge).purchase)
	command(p, mux, "authenticate", (*bridge).authenticate)
	command(p, mux, "undo", (*bridge).undo)
	command(p, mux, "tickets", (*bridge).tickets)
	command(p, mux, "touch", (*bridge).touch)
	command(p, mux, "line", (*bridge).line)
	command(p, mux, "join", (*bridge).join)
	command(p, mux, "leave", (*bridge).leave)
	command(p, mux, "wait", (*bridge).wait)
	command(p, mux, "entries", (*bridge).entries)
	command(p, mux, "doors", (*bridge).doors)
	p.handler = shopGuard(http.NewCrossOriginProtection().Handler(mux))
	return p, nil
}

// open puts a sale on the page. The function it returns ends what it began, before the engine is stopped.
func (p *shopPage) open(ctx context.Context, s *sale, introduce func(context.Context, []knownBuyer) error) (closeShop func(), err error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	unfollow, err := s.office.client.Purchases(s.plan.event, "", p.isAsked)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var open sync.WaitGroup
	open.Go(func() { s.keepLooking(ctx) })
	comes, inside := s.shopping, make(chan struct{}) // closed when the crowd is
	if s.plan.line != nil {
		comes = s.gather
	}
	b := &bridge{client: s.office.client, sale: s, introduce: introduce, letIn: func() {
		if s.letIn() {
			open.Go(func() {
				if err := introduce(ctx, s.customers()); err != nil {
					s.counts.unanswered(err)
				}
				comes(ctx)
				close(inside)
			})
		}
	}}
	var opening sync.Mutex
	opened := false
	b.openDoors = func(asked context.Context) error {
		opening.Lock()
		defer opening.Unlock()
		if opened {
			return nil
		}
		if err := s.office.open(asked); err != nil {
			return err
		}
		opened = true
		open.Go(func() {
			select {
			case <-inside:
				s.shopInLine(ctx)
			case <-ctx.Done():
			}
		})
		return nil
	}
	p.bridge.Store(b)
	return func() {
		_ = unfollow() // its connection is closed next
		cancel()
		open.Wait()
	}, nil
}

// ServeHTTP implements http.Handler.
func (p *shopPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.bridge.Load() == nil {
		http.Error(w, "the shop opens in a moment", http.StatusServiceUnavailable)
		return
	}
	p.handler.ServeHTTP(w, r)
}

// shopGuard sets what browsers should enforce, and answers only to the names of this machine: another name that leads here is another page's trick.
func shopGuard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", shopPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
		h.Set("Cache-Control", "no-store")
		host, _, err := net.SplitHostPort(r.Host)
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this page answers to localhost and 127.0.0.1 only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// visit begins a visit, or goes on with the one that the cookie names.
func (p *shopPage) visit(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Again bool `json:"again"`
	}
	if !readJSON(w, r, &q) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), pagePatience)
	defer cancel()
	b, v := p.bridge.Load(), p.visitor(r)
	if v == nil || q.Again {
		var err error
		if v, err = b.welcome(ctx); err != nil {
			answer(w, nil, err)
			return
		}
		key := rand.Text()
		p.enter(key, v)
		http.SetCookie(w, &http.Cookie{Name: visitCookie, Value: key, Path: shopPath, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	}
	answer(w, b.show(v), nil)
}

// enter remembers a visitor, and forgets the first one when there are too many.
func (p *shopPage) enter(key string, v *visitor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.visitors[key] = v
	if p.came = append(p.came, key); len(p.came) > visitorsMax {
		delete(p.visitors, p.came[0])
		p.came = p.came[1:]
	}
}

// visitor is who the cookie names; nil if nobody.
func (p *shopPage) visitor(r *http.Request) *visitor {
	cookie, err := r.Cookie(visitCookie)
	if err != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.visitors[cookie.Value]
}

// qr shows the code of one of the visitor's tickets.
func (p *shopPage) qr(w http.ResponseWriter, r *http.Request) {
	v := p.visitor(r)
	if v == nil {
		http.NotFound(w, r)
		return
	}
	picture, ok := v.picture(r.PathValue("file"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	_, _ = w.Write(picture) // the browser has gone: nothing to do
}

// command mounts one command of the bridge. It is done in the name of the visitor that the cookie names: no field of a request says who asks.
func command[Q any](p *shopPage, mux *http.ServeMux, name string, does func(*bridge, context.Context, *visitor, Q) (any, error)) {
	mux.HandleFunc("POST "+shopPath+"api/"+name, func(w http.ResponseWriter, r *http.Request) {
		var q Q
		if !readJSON(w, r, &q) {
			return
		}
		v := p.visitor(r)
		if v == nil {
			answer(w, nil, &pageRefusal{Code: "visit_unknown", Message: "This visit is over: load the page again."})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), pagePatience)
		defer cancel()
		a, err := does(p.bridge.Load(), ctx, v, q)
		answer(w, a, err)
	})
}

// readJSON reads a small request, or says what is wrong with it. A form of another page cannot have this content type.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		http.Error(w, "send application/json", http.StatusUnsupportedMediaType)
		return false
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, pageBodyBytesMax))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return true
		}
		err = errors.New("more than one object")
	}
	http.Error(w, "the request is not what the page sends: "+err.Error(), http.StatusBadRequest)
	return false
}

// pageRefusal is a no with a sentence for the visitor.
type pageRefusal struct {
	Code         string `json:"code"`
	Message      string `json:"message"`
	Field        string `json:"field,omitempty"` // of what was asked, that is to blame
	RetryAfterMs int64  `json:"retry_after_ms,omitempty"`
}

// Error makes a refusal an error.
func (r *pageRefusal) Error() string { return r.Message }

// answer writes what the bridge says. What is no refusal is an outcome that nobody knows: the page asks again with the same request id.
func answer(w http.ResponseWriter, a any, err error) {
	status := http.StatusOK
	var refusal *client.Refusal
	var own *pageRefusal
	switch {
	case err == nil:
	case errors.As(err, &own):
		a, status = map[string]any{"error": own}, http.StatusConflict
	case errors.As(err, &refusal):
		a, status = map[string]any{"error": pageRefusal{Code: refusal.Name, Message: inWords(refusal), Field: refusal.Field, RetryAfterMs: refusal.RetryAfter.Milliseconds()}}, http.StatusConflict
	default:
		a, status = map[string]any{"unknown": err.Error()}, http.StatusBadGateway
	}
	text, err := json.Marshal(a)
	if err != nil {
		text, status = []byte("{}"), http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the browser has gone: nothing to do
}
