package holdfast_test

import (
	"errors"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/holdfast-engine/holdfast"

// shells are the rooms around the engine. They never import each other: cmd/engine joins them.
var shells = []string{"actors", "store", "transport"}

// libraries are named by one room only, so that replacing one is the work of that room.
var libraries = []struct {
	path, room, instead string
}{
	{"github.com/cockroachdb/pebble", "store", "ask store for what you need"},
	{"github.com/nats-io", "transport", "ask transport, or use transport/client"},
	{"github.com/asynkron/protoactor-go", "actors", "submit a request to actors"},
	{"github.com/VictoriaMetrics/metrics", "actors", "register a gauge or a counter with actors.Metrics"},
	{"google.golang.org/protobuf", "transport", "use the types of engine; transport turns them into messages"},
}

// A goFile is what the rules read of a Go file.
type goFile struct {
	path    string // from the root of the repository, with slashes
	pkg     string
	imports []string
	doc     bool
}

func (f goFile) room() string  { return strings.Split(f.path, "/")[0] }
func (f goFile) isTest() bool  { return strings.HasSuffix(f.path, "_test.go") }
func (f goFile) dir() string   { return filepath.ToSlash(filepath.Dir(f.path)) }
func (f goFile) support() bool { return strings.HasSuffix(f.pkg, "test") } // enginetest, actorstest: for tests only

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, imp := range f.imports {
			if why := forbidden(f, imp); why != "" {
				t.Errorf("%s imports %s: %s", f.path, imp, why)
			}
		}
	}
}

// forbidden says what to do instead of importing imp in f, or nothing if f may import it.
func forbidden(f goFile, imp string) string {
	inside, ours := strings.CutPrefix(imp, module+"/")
	target := strings.Split(inside, "/")[0]
	switch {
	case ours && target == "cmd":
		return "nothing imports a command: move what you need into the room it belongs to"
	case ours && target == "bench" && f.room() != "bench":
		return "bench drives the others from outside: nothing imports it"
	case ours && f.room() == "engine" && target != "engine":
		return "engine imports nothing of ours: let the shell pass in what the rule needs as data"
	case f.isTest() || f.support() || f.room() == "bench":
		return "" // tests put the rooms together as they like
	case ours && slices.Contains(shells, f.room()) && slices.Contains(shells, target) && target != f.room():
		return "declare the small interface you need beside its use, over types of engine; cmd/engine joins the rooms"
	}
	for _, lib := range libraries {
		if (imp == lib.path || strings.HasPrefix(imp, lib.path+"/")) && f.room() != lib.room {
			return "only " + lib.room + " names this library: " + lib.instead
		}
	}
	return ""
}

func TestRulesAboutImportsBite(t *testing.T) {
	for _, c := range []struct {
		path, imp string
		allowed   bool
	}{
		{"engine/event.go", module + "/store", false},
		{"engine/event_test.go", module + "/actors", false},
		{"engine/enginetest/model.go", module + "/engine", true},
		{"actors/node.go", module + "/store", false},
		{"actors/node_test.go", module + "/store", true},
		{"actors/actorstest/world.go", module + "/store", true},
		{"transport/gateway/sandbox/gateway.go", module + "/actors", false},
		{"transport/client/client.go", module + "/transport", true},
		{"transport/server.go", module + "/actors", false},
		{"actors/node.go", "github.com/nats-io/nats.go", false},
		{"store/journal.go", "github.com/cockroachdb/pebble/v2/vfs", true},
		{"cmd/engine/serve.go", "github.com/cockroachdb/pebble/v2", false},
		{"cmd/engine/serve.go", module + "/store", true},
		{"bench/echo.go", "github.com/nats-io/nats.go", true},
		{"transport/server_test.go", module + "/cmd/engine", false},
		{"store/journal.go", module + "/bench", false},
	} {
		f := goFile{path: c.path, pkg: filepath.Base(filepath.Dir(c.path))}
		if why := forbidden(f, c.imp); (why == "") != c.allowed {
			t.Errorf("%s importing %s: allowed should be %v, the rule says %q", c.path, c.imp, c.allowed, why)
		}
	}
}

func TestEveryPackageHasOneDoc(t *testing.T) {
	docs := map[string][]string{}
	for _, f := range goFiles(t) {
		if f.isTest() {
			continue
		}
		files := docs[f.dir()]
		if f.doc {
			files = append(files, f.path)
		}
		docs[f.dir()] = files // also without any
	}
	for dir, files := range docs {
		switch {
		case len(files) == 0:
			t.Errorf("package %s has no package doc: say in %s/doc.go what it is for, with no blank line before the package clause", dir, dir)
		case len(files) > 1:
			t.Errorf("package %s has %d package docs, in %s: keep one", dir, len(files), strings.Join(files, " and "))
		}
	}
}

// goFiles reads every Go file of the module.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	set := token.NewFileSet()
	for _, path := range sources(t) {
		if !strings.HasSuffix(path, ".go") {
			continue
		}
		parsed, err := parser.ParseFile(set, filepath.FromSlash(path), nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		f := goFile{path: path, pkg: strings.TrimSuffix(parsed.Name.Name, "_test"), doc: parsed.Doc != nil}
		for _, spec := range parsed.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			f.imports = append(f.imports, imp)
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		t.Fatal("no Go file found: run this test from the root of the repository")
	}
	return files
}

// sources lists the files of the repository by their paths from its root, with slashes, without what git ignores or keeps for itself.
func sources(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a folder that another test has just cleaned up
		}
		if err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		if entry.IsDir() {
			if slices.Contains([]string{".git", "data", "bin", "bench/results/tmp"}, path) || entry.Name() == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		if path != ".git" && !slices.Contains([]string{".test", ".prof"}, filepath.Ext(path)) { // .git is a file in a linked worktree
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
