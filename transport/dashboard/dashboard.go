// Package dashboard is the page at / of the HTTP side: figures for whoever runs a sale or a product, live, read only, and without anything from elsewhere.
//
// It is a program for browsers, in the folder page, and reads what everybody may read below /api/v1/. `make dashboard` bundles it into the folder built with the
// libraries it uses (built/licences.txt); what is built is kept in the repository, so that building the engine needs no Node.js.
package dashboard

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed built
var built embed.FS

// file is a part of the page, as it is sent.
type file struct {
	kind          string
	plain, packed []byte
}

// New returns what serves the page and its parts. It is used by any number of goroutines.
func New() (http.Handler, error) {
	entries, err := fs.ReadDir(built, "built")
	if err != nil {
		return nil, err
	}
	files := make(map[string]file, len(entries)+1)
	for _, e := range entries {
		plain, err := built.ReadFile(path.Join("built", e.Name()))
		if err != nil {
			return nil, err
		}
		packed, err := pack(plain)
		if err != nil {
			return nil, err
		}
		files["/"+e.Name()] = file{kindOf(e.Name()), plain, packed}
	}
	files["/"] = files["/index.html"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, known := files[r.URL.Path]
		switch {
		case !known:
			http.Error(w, "there is no such page: the dashboard is at /, the figures are below /api/v1/", http.StatusNotFound)
			return
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "nothing is changed here: use GET", http.StatusMethodNotAllowed)
			return
		}
		h, content := w.Header(), f.plain
		h.Set("Content-Type", f.kind)
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			content = f.packed
		}
		if r.Method == http.MethodGet {
			_, _ = w.Write(content) // the browser has gone: nothing to do
		}
	}), nil
}

// kindOf is the media type. It asks no file of the machine, where others may have said what .js is.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "text/plain; charset=utf-8"
}

func pack(plain []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
