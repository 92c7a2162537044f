package holdfast_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
)

// A bound in docs/limits.md is a row | `room.Name` | value | ... | `TestName` |. A table of an event is `engine.Limits.Name`.
var (
	boundName  = regexp.MustCompile(`^[a-z/]+\.(?:[A-Z][A-Za-z.]+|[a-z]+[A-Z][A-Za-z]*)$`)
	boundRow   = regexp.MustCompile("(?m)^\\| `([a-z/]+)\\.([A-Za-z.]+)` \\| ([^|]+) \\|.*$")
	quotedTest = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
)

// TestLimitsPageIsTrue compares every value in docs/limits.md with the code, looks for the test that each row names, and finds bounds that
// have no row.
func TestLimitsPageIsTrue(t *testing.T) {
	page := read(t, "docs/limits.md")
	files := sources(t)
	tests := testNames(t, files)
	consts := map[string]packageConsts{}
	rows := boundRow.FindAllStringSubmatch(page, -1)
	if len(rows) == 0 {
		t.Fatal("docs/limits.md has no row of the form | `room.Name` | value | ... | `TestName` |")
	}
	listed := map[string]bool{}
	for _, m := range rows {
		row, room, name, shown := m[0], m[1], m[2], strings.TrimSpace(m[3])
		listed[room+"."+name] = true
		if consts[room] == nil {
			consts[room] = constsOf(t, files, room)
		}
		value, ok := consts[room].eval(t, files, name)
		if table, is := strings.CutPrefix(name, "Limits."); is {
			value, ok = tableBound(table)
		}
		want, wellFormed := quantity(shown)
		switch {
		case !ok:
			t.Errorf("docs/limits.md names %s.%s, which is not a constant there: correct the page", room, name)
		case !wellFormed:
			t.Errorf("docs/limits.md gives %s.%s the value %q: write a number with commas and, if it has one, a unit of %v", room, name, shown, unitNames())
		case !constant.Compare(value, token.EQL, want):
			t.Errorf("docs/limits.md says that %s.%s is %s, the code says %s: correct the page", room, name, shown, value)
		}
		named := quotedTest.FindAllStringSubmatch(row, -1)
		if len(named) == 0 {
			t.Errorf("docs/limits.md names no test that fills %s.%s: write one, or say in another table why it cannot be filled", room, name)
		}
		for _, m := range named {
			if !tests[m[1]] {
				t.Errorf("docs/limits.md says that %s fills %s.%s, but there is no such test: correct the page, or write it", m[1], room, name)
			}
		}
	}
	tables := reflect.TypeFor[engine.Limits]()
	for i := range tables.NumField() {
		if name := "engine.Limits." + tables.Field(i).Name; !listed[name] {
			t.Errorf("%s is a bound without a row in docs/limits.md: add what happens when it is reached, and the test that fills it", name)
		}
	}
	for _, room := range []string{"engine", "engine/wallet", "actors", "store", "transport", "transport/client", "transport/load"} {
		for name := range constsOf(t, files, room) {
			isBound := strings.HasSuffix(name, "Max") || strings.HasSuffix(name, "MaxDefault")
			if isBound && ast.IsExported(name) && !listed[room+"."+name] {
				t.Errorf("%s.%s is a bound without a row in docs/limits.md: add what happens when it is reached, and the test that fills it", room, name)
			}
		}
	}
}

// tableBound is the default bound of one table of an event.
func tableBound(name string) (constant.Value, bool) {
	field := reflect.ValueOf(engine.DefaultLimits()).FieldByName(name)
	if !field.IsValid() {
		return nil, false
	}
	return constant.MakeInt64(field.Int()), true
}

// testNames is the set of all tests and fuzz targets of the module.
func testNames(t *testing.T, files []string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			for _, m := range declared.FindAllStringSubmatch(read(t, file), -1) {
				names[m[1]] = true
			}
		}
	}
	return names
}

// packageConsts is the constants of one package by name.
type packageConsts map[string]ast.Expr

func constsOf(t *testing.T, files []string, dir string) packageConsts {
	t.Helper()
	consts := packageConsts{}
	for _, file := range files {
		if path.Dir(file) != dir || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			general, ok := decl.(*ast.GenDecl)
			if !ok || general.Tok != token.CONST {
				continue
			}
			for _, spec := range general.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && len(v.Values) == len(v.Names) {
					for i, name := range v.Names {
						consts[name.Name] = v.Values[i]
					}
				}
			}
		}
	}
	return consts
}

// eval is the value of a constant. Durations are in nanoseconds.
func (c packageConsts) eval(t *testing.T, files []string, name string) (constant.Value, bool) {
	t.Helper()
	expr, ok := c[name]
	if !ok {
		return nil, false
	}
	var value func(ast.Expr) (constant.Value, bool)
	value = func(e ast.Expr) (constant.Value, bool) {
		switch e := e.(type) {
		case *ast.BasicLit:
			return constant.MakeFromLiteral(e.Value, e.Kind, 0), true
		case *ast.ParenExpr:
			return value(e.X)
		case *ast.Ident:
			return c.eval(t, files, e.Name)
		case *ast.CallExpr: // a conversion
			if len(e.Args) == 1 {
				return value(e.Args[0])
			}
		case *ast.SelectorExpr:
			from := fmt.Sprint(e.X)
			if from == "time" {
				ns, ok := unitsOf[durations[e.Sel.Name]]
				return constant.MakeInt64(ns), ok
			}
			return constsOf(t, files, from).eval(t, files, e.Sel.Name)
		case *ast.BinaryExpr:
			x, okX := value(e.X)
			y, okY := value(e.Y)
			if !okX || !okY {
				return nil, false
			}
			switch e.Op {
			case token.SHL:
				n, exact := constant.Uint64Val(y)
				return constant.Shift(x, token.SHL, uint(n)), exact
			case token.QUO:
				return constant.BinaryOp(x, token.QUO_ASSIGN, y), true // whole numbers
			default:
				return constant.BinaryOp(x, e.Op, y), true
			}
		}
		return nil, false
	}
	return value(expr)
}

// unitsOf are the units of docs/limits.md, and durations the names that package time has for them.
var (
	unitsOf = map[string]int64{
		"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
		"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9,
	}
	durations = map[string]string{"Nanosecond": "ns", "Microsecond": "us", "Millisecond": "ms", "Second": "s", "Minute": "min", "Hour": "h"}
)

func unitNames() []string {
	var names []string
	for name := range unitsOf {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// quantity reads "65,536", "64 KiB" or "50 ms".
func quantity(s string) (constant.Value, bool) {
	number, unit, hasUnit := strings.Cut(s, " ")
	value := constant.MakeFromLiteral(strings.ReplaceAll(number, ",", ""), token.INT, 0)
	if value.Kind() != constant.Int {
		return nil, false
	}
	if !hasUnit {
		return value, true
	}
	factor, ok := unitsOf[unit]
	return constant.BinaryOp(value, token.MUL, constant.MakeInt64(factor)), ok
}
