package simulation

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	planted      = flag.Bool("planted", false, "plant each known bug in the engine and see that the seeds catch it")
	plantedFrom  = flag.Int("planted-from", 0, "with -planted: leave out so many bugs of the list")
	plantedSeeds = flag.Int("planted-seeds", 2000, "how many seeds a planted bug may take")
)

// bug is a deliberate breakage of the engine: in one file, old becomes new.
type bug struct {
	name, file, old, new string
}

// bugs are what the oracle must see. The product's code has no switch for
// them: a copy of the file is laid over it for one build of the test.
var bugs = []bug{
	{"a write is sent without a note", "write.go", "	f.Pending = v.next.Pending\n", "	f.Pending = nil\n"},
	{"a full batch of a stream is passed over", "stream.go", "	mappings := e.concerned(s.conn.name, b.Hints)\n", "	mappings := e.concerned(s.conn.name, b.Hints)\n	if len(b.Hints) > 1 {\n		mappings = nil\n	}\n"},
	{"a stream's gap asks nobody", "stream.go", "			if gap != nil {\n", "			if false {\n"},
	{"a create does not ask for its key", "create.go", "	d.askKeys(ctx, to, jobs)\n", ""},
	{"a create's key is drawn anew", "create.go", "createKey(d.m, d.m.ref(to.Other(), j.entry.Record), \"\", n)", "createKey(d.m, d.m.ref(to.Other(), j.entry.Record), d.now.String(), n)"},
	{"the search's lag is not waited out", "create.go", "d.now.Before(sent.Add(c.facts.KeyWait()))", "false"},
	{"the intent is not stored", "create.go", "if err := tx.PutIntent(&i); err != nil {", "if err := error(nil); err != nil {"},
	{"a lost answer to a create drops the intent", "create.go", "	case connectors.IsUnsure(res.Err):\n", "	case false:\n"},
	{"a found record is taken as it stands", "created.go", "			d.baselineOfAdopted(j)\n", "			d.baselineOfMade(j)\n"},
	{"tasks are not noted", "created.go", "		d.intendTasks(j)\n", ""},
	{"a hidden set starts as it was sent", "found.go", "		if presence != connectors.Present || lost {", "		if false {"},
	{"the oldest edit wins", "merge.go", "	if r.After(l) {", "	if l.After(r) {"},
	{"one-way rules flow both ways", "merge.go", "	if c.rule.Flow().To(side.Other()) {", "	if true {"},
	{"clearing is not carried", "merge.go", "	case same(value, v.values[to]):", "	case value.IsNull() || same(value, v.values[to]):"},
	{"enforced targets are left alone", "merge.go", "	if c.rule.Enforce() {", "	if false {"},
	{"a pair whose record is deleted stays linked", "presence.go", "	j.link.Status, j.touched, j.ended = state.LinkEnded, true, true\n", "	j.touched, j.ended = true, true\n"},
	{"a noted write that took effect is not seen", "merge.go", "	case now == p.Target || g.ours(c, p):\n", "	case false:\n"},
	{"a hidden field is taken for empty", "fields.go", "		if presence != connectors.Present {\n", "		if presence == connectors.Absent {\n"},
	{"noted writes are not looked for in the history", "fields.go", "	d.findApplied(ctx, merging)\n", ""},
	{"edits that a write covered are not looked for", "covered.go", "if c.can.HistoryReader == nil || c.facts.ConditionalWrites {", "if c.can.HistoryReader == nil || true {"},
	{"a lost answer to an update counts as a failure", "write.go", "	if connectors.IsUnsure(res.Err) {", "	if false {"},
	{"other people's elements count as agreed", "write.go", "	agreed := slices.Clone(v.next.Sets[side])\n", "	agreed := g.elements(now).prints\n"},
	{"the time of a standing note moves", "write.go", "func (j *job) keepsNote(side mapping.SideID) bool {\n", "func (j *job) keepsNote(side mapping.SideID) bool {\n	if j.link != nil {\n		return false\n	}\n"},
	{"elements are not taken out", "mergeset.go", "	p := g.print.PrintOption(back)\n	return contains", "	p := g.print.PrintOption(back)\n	return false && contains"},
	{"elements taken out are added again", "mergeset.go", "continue // it was there before", "_ = o // it was there before"},
	{"the second side of a set is forgotten", "mergeset.go", "			v.again = true\n", ""},
	{"a noted set write always took effect", "mergeset.go", "	if applied {", "	if applied || true {"},
	{"versions are kept while something is left to do", "store.go", "				j.link.Ends[side].Version, j.touched = \"\", true\n", "				j.touched = true\n"},
	{"a version that came with our write hides edits", "store.go", "				if !complete || j.unsure", "				if others = false; !complete || j.unsure"},
	{"two entries of one link are both worked", "drain.go", "			j.double = true\n			continue\n", "			continue\n"},
	{"a connection stays paused", "connection.go", "	if now := e.clock.Now(); now.Before(at) {", "	if now := e.clock.Now(); !now.IsZero() {"},
	{"what is out of scope is written", "presence.go", "		status = state.LinkWaiting\n		j.ended = true\n", "		status = state.LinkWaiting\n"},
	{"copies of comments are copied back", "comments.go", "		return c.Key != \"\" || slices.Contains", "		return slices.Contains"},
	{"comments are copied without a look at the target", "comments.go", "func(x connectors.Comment) bool { return x.Key == key }", "func(x connectors.Comment) bool { return false }"},
	{"a webhook is acknowledged before it is stored", "receive.go", "		err = e.post(ctx,", "		_ = e.post(ctx,"},
	{"a full queue drops hints", "receive.go", "		err = ErrOverload", "		return d, nil"},
	{"the cursor moves before its rows are safe", "poll.go", "	err = e.commit(ctx, func(tx state.Tx) error {\n		p.Fresh = 0\n", "	_ = e.commit(ctx, func(tx state.Tx) error { return tx.SetCursor(f.name, next) })\n	err = e.commit(ctx, func(tx state.Tx) error {\n		p.Fresh = 0\n"},
	{"any version that is known hides a hint", "hint.go", "link.Ends[h.side].Version == h.version", "link.Ends[h.side].Version != \"\""},
	{"the baseline moves before the write", "write.go", "	f := v.comparison.field\n	f.Pending", "	f := v.next\n	f.Pending"},
	{"the baseline of the side that was written is forgotten", "write.go", "		f.Base[side] = d.printer.Print(value)\n", ""},
	{"what was sent is the baseline", "write.go", "				value = now\n", "				_ = now\n"},
	{"an edit under our own account is an echo", "covered.go", "		if same(since[k].Value, w.value) {", "		if since[k].Author == \"tenon\" {"},
	{"the local clock decides who was last", "merge.go", "	r := g.edited(mapping.Right, c.rule.Field(mapping.Right))", "	r := g.now"},
	{"a field left out is taken for empty", "fields.go", "		if presence != connectors.Present {\n", "		if presence == connectors.Hidden {\n"},
	{"a history that fails is not waited for", "fields.go", "		j.outcome = outcome{kind: outcomeRetry, code: \"history\", reason: err.Error()}\n	}\n	return true", "	}\n	return false"},
	{"a wait for a lost create trusts two clocks", "recover.go", "		sent = e.started", "		sent = i.Sent"},
	{"what both sides added is not agreed", "mergeset.go", "	g.join(&c, sides)\n", ""},
	{"a write that the system rounded is taken for an edit", "merge.go", "now == p.Target || g.ours(c, p)", "now == p.Target"},
	{"what an unread record holds is guessed", "created.go", "		if mk.unread() {", "		if false {"},
	{"what was cleared in a found record was refused", "found.go", "			!j.making.edited[d.m.rules[f.Rule].Field(to)]", "			true"},
	{"the note of an earlier create is dropped", "create.go", "	if j.making.earlier != nil {", "	if false {"},
	{"a press is dropped where its record is not seen", "presence.go", "d.now.Sub(j.entry.First) < wishKept", "false"},
	{"one answer that a record is missing is believed", "presence.go", "		if !d.foresee && !j.toldGone() && j.link.Ends[side].State == connectors.Live {", "		if false {"},
	{"a lost right is taken for deletions", "absence.go", "	return a.Gone > a.Allowed+max(l.MissingAt, a.Read*missingShare/100)", "	return false"},
	{"a merged record keeps its link", "presence.go", "	j.link.Ends[side] = state.End{ID: into}\n", ""},
	{"an automation is fought for ever", "flips.go", "	return len(distinct) <= 3", "	return false"},
}

