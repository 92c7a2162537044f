package stripetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// Key is the secret key that the server takes.
const Key = "sk_test_holdfast"

// keyAge is how long an idempotency key is remembered.
const keyAge = 24 * time.Hour

// Server is a Stripe of our own. Payment methods:
//
//	pm_card_visa                        succeeds
//	pm_card_declined_<decline code>     declined with that code
//	pm_card_authenticationRequired      has to authenticate; off session it is declined
//	pm_ideal, or the type ideal         goes to its bank's page
//	pm_card_missing                     is not known
//	pm_card_other_amount                is charged a unit more than was asked
//	pm_card_processing                  is decided only when Decide is called
type Server struct {
	*httptest.Server

	mu       sync.Mutex
	now      func() time.Time
	age      time.Duration // that Age has added to the clock
	faults   []Fault
	intents  map[string]*Intent
	order    []string // ids, as they were made
	refunds  []*Refund
	keys     map[string]*stored
	misuses  int
	requests []Request
	ids      int
}

// Intent is a charge as the server knows it.
type Intent struct {
	ID, Status, Currency, Secret, Method, LastDecline string
	Amount, Capturable, Received, Refunded            int64
	Metadata                                          map[string]string
	Manual, Redirect                                  bool
}

// Refund is money given back.
type Refund struct {
	ID, Intent string
	Amount     int64
	Metadata   map[string]string
	Status     string
}

// Request is what arrived, for tests that look at bytes.
type Request struct {
	Method, Path, Key, Version, Authorization, Body string
}

// Fault is something that happens to the next request that changes something.
type Fault uint8

// The faults.
const (
	LostRequest   Fault = iota // the connection ends before anything happened
	LostAnswer                 // it happened, and the connection ends
	CutAnswer                  // it happened, and the answer ends in the middle
	HugeAnswer                 // it happened, and the answer has 100 MB
	WrongAnswer                // it happened, and the answer is a page of HTML with status 200
	StoredError                // it happened, and the answer is a 500, for ever
	ServerError                // nothing happened: a 503 that is not stored
	TooMany                    // nothing happened: a 429 that asks to wait for 7 s
	LockTimeout                // nothing happened: a 429 because another request works on the object
	Conflict                   // nothing happened to this one: a 409, its key is in use
	Unauthorised               // nothing happened: a 401
	Moved                      // nothing happened: a redirect to somewhere else
	CaptureFails               // a capture or refund is refused by the issuer
	RefundPending              // a refund is on its way
)

