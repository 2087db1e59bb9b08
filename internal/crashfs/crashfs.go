//go:build linux

// Package crashfs is a disk whose power can be cut: a file system in memory,
// mounted through FUSE, that remembers what was fsynced. After Cut every
// operation fails, and Survivors writes out what a machine would find on its
// disk when it comes back. It is served by a process of its own: a program that
// waits for its own file system, in a page fault say, can wait for ever. It follows the least that POSIX and ext4 promise:
//
//   - what was written is kept from the file's fsync on; what came after it may
//     be gone, or be there in part, sector by sector
//   - a new file's name is kept from an fsync of the file or its directory on
//   - a removal or renaming is kept from an fsync of the directory on
//
// It needs /dev/fuse and the right to mount. Whose tests use it calls Main first
// thing in TestMain.
package crashfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// sector is what a disk writes whole.
const sector = 512

// A disk is the file system itself, in the process that serves it.
type disk struct {
	root *dir

	// mu guards the whole tree below root, and what follows.
	mu    sync.Mutex
	cut   bool
	syncs int
	cutAt int // cut at this many more fsyncs, before it takes effect; 0: never
}

func newDisk() *disk {
	d := &disk{}
	d.root = &dir{disk: d, mode: 0o700, kept: map[string]*file{}}
	return d
}

// survivors writes what is left after the cut. torn is nil or decides what of
// the unsynced is there nevertheless.
func (d *disk) survivors(into string, torn *rand.Rand) (lost int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.cut {
		return 0, errors.New("crashfs: the power is still on")
	}
	return d.root.survivors(into, torn)
}

// on refuses what comes after the cut. The caller holds mu.
func (d *disk) on() syscall.Errno {
	if d.cut {
		return syscall.EIO
	}
	return 0
}

// sync counts an fsync and cuts the power where that was asked for. The caller holds mu.
func (d *disk) sync() syscall.Errno {
	if d.cutAt > 0 {
		d.cutAt--
		d.cut = d.cut || d.cutAt == 0
	}
	if errno := d.on(); errno != 0 {
		return errno
	}
	d.syncs++
	return 0
}

// A dir is a directory: its children live in the Inode, kept holds what an
// fsync has made of them. Guarded by disk.mu.
type dir struct {
	fs.Inode
	disk *disk
	mode uint32
	kept map[string]*file
}

var (
	_ fs.NodeCreater   = (*dir)(nil)
	_ fs.NodeUnlinker  = (*dir)(nil)
	_ fs.NodeRenamer   = (*dir)(nil)
	_ fs.NodeMkdirer   = (*dir)(nil)
	_ fs.NodeMknoder   = (*dir)(nil)
	_ fs.NodeFsyncer   = (*dir)(nil)
	_ fs.NodeStatfser  = (*dir)(nil)
	_ fs.NodeGetattrer = (*dir)(nil)
	_ fs.NodeSetattrer = (*dir)(nil)
)

func (d *dir) Create(ctx context.Context, name string, _ uint32, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if errno := d.disk.on(); errno != 0 {
		return nil, nil, 0, errno
	}
	f := &file{disk: d.disk, mode: mode & 0o7777}
	child := d.NewInode(ctx, f, fs.StableAttr{Mode: syscall.S_IFREG})
	if !d.AddChild(name, child, false) {
		return nil, nil, 0, syscall.EEXIST
	}
	f.attr(&out.Attr)
	return child, nil, 0, 0
}

func (d *dir) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if errno := d.disk.on(); errno != 0 {
		return nil, errno
	}
	sub := &dir{disk: d.disk, mode: mode & 0o7777, kept: map[string]*file{}}
	child := d.NewInode(ctx, sub, fs.StableAttr{Mode: syscall.S_IFDIR})
	if !d.AddChild(name, child, false) {
		return nil, syscall.EEXIST
	}
	sub.attr(&out.Attr)
	return child, 0
}

// Mknod makes a socket's name: it is gone with the power, as its socket is.
func (d *dir) Mknod(ctx context.Context, name string, mode, _ uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if errno := d.disk.on(); errno != 0 {
		return nil, errno
	}
	if mode&syscall.S_IFMT != syscall.S_IFSOCK {
		return nil, syscall.ENOTSUP
	}
	s := &socket{disk: d.disk, mode: mode & 0o7777}
	child := d.NewInode(ctx, s, fs.StableAttr{Mode: syscall.S_IFSOCK})
	if !d.AddChild(name, child, false) {
		return nil, syscall.EEXIST
	}
	s.attr(&out.Attr)
	return child, 0
}

// A socket is a name at which the kernel finds one. Guarded by disk.mu.
type socket struct {
	fs.Inode
	disk *disk
	mode uint32
}

var (
	_ fs.NodeGetattrer = (*socket)(nil)
	_ fs.NodeSetattrer = (*socket)(nil)
)

func (s *socket) attr(out *fuse.Attr) {
	out.Mode = syscall.S_IFSOCK | s.mode
	out.Nlink = 1
}

func (s *socket) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	s.attr(&out.Attr)
	return 0
}

func (s *socket) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	if errno := s.disk.on(); errno != 0 {
		return errno
	}
	if mode, ok := in.GetMode(); ok {
		s.mode = mode & 0o7777
	}
	s.attr(&out.Attr)
	return 0
}

func (d *dir) attr(out *fuse.Attr) {
	out.Mode = syscall.S_IFDIR | d.mode
	out.Nlink = 2
}

func (d *dir) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	d.attr(&out.Attr)
	return 0
}

