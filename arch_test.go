// Package snug holds no code, only the tests that keep the house in order:
// who may import whom, how long files and functions may get, and that the
// README's sample programs are the tested ones.
package snug

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers says how high each package stands. It holds for the packages below a
// path too, unless they have a line of their own. A package imports lower
// layers alone; ARCHITECTURE.md says why.
var layers = map[string]int{
	"snug/internal/prove": 6, // uses the tools below, and nothing uses it

	"snug/cmd": 5,

	// Tools and tests may use everything, and nothing uses them.
	"snug/bench":                5,
	"snug/e2e":                  5,
	"snug/internal/check":       5,
	"snug/internal/conformance": 5,
	"snug/internal/crashfs":     5,
	"snug/internal/hostile":     5,
	"snug/scripts":              5,

	"snug/internal/server": 4,

	"snug/internal/admin":   3,
	"snug/internal/api":     3,
	"snug/internal/gateway": 3,
	"snug/internal/load":    3, // part of the product: the command measures by it

	"snug/internal/bus":    2,
	"snug/internal/store":  2,
	"snug/internal/wire":   2,
	"snug/socketio":        2,
	"snug/socketio/client": 2,

	"snug/engineio":         1,
	"snug/internal/chat":    1,
	"snug/internal/config":  1,
	"snug/internal/metrics": 1,
	"snug/web":              1,

	"snug/engineio/packet": 0,
	"snug/socketio/packet": 0,
}

// never lists imports that no layer would stop, each with its reason.
var never = []struct{ from, to, why string }{
	{"snug/internal/chat", "snug", "the domain knows nothing else of ours"},
	{"snug/internal/chat", "net", "the domain speaks to no network"},
	{"snug/internal/chat", "net/http", "the domain knows no HTTP"},
	{"snug/internal/chat", "database/sql", "the domain knows no SQL"},
	{"snug/engineio", "snug/internal", "the public packages stand by themselves"},
	{"snug/socketio", "snug/internal", "the public packages stand by themselves"},
	{"snug/engineio/packet", "net", "packets are bytes only"},
	{"snug/engineio/packet", "net/http", "packets are bytes only"},
	{"snug/socketio/packet", "net", "packets are bytes only"},
	{"snug/socketio/packet", "net/http", "packets are bytes only"},
	{"snug/internal/store", "snug/internal/bus", "the log and the bus do not know each other"},
	{"snug/internal/bus", "snug/internal/store", "the log and the bus do not know each other"},
	{"snug/internal/gateway", "snug/internal/api", "two edges, joined only by chat.Service"},
	{"snug/internal/api", "snug/internal/gateway", "two edges, joined only by chat.Service"},
	{"snug/internal/gateway", "snug/internal/store", "an edge sees chat.Service, not what is behind it"},
	{"snug/internal/gateway", "snug/internal/bus", "an edge sees chat.Service, not what is behind it"},
	{"snug/internal/api", "snug/internal/store", "an edge sees chat.Service, not what is behind it"},
	{"snug/internal/api", "snug/internal/bus", "an edge sees chat.Service, not what is behind it"},
	{"snug/internal/admin", "snug/internal/store", "an edge sees chat.Service, not what is behind it"},
	{"snug/internal/admin", "snug/internal/bus", "an edge sees chat.Service, not what is behind it"},
	{"snug/internal/admin", "snug/socketio", "the operator's edge knows no clients"},
}

// frugal lists the packages that may use, besides the standard library and
// ours, only what is named here.
var frugal = map[string][]string{
	"snug/engineio":        {"github.com/gobwas", "golang.org/x/sys/unix"},
	"snug/engineio/packet": {},
	"snug/internal/chat":   {"golang.org/x/text", "golang.org/x/time", "golang.org/x/crypto", "github.com/rivo/uniseg"},
	"snug/socketio":        {},
	"snug/socketio/client": {"github.com/gobwas"},
	"snug/socketio/packet": {},
}

