package snug

import (
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"path"
	"slices"
	"strings"
	"testing"
)

// spoken lists methods whose contract everyone knows: they need no comment of ours.
var spoken = []string{"Error", "Is", "MarshalJSON", "MarshalText", "String", "UnmarshalJSON", "UnmarshalText", "Unwrap"}

// TestExportedDocs: whatever a package exports says what it promises.
func TestExportedDocs(t *testing.T) {
	n := 0
	for file := range ourFiles(t) {
		if path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		n++
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			continue
		}
		for name := range undocumented(parsed) {
			t.Errorf("%s: %s is exported and has no doc comment", fset.Position(name.Pos()), name.Name)
		}
	}
	if n == 0 {
		t.Fatal("no file was read")
	}
}

// undocumented yields each name that f exports without a comment on it or on
// the group of declarations it stands in.
func undocumented(f *ast.File) iter.Seq[*ast.Ident] {
	return func(yield func(*ast.Ident) bool) {
		if f.Name.Name == "main" {
			return
		}
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				known := d.Recv != nil && (slices.Contains(spoken, d.Name.Name) || !ast.IsExported(receiver(d)))
				if d.Doc == nil && d.Name.IsExported() && !known && !yield(d.Name) {
					return
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					for _, name := range bare(spec) {
						if d.Doc == nil && name.IsExported() && !yield(name) {
							return
						}
					}
				}
			}
		}
	}
}

// receiver is the name of the type that method d belongs to.
func receiver(d *ast.FuncDecl) string {
	name := ""
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return name == ""
	})
	return name
}

// bare returns the names that spec declares, if it has no comment of its own.
func bare(spec ast.Spec) []*ast.Ident {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Doc == nil && s.Comment == nil {
			return []*ast.Ident{s.Name}
		}
	case *ast.ValueSpec:
		if s.Doc == nil && s.Comment == nil {
			return s.Names
		}
	}
	return nil
}

func TestUndocumented(t *testing.T) {
	const src = `package p

type Bare struct{}

// Told is told.
type Told[T any] struct{}

func (Bare) Method() {}

func (*Told[T]) Method2() {}

func (Bare) String() string { return "" }

type hidden struct{}

func (hidden) Method3() {}

// A group.
const (
	One = 1
	Two = 2
)

var Three, four = 3, 4 // both told

var Five, six = 5, 6

func Func() {}
`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for name := range undocumented(f) {
		got = append(got, name.Name)
	}
	if want := []string{"Bare", "Method", "Method2", "Five", "Func"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
