package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// A File is the path of a configuration file: one JSON object whose keys are
// the names of flags, without dashes before them, and whose values are strings.
type File string

// BeforeResolve reads the file, for kong to look into where neither a flag nor
// a variable is given. A key that no flag has is an error: a misspelt setting must not
// be silently the default.
func (f File) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	path, _ := ctx.FlagValue(trace.Flag).(File)
	if path == "" {
		return nil
	}
	values, err := read(string(path))
	if err != nil {
		return fmt.Errorf("configuration file: %w", err)
	}
	ctx.AddResolver(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		for _, name := range flag.Envs {
			if _, set := os.LookupEnv(name); set {
				return nil, nil // kong has taken it already, and would let the file win
			}
		}
		if v, ok := values[flag.Name]; ok {
			return v, nil
		}
		return nil, nil
	}))
	return nil
}

func read(path string) (map[string]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var raw map[string]any
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	known, err := names()
	if err != nil {
		return nil, err
	}
	values := make(map[string]string, len(raw))
	var unknown []string
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		v, is := raw[key].(string)
		switch {
		case !slices.Contains(known, key):
			unknown = append(unknown, key)
		case !is:
			return nil, fmt.Errorf("%s: the value of %q must be a string, in quotes", path, key)
		}
		values[key] = v
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("%s: unknown: %s; there are: %s", path, strings.Join(unknown, ", "), strings.Join(known, ", "))
	}
	return values, nil
}

// names lists the keys that a file may have: the flags, but for the one that
// names the file.
func names() ([]string, error) {
	parser, err := kong.New(new(Config), kong.NoDefaultHelp())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, flag := range parser.Model.Flags {
		if flag.Name != "config" {
			names = append(names, flag.Name)
		}
	}
	return names, nil
}
