//go:build linux

package crashfs

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// mountPoint names, in the environment, where a process is to serve a disk.
const mountPoint = "SNUG_CRASHFS_AT"

// Available reports why the machine cannot mount a disk, nil if it can.
func Available() error {
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("crashfs: %w", err)
	}
	if os.Geteuid() != 0 {
		return errors.Join(errors.New("crashfs: mounting needs root"), f.Close())
	}
	return f.Close()
}

// A Disk is one mounted file system, served by a child process. Its methods may
// be called from any goroutine.
type Disk struct {
	cmd *exec.Cmd

	mu  sync.Mutex // one request at a time
	in  io.WriteCloser
	out *json.Decoder
}

// A request is a line to the process; the answer is a line, too.
type request struct {
	Do   string // cut, cutAt, syncs, survivors
	N    int    // of cutAt
	Into string // of survivors
	Seed uint64 // of survivors; 0: nothing unsynced is there
}

type answer struct {
	N   int
	Err string
}

// Mount mounts an empty disk at an existing directory, by starting this very
// program anew: see Main.
func Mount(at string) (*Disk, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("crashfs: %w", err)
	}
	d := &Disk{cmd: exec.Command(self)}
	d.cmd.Env = append(os.Environ(), mountPoint+"="+at)
	d.cmd.Stderr = os.Stderr
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("crashfs: %w", err)
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("crashfs: %w", err)
	}
	d.out = json.NewDecoder(out)
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("crashfs: %w", err)
	}
	if _, err := d.ask(request{}); err != nil { // it answers once the disk is there
		return nil, errors.Join(err, d.Unmount())
	}
	return d, nil
}

// Unmount ends the disk and its process. Files that are still open on it fail.
func (d *Disk) Unmount() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.in.Close(); err != nil {
		return fmt.Errorf("crashfs: %w", err)
	}
	if err := d.cmd.Wait(); err != nil {
		return fmt.Errorf("crashfs: %w", err)
	}
	return nil
}

// Cut cuts the power: from now on every operation fails with EIO and nothing
// is kept any more.
func (d *Disk) Cut() error {
	_, err := d.ask(request{Do: "cut"})
	return err
}

// CutAtSync cuts the power when the nth fsync from now is asked for, before it
// takes effect.
func (d *Disk) CutAtSync(n int) error {
	_, err := d.ask(request{Do: "cutAt", N: n})
	return err
}

// Syncs is how many fsyncs took effect.
func (d *Disk) Syncs() (int, error) { return d.ask(request{Do: "syncs"}) }

// Survivors writes what is left after the cut into an existing directory, and
// says how many writes had not been fsynced. With a seed, a random part of
// those is there nevertheless, sector by sector; with 0, none.
func (d *Disk) Survivors(into string, seed uint64) (lost int, err error) {
	return d.ask(request{Do: "survivors", Into: into, Seed: seed})
}

func (d *Disk) ask(q request) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var a answer
	err := json.NewEncoder(d.in).Encode(q)
	if err == nil {
		err = d.out.Decode(&a)
	}
	if err == nil && a.Err != "" {
		err = errors.New(a.Err)
	}
	if err != nil {
		return 0, fmt.Errorf("crashfs: %w", err)
	}
	return a.N, nil
}

// Main serves a disk, and does not return, in a process that Mount started; in
// any other it does nothing.
func Main() {
	at := os.Getenv(mountPoint)
	if at == "" {
		return
	}
	if err := serve(at, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(at string, in io.Reader, out io.Writer) error {
	d := newDisk()
	server, err := fs.Mount(at, d.root, &fs.Options{
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "crashfs", Name: "crashfs"},
	})
	if err != nil {
		return fmt.Errorf("crashfs: mount: %w", err)
	}
	answers := json.NewEncoder(out)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var q request
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return fmt.Errorf("crashfs: %w", err)
		}
		var a answer
		if a.N, err = d.do(q); err != nil {
			a.Err = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return fmt.Errorf("crashfs: %w", err)
		}
	}
	if err := server.Unmount(); err != nil {
		return fmt.Errorf("crashfs: unmount: %w", err)
	}
	server.Wait()
	return nil
}

// do carries out a request.
func (d *disk) do(q request) (int, error) {
	if q.Do == "survivors" {
		var torn *rand.Rand
		if q.Seed != 0 {
			torn = rand.New(rand.NewPCG(q.Seed, 0))
		}
		return d.survivors(q.Into, torn)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch q.Do {
	case "cut":
		d.cut = true
	case "cutAt":
		d.cutAt = q.N
	}
	return d.syncs, nil
}
