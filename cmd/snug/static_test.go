//go:build !race

package main

import (
	"debug/elf"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestStandsAlone builds the program as it is shipped and runs it where there
// is nothing else: no library, no shell, no certificate, no time zone. The race
// detector has nothing to say of it.
func TestStandsAlone(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("ELF and chroot are of Linux")
	}
	root := t.TempDir()
	bin := filepath.Join(root, "snug")
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	f, err := elf.Open(bin)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the binary asks for a loader")
		}
	}
	if libs, err := f.ImportedLibraries(); err != nil || len(libs) > 0 {
		t.Errorf("the binary asks for libraries: %v, %v", libs, err)
	}
	if info, err := os.Stat(bin); err != nil || info.Size() > 30_000_000 {
		t.Errorf("size %v, %v; the limit is 30 MB", info.Size(), err)
	}
	if os.Geteuid() != 0 {
		t.Skip("chroot needs root")
	}

	cmd := exec.Command("/snug", "serve", "--listen", "127.0.0.1:0", "--data", "/data")
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	cmd.Dir, cmd.Env = "/", []string{}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	line := make([]byte, 200)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(errors.Join(err, cmd.Wait()))
	}
	_, after, _ := strings.Cut(string(line[:n]), "http://")
	address, _, _ := strings.Cut(after, " ")
	res, err := http.Get("http://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(page), "Snug") {
		t.Errorf("the page: %d, %.100q, %v", res.StatusCode, page, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it stopped with %v", err)
	}
}
