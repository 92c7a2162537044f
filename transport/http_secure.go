package transport

import (
	"net"
	"net/http"
	"strings"
)

// pagePolicy is what a page may do in a browser unless it says otherwise itself: load from here, nothing else, and be framed by nobody.
const pagePolicy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"

// secured tells browsers to trust an answer with as little as possible. With local the host that was asked for must be this machine: a page elsewhere can
// give its own name the address 127.0.0.1, and would then read what is meant for nobody but this machine.
func secured(local bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if local && !isLoopback(hostOf(r.Host)) {
			say(w, http.StatusForbidden, "this address is for this machine only: ask for 127.0.0.1 or localhost, or start the engine with --http-token-file")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostOf is the host without its port.
func hostOf(hostPort string) string {
	if host, _, err := net.SplitHostPort(hostPort); err == nil {
		return host
	}
	return strings.Trim(hostPort, "[]")
}
