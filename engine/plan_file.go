package engine

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// A plan's file is JSON lines: for each mapping a head, one line for each link
// or record with something to do, and an end with the checksum of all lines
// before it, sealed. It holds customers' values in clear.

// planVersion is the version of the file's form.
const planVersion = 1

// maxPlanLine bounds one line of a plan's file, in bytes.
const maxPlanLine = 16 << 20

type planHead struct {
	Tenon    string    `json:"tenon"` // "plan"
	Version  int       `json:"version"`
	Part     int       `json:"part"` // of the file, from 1
	Parts    int       `json:"parts"`
	Mapping  string    `json:"mapping"`
	Hash     string    `json:"hash"`     // of the mapping's rules
	State    string    `json:"state"`    // the line of the state
	Accounts [2]string `json:"accounts"` // of the sides' connections
	At       time.Time `json:"at"`       // the days of tasks are counted from it
}

type planEnd struct {
	End    bool           `json:"end"`
	Items  int            `json:"items"`
	Counts map[string]int `json:"counts"`
	SHA256 string         `json:"sha256"`
	// Seal is the checksum, sealed with the state's key: a plan that was made or
	// reworded by hand has none that is good.
	Seal string `json:"seal"`
}

// planPurpose binds the seal of a plan's file.
const planPurpose = "plan"

// errPlanFile is wrapped by what is wrong with a plan's file.
func errPlanFile(format string, args ...any) error {
	return &connectors.Error{Op: "read the plan", Kind: connectors.Invalid, Err: fmt.Errorf(format, args...), Help: "make a new one: tenon plan --out FILE"}
}

// WritePlan plans mappings and writes the plans to w, in the form that Apply
// reads; a nil w gets none. What it writes holds the records' values in clear. No
// names: all mappings.
func (e *Engine) WritePlan(ctx context.Context, names []string, w io.Writer, o PlanOptions) ([]*Plan, error) {
	if len(names) == 0 {
		names = e.Mappings()
	}
	for _, name := range names {
		if _, err := e.mapping(name); err != nil {
			return nil, err
		}
	}
	if w == nil {
		return e.plans(ctx, names, o)
	}
	out := &planWriter{w: bufio.NewWriter(w), sum: sha256.New(), sealer: e.sealer}
	plans := []*Plan{}
	for i, name := range names {
		m, err := e.mapping(name)
		if err != nil {
			return nil, err
		}
		head, err := e.planHead(ctx, m)
		if err != nil {
			return nil, err
		}
		head.Part, head.Parts = i+1, len(names)
		out.line(head)
		items := 0
		one := o
		one.Each = func(item PlanItem) error {
			items++
			out.line(item)
			if o.Each != nil {
				return errors.Join(out.err, o.Each(item))
			}
			return out.err
		}
		one.at = head.At
		p, err := e.PlanWith(ctx, name, one)
		if err != nil {
			return nil, err
		}
		out.end(planEnd{End: true, Items: items, Counts: p.Counts})
		plans = append(plans, p)
	}
	return plans, errors.Join(out.err, out.w.Flush())
}