// An arrow is one package importing another. A test's arrow may go to any
// layer (the domain is tested on the real store) but breaks no `never` of a
// public package.
type arrow struct {
	from, to string
	test     bool
}

// offence says what is wrong with an arrow, or "".
func offence(a arrow) string {
	from, known := nearest(layers, a.from)
	if !known {
		if under(a.from, "snug") && a.from != "snug" {
			return "has no layer: give it one in arch_test.go and ARCHITECTURE.md"
		}
		return ""
	}
	if a.test {
		if public := under(a.from, "snug/engineio") || under(a.from, "snug/socketio"); public && under(a.to, "snug/internal") {
			return "must not import " + a.to + ": the public packages are tested by themselves too"
		}
		return ""
	}
	for _, n := range never {
		// Both ends of "never" hold for the packages below, but "net" is not "net/netip".
		if under(a.from, n.from) && (a.to == n.to || under(n.to, "snug") && under(a.to, n.to)) {
			return fmt.Sprintf("must not import %s: %s", a.to, n.why)
		}
	}
	if under(a.to, "snug") {
		to, known := nearest(layers, a.to)
		if !known {
			return fmt.Sprintf("must not import %s, which has no layer", a.to)
		}
		if to >= from {
			return fmt.Sprintf("(layer %d) must not import %s (layer %d): arrows run down", from, a.to, to)
		}
		return ""
	}
	allowed, is := nearest(frugal, a.from)
	outside := strings.Contains(strings.Split(a.to, "/")[0], ".")
	if is && outside && !slices.ContainsFunc(allowed, func(p string) bool { return under(a.to, p) }) {
		return fmt.Sprintf("must not import %s: only %s", a.to, cmp.Or(strings.Join(allowed, ", "), "the standard library"))
	}
	return ""
}

// under reports whether p is the package root or lies below it.
func under(p, root string) bool { return p == root || strings.HasPrefix(p, root+"/") }

// nearest returns the value of the longest key that p lies under.
func nearest[V any](m map[string]V, p string) (v V, ok bool) {
	for ; p != "."; p = path.Dir(p) {
		if v, ok = m[p]; ok {
			return v, true
		}
	}
	return v, false
}

func TestLayers(t *testing.T) {
	n := 0
	for file := range ourFiles(t) {
		if path.Ext(file) != ".go" {
			continue
		}
		// Parsed, not listed by the go command: so files of every build tag and system count.
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, imp := range parsed.Imports {
			to, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			a := arrow{from: path.Join("snug", path.Dir(file)), to: to, test: strings.HasSuffix(file, "_test.go")}
			if why := offence(a); why != "" {
				t.Errorf("%s: %s %s", file, a.from, why)
			}
			n++
		}
	}
	if n == 0 {
		t.Fatal("no import was checked")
	}
}

