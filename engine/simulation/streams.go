package simulation

import (
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

// streamWorlds are worlds in which streams tell of changes: no webhook comes, and
// the lists are asked only where a stream says that it has a gap, or after a
// start.
func streamWorlds(plain Variant) []Variant {
	one := plain
	one.Name, one.Streams, one.NoSweeps = "streams only", true, true
	one.Systems = [2]memory.Options{
		{Streams: true, StreamEnds: true}, {Streams: true, StreamEnds: true, IndexLag: 10, WebhookVersions: true, SetEdits: true},
	}
	two := one
	two.Name, two.Deletes, two.Restores = "streams only, deletes", true, true
	for side := range two.Systems {
		two.Systems[side].ShowsDeleted = true // else only a sweep finds a deletion that no stream told of
	}
	return []Variant{one, two}
}

// listen opens the stream of a side until it has told all that there is.
// Sometimes the system loses count, forgets the places or tells things twice.
func (w *world) listen(side int) {
	s := w.systems[side]
	if !w.restNow {
		switch w.rng.IntN(10) {
		case 0:
			s.LoseCount()
			w.log("%s lost count", sideConn[side])
		case 1:
			s.ExpireStream()
			w.log("%s forgot the places of streams", sideConn[side])
		case 2, 3:
			s.RepeatStream(w.rng.IntN(4))
		}
	}
	w.step("listen", func() error {
		_, err := w.eng.Listen(w.ctx, sideConn[side], func() { w.owed[side] = true })
		if connectors.KindOf(err) == connectors.Unavailable {
			return nil // it ends when all was told
		}
		return err
	})
}

// listenDry hears both streams out, and asks the lists for what they have missed.
func (w *world) listenDry() {
	for side := range w.systems {
		for range 3 {
			w.listen(side)
		}
	}
	for side := range w.systems {
		if w.owed[side] {
			w.pollSide(side)
		}
	}
}

// pollSide asks for the changes of a side, to the end of the lists. What fails
// is still owed, unless the world is at rest.
func (w *world) pollSide(side int) {
	for _, feed := range w.eng.Feeds() {
		if !strings.HasPrefix(feed, sideConn[side]+"/") {
			continue
		}
		if w.restNow {
			w.pollFeed(feed)
			continue
		}
		through := false
		w.step("poll", func() error {
			for {
				out, err := w.eng.Poll(w.ctx, feed)
				if err != nil || !out.More {
					through = err == nil && out.Wait.IsZero() && out.Paused == nil
					return err
				}
			}
		})
		if !through {
			return
		}
	}
	w.owed[side] = false
}
