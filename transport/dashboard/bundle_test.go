package dashboard_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/transport/dashboard"
)

// pageBytesMax is what the page may weigh on the way to a browser, all its parts together.
const pageBytesMax = 300 << 10

func TestDashboardIsLightAndComesFromHere(t *testing.T) {
	page, err := dashboard.New()
	if err != nil {
		t.Fatal(err)
	}
	built, err := os.ReadDir("built")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, file := range built {
		r := httptest.NewRequest(http.MethodGet, "/"+file.Name(), nil)
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: status %d, encoding %q", file.Name(), w.Code, w.Header().Get("Content-Encoding"))
		}
		total += w.Body.Len()
		unpack, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(unpack)
		if err != nil {
			t.Fatal(err)
		}
		for _, url := range regexp.MustCompile(`https?://[^"'\s)<]+`).FindAllString(string(content), -1) {
			if !strings.HasPrefix(url, "http://www.w3.org/") && file.Name() != "licences.txt" { // names of namespaces, never asked for
				t.Errorf("%s names %s: everything has to come from the engine", file.Name(), url)
			}
		}
	}
	t.Logf("%d bytes compressed in %d files", total, len(built))
	if total > pageBytesMax {
		t.Errorf("the page weighs %d bytes compressed: %d are allowed", total, pageBytesMax)
	}
}

func TestDashboardServesItsPartsOnly(t *testing.T) {
	page, err := dashboard.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		status       int
		kind         string
	}{
		{http.MethodGet, "/", http.StatusOK, "text/html; charset=utf-8"},
		{http.MethodHead, "/", http.StatusOK, "text/html; charset=utf-8"},
		{http.MethodGet, "/dashboard.js", http.StatusOK, "text/javascript; charset=utf-8"},
		{http.MethodGet, "/dashboard.css", http.StatusOK, "text/css; charset=utf-8"},
		{http.MethodGet, "/icon.svg", http.StatusOK, "image/svg+xml"},
		{http.MethodGet, "/licences.txt", http.StatusOK, "text/plain; charset=utf-8"},
		{http.MethodPost, "/", http.StatusMethodNotAllowed, ""},
		{http.MethodGet, "/page/main.js", http.StatusNotFound, ""},
		{http.MethodGet, "/../dashboard.go", http.StatusNotFound, ""},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(c.method, "/", nil)
		r.URL.Path = c.path
		page.ServeHTTP(w, r)
		if w.Code != c.status || c.kind != "" && w.Header().Get("Content-Type") != c.kind {
			t.Errorf("%s %s: status %d, %s", c.method, c.path, w.Code, w.Header().Get("Content-Type"))
		}
	}
}

// TestDashboardIsWhatItsSourcesMake makes the bundle anew, with the libraries that the lock file names, and compares.
func TestDashboardIsWhatItsSourcesMake(t *testing.T) {
	if testing.Short() {
		t.Skip("asks the npm registry")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("no npm on this machine, so nobody compares the dashboard with its sources: install Node.js, as .ci/run does")
	}
	work := t.TempDir()
	sources := filepath.Join(work, "page")
	if err := os.Mkdir(sources, 0o755); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if file.IsDir() {
			continue // libraries that somebody has installed there
		}
		if err := os.WriteFile(filepath.Join(sources, file.Name()), []byte(source(t, file.Name())), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range [][]string{{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"}, {"node", "bundle.mjs", filepath.Join(work, "built")}} {
		cmd := exec.CommandContext(t.Context(), step[0], step[1:]...)
		cmd.Dir = sources
		if out, err := cmd.CombinedOutput(); err != nil {
			if step[0] == "npm" && os.Getenv("CI") == "" {
				t.Skipf("the npm registry cannot be asked, so nobody compares the dashboard with its sources: %v\n%s", err, out)
			}
			t.Fatalf("%v: %v\n%s", step, err, out)
		}
	}
	made, err := os.ReadDir(filepath.Join(work, "built"))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadDir("built")
	if err != nil {
		t.Fatal(err)
	}
	if len(made) != len(kept) {
		t.Errorf("%d files are made and %d are kept: run make dashboard, and commit what it makes", len(made), len(kept))
	}
	for _, file := range made {
		want, err := os.ReadFile(filepath.Join(work, "built", file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(filepath.Join("built", file.Name()))
		if err != nil || !bytes.Equal(have, want) {
			t.Errorf("built/%s is not what the sources make (%v): run make dashboard, and commit what it makes", file.Name(), err)
		}
	}
}

// TestDashboardKnowsTheEnginesRules holds what the page repeats to where it is decided.
func TestDashboardKnowsTheEnginesRules(t *testing.T) {
	constants := source(t, "constants.js")
	if want := measure.PolicyDefault().MatureMs; want != 30*60_000 || !strings.Contains(constants, "matureMs = 30 * 60_000;") {
		t.Errorf("a buyer-event is watched for %d ms: say so in page/constants.js", want)
	}
	// Every currency has its exponent: two is what the page takes where it says nothing else.
	listed := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^  (\d): "([A-Z ]+)"`).FindAllStringSubmatch(source(t, "currency.js"), -1) {
		for _, code := range strings.Fields(m[2]) {
			listed[code] = int(m[1][0] - '0')
		}
	}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			for c := 'A'; c <= 'Z'; c++ {
				code := string([]rune{a, b, c})
				exponent, used := engine.CurrencyExponent(code)
				shown, special := listed[code]
				if !special {
					shown = 2
				}
				if used && shown != exponent || special && !used {
					t.Errorf("%s has %d decimals here, and %d in page/currency.js", code, exponent, shown)
				}
			}
		}
	}
}

func source(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("page", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
