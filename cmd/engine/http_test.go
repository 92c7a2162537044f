package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestHTTPBeyondLoopbackWantsItsToken(t *testing.T) {
	s := serveOn(t, newData(t), "--http", "0.0.0.0:0", "--http-token-file", write(t, "token", "a-token-of-some-length\n"))
	url := strings.Replace(s.HTTP, "[::]", "127.0.0.1", 1)
	url = strings.Replace(url, "0.0.0.0", "127.0.0.1", 1)
	for _, page := range []string{"/metrics", "/readyz", "/healthz"} {
		if status, body := fetch(t, url+page); status != http.StatusUnauthorized {
			t.Errorf("%s without the token is %d: %s", page, status, body)
		}
		if status, body := fetch(t, url+page, "Authorization", "Bearer a-token-of-some-length"); status != http.StatusOK {
			t.Errorf("%s with the token is %d: %s", page, status, body)
		}
	}
	if strings.Contains(s.logs.String(), "a-token-of-some-length") {
		t.Error("the token is in the log lines")
	}
}

func TestHTTPTokenFilesThatCannotBeAreExplained(t *testing.T) {
	for name, c := range map[string]struct{ file, wants string }{
		"empty":   {write(t, "empty", "\n"), "is empty"},
		"short":   {write(t, "short", "abc"), "16"},
		"missing": {"nowhere", "--http-token-file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := engineRun(t, "serve", "--data", newData(t), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--http-token-file", c.file)
			refuses(t, err, c.wants)
		})
	}
}
