package simulation

import (
	"maps"
	"slices"
)

// pauseOrResume pauses a mapping or a connection, or lets it go on.
func (w *world) pauseOrResume() {
	names := []string{"pair", "crm", "pm"}
	name := names[w.rng.IntN(len(names))]
	if w.admin.paused[name] {
		w.unpause(name)
		return
	}
	w.admin.unsure = name
	w.step("pause "+name, func() error {
		if _, err := w.eng.Pause(w.ctx, name, "", "ada"); err != nil {
			return err
		}
		w.admin.paused[name], w.admin.unsure = true, ""
		return nil
	})
	w.lookAtPauses()
	w.log("person pauses %s: %v", name, w.admin.paused[name])
}

func (w *world) unpause(name string) {
	w.admin.unsure = name
	w.step("resume "+name, func() error {
		if err := w.eng.Resume(w.ctx, name, "ada"); err != nil {
			return err
		}
		delete(w.admin.paused, name)
		w.admin.unsure = ""
		return nil
	})
	w.lookAtPauses()
	w.log("person resumes %s: %v", name, !w.admin.paused[name])
}

// lookAtPauses takes in what is paused: who was not answered looks.
func (w *world) lookAtPauses() {
	w.checkPauses()
	now, err := w.pauses()
	if err != nil {
		w.log("status: %v", err)
		return
	}
	w.admin.paused, w.admin.unsure = now, ""
}

// checkPauses holds the pauses against those that people made.
func (w *world) checkPauses() {
	now, err := w.pauses()
	for _, name := range []string{"pair", "crm", "pm"} {
		if err == nil && now[name] != w.admin.paused[name] && name != w.admin.unsure {
			w.breach("people paused %s: %v, and the service says %v", name, w.admin.paused[name], now[name])
		}
	}
}

// pauses returns what the service says that people paused.
func (w *world) pauses() (map[string]bool, error) {
	s, err := w.eng.Status(w.ctx)
	if err != nil {
		return nil, err
	}
	now := map[string]bool{}
	for _, c := range s.Connections {
		if c.Paused != nil {
			now[c.Name] = true
		}
	}
	for _, m := range s.Mappings {
		if m.Paused != nil && m.Paused.Mapping == m.Name {
			now[m.Name] = true
		}
	}
	return now, nil
}

// liftPauses lets everything go on at the end.
func (w *world) liftPauses() {
	for _, name := range slices.Sorted(maps.Keys(w.admin.paused)) {
		w.unpause(name)
	}
	if len(w.admin.paused) > 0 {
		w.breach("what is paused cannot be resumed: %v", w.admin.paused)
	}
}