func TestOffence(t *testing.T) {
	for _, c := range []struct {
		arrow
		want string // part of the answer; empty: the arrow is fine
	}{
		{arrow{from: "snug/cmd/snug", to: "snug/internal/server"}, ""},
		{arrow{from: "snug/cmd/snug", to: "snug/internal/store/sqlite"}, ""},
		{arrow{from: "snug/internal/gateway", to: "snug/internal/chat"}, ""},
		{arrow{from: "snug/internal/gateway", to: "snug/socketio"}, ""},
		{arrow{from: "snug/internal/store/sqlite", to: "snug/internal/chat"}, ""},
		{arrow{from: "snug/internal/store/sqlite", to: "zombiezen.com/go/sqlite"}, ""},
		{arrow{from: "snug/internal/chat", to: "golang.org/x/text/secure/precis"}, ""},
		{arrow{from: "snug/internal/chat", to: "net/netip"}, ""},
		{arrow{from: "snug/engineio", to: "github.com/gobwas/ws"}, ""},
		{arrow{from: "snug/engineio", to: "snug/engineio/packet"}, ""},
		{arrow{from: "snug/socketio/client", to: "snug/socketio/packet"}, ""},
		{arrow{from: "snug/internal/chat", to: "snug/internal/store/sqlite", test: true}, ""},
		{arrow{from: "snug", to: "testing", test: true}, ""},

		{arrow{from: "snug/engineio/packet", to: "snug/engineio"}, "arrows run down"},
		{arrow{from: "snug/engineio", to: "snug/socketio"}, "arrows run down"},
		{arrow{from: "snug/internal/server", to: "snug/cmd/snug"}, "arrows run down"},
		{arrow{from: "snug/cmd/snug", to: "snug/internal/check"}, "arrows run down"},
		{arrow{from: "snug/internal/store/sqlite", to: "snug/internal/store/postgres"}, "arrows run down"},
		{arrow{from: "snug/internal/store/sqlite", to: "snug/socketio"}, "arrows run down"},
		{arrow{from: "snug/internal/wire", to: "snug/socketio"}, "arrows run down"},
		{arrow{from: "snug/internal/chat", to: "snug/engineio/packet"}, "nothing else of ours"},
		{arrow{from: "snug/internal/chat", to: "net/http"}, "no HTTP"},
		{arrow{from: "snug/internal/chat", to: "database/sql"}, "no SQL"},
		{arrow{from: "snug/internal/chat", to: "github.com/google/uuid"}, "only golang.org/x/text"},
		{arrow{from: "snug/engineio", to: "snug/internal/chat"}, "by themselves"},
		{arrow{from: "snug/engineio", to: "snug/internal/server", test: true}, "by themselves"},
		{arrow{from: "snug/engineio", to: "github.com/google/uuid"}, "only github.com/gobwas"},
		{arrow{from: "snug/socketio", to: "github.com/gobwas/ws"}, "only the standard library"},
		{arrow{from: "snug/socketio/client", to: "snug/internal/wire"}, "by themselves"},
		{arrow{from: "snug/socketio/packet", to: "net/http"}, "bytes only"},
		{arrow{from: "snug/internal/store/sqlite", to: "snug/internal/bus/nats"}, "do not know each other"},
		{arrow{from: "snug/internal/bus/nats", to: "snug/internal/store/sqlite"}, "do not know each other"},
		{arrow{from: "snug/internal/gateway", to: "snug/internal/api"}, "two edges"},
		{arrow{from: "snug/internal/api", to: "snug/internal/gateway"}, "two edges"},
		{arrow{from: "snug/internal/gateway", to: "snug/internal/store/sqlite"}, "not what is behind it"},
		{arrow{from: "snug/internal/api", to: "snug/internal/bus/nats"}, "not what is behind it"},
		{arrow{from: "snug/internal/admin", to: "snug/internal/store/sqlite"}, "not what is behind it"},
		{arrow{from: "snug/internal/admin", to: "snug/socketio"}, "knows no clients"},
		{arrow{from: "snug/internal/admin", to: "snug/internal/api"}, "arrows run down"},
		{arrow{from: "snug/internal/admin", to: "snug/internal/wire"}, ""},
		{arrow{from: "snug/internal/novel", to: "fmt"}, "has no layer"},
		{arrow{from: "snug/cmd/snug", to: "snug/internal/novel"}, "has no layer"},
	} {
		got := offence(c.arrow)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.arrow, got, c.want)
		}
	}
}

// ourFiles yields the path of every file that people write: not what was
// built, fetched or belongs to a module of its own.
func ourFiles(t *testing.T) iter.Seq[string] {
	return func(yield func(string) bool) {
		err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case !d.IsDir():
				if !yield(filepath.ToSlash(name)) {
					return fs.SkipAll
				}
			case name == ".":
			case strings.HasPrefix(d.Name(), "."), slices.Contains([]string{"node_modules", "testdata", "dist", "bin", "test-results", "playwright-report"}, d.Name()):
				return fs.SkipDir
			default:
				if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
					return fs.SkipDir
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
