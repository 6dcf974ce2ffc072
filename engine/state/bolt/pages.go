package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"github.com/tenonsync/tenon/engine/state"
)

// walker reads the pages of a file by itself, so that no damage can make
// bbolt panic, recurse for ever or touch memory that is not there. It knows
// bbolt's file format, version 2:
//
//	page     id 8, flags 2, count 2, overflow 4, then its elements
//	meta     magic 4, version 4, page size 4, flags 4, root page 8, root sequence 8,
//	         freelist page 8, high-water mark 8, transaction 8, checksum (FNV-1a of what precedes) 8
//	branch   per element: position 4, key size 4, page 8
//	leaf     per element: flags 4, position 4, key size 4, value size 4
//	bucket   a leaf element with flag 1: root page 8, sequence 8; root 0 has the page inline
//	freelist count 2 (0xffff: the first element is the count), page ids of 8
//
// Numbers are in the machine's byte order.
type walker struct {
	ctx    context.Context //nolint:containedctx // one call's
	file   io.ReaderAt
	size   int64 // of a page
	report func(string)
	high   uint64 // pages from here on do not exist
	used   []bool
}

const (
	pageHead    = 16
	flagBranch  = 0x01
	flagLeaf    = 0x02
	flagFree    = 0x10
	flagBucket  = 0x01
	metaMagic   = 0xED0CDAED
	metaVersion = 2
	metaSize    = 64
	maxDepth    = 64
	noFreelist  = ^uint64(0)
	minPage     = 512
	maxPage     = 64 << 10
)

var native = binary.NativeEndian

// meta is one of the two pages that name a commit.
type meta struct {
	size, root, free, high, tx uint64
}

// parseMeta takes for a meta what bbolt takes for one: the page's own flags do
// not count, the checksum does.
func parseMeta(p []byte) (m meta, ok bool) {
	if len(p) < pageHead+metaSize {
		return m, false
	}
	p = p[pageHead : pageHead+metaSize]
	sum := fnv.New64a()
	sum.Write(p[:metaSize-8]) //nolint:errcheck // never fails
	m = meta{
		size: uint64(native.Uint32(p[8:])), root: native.Uint64(p[16:]),
		free: native.Uint64(p[32:]), high: native.Uint64(p[40:]), tx: native.Uint64(p[48:]),
	}
	return m, native.Uint32(p) == metaMagic && native.Uint32(p[4:]) == metaVersion &&
		native.Uint64(p[56:]) == sum.Sum64() && m.size >= minPage && m.size <= maxPage
}

// readMetas returns the valid metas of a file. The second one is looked for at
// all page sizes when the first is damaged.
func readMetas(file io.ReaderAt) []meta {
	var metas []meta
	head := make([]byte, pageHead+metaSize)
	read := func(at int64) (meta, bool) {
		if _, err := file.ReadAt(head, at); err != nil {
			return meta{}, false
		}
		return parseMeta(head)
	}
	sizes := []int64{}
	if m, ok := read(0); ok {
		metas = append(metas, m)
		sizes = append(sizes, int64(m.size))
	} else {
		for size := int64(minPage); size <= maxPage; size *= 2 {
			sizes = append(sizes, size)
		}
	}
	for _, size := range sizes {
		if m, ok := read(size); ok && int64(m.size) == size {
			return append(metas, m)
		}
	}
	return metas
}

// verifyFile checks the newest commit of a file that nobody writes.
func verifyFile(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	var newest meta
	for _, m := range readMetas(f) {
		if m.tx >= newest.tx {
			newest = m
		}
	}
	if newest.size == 0 {
		return fmt.Errorf("%w: not a state file of Tenon", state.ErrCorrupt)
	}
	var problem error
	w := &walker{ctx: ctx, file: f, report: func(s string) {
		if problem == nil {
			problem = fmt.Errorf("%w: %s", state.ErrCorrupt, s)
		}
	}}
	if err := w.walk(newest); err != nil {
		return err
	}
	return problem
}

// Verify walks the pages of the last commit and reports pages that are
// damaged, lost, or used twice.
func (d *DB) Verify(ctx context.Context, report func(problem string)) error {
	return d.view(ctx, func(r *reader) error {
		// Later commits write over the metas; this view keeps its own pages.
		for _, m := range readMetas(d.file) {
			if m.tx == uint64(r.tx.ID()) {
				w := &walker{ctx: ctx, file: d.file, report: report}
				return w.walk(m)
			}
		}
		return errOvertaken
	})
}

// errOvertaken says that two commits came between the start of a view and the
// reading of the metas.
var errOvertaken = errors.New("the file changes too quickly to be checked")

func (w *walker) walk(m meta) error {
	w.size, w.high = int64(m.size), m.high
	if err := w.enough(m); err != nil {
		return err
	}
	w.used = make([]bool, m.high)
	w.use(0, 0, "meta")
	w.use(1, 0, "meta")
	if err := w.tree(m.root, 0, nil, nil); err != nil {
		return err
	}
	if m.free == noFreelist {
		return w.ctx.Err()
	}
	if err := w.freelist(m.free); err != nil {
		return err
	}
	for id, used := range w.used {
		if !used {
			w.report(fmt.Sprintf("page %d is neither used nor free", id))
		}
	}
	return nil
}

// enough makes sure that the file has all the pages that a meta speaks of.
func (w *walker) enough(m meta) error {
	if m.high < 4 || m.high > 1<<40 {
		return fmt.Errorf("%w: a file of %d pages", state.ErrCorrupt, m.high)
	}
	last := make([]byte, 1)
	if _, err := w.file.ReadAt(last, int64(m.high)*w.size-1); err != nil {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: the file is cut: it has not all of its %d pages", state.ErrCorrupt, m.high)
		}
		return err
	}
	return nil
}

