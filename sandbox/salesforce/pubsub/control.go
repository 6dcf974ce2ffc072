package pubsub

import "time"

// Gap tells that records changed without telling what changed, as the service
// does for changes that are too large or were made in the database. kind is
// GAP_CREATE, GAP_UPDATE, GAP_DELETE or GAP_UNDELETE.
func (s *Server) Gap(object, kind string, ids ...string) {
	t := Transaction{Key: "gap-" + s.opts.Clock.Now().Format(time.RFC3339Nano), At: s.opts.Clock.Now()}
	for _, id := range ids {
		t.Changes = append(t.Changes, Change{Object: object, ID: id, Type: kind})
	}
	s.Publish(t)
}

// Overflow tells that a transaction changed more records of an object than are
// told one by one.
func (s *Server) Overflow(object string) { s.Gap(object, "GAP_OVERFLOW", "000000000000000AAA") }

// Expire forgets all events and all places so far, as if the retention had
// passed.
func (s *Server) Expire() {
	s.Flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
	s.last += 1000
	s.mark()
}

// Cut breaks all streams that are open, as a restart of the service does.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut++
	close(s.moved)
	s.moved = make(chan struct{})
}
