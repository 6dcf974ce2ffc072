package simulation

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	statememory "github.com/tenonsync/tenon/engine/state/memory"
)

// scopeIn is the scope of both sides; cards have one of their own.
var (
	scopeIn    = connectors.Scope{"project": "main"}
	scopeCards = connectors.Scope{"project": "cards"}
)

// event draws one event from the seed and lets it happen.
func (w *world) event() {
	if len(w.v.Hands) > 0 && w.rng.IntN(6) == 0 {
		w.hand()
		w.collectWebhooks()
		return
	}
	switch n := w.rng.IntN(100); {
	case n < 30:
		w.randomEdit()
	case n < 36:
		w.newDeal()
	case n < 38:
		w.press()
		w.resume()
	case n < 50 && w.v.streams() && w.rng.IntN(2) == 0:
		w.hear()
	case n < 50:
		w.webhook()
	case n < 62:
		w.drain()
	case n < 68:
		w.poll()
	case n < 70 && !w.v.NoSweeps:
		w.sweepStep()
	case n < 84:
		w.wait()
	case n < 92 && w.v.Faults:
		w.armFault()
	case n < 94 && w.v.Faults:
		w.restart()
	default:
		w.rare()
	}
	w.collectWebhooks()
}

// rare lets something happen that only some worlds know.
func (w *world) rare() {
	var can []func()
	add := func(known bool, what func()) {
		if known {
			can = append(can, what)
		}
	}
	add(w.v.Rights, w.toggleField)
	add(w.v.Moves, w.move)
	add(w.v.Deletes, w.remove)
	add(w.v.Merges, w.mergeRecords)
	add(w.v.Veils, w.veil)
	add(w.v.Logouts, w.logOut)
	add(w.v.Others != nil, w.changeMapping)
	add(w.v.Files, w.attach)
	can = append(can, w.comment)
	can[w.rng.IntN(len(can))]()
}

// wait lets time pass: mostly seconds, in some worlds days.
func (w *world) wait() {
	if w.v.Days && w.rng.IntN(10) == 0 {
		w.clock.Advance(time.Duration(1+w.rng.IntN(72)) * time.Hour)
		return
	}
	w.clock.Advance(time.Duration(w.rng.IntN(1000)) * w.pick(time.Millisecond, 10*time.Millisecond, 100*time.Millisecond))
}

func (w *world) pick(d ...time.Duration) time.Duration { return d[w.rng.IntN(len(d))] }

// collectWebhooks takes what the systems send; the net loses, doubles and
// delays it.
func (w *world) collectWebhooks() {
	for side, s := range w.systems {
		for _, req := range s.Webhooks() {
			switch n := w.rng.IntN(10); {
			case n < 2 || w.v.NoSweeps: // lost
				continue
			case n < 4:
				w.hooks = append(w.hooks, pendingHook{side: side, req: req, due: w.clock.Now().Add(w.pick(0, time.Minute, 48*time.Hour))})
			}
			w.hooks = append(w.hooks, pendingHook{side: side, req: req, due: w.clock.Now()})
		}
	}
}

// webhook delivers one webhook that is due, in any order. Of those that come
// too late some were signed anew by their sender.
func (w *world) webhook() {
	now := w.clock.Now()
	var due []int
	for i, h := range w.hooks {
		if !h.due.After(now) {
			due = append(due, i)
		}
	}
	if len(due) == 0 {
		return
	}
	i := due[w.rng.IntN(len(due))]
	h := w.hooks[i]
	w.hooks = slices.Delete(w.hooks, i, i+1)
	w.deliver(h, w.rng.IntN(2) == 0)
}

// deliver brings one webhook. What is not taken comes again: the sender retries.
func (w *world) deliver(h pendingHook, signedAnew bool) {
	req := h.req
	if req.Now = w.clock.Now(); signedAnew {
		req = memory.Sign("memory-secret", req.Header.Get(memory.DeliveryHeader), req.Body, req.Now)
	}
	key := sideConn[h.side] + req.Header.Get(memory.DeliveryHeader)
	tried := w.past.tried[key]
	w.past.tried[key] = true
	w.step("webhook", func() error {
		stored := w.commits
		d, err := w.eng.Receive(w.ctx, sideConn[h.side], req)
		switch {
		case err == nil && !tried && len(d.Hints) > 0 && w.commits == stored:
			w.broken = append(w.broken, fmt.Sprintf("a webhook of %s was acknowledged and is not stored", sideConn[h.side]))
		case errors.Is(err, engine.ErrOverload) || errors.Is(err, state.ErrFull):
			if h.due = w.clock.Now().Add(time.Minute); !w.restNow {
				w.hooks = append(w.hooks, h)
			}
		}
		return err
	})
}

