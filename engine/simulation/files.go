package simulation

import (
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// attached is a file that a person attached. Its name is its own.
type attached struct {
	side   int
	record string
	name   string
	large  bool // beyond the mapping's limit
}

// fileWorlds are worlds in which people attach files.
func fileWorlds(plain Variant) []Variant {
	keys := plain
	keys.Name, keys.Files = "files", true
	keys.Mapping = strings.Replace(base, "comments: both", "comments: both\nattachments: {flow: both, limit: 1 KB}", 1)
	keyless := keys
	keyless.Name = "files without keys"
	keyless.Systems = [2]memory.Options{
		{KeylessFiles: true, IndexLag: 10 * time.Second},
		{KeylessFiles: true, FileLimit: 500, Precision: time.Second, KeyLag: 30 * time.Second},
	}
	return []Variant{keys, keyless}
}

// attach lets a person attach a file; some are large.
func (w *world) attach() {
	side := w.rng.IntN(2)
	id := w.some(side)
	if id == "" {
		return
	}
	a := attached{side: side, record: id, name: w.past.fresh("file ") + ".pdf", large: w.rng.IntN(4) == 0}
	size := 1 + w.rng.IntN(400)
	if a.large {
		size += 1 << 10
	}
	w.systems[side].Attach(id, "ada", a.name, make([]byte, size))
	w.past.attached = append(w.past.attached, a)
	w.log("person attaches %s of %d bytes to %s %s", a.name, size, sideConn[side], id)
}

// files: each file of a person stands once where it was attached and once on the
// other side, as a link if it is large.
func (a *auditor) files(l engine.LinkRow, pair [2]string) {
	for _, f := range a.w.past.attached {
		if f.record != pair[f.side] {
			continue
		}
		var here, there, links int
		for _, x := range a.w.systems[f.side].Attachments(pair[f.side]) {
			if x.Name == f.name {
				here++
			}
		}
		for _, x := range a.w.systems[1-f.side].Attachments(pair[1-f.side]) {
			if x.Name == f.name {
				there++
				if x.Link != "" {
					links++
				}
			}
		}
		if here != 1 || there != 1 || (links == 1) != f.large {
			a.fault("link %d: %s on %s stands %d times there and %d times on the other side, %d as a link", l.ID, f.name, sideConn[f.side], here, there, links)
		}
	}
}
