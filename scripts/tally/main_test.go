package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const goXML = `<?xml version="1.0"?>
<testsuites tests="3"><testsuite name="snug/a" hostname="">
<testcase classname="snug/a" name="TestOne" time="0"></testcase>
<testcase classname="snug/a" name="TestTwo" time="0"><skipped message="no"></skipped></testcase>
<testcase classname="snug/a" name="TestThree" time="0"></testcase>
</testsuite></testsuites>`

const raceXML = `<testsuites><testsuite name="snug/a">
<testcase classname="snug/a" name="TestOne"/>
<testcase classname="snug/a" name="TestThree"><failure message="Failed">race</failure></testcase>
</testsuite></testsuites>`

const browsersXML = `<testsuites>
<testsuite name="talk.spec.ts" hostname="chromium"><testcase classname="talk.spec.ts" name="talks"/></testsuite>
<testsuite name="talk.spec.ts" hostname="firefox"><testcase classname="talk.spec.ts" name="talks"/></testsuite>
<testsuite name="talk.spec.ts" hostname="firefox"><testcase classname="talk.spec.ts" name="talks"/></testsuite>
</testsuites>`

func TestTally(t *testing.T) {
	for _, c := range []struct {
		name   string
		files  map[string]string
		broken int
		rows   []string
		failed bool
		err    bool
	}{
		{
			name:  "all well; a test that ran twice counts once, tests of one name in one suite do not melt together",
			files: map[string]string{"go": goXML, "again": goXML, "browsers": browsersXML},
			rows:  []string{"go 2 0 1", "again 2 0 1", "browsers 3 0 0", "5 passed, 0 failed"},
		},
		{
			name:   "failed once is failed",
			files:  map[string]string{"go": goXML, "race": raceXML},
			rows:   []string{"go 2 0 1", "race 1 1 0", "1 passed, 1 failed"},
			failed: true,
		},
		{
			name:   "a step that failed outside its tests",
			files:  map[string]string{"go": goXML},
			broken: 1,
			rows:   []string{"2 passed, 1 failed"},
			failed: true,
		},
		{name: "nothing ran", rows: []string{"0 passed, 1 failed"}, failed: true, err: true},
		{name: "cut short", files: map[string]string{"go": goXML[:200]}, failed: true, err: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range c.files {
				if err := os.WriteFile(filepath.Join(dir, name+".xml"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out strings.Builder
			failed, err := tally(&out, dir, c.broken)
			if failed != c.failed || (err != nil) != c.err {
				t.Errorf("failed %t, error %v", failed, err)
			}
			got := make(map[string]bool)
			for line := range strings.Lines(out.String()) {
				got[strings.Join(strings.Fields(line), " ")] = true
			}
			for _, row := range c.rows {
				if !got[row] {
					t.Errorf("no line %q in\n%s", row, out.String())
				}
			}
		})
	}
}
