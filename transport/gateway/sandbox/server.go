package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// The paths of a sandbox that is a process of its own.
const (
	pathCalls        = "/v1/calls"
	pathAuthenticate = "/v1/authenticate"
	pathMode         = "/v1/mode"
	pathTruth        = "/v1/truth"
)

// messageBytesMax bounds a request of the sandbox's HTTP side: a body in base64 and what is around it.
const messageBytesMax = 64 << 10

// callMessage is a call on its way to a sandbox elsewhere.
type callMessage struct {
	Operation payment.Operation `json:"operation"`
	Key       string            `json:"key"`
	Order     string            `json:"order"`
	Ref       string            `json:"ref"`
	RefundRef string            `json:"refund_ref"`
	Body      []byte            `json:"body"`
}

type authenticateMessage struct {
	ClientSecret string `json:"client_secret"`
	Succeeds     bool   `json:"succeeds"`
}

type modeMessage struct {
	Mode Mode `json:"mode"`
}

// Handler serves a sandbox to other processes: see [Dial]. It asks nobody who they are, so it belongs on loopback.
func Handler(g *Gateway) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathCalls, func(w http.ResponseWriter, r *http.Request) {
		var m callMessage
		if readMessage(w, r, &m) {
			answerJSON(w, http.StatusOK, g.Do(r.Context(), payment.Call{
				Operation: m.Operation, Key: m.Key, Order: m.Order, Ref: m.Ref, RefundRef: m.RefundRef, Body: m.Body,
			}))
		}
	})
	mux.HandleFunc("POST "+pathAuthenticate, func(w http.ResponseWriter, r *http.Request) {
		var m authenticateMessage
		if !readMessage(w, r, &m) {
			return
		}
		if err := g.Authenticate(m.ClientSecret, m.Succeeds); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		answerJSON(w, http.StatusOK, struct{}{})
	})
	mux.HandleFunc("POST "+pathMode, func(w http.ResponseWriter, r *http.Request) {
		var m modeMessage
		if readMessage(w, r, &m) {
			g.SetMode(m.Mode)
			answerJSON(w, http.StatusOK, struct{}{})
		}
	})
	mux.HandleFunc("GET "+pathTruth, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, http.StatusOK, g.Truth()) })
	return mux
}

// readMessage reads a request of the HTTP side, or answers why it cannot be read.
func readMessage(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, messageBytesMax))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return true
		}
		err = errors.New("something follows the message")
	}
	http.Error(w, err.Error(), http.StatusBadRequest)
	return false
}

func answerJSON(w http.ResponseWriter, status int, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data) // the caller has gone: nothing to do
}