// use marks a page and those that continue it.
func (w *walker) use(id, overflow uint64, as string) bool {
	if id >= w.high || overflow >= w.high-id {
		w.report(fmt.Sprintf("page %d (%s) lies behind the end", id, as))
		return false
	}
	for p := id; p <= id+overflow; p++ {
		if w.used[p] {
			w.report(fmt.Sprintf("page %d is used twice, as %s", p, as))
			return false
		}
		w.used[p] = true
	}
	return true
}

// page reads a page with those that continue it; nil when it is damaged.
func (w *walker) page(id uint64, as string) ([]byte, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, context.Cause(w.ctx)
	}
	if id >= w.high {
		w.report(fmt.Sprintf("page %d (%s) lies behind the end", id, as))
		return nil, nil
	}
	head := make([]byte, pageHead)
	if _, err := w.file.ReadAt(head, int64(id)*w.size); err != nil {
		return nil, err
	}
	overflow := uint64(native.Uint32(head[12:]))
	if got := native.Uint64(head); got != id {
		w.report(fmt.Sprintf("page %d (%s) says that it is page %d", id, as, got))
		return nil, nil
	}
	if !w.use(id, overflow, as) {
		return nil, nil
	}
	p := make([]byte, int64(overflow+1)*w.size)
	_, err := w.file.ReadAt(p, int64(id)*w.size)
	return p, err
}

// tree walks a branch or leaf page and what is below it. Keys must lie in
// from <= key < to where those are not nil.
func (w *walker) tree(id uint64, depth int, from, to []byte) error {
	p, err := w.page(id, "tree")
	if err != nil || p == nil {
		return err
	}
	if depth > maxDepth {
		w.report(fmt.Sprintf("page %d lies too deep", id))
		return nil
	}
	return w.elements(id, p, depth, from, to)
}

// element is one pair of a page: a key, and the child or the value.
type element struct {
	key, value []byte
	child      uint64
	bucket     bool
}

// elements walks the elements of a page that was read, or of one that is
// inline in another.
func (w *walker) elements(id uint64, p []byte, depth int, from, to []byte) error {
	flags, count := native.Uint16(p[8:]), int(native.Uint16(p[10:]))
	if flags != flagBranch && flags != flagLeaf || pageHead*(count+1) > len(p) {
		w.report(fmt.Sprintf("page %d is neither branch nor leaf, or malformed", id))
		return nil
	}
	all := make([]element, count)
	for i := range all {
		e, ok := parseElement(p, i, flags)
		if !ok {
			w.report(fmt.Sprintf("page %d: element %d reaches beyond the page", id, i))
			return nil
		}
		low := from
		if i > 0 {
			low = all[i-1].key
		}
		if i > 0 && bytes.Compare(e.key, low) <= 0 || low != nil && bytes.Compare(e.key, low) < 0 ||
			to != nil && bytes.Compare(e.key, to) >= 0 {
			w.report(fmt.Sprintf("page %d: key %x is out of order", id, e.key))
		}
		all[i] = e
	}
	for i, e := range all {
		var err error
		switch {
		case flags == flagBranch:
			high := to
			if i+1 < count {
				high = all[i+1].key
			}
			err = w.tree(e.child, depth+1, e.key, high)
		case e.bucket:
			err = w.bucket(id, e.value, depth)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func parseElement(p []byte, i int, flags uint16) (e element, ok bool) {
	at := pageHead * (i + 1)
	h := p[at : at+16]
	if flags == flagBranch {
		start := uint64(at) + uint64(native.Uint32(h))
		end := start + uint64(native.Uint32(h[4:]))
		if end > uint64(len(p)) {
			return e, false
		}
		return element{key: p[start:end], child: native.Uint64(h[8:])}, true
	}
	start := uint64(at) + uint64(native.Uint32(h[4:]))
	middle := start + uint64(native.Uint32(h[8:]))
	end := middle + uint64(native.Uint32(h[12:]))
	if end > uint64(len(p)) {
		return e, false
	}
	return element{key: p[start:middle], value: p[middle:end], bucket: native.Uint32(h)&flagBucket != 0}, true
}

func (w *walker) bucket(id uint64, v []byte, depth int) error {
	if len(v) < 16 {
		w.report(fmt.Sprintf("page %d: a space is malformed", id))
		return nil
	}
	root := native.Uint64(v)
	switch {
	case root != 0:
		return w.tree(root, depth+1, nil, nil)
	case len(v) < 16+pageHead || depth > maxDepth:
		w.report(fmt.Sprintf("page %d: a small space is malformed", id))
		return nil
	}
	return w.elements(id, v[16:], depth+1, nil, nil)
}

func (w *walker) freelist(id uint64) error {
	p, err := w.page(id, "list of free pages")
	if err != nil || p == nil {
		return err
	}
	count, at := uint64(native.Uint16(p[10:])), pageHead
	if count == 0xffff && len(p) >= pageHead+8 {
		count, at = native.Uint64(p[pageHead:]), pageHead+8
	}
	if native.Uint16(p[8:]) != flagFree || count > uint64(len(p)-at)/8 {
		w.report(fmt.Sprintf("page %d, the list of free pages, is malformed", id))
		return nil
	}
	for i := range count {
		w.use(native.Uint64(p[at+int(i)*8:]), 0, "free")
	}
	return nil
}
