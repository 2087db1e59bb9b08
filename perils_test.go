package snug

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What is easily an opening for an attacker, and must therefore say in this
// list why it is none: a rule, the package or file, and the reason.
var excused = []struct{ rule, where, why string }{
	{"predictable random", "internal/crashfs", "chooses where the power is cut"},
	{"predictable random", "internal/prove", "chooses what a crowd does"},
	{"predictable random", "internal/store/storetest", "chooses what a model does"},
	{"predictable random", "socketio/client/reconnect.go", "spreads reconnections"},
	{"another program", "bench", "starts what it measures"},
	{"another program", "internal/crashfs", "starts itself again as the disk"},
	{"another program", "internal/prove", "starts the server that it kills"},
	{"query from pieces", "internal/store/sqlite/backup.go", "puts in a constant number"},
	{"open file", "bench", "writes tables into the repository"},
	{"unsafe", "engineio/unscheduled_linux.go", "hands read(2) and write(2) the bytes of a slice, no more, as package syscall does"},
	{"unverified certificate", "internal/load", "measures a server that its user names"},
}

// perils finds in a file what a rule forbids, by rule.
var perils = map[string]func(*ast.File) iter.Seq2[ast.Node, string]{
	"predictable random":     imports("math/rand is for what nobody must guess right: use crypto/rand", "math/rand", "math/rand/v2"),
	"broken hash":            imports("it does not stand up to anybody any more", "crypto/md5", "crypto/sha1", "crypto/des", "crypto/rc4", "golang.org/x/crypto/md4", "golang.org/x/crypto/ripemd160"),
	"unsafe":                 imports("it steps over the language's own guard", "unsafe"),
	"profiler":               imports("it would show strangers how the server works, and let them slow it down", "net/http/pprof", "expvar"),
	"unescaped template":     imports("it does not escape: html/template does", "text/template"),
	"cgi":                    imports("it lets a header set the environment", "net/http/cgi"),
	"another program":        calls("what others wrote must not get into a command line", "exec.Command", "exec.CommandContext", "syscall.Exec", "os.StartProcess"),
	"raw markup":             calls("it is taken for safe without being looked at", "template.HTML", "template.JS", "template.URL", "template.CSS", "template.HTMLAttr", "template.JSStr", "template.Srcset"),
	"no deadline":            calls("a peer that says nothing would hold it for ever", "http.Get", "http.Post", "http.PostForm", "http.Head", "http.ListenAndServe", "http.ListenAndServeTLS", "http.Serve", "http.ServeTLS"),
	"slow headers":           literals("http.Server", "ReadHeaderTimeout", "without it a client may take for ever for a header"),
	"old TLS":                literals("tls.Config", "MinVersion", "without it the peer chooses among what is known to be broken"),
	"unverified certificate": fields("InsecureSkipVerify", "anybody could be at the other end"),
	"open file":              openFiles,
	"query from pieces":      queries,
	"told secret":            toldSecrets,
}

// TestPerils: nothing of the product does what is easily an opening, but for a reason that is written down.
func TestPerils(t *testing.T) {
	n, used := 0, make([]bool, len(excused))
	for file := range ourFiles(t) {
		if path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		n++
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			continue
		}
		for rule, find := range perils {
			for at, why := range find(parsed) {
				i := slices.IndexFunc(excused, func(e struct{ rule, where, why string }) bool { return e.rule == rule && under(file, e.where) })
				if i < 0 {
					t.Errorf("%s: %s: %s", fset.Position(at.Pos()), rule, why)
				} else {
					used[i] = true
				}
			}
		}
	}
	for i, is := range used {
		if !is {
			t.Errorf("%s in %s is excused, and not there", excused[i].rule, excused[i].where)
		}
	}
	if n == 0 {
		t.Fatal("no file was read")
	}
}