// plans plans mappings one after the other.
func (e *Engine) plans(ctx context.Context, names []string, o PlanOptions) ([]*Plan, error) {
	plans := []*Plan{}
	for _, name := range names {
		p, err := e.PlanWith(ctx, name, o)
		if err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// planHead says what a plan of a mapping holds for.
func (e *Engine) planHead(ctx context.Context, m *worked) (planHead, error) {
	h := planHead{Tenon: "plan", Version: planVersion, Mapping: m.Name(), Hash: fmt.Sprintf("%016x", m.Hash()), At: e.clock.Now().UTC()}
	for side, c := range m.sides {
		account, err := c.Check(ctx)
		if err != nil {
			return h, err
		}
		h.Accounts[side] = firstText(account.System, account.ID, account.Name)
	}
	err := e.store.View(ctx, func(tx state.Tx) error {
		line, err := tx.Doc("line", "line") // see state/mark
		h.State = hex.EncodeToString(line)
		return err
	})
	return h, err
}

type planWriter struct {
	w      *bufio.Writer
	sum    hash.Hash
	sealer Sealer
	err    error
}

func (w *planWriter) line(v any) {
	text, err := json.Marshal(v)
	if err == nil && len(text) >= maxPlanLine {
		err = fmt.Errorf("a change of %d bytes is too large for a plan's file", len(text))
	}
	if w.err = errors.Join(w.err, err); w.err != nil {
		return
	}
	text = append(text, '\n')
	w.sum.Write(text)
	_, w.err = w.w.Write(text)
}

func (w *planWriter) end(end planEnd) {
	end.SHA256 = hex.EncodeToString(w.sum.Sum(nil))
	end.Seal = base64.StdEncoding.EncodeToString(w.sealer.Seal([]byte(end.SHA256), planPurpose))
	w.line(end)
}

// planReader reads a plan's file line by line.
type planReader struct {
	r      *bufio.Reader
	sum    hash.Hash
	sealer Sealer
	at     int      // the number of the last line
	part   int      // parts that were begun
	of     int      // parts that there are
	head   planHead // of the part at hand
	in     bool     // within a part
	seen   int      // items of the part
}

func newPlanReader(r io.Reader, sealer Sealer) *planReader {
	return &planReader{r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New(), sealer: sealer}
}

// next returns the next item; head is set when a new part begins, both are nil
// at the end of the file. A file that was changed or cut is an error of kind
// Invalid.
func (r *planReader) next() (head *planHead, item *PlanItem, err error) {
	for {
		before := hex.EncodeToString(r.sum.Sum(nil))
		line, err := r.line()
		if errors.Is(err, io.EOF) {
			switch {
			case r.at == 0:
				return nil, nil, errPlanFile("the file is empty")
			case r.in || r.part != r.of:
				return nil, nil, errPlanFile("the file ends early, after line %d: it was cut", r.at)
			}
			return nil, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if !r.in {
			if err := r.begin(line); err != nil {
				return nil, nil, err
			}
			h := r.head
			return &h, nil, nil
		}
		var end planEnd
		if err := json.Unmarshal(line, &end); err != nil {
			return nil, nil, errPlanFile("line %d cannot be read: %w; the file was changed", r.at, err)
		}
		if end.End {
			if end.SHA256 != before || end.Items != r.seen {
				return nil, nil, errPlanFile("its lines are not those that were written: the file was changed before line %d", r.at)
			}
			if !r.sealed(end) {
				return nil, nil, errPlanFile("the seal of its part %d is not of this state's key: another Tenon wrote the file, or it was made or changed by hand", r.part)
			}
			r.in = false
			continue
		}
		var it PlanItem
		if err := strictly(line, &it); err != nil {
			return nil, nil, errPlanFile("line %d cannot be read: %w; the file was changed", r.at, err)
		}
		r.seen++
		return nil, &it, nil
	}
}

// sealed reports whether the end of a part bears the seal of its checksum.
func (r *planReader) sealed(end planEnd) bool {
	seal, err := base64.StdEncoding.DecodeString(end.Seal)
	if err != nil {
		return false
	}
	sum, err := r.sealer.Open(seal, planPurpose)
	return err == nil && string(sum) == end.SHA256
}

// begin takes in the head of a part.
func (r *planReader) begin(line []byte) error {
	var h planHead
	if err := json.Unmarshal(line, &h); err != nil || h.Tenon != "plan" {
		return errPlanFile("line %d is no head of a plan: this is not a plan's file, or it was changed", r.at)
	}
	if h.Version != planVersion {
		return errPlanFile("the file has version %d, this program knows version %d", h.Version, planVersion)
	}
	if r.part == 0 {
		r.of = h.Parts
	}
	if r.part++; h.Part != r.part || h.Parts != r.of {
		return errPlanFile("part %d of %d stands where part %d belongs: the file was changed", h.Part, h.Parts, r.part)
	}
	r.head, r.in, r.seen = h, true, 0
	return nil
}

func strictly(line []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

// line returns the next line, io.EOF after the last one.
func (r *planReader) line() ([]byte, error) {
	var line []byte
	for {
		part, err := r.r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxPlanLine:
			return nil, errPlanFile("line %d is too long: this is not a plan's file", r.at+1)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, errPlanFile("the file ends within line %d: it was cut", r.at+1)
		case err != nil:
			return nil, err
		}
		r.at++
		r.sum.Write(line)
		return line, nil
	}
}

// fits tells why a plan does not hold for this engine any more; nil when it does.
func (e *Engine) fits(ctx context.Context, h *planHead) (*worked, error) {
	m, err := e.mapping(h.Mapping)
	if err != nil {
		return nil, &connectors.Error{
			Op: "apply", Kind: connectors.Invalid, Err: fmt.Errorf("the plan is for mapping %q, and no such mapping runs", h.Mapping), Help: "a running service takes new files by tenon reload; else look at: tenon validate",
		}
	}
	now, err := e.planHead(ctx, m)
	if err != nil {
		return nil, err
	}
	again := "look at what it would do now: tenon plan " + h.Mapping
	refuse := func(format string, args ...any) error {
		return &connectors.Error{Op: "apply", Kind: connectors.Conflict, Err: fmt.Errorf(format, args...), Help: again}
	}
	switch {
	case now.Hash != h.Hash:
		again += "; a running service takes edited files by tenon reload"
		return nil, refuse("mapping %s was changed since the plan was made", h.Mapping)
	case now.State != h.State:
		return nil, refuse("the plan of mapping %s was made with another state", h.Mapping)
	}
	for side := range mapping.SideID(2) {
		if now.Accounts[side] != h.Accounts[side] {
			return nil, refuse("connection %s is another account: the plan was made with %s, it is %s now", m.sides[side].name, h.Accounts[side], now.Accounts[side])
		}
	}
	return m, nil
}