func (d *dir) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if errno := d.disk.on(); errno != 0 {
		return errno
	}
	if mode, ok := in.GetMode(); ok {
		d.mode = mode & 0o7777
	}
	d.attr(&out.Attr)
	return 0
}

func (d *dir) Unlink(context.Context, string) syscall.Errno {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	return d.disk.on() // the caller takes the child out of the tree
}

func (d *dir) Rename(_ context.Context, _ string, _ fs.InodeEmbedder, _ string, flags uint32) syscall.Errno {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if flags != 0 {
		return syscall.EINVAL
	}
	return d.disk.on()
}

// Fsync keeps the directory's names as they are now.
func (d *dir) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if errno := d.disk.sync(); errno != 0 {
		return errno
	}
	clear(d.kept)
	for name, child := range d.Children() {
		if f, ok := child.Operations().(*file); ok {
			d.kept[name] = f
		}
	}
	return 0
}

func (d *dir) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	out.Bsize, out.Frsize = 4096, 4096
	out.Blocks, out.Bfree, out.Bavail = 1<<20, 1<<20, 1<<20
	out.NameLen = 255
	return 0
}

func (d *dir) survivors(into string, torn *rand.Rand) (lost int, err error) {
	for _, name := range slices.Sorted(maps.Keys(d.kept)) {
		f := d.kept[name]
		lost += len(f.unsynced)
		if err := os.WriteFile(filepath.Join(into, name), f.survivor(torn), 0o600); err != nil {
			return lost, fmt.Errorf("crashfs: %w", err)
		}
	}
	// A directory is taken as kept from its making on: what is tested makes it
	// long before it writes.
	for name, child := range d.Children() {
		sub, ok := child.Operations().(*dir)
		if !ok {
			continue
		}
		path := filepath.Join(into, name)
		if err := os.MkdirAll(path, 0o700); err != nil {
			return lost, fmt.Errorf("crashfs: %w", err)
		}
		n, err := sub.survivors(path, torn)
		lost += n
		if err != nil {
			return lost, err
		}
	}
	return lost, nil
}

// A file keeps what it holds, what was fsynced, and what was written since.
// Guarded by disk.mu.
type file struct {
	fs.Inode
	disk     *disk
	mode     uint32
	now      []byte
	kept     []byte
	unsynced []change
}

// A change is a write at an offset or, without data, a truncation to it.
type change struct {
	at   int64
	data []byte
}

var (
	_ fs.NodeOpener    = (*file)(nil)
	_ fs.NodeReader    = (*file)(nil)
	_ fs.NodeWriter    = (*file)(nil)
	_ fs.NodeFsyncer   = (*file)(nil)
	_ fs.NodeGetattrer = (*file)(nil)
	_ fs.NodeSetattrer = (*file)(nil)
	_ fs.NodeFlusher   = (*file)(nil)
)

// apply carries out a change on content and returns it.
func (c change) apply(content []byte) []byte {
	if c.data == nil {
		if int64(len(content)) >= c.at {
			return content[:c.at]
		}
		return append(content, make([]byte, c.at-int64(len(content)))...)
	}
	if end := c.at + int64(len(c.data)); end > int64(len(content)) {
		content = append(content, make([]byte, end-int64(len(content)))...)
	}
	copy(content[c.at:], c.data)
	return content
}

func (f *file) change(c change) {
	f.now = c.apply(f.now)
	f.unsynced = append(f.unsynced, c)
}

func (f *file) attr(out *fuse.Attr) {
	out.Mode = syscall.S_IFREG | f.mode
	out.Size = uint64(len(f.now))
	out.Blocks = (out.Size + sector - 1) / sector
	out.Nlink = 1
}

func (f *file) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return nil, 0, f.disk.on()
}

// Flush is what closing a file calls: it keeps nothing.
func (f *file) Flush(context.Context, fs.FileHandle) syscall.Errno { return 0 }

func (f *file) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if errno := f.disk.on(); errno != 0 {
		return nil, errno
	}
	from := min(off, int64(len(f.now)))
	n := copy(dest, f.now[from:])
	return fuse.ReadResultData(dest[:n]), 0
}

func (f *file) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if errno := f.disk.on(); errno != 0 {
		return 0, errno
	}
	f.change(change{off, bytes.Clone(data)})
	return uint32(len(data)), 0
}

// Fsync keeps the file as it is now, and its name where it is new.
func (f *file) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if errno := f.disk.sync(); errno != 0 {
		return errno
	}
	for _, c := range f.unsynced {
		f.kept = c.apply(f.kept)
	}
	f.unsynced = nil
	if name, parent := f.Parent(); parent != nil {
		if d, ok := parent.Operations().(*dir); ok {
			d.kept[name] = f
		}
	}
	return 0
}

func (f *file) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.attr(&out.Attr)
	return 0
}

func (f *file) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if errno := f.disk.on(); errno != 0 {
		return errno
	}
	if size, ok := in.GetSize(); ok {
		f.change(change{at: int64(size)})
	}
	if mode, ok := in.GetMode(); ok {
		f.mode = mode & 0o7777
	}
	f.attr(&out.Attr)
	return 0
}

// survivor is what the disk holds of the file after the cut.
func (f *file) survivor(torn *rand.Rand) []byte {
	content := bytes.Clone(f.kept)
	if torn == nil {
		return content
	}
	for _, c := range f.unsynced {
		if c.data == nil {
			if torn.IntN(2) == 0 {
				content = c.apply(content)
			}
			continue
		}
		for from := 0; from < len(c.data); from += sector {
			if torn.IntN(2) == 0 {
				content = change{c.at + int64(from), c.data[from:min(from+sector, len(c.data))]}.apply(content)
			}
		}
	}
	return content
}
