package prove

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"snug/internal/crashfs"
)

// Power says how a server loses its power, time and again.
type Power struct {
	Binary Binary
	Dir    string // an empty directory for disks, data and histories
	Plan   Plan
	Cuts   int
	Seed   uint64
	Env    []string      // of the server
	Settle time.Duration // as in Kills
}

// Run has a server on a disk that loses, with the power, whatever was not
// fsynced, starts it again on what is left, and judges in the end. Every other
// cut leaves a random part of what was not fsynced, sector by sector.
func (p Power) Run(ctx context.Context) (_ *Report, err error) {
	d, err := plug(p.Dir, "disk-0")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.unplug()) }() // the one in use by then
	l, err := newLoop(ctx, p.Binary, p.Dir, d.data(), p.Plan, p.Env)
	if err != nil {
		return nil, err
	}
	defer l.end()
	rng := rand.New(rand.NewPCG(p.Seed, 11))
	for i := range p.Cuts {
		if err := p.cut(ctx, l, d, rng, i); err != nil {
			return nil, err
		}
	}
	return l.judge(ctx, p.Settle)
}

// cut cuts the power once, and starts the server on what is left: on a fresh
// disk that can be cut again or, after the last time, in a plain directory.
func (p Power) cut(ctx context.Context, l *loop, d *plugged, rng *rand.Rand, i int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	if err := l.let(ctx, rng); err != nil {
		return err
	}
	if i%16 == 3 {
		l.untilFold(ctx)
	}
	before, fold := l.loose(), l.server.Folding()
	if err := d.disk.CutAtSync(1 + rng.IntN(4)); err != nil {
		return err
	}
	l.crowd.Burst(4)
	// The power takes the server along. That it ends by itself where the disk
	// fails is for another proof; here it only must not acknowledge anything more.
	select {
	case <-l.server.Ended():
	case <-time.After(300 * time.Millisecond):
		l.server.Kill()
	}
	if err := d.disk.Cut(); err != nil {
		return err
	}
	left := filepath.Join(p.Dir, fmt.Sprintf("left-%d", i))
	if err := os.Mkdir(left, 0o700); err != nil {
		return fmt.Errorf("prove: %w", err)
	}
	torn := uint64(i % 2 * (i + 1))
	if _, err := d.disk.Survivors(left, torn); err != nil {
		return err
	}
	if i == p.Cuts-1 {
		l.data = filepath.Join(left, "data")
		return l.again(ctx, before, fold)
	}
	err := d.unplug()
	if err != nil {
		return err
	}
	fresh, err := plug(p.Dir, fmt.Sprintf("disk-%d", i+1))
	if err != nil {
		return err
	}
	*d = *fresh
	if err := copySynced(left, d.at); err != nil {
		return err
	}
	if err := os.RemoveAll(left); err != nil {
		return fmt.Errorf("prove: %w", err)
	}
	l.data = d.data()
	return l.again(ctx, before, fold)
}

// A plugged disk is mounted.
type plugged struct {
	disk *crashfs.Disk // nil once it is unplugged
	at   string
}

func plug(dir, name string) (*plugged, error) {
	at := filepath.Join(dir, name)
	if err := os.Mkdir(at, 0o700); err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	disk, err := crashfs.Mount(at)
	if err != nil {
		return nil, err
	}
	return &plugged{disk, at}, nil
}

func (d *plugged) data() string { return filepath.Join(d.at, "data") }

func (d *plugged) unplug() error {
	if d.disk == nil {
		return nil
	}
	disk := d.disk
	d.disk = nil
	return disk.Unmount()
}

// copySynced copies a tree, so that it is there after a cut.
func copySynced(from, to string) error {
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil || rel == "." {
			return err
		}
		target := filepath.Join(to, rel)
		if e.IsDir() {
			return os.Mkdir(target, 0o700)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(b)
		return errors.Join(err, f.Sync(), f.Close())
	})
	if err != nil {
		return fmt.Errorf("prove: copying what is left: %w", err)
	}
	return nil
}