// handBugs are those that the worlds with an admin's hands must see.
var handBugs = []bug{
	{"a drain forgets what is paused", "drain.go", "	if p, err := e.paused(ctx, m); p != nil || err != nil {", "	if p, err := e.paused(ctx, m); err != nil {"},
	{"a poll forgets what is paused", "poll.go", "	}); err != nil || paused != nil {", "	}); err != nil {"},
	{"a sweep forgets what is paused", "sweep.go", "	}); err != nil || paused != nil {", "	}); err != nil {"},
	{"a pause does not outlive the service", "pause.go", "		return tx.SetDoc(pauseDocs, key, doc)", "		_ = doc\n		return nil"},
	{"an undo does not ask who wrote last", "undo_decide.go", "	case now != newest.held:\n", "	case false:\n"},
	{"what an undo puts back flows on", "undo_write.go", "		lf.Base[u.side], lf.Pending = u.printer.Print(f.after), nil\n", "		lf.Pending = nil\n"},
	{"an undo is sent without a note", "undo_write.go", "		lf.Pending = p\n", "		_ = p\n"},
	{"edits that an undo covers are lost", "undo_covered.go", "		if edit := f.coveredEdit(r.rec, edits); edit != nil {", "		if edit := f.coveredEdit(r.rec, edits); false {"},
	{"an undo takes new elements for agreed", "undo_write.go", "u.agreedElements(lf.Sets[u.side], f.live, f.after)", "u.agreedElements(nil, connectors.Null, f.after)"},
	{"an undo hides a comment", "undo_write.go", " && !u.m.CarriesTo(u.side.Other())", ""},
	{"an undo forgets a note of the other side", "undo_write.go", " && mapping.SideID(lf.Pending.To) == u.side {", " {"},
	{"an undo takes out what others added", "journal.go", "		f.Held = d.printer.Print(w.value)\n", ""},
	{"an undo hides an edit of another field", "undo_write.go", "	seen := r.before.Version != \"\" && r.before.Version == r.rec.Version &&", "	seen :="},
	{"an undo takes back what was set again", "undo_decide.go", "	case f.back != nil && now != f.back.held:", "	case false:"},
	{"a stale plan is carried out", "apply_compare.go", "	case len(c.what) > 0:", "	case false:"},
	{"a decision does not outlive a lost write", "store.go", "v.drop && v.comparison.aside != nil && j.wrote(v)", "v.drop && v.comparison.aside != nil"},
	{"a decision is not carried out", "merge.go", "		return g.chosen(v)\n", "		v.drop = false\n		return v\n"},
	{"a link that a person ended works on", "presence.go", "	if !byDeletion || ", "	if byDeletion && false || "},
	{"a record that is linked is linked again", "adopt.go", "		case link.Status != state.LinkEnded:\n", "		case false:\n"},
}

