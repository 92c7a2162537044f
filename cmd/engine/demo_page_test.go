package main

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// shopAsks puts one request to a page whose shop is open, without an engine behind it.
func shopAsks(t *testing.T, p *shopPage, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:8480"+target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

func openPage(t *testing.T) *shopPage {
	t.Helper()
	p, err := newShopPage()
	if err != nil {
		t.Fatal(err)
	}
	p.bridge.Store(&bridge{})
	return p
}

func TestShopPageIsShutBeforeTheEngineAnswers(t *testing.T) {
	p, err := newShopPage()
	if err != nil {
		t.Fatal(err)
	}
	if w := shopAsks(t, p, http.MethodGet, shopPath, ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("it answers %d", w.Code)
	}
}

func TestShopPageLetsNoOtherPageIn(t *testing.T) {
	p := openPage(t)
	json := []string{"Content-Type", "application/json"}
	for _, c := range []struct {
		name, method, target, body string
		headers                    []string
		status                     int
	}{
		{"the page", http.MethodGet, shopPath, "", nil, http.StatusOK},
		{"under another name", http.MethodGet, shopPath, "", []string{"Host", "evil.example:8480"}, http.StatusMisdirectedRequest},
		{"under another address", http.MethodGet, shopPath, "", []string{"Host", "192.0.2.1:8480"}, http.StatusMisdirectedRequest},
		{"as localhost", http.MethodGet, shopPath, "", []string{"Host", "localhost:8480"}, http.StatusOK},
		{"a command of another page", http.MethodPost, shopPath + "api/buy", "{}", append(json, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
		{"a command of another port", http.MethodPost, shopPath + "api/buy", "{}", append(json, "Origin", "http://127.0.0.1:9999"), http.StatusForbidden},
		{"a form", http.MethodPost, shopPath + "api/buy", "offer=f1", []string{"Content-Type", "application/x-www-form-urlencoded"}, http.StatusUnsupportedMediaType},
		{"text that is JSON", http.MethodPost, shopPath + "api/buy", "{}", []string{"Content-Type", "text/plain"}, http.StatusUnsupportedMediaType},
		{"a field too many", http.MethodPost, shopPath + "api/buy", `{"buyer":"b1"}`, json, http.StatusBadRequest},
		{"two objects", http.MethodPost, shopPath + "api/buy", `{}{}`, json, http.StatusBadRequest},
		{"too long", http.MethodPost, shopPath + "api/buy", `{"offer":"` + strings.Repeat("x", pageBodyBytesMax) + `"}`, json, http.StatusBadRequest},
		{"without a visit", http.MethodPost, shopPath + "api/buy", "{}", append(json, "Sec-Fetch-Site", "same-origin"), http.StatusConflict},
		{"a visit that nobody made", http.MethodPost, shopPath + "api/buy", "{}", append(json, "Cookie", visitCookie+"=x"), http.StatusConflict},
		{"a code of somebody else", http.MethodGet, shopPath + "qr/t1-0.svg", "", nil, http.StatusNotFound},
		{"a command by GET", http.MethodGet, shopPath + "api/buy", "", nil, http.StatusNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := shopAsks(t, p, c.method, c.target, c.body, c.headers...)
			if w.Code != c.status {
				t.Errorf("it answers %d, it should be %d: %s", w.Code, c.status, w.Body)
			}
			if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
				t.Errorf("its policy is %q", policy)
			}
		})
	}
}

func TestVisitorsAreForgottenWhenThereAreTooMany(t *testing.T) {
	p := openPage(t)
	for i := range visitorsMax + 1 {
		p.enter(fmt.Sprint(i), &visitor{buyer: fmt.Sprint(i)})
	}
	if len(p.visitors) != visitorsMax || p.visitors["0"] != nil || p.visitors["1"] == nil {
		t.Errorf("%d visitors are remembered", len(p.visitors))
	}
	v := &visitor{pictures: map[string][]byte{}}
	for i := range picturesMax + 1 {
		v.keep(fmt.Sprint(i), nil)
	}
	if _, kept := v.picture("0"); kept || len(v.pictures) != picturesMax {
		t.Errorf("%d pictures are kept", len(v.pictures))
	}
}

// TestShopPageNamesNothingElsewhere reads the page's files for what a strict policy would refuse.
func TestShopPageNamesNothingElsewhere(t *testing.T) {
	elsewhere := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]{2,}|\sstyle="|\son[a-z]+="|<script>|eval\(|url\(`)
	err := fs.WalkDir(shopFiles, "shoppage", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := shopFiles.ReadFile(path)
		for i, line := range strings.Split(string(text), "\n") {
			if found := elsewhere.FindString(line); found != "" && !strings.Contains(line, "www.w3.org/2000/svg") {
				t.Errorf("%s:%d has %q", path, i+1, found)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
