package config

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// parse reads a command line as cmd/snug does, in a subcommand.
func parse(t *testing.T, args ...string) (Config, error) {
	t.Helper()
	var c struct {
		Serve struct{ Config } `cmd:""`
	}
	parser, err := kong.New(&c, kong.Exit(func(int) { t.Error("kong ended the program") }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(append([]string{"serve"}, args...))
	return c.Serve.Config, err
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "snug.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// unset takes the variables that the machine may have set away from a test.
func unset(t *testing.T) {
	known, err := names()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(known, "config") {
		t.Setenv(variable(name), "")
		os.Unsetenv(variable(name))
	}
}

func variable(name string) string {
	return "SNUG_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

func TestDefaults(t *testing.T) {
	unset(t)
	c, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	want := Config{Listen: "127.0.0.1:5000", Where: Where{Data: filepath.Join(here, "snug-data")}, Keep: "30d", Limits: "on", Log: Log{Level: slog.LevelInfo}}
	if want.Bounds, err = (Bounds{}).OrDefault(); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
}

// Each setting comes from the flag before the variable, from that before the file.
func TestPrecedence(t *testing.T) {
	special := map[string][3]string{ // in the file, in the environment, as a flag
		"listen":        {"a:1", "b:2", "c:3"},
		"data":          {"/a", "/b", "/c"},
		"keep":          {"1d", "2d", "3d"},
		"limits":        {"off", "on", "off"},
		"log":           {"debug", "warn", "error"},
		"base-path":     {"/a/", "/b/", "/c/"},
		"tls-cert":      {"a.pem", "b.pem", "c.pem"},
		"tls-key":       {"a.key", "b.key", "c.key"},
		"acme":          {"a.test", "b.test,c.test", "d.test"},
		"redirect-http": {":1", ":2", ":3"},
		"metrics":       {"a:1", "public", "c:3"},
		"trusted-proxy": {"10.0.0.1", "10.0.0.0/8,::1", "fc00::/7"},
	}
	known, err := names()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range known {
		unset(t)
		v, is := special[name]
		if !is {
			v = [3]string{"17", "18", "19"}
			switch field(reflect.ValueOf(Config{}), name).(type) {
			case Rate:
				v = [3]string{"1/s,1", "2/m,2", "off"}
			case time.Duration:
				v = [3]string{"1s", "2s", "3s"}
			}
		}
		try := func(args ...string) any {
			c, err := parse(t, args...)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return field(reflect.ValueOf(c), name)
		}
		text, err := json.Marshal(map[string]string{name: v[0]})
		if err != nil {
			t.Fatal(err)
		}
		path := file(t, string(text))
		var want [3]any
		for i := range v {
			if want[i] = try("--" + name + "=" + v[i]); want[i] == nil || reflect.DeepEqual(want[i], try()) && name != "limits" {
				t.Errorf("--%s=%s has no effect", name, v[i])
			}
		}
		flag := "--" + name + "=" + v[2]
		got := []any{try("--config", path)}
		t.Setenv("SNUG_CONFIG", path)
		got = append(got, try())
		t.Setenv(variable(name), v[1])
		got = append(got, try(), try(flag))
		os.Unsetenv(variable(name))
		got = append(got, try(flag))
		if want := []any{want[0], want[0], want[1], want[2], want[2]}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: file, file, variable, flag, flag gave %v, want %v", name, got, want)
		}
	}
}

// field is the value of a setting, nil if there is none of that name.
func field(v reflect.Value, name string) any {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			if got := field(v.Field(i), name); got != nil {
				return got
			}
		} else if flagName(f.Name) == name || f.Tag.Get("name") == name {
			return v.Field(i).Interface()
		}
	}
	return nil
}

func TestBounds(t *testing.T) {
	unset(t)
	fromKong, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Bounds{}.OrDefault()
	if err != nil || got != fromKong.Bounds || got.Rate != (Rate{5, 20}) || got.Guesses.PerSecond != 10./60 || got.TextChars != 4000 || got.HeaderTimeout != 5*time.Second ||
		got.Nesting != 32 || got.EditTime != 24*time.Hour || got.PassphraseBytes != 19<<20 || got.PassphrasePasses != 2 || got.PassphraseHashes != 2 || got.ReserveBytes != 16<<20 {
		t.Errorf("%+v, %v; by the command line %+v", got, err, fromKong.Bounds)
	}
	if got, err := (Bounds{Rate: Off, Rooms: 3}).OrDefault(); err != nil || got.Rate != Off || got.Rooms != 3 {
		t.Errorf("what is set: %+v, %v", got, err)
	}
	for want, b := range map[string]Bounds{
		"--rooms-per-socket is less than 0": {RoomsPerSocket: -1},
		"--idle-timeout is less than 0":     {IdleTimeout: -1},
		"--outbox-bytes":                    {OutboxBytes: 1},
		"--payload-bytes":                   {PayloadBytes: 17000},
		"--text-bytes":                      {TextBytes: 1 << 20, PayloadBytes: 2 << 20},
		"--nesting is 65":                   {Nesting: 65},
		"--nesting is 7":                    {Nesting: 7},
		"--passphrase-bytes is 1024":        {PassphraseBytes: 1024},
		"--passphrase-bytes is 2147483647":  {PassphraseBytes: 1<<31 - 1},
		"--passphrase-passes is 101":        {PassphrasePasses: 101},
		"--passphrase-hashes is 1001":       {PassphraseHashes: 1001},
		"--reserve-bytes is 1":              {ReserveBytes: 1},
	} {
		if _, err := b.OrDefault(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestRate(t *testing.T) {
	for text, want := range map[string]Rate{"5/s,20": {5, 20}, "30/m,1": {.5, 1}, "0.5/s,3": {.5, 3}, "off": Off} {
		var r Rate
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
	for _, text := range []string{"", "5", "5/s", "5/h,1", "5/s,", "5/s,0", "0/s,1", "-1/s,1", "NaN/s,1", "Inf/s,1", "1e99/s,1", "5/s,x", "on"} {
		if err := new(Rate).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for a rate", text)
		}
	}
}

func TestNetwork(t *testing.T) {
	for text, in := range map[string]map[string]bool{
		"10.1.2.3":    {"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.1.2.4": false},
		" 10.0.0.0/8": {"10.9.9.9": true, "11.0.0.0": false, "::1": false},
		"fe80::/10":   {"fe80::1%eth0": true, "fec0::1": false},
	} {
		var n Network
		if err := n.UnmarshalText([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		for a, want := range in {
			if got := n.Contains(netip.MustParseAddr(a)); got != want {
				t.Errorf("%s in %s: %v", a, text, got)
			}
		}
	}
	for _, text := range []string{"", "proxy", "10.0.0.0/33", "10.0.0.1:80"} {
		if err := new(Network).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for a network", text)
		}
	}
}

func TestRefusals(t *testing.T) {
	unset(t)
	for _, c := range []struct {
		args  []string
		holds string
	}{
		{[]string{"--limits=maybe"}, `"on","off"`},
		{[]string{"--log=loud"}, `"loud" is not debug`},
		{[]string{"--log=info,xml"}, `",json"`},
		{[]string{"--nonsense"}, "nonsense"},
		{[]string{"--rate=fast"}, `"fast" is not a rate`},
		{[]string{"--trusted-proxy=10.0.0.1,proxy"}, `"proxy" is neither an address`},
		{[]string{"--config", filepath.Join(t.TempDir(), "none")}, "no such file"},
		{[]string{"--config", file(t, `{"listen": ":1", "lisen": ":2", "Keep": "1d"}`)}, "unknown: Keep, lisen; there are: listen, data, keep, limits, "},
		{[]string{"--config", file(t, `{"listen": 5000}`)}, `the value of "listen" must be a string`},
		{[]string{"--config", file(t, `{"config": "x"}`)}, "unknown: config"},
		{[]string{"--config", file(t, `{`)}, "snug.json: unexpected end"},
		{[]string{"--config", file(t, `[]`)}, "snug.json"},
		{[]string{"--config", file(t, `{"log": "loud"}`)}, "loud"},
	} {
		if _, err := parse(t, c.args...); err == nil || !strings.Contains(err.Error(), c.holds) {
			t.Errorf("%q: %v, want %q", c.args, err, c.holds)
		}
	}
}

func TestLog(t *testing.T) {
	for text, want := range map[string]Log{
		"debug": {slog.LevelDebug, false}, "info": {slog.LevelInfo, false}, "warn,json": {slog.LevelWarn, true}, "error,json": {slog.LevelError, true},
	} {
		var got Log
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		var b bytes.Buffer
		log := got.Logger(&b)
		log.Log(t.Context(), want.Level-1, "quiet")
		log.Log(t.Context(), want.Level, "loud")
		if n := strings.Count(b.String(), "\n"); n != 1 || !strings.Contains(b.String(), "loud") || json.Valid(b.Bytes()) != want.JSON {
			t.Errorf("%s wrote %q", text, b.String())
		}
	}
}