type stored struct {
	params string
	at     time.Time
	status int
	body   []byte
}

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{now: time.Now, intents: map[string]*Intent{}, keys: map[string]*stored{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

// Fail makes the next requests that change something meet these faults, one each.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Age lets the server's clock go on.
func (s *Server) Age(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.age += d
}

// Authenticate is what the buyer's client, or their bank, does with the client secret of a charge that waits for it.
func (s *Server) Authenticate(secret string, succeeds bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.intents {
		if in.Secret != secret || in.Status != "requires_action" {
			continue
		}
		if succeeds {
			in.succeed()
		} else {
			in.Status, in.LastDecline = "requires_payment_method", "authentication_required"
		}
		return nil
	}
	return fmt.Errorf("no charge waits for the buyer with this secret")
}

// Decide ends what is processing.
func (s *Server) Decide() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.intents {
		if in.Status == "processing" {
			in.succeed()
		}
	}
}

// RefundOutside gives all of a charge back, as somebody at Stripe's dashboard would.
func (s *Server) RefundOutside(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intents[id].Refunded = s.intents[id].Received
}

// Truth returns every charge, every refund, and how often a key came with other parameters.
func (s *Server) Truth() (intents []Intent, refunds []Refund, misuses int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.order {
		intents = append(intents, *s.intents[id])
	}
	for _, r := range s.refunds {
		refunds = append(refunds, *r)
	}
	return intents, refunds, s.misuses
}

// Requests returns what has arrived.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

func (in *Intent) succeed() {
	if in.Manual {
		in.Status, in.Capturable = "requires_capture", in.Amount
	} else {
		in.Status, in.Received = "succeeded", in.Amount
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, Request{
		r.Method, r.URL.RequestURI(), r.Header.Get("Idempotency-Key"), r.Header.Get("Stripe-Version"), r.Header.Get("Authorization"), string(body),
	})
	s.mu.Unlock()
	w.Header().Set("Request-Id", "req_test")
	if r.Header.Get("Authorization") != "Bearer "+Key {
		answer(w, http.StatusUnauthorized, problem("invalid_request_error", "api_key_invalid", "", nil))
		return
	}
	if r.Method == http.MethodGet {
		s.mu.Lock()
		status, value := s.read(r)
		s.mu.Unlock()
		answer(w, status, encode(value))
		return
	}
	s.change(w, r, string(body))
}

// change carries out a request that changes something, once a key.
func (s *Server) change(w http.ResponseWriter, r *http.Request, params string) {
	s.mu.Lock()
	fault, faulty := s.nextFault()
	if faulty && s.before(w, fault) {
		s.mu.Unlock()
		return
	}
	status, body := s.once(r, params, fault, faulty)
	s.mu.Unlock()
	if faulty {
		//exhaustive:ignore
		switch fault {
		case LostAnswer:
			panic(http.ErrAbortHandler)
		case CutAnswer:
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			w.WriteHeader(status)
			_, _ = w.Write(body[:len(body)/2])
			panic(http.ErrAbortHandler)
		case HugeAnswer:
			w.WriteHeader(status)
			for range 100 {
				if _, err := w.Write([]byte(strings.Repeat(" ", 1<<20))); err != nil {
					return
				}
			}
		case WrongAnswer:
			answer(w, http.StatusOK, []byte("<html><body>Welcome to the airport's network</body></html>"))
			return
		default: // the others answer as usual
		}
	}
	answer(w, status, body)
}

func (s *Server) nextFault() (f Fault, ok bool) {
	if len(s.faults) == 0 {
		return 0, false
	}
	f = s.faults[0]
	s.faults = s.faults[1:]
	return f, true
}

// before is what faults do before anything happens. It reports whether that was all.
func (s *Server) before(w http.ResponseWriter, fault Fault) bool {
	//exhaustive:ignore
	switch fault {
	case LostRequest:
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	case ServerError:
		answer(w, http.StatusServiceUnavailable, []byte("upstream connect error"))
	case TooMany:
		w.Header().Set("Retry-After", "7")
		answer(w, http.StatusTooManyRequests, problem("invalid_request_error", "rate_limit", "", nil))
	case LockTimeout:
		answer(w, http.StatusTooManyRequests, problem("invalid_request_error", "lock_timeout", "", nil))
	case Conflict:
		answer(w, http.StatusConflict, problem("idempotency_error", "idempotency_key_in_use", "", nil))
	case Unauthorised:
		answer(w, http.StatusUnauthorized, problem("invalid_request_error", "api_key_expired", "", nil))
	case Moved:
		w.Header().Set("Location", "/v1/elsewhere")
		answer(w, http.StatusTemporaryRedirect, nil)
	default:
		return false
	}
	return true
}

// once answers from what is stored under the key, or carries the request out and stores its answer.
func (s *Server) once(r *http.Request, params string, fault Fault, faulty bool) (int, []byte) {
	key := r.Header.Get("Idempotency-Key")
	now := s.now().Add(s.age)
	kept := s.keys[key]
	if kept != nil && now.Sub(kept.at) >= keyAge {
		kept = nil
	}
	if kept != nil {
		if kept.params != r.URL.Path+"?"+params {
			s.misuses++
			return http.StatusBadRequest, problem("idempotency_error", "", "", nil)
		}
		return kept.status, kept.body
	}
	form, err := url.ParseQuery(params)
	if err != nil {
		return http.StatusBadRequest, problem("invalid_request_error", "parameter_invalid", "", nil)
	}
	status, value := s.apply(r, form, fault, faulty)
	body := encode(value)
	if faulty && fault == StoredError {
		status, body = http.StatusInternalServerError, problem("api_error", "", "", nil)
	}
	if status != http.StatusBadRequest && status != http.StatusNotFound { // what was not looked at is not stored
		s.keys[key] = &stored{params: r.URL.Path + "?" + params, at: now, status: status, body: body}
	}
	return status, body
}

func answer(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func encode(value any) []byte {
	if raw, ok := value.([]byte); ok {
		return raw
	}
	data, err := json.Marshal(value)
	if err != nil {
		panic(err) // a map of strings and numbers
	}
	return data
}

// problem is an error as Stripe sends it. Its message quotes what was sent, as Stripe's do.
func problem(kind, code, decline string, intent *Intent) []byte {
	e := map[string]any{"type": kind, "message": "A message that names pm_secret_token and " + Key}
	if code != "" {
		e["code"] = code
	}
	if decline != "" {
		e["decline_code"] = decline
	}
	if intent != nil {
		e["payment_intent"] = intent.object()
	}
	return encode(map[string]any{"error": e})
}
