package engine

// room lends the verdicts of a mapping's batches their memory, which is the
// most that a batch needs and of use until it ends only.
type room struct{ all, free []verdict }

// maxRoom is how many verdicts are kept between two batches.
const maxRoom = 1 << 12

// reset takes back what was lent, and makes room for n verdicts. Whoever has
// some of it must be done.
func (r *room) reset(n int) {
	clear(r.free)
	if cap(r.all) > maxRoom {
		r.all = nil
	}
	if cap(r.all) < n {
		r.all = make([]verdict, 0, n)
	}
	r.free = r.all
}

// take lends room for n verdicts.
func (r *room) take(n int) []verdict {
	if cap(r.free)-len(r.free) < n {
		r.all = make([]verdict, 0, max(n, 2*cap(r.all)))
		r.free = r.all
	}
	at := len(r.free)
	r.free = r.free[:at+n]
	return r.free[at : at : at+n]
}
