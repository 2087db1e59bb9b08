// Command tally counts the tests in a directory of JUnit XML files, one file a
// suite:
//
//	tally [-broken N] DIR
//
// It prints a row for each suite and ends with the line "N passed, N failed".
// A test that ran in several suites (once plainly, once under the race
// detector) counts once, as failed if it failed once. Its exit status is 1 if
// something failed.
package main

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	broken := flag.Int("broken", 0, "`number` of steps that failed, so that a failure outside any test is not shown as none")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: tally [-broken N] DIR")
		os.Exit(2)
	}
	failed, err := tally(os.Stdout, flag.Arg(0), *broken)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(1)
	}
	if failed {
		os.Exit(1)
	}
}

// An outcome is how a test went; the larger one wins where a test ran twice.
type outcome int

const (
	skipped outcome = iota
	passed
	failed
)

// A suite is an element <testsuite> or <testsuites>.
type suite struct {
	Name   string  `xml:"name,attr"`
	Host   string  `xml:"hostname,attr"` // Playwright: which browser
	Suites []suite `xml:"testsuite"`
	Cases  []struct {
		Name    string    `xml:"name,attr"`
		Class   string    `xml:"classname,attr"`
		Failure *struct{} `xml:"failure"`
		Error   *struct{} `xml:"error"`
		Skipped *struct{} `xml:"skipped"`
	} `xml:"testcase"`
}

// outcomes adds the outcome of each test in s to all, by its full name.
func (s suite) outcomes(all map[string]outcome) {
	for _, c := range s.Cases {
		name := strings.Join([]string{s.Name, s.Host, c.Class, c.Name}, "\x00")
		o := passed
		switch {
		case c.Failure != nil || c.Error != nil:
			o = failed
		case c.Skipped != nil:
			o = skipped
		}
		for _, same := all[name]; same; _, same = all[name] {
			name += "\x00" // another test that goes by the same name
		}
		all[name] = o
	}
	for _, sub := range s.Suites {
		sub.outcomes(all)
	}
}

// count is a number of tests by outcome.
type count [failed + 1]int

func (c *count) add(all map[string]outcome) {
	for _, o := range all {
		c[o]++
	}
}

// tally writes the table for dir's files and says whether something failed.
func tally(w io.Writer, dir string, broken int) (bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.xml"))
	if err != nil {
		return true, err
	}
	if len(files) == 0 {
		err = errors.New("no test results in " + dir)
		broken++
	}
	fmt.Fprintf(w, "%-12s %7s %7s %7s\n", "tests", "passed", "failed", "skipped")
	all := make(map[string]outcome)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return true, err
		}
		var root suite
		if err := xml.Unmarshal(b, &root); err != nil {
			return true, fmt.Errorf("%s: %w", file, err)
		}
		mine := make(map[string]outcome)
		root.outcomes(mine)
		var n count
		n.add(mine)
		name := strings.TrimSuffix(filepath.Base(file), ".xml")
		fmt.Fprintf(w, "%-12s %7d %7d %7d\n", name, n[passed], n[failed], n[skipped])
		for test, o := range mine {
			all[test] = max(all[test], o)
		}
	}
	var n count
	n.add(all)
	n[failed] = max(n[failed], broken)
	fmt.Fprintf(w, "%d passed, %d failed\n", n[passed], n[failed])
	return n[failed] > 0, err
}