func (w *world) drain() {
	name := w.maps[w.rng.IntN(len(w.maps))].Name()
	w.step("drain", func() error { _, err := w.eng.Drain(w.ctx, name); return err })
}

func (w *world) poll() {
	if w.v.Streams {
		w.listen(w.rng.IntN(2))
		return
	}
	feeds := w.eng.Feeds()
	feed := feeds[w.rng.IntN(len(feeds))]
	w.step("poll", func() error { _, err := w.eng.Poll(w.ctx, feed); return err })
}

// sweepStep goes on with the sweep of some feed, or starts one. Everything else
// goes on between its pages.
func (w *world) sweepStep() {
	feeds := w.eng.Feeds()
	feed := feeds[w.rng.IntN(len(feeds))]
	for range 1 + w.rng.IntN(4) {
		if w.sweepers[feed] == nil {
			s, err := w.eng.Sweep(feed)
			if err != nil {
				panic(err)
			}
			w.sweepers[feed] = s
			clear(w.flips)
		}
		s := w.sweepers[feed]
		w.step("sweep", func() error {
			out, err := s.Step(w.ctx)
			if err != nil || out.Done {
				delete(w.sweepers, feed)
			}
			return err
		})
	}
}

// sweep sweeps every feed from its start to its end.
func (w *world) sweep() {
	for _, f := range w.eng.Feeds() {
		w.step("sweep", func() error {
			s, err := w.eng.Sweep(f)
			if err != nil {
				return err
			}
			for range 500 {
				out, err := s.Step(w.ctx)
				if err != nil || out.Done || out.Wait {
					return err
				}
			}
			return nil
		})
	}
}

// restart starts the service anew, maybe with another mapping, another time or
// without its state.
func (w *world) restart() {
	w.log("restart")
	if w.v.Skew {
		w.service.by = time.Duration(w.rng.IntN(7200)-3600) * time.Second
		w.log("the service's clock is off by %s", w.service.by)
	}
	if w.v.LoseAll && !w.past.lost && w.rng.IntN(2) == 0 {
		w.past.lost = true
		w.backend = statememory.New()
		for _, id := range w.past.deals {
			if w.past.pressed[id] {
				w.pressAgain = append(w.pressAgain, id) // the wish was in the state
			}
		}
		w.log("the state is lost")
	}
	if w.v.Others != nil && w.rng.IntN(2) == 0 {
		w.changeMapping()
		return
	}
	w.boot()
}

// changeMapping lets the admin change the mapping, or change it back.
func (w *world) changeMapping() {
	to := 0
	if w.using == 0 {
		to = 1 + w.rng.IntN(len(w.mappings)-1)
	}
	w.use(to)
}

func (w *world) use(to int) {
	w.using, w.maps = to, w.mappings[to]
	w.log("mapping changed: %d", to)
	w.boot()
}

// resume lets a mapping go on that a guard stopped, where people do that.
func (w *world) resume() {
	if w.v.Resumes {
		w.admin.unsure = "pair"
		w.step("resume", func() error { return w.eng.Resume(w.ctx, "pair", "ada") })
		w.lookAtPauses()
	}
}

// veil takes the right to all records of a system away, or gives it back.
func (w *world) veil() {
	side := w.rng.IntN(2)
	veil := memory.NoVeil
	if w.veils[side] == memory.NoVeil {
		veil = memory.Veil(1 + w.rng.IntN(3))
	}
	w.veils[side] = veil
	w.systems[side].SetVeil("record", veil)
	w.log("%s shows its records: %v", sideConn[side], veil == memory.NoVeil)
}

// logOut lets a system refuse the service's login for a while.
func (w *world) logOut() {
	side := w.rng.IntN(2)
	w.logins[side] = w.clock.Now().Add(time.Duration(w.rng.IntN(600)) * time.Second)
	w.log("%s refuses the login until %s", sideConn[side], w.logins[side].Sub(start))
}
