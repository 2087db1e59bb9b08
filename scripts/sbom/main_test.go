package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"runtime/debug"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// This very binary says what it is made of.
func TestBill(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	info.Deps = append(info.Deps, &debug.Module{Path: "example.org/x", Version: "v1.2.3"})
	var b bytes.Buffer
	if err := write(&b, info); err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(b.Bytes(), &d); err != nil || d.Format != "CycloneDX" || d.Components[0].Version != info.GoVersion {
		t.Errorf("%v %+v", err, d)
	}
	if last := d.Components[len(d.Components)-1]; last.PURL != "pkg:golang/example.org/x@v1.2.3" {
		t.Errorf("%+v", last)
	}
}