// TestPlantedBugs builds the simulation over each planted bug and runs seeds
// until one fails. It takes minutes: give -planted.
func TestPlantedBugs(t *testing.T) {
	if !*planted {
		// The texts must be in the engine still, or the table is of no use.
		for _, b := range slices.Concat(bugs, handBugs, fileBugs) {
			plant(t, b)
		}
		return
	}
	failed := regexp.MustCompile(`seed (\d+) \((.*?)\)`)
	for i, b := range slices.Concat(bugs, handBugs, fileBugs) {
		worlds, most := "^TestSeeds$", *plantedSeeds
		switch {
		case i < *plantedFrom:
			continue
		case i >= len(bugs)+len(handBugs):
			worlds, most = "^TestSeedsWithFiles$", *plantedSeeds*handShare
		case i >= len(bugs):
			worlds, most = "^TestSeedsWithHands$", *plantedSeeds*handShare
		}
		binary := filepath.Join(t.TempDir(), "planted.test")
		build := exec.Command("go", "test", "-c", "-overlay", overlay(t, b), "-o", binary, ".")
		if out, err := build.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", b.name, err, out)
			continue
		}
		run := exec.Command(binary, "-test.run", worlds, "-test.timeout", "5m", "-until-failure",
			"-seeds", strconv.Itoa(most), "-events", strconv.Itoa(*events))
		out, err := run.CombinedOutput()
		switch m := failed.FindSubmatch(out); {
		case err == nil:
			t.Errorf("| %s | not seen in %d seeds |", b.name, *plantedSeeds)
		case m == nil:
			t.Logf("| %s | breaks the run | %s |", b.name, strings.SplitN(string(out), "\n", 2)[0])
		default:
			t.Logf("| %s | %s | %s |", b.name, m[1], m[2])
		}
	}
}

// plant returns the file's path and its text with the bug in it.
func plant(t *testing.T, b bug) (path, text string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", b.file))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), b.old); n != 1 {
		t.Errorf("%s: %s has its text %d times, want once", b.name, b.file, n)
	}
	return path, strings.Replace(string(source), b.old, b.new, 1)
}

// overlay writes the overlay of a build with the bug and returns its path.
func overlay(t *testing.T, b bug) string {
	t.Helper()
	path, text := plant(t, b)
	dir := t.TempDir()
	file := filepath.Join(dir, b.file)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: file}})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(name, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