func imports(why string, packages ...string) func(*ast.File) iter.Seq2[ast.Node, string] {
	return func(f *ast.File) iter.Seq2[ast.Node, string] {
		return func(yield func(ast.Node, string) bool) {
			for _, i := range f.Imports {
				if name, err := strconv.Unquote(i.Path.Value); err == nil && slices.Contains(packages, name) && !yield(i, name+": "+why) {
					return
				}
			}
		}
	}
}

// among yields what judge complains of among all nodes of a file.
func among(f *ast.File, judge func(ast.Node) string) iter.Seq2[ast.Node, string] {
	return func(yield func(ast.Node, string) bool) {
		for n := range ast.Preorder(f) {
			if why := judge(n); why != "" && !yield(n, why) {
				return
			}
		}
	}
}

// selected is "package.Name", or "" for anything else.
func selected(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if x, ok := s.X.(*ast.Ident); ok {
		return x.Name + "." + s.Sel.Name
	}
	return ""
}

func calls(why string, names ...string) func(*ast.File) iter.Seq2[ast.Node, string] {
	return func(f *ast.File) iter.Seq2[ast.Node, string] {
		return among(f, func(n ast.Node) string {
			if c, ok := n.(*ast.CallExpr); ok && slices.Contains(names, selected(c.Fun)) {
				return selected(c.Fun) + ": " + why
			}
			return ""
		})
	}
}

// literals wants a field in each literal of a type.
func literals(typ, field, why string) func(*ast.File) iter.Seq2[ast.Node, string] {
	return func(f *ast.File) iter.Seq2[ast.Node, string] {
		return among(f, func(n ast.Node) string {
			l, ok := n.(*ast.CompositeLit)
			if !ok || selected(l.Type) != typ {
				return ""
			}
			for _, e := range l.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					if key, ok := kv.Key.(*ast.Ident); ok && key.Name == field {
						return ""
					}
				}
			}
			return typ + " without " + field + ": " + why
		})
	}
}

// fields forbids a field to be set, in a literal or afterwards.
func fields(name, why string) func(*ast.File) iter.Seq2[ast.Node, string] {
	return func(f *ast.File) iter.Seq2[ast.Node, string] {
		return among(f, func(n ast.Node) string {
			if i, ok := n.(*ast.Ident); ok && i.Name == name {
				return name + ": " + why
			}
			return ""
		})
	}
}

// openFiles finds files and directories made for others to read.
func openFiles(f *ast.File) iter.Seq2[ast.Node, string] {
	return among(f, func(n ast.Node) string {
		c, ok := n.(*ast.CallExpr)
		if !ok || len(c.Args) < 2 {
			return ""
		}
		name := selected(c.Fun)
		s, _ := c.Fun.(*ast.SelectorExpr)
		switch {
		case name == "os.Create":
			return "os.Create makes files of mode 0666: use os.OpenFile"
		case slices.Contains([]string{"os.WriteFile", "os.OpenFile", "os.Mkdir", "os.MkdirAll", "os.Chmod"}, name), s != nil && s.Sel.Name == "Chmod":
			last, ok := c.Args[len(c.Args)-1].(*ast.BasicLit)
			if !ok {
				return ""
			}
			if mode, err := strconv.ParseUint(last.Value, 0, 32); err == nil && mode&0o077 != 0 {
				return fmt.Sprintf("mode %s: others on the machine could read it", last.Value)
			}
		}
		return ""
	})
}

// queries finds SQL that is put together by formatting: values are bound.
func queries(f *ast.File) iter.Seq2[ast.Node, string] {
	return among(f, func(n ast.Node) string {
		c, ok := n.(*ast.CallExpr)
		if !ok || !slices.Contains([]string{"fmt.Sprintf", "fmt.Appendf", "fmt.Fprintf", "fmt.Sprint"}, selected(c.Fun)) {
			return ""
		}
		for _, a := range c.Args {
			if l, ok := a.(*ast.BasicLit); ok && l.Kind == token.STRING {
				words := strings.Fields(strings.ToUpper(strings.Trim(l.Value, "\"`")))
				if len(words) > 1 && slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER"}, words[0]) && slices.ContainsFunc(words[1:], func(w string) bool {
					return slices.Contains([]string{"FROM", "INTO", "SET", "TABLE", "WHERE"}, w)
				}) {
					return "values are bound by ?, never written into the query"
				}
			}
		}
		return ""
	})
}

// secrets are what is never logged, by the names it would have: tokens, passphrases, texts and addresses.
var secrets = []string{"token", "passphrase", "password", "secret", "key", "ownerkey", "text", "message", "address", "addr", "ip", "remote", "client", "peer", "title", "name", "auth"}

// toldSecrets finds them among what a logger is given.
func toldSecrets(f *ast.File) iter.Seq2[ast.Node, string] {
	return among(f, func(n ast.Node) string {
		c, ok := n.(*ast.CallExpr)
		if !ok || len(c.Args) < 3 {
			return ""
		}
		s, ok := c.Fun.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Debug", "Info", "Warn", "Error", "With"}, s.Sel.Name) {
			return ""
		}
		for i := 1; i < len(c.Args); i += 2 {
			if l, ok := c.Args[i].(*ast.BasicLit); ok && l.Kind == token.STRING {
				if key, err := strconv.Unquote(l.Value); err == nil && slices.Contains(secrets, strings.ToLower(key)) {
					return fmt.Sprintf("%q is never logged", key)
				}
			}
		}
		return ""
	})
}

// TestPerilRules: each rule finds what it is for, and nothing beside it.
func TestPerilRules(t *testing.T) {
	for _, c := range []struct{ rule, bad, good string }{
		{"predictable random", `import _ "math/rand/v2"`, `import _ "crypto/rand"`},
		{"broken hash", `import _ "crypto/md5"`, `import _ "crypto/sha256"`},
		{"unsafe", `import _ "unsafe"`, `import _ "sync"`},
		{"profiler", `import _ "net/http/pprof"`, `import _ "net/http"`},
		{"unescaped template", `import _ "text/template"`, `import _ "html/template"`},
		{"cgi", `import _ "net/http/cgi"`, `import _ "net/http"`},
		{"another program", `var _ = exec.Command("sh", x)`, `var _ = x.Command("sh")`},
		{"raw markup", `var _ = template.HTML(x)`, `var _ = template.Must(x)`},
		{"no deadline", `var _, _ = http.Get(x)`, `var _, _ = client.Get(x)`},
		{"slow headers", `var _ = &http.Server{Handler: h}`, `var _ = &http.Server{Handler: h, ReadHeaderTimeout: 1}`},
		{"old TLS", `var _ = &tls.Config{}`, `var _ = &tls.Config{MinVersion: tls.VersionTLS12}`},
		{"unverified certificate", `func f() { c.InsecureSkipVerify = true }`, `func f() { c.RootCAs = nil }`},
		{"open file", `var _ = os.WriteFile("a", b, 0o644)`, `var _ = os.WriteFile("a", b, 0o600)`},
		{"open file", `var _ = f.Chmod(x, 0o640)`, `var _ = os.MkdirAll("a", 0o700)`},
		{"query from pieces", "var _ = fmt.Sprintf(\"SELECT x FROM y WHERE z = %s\", z)", `var _ = fmt.Sprintf("choose from %s", z) + "SELECT x FROM y WHERE z = ?"`},
		{"told secret", `func f() { log.Info("joined", "room", 1, "Token", t) }`, `func f() { log.Info("token", "room", 1, "err", err) }`},
	} {
		for want, source := range map[int]string{1: c.bad, 0: c.good} {
			parsed, err := parser.ParseFile(token.NewFileSet(), "p.go", "package p\n\n"+source+"\n", parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for range perils[c.rule](parsed) {
				n++
			}
			if n != want {
				t.Errorf("%s: %q: found %d times, want %d", c.rule, source, n, want)
			}
		}
	}
}
