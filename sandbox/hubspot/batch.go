package hubspot

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxBatch is how many records a batch holds.
const maxBatch = 100

// batchAnswer is the body of a batch's answer.
type batchAnswer struct {
	CompletedAt string       `json:"completedAt"`
	Status      string       `json:"status"`
	StartedAt   string       `json:"startedAt"`
	Results     any          `json:"results"`
	Errors      []batchError `json:"errors,omitempty"`
	NumErrors   int          `json:"numErrors,omitempty"`
}

// batchDone answers with the full status, or 207 when there are errors.
func (c *call) batchDone(full int, results any, errs []batchError) (int, any, *apiError) {
	took := time.Duration(20+c.s.rand.IntN(300)) * time.Millisecond
	out := batchAnswer{
		Status: "COMPLETE", StartedAt: formatTime(c.now), CompletedAt: formatTime(c.now.Add(took)), Results: results, Errors: errs, NumErrors: len(errs),
	}
	if len(errs) > 0 {
		return http.StatusMultiStatus, out, nil
	}
	return full, out, nil
}

// hollow is an answer of a batch write that failed although it says 2xx; nil
// when none is due.
func (c *call) hollow() any {
	if c.s.hollow == 0 {
		return nil
	}
	c.s.hollow--
	e := newError(http.StatusInternalServerError, "INTERNAL_ERROR", "internal error").detail()
	_, out, _ := c.batchDone(http.StatusOK, []*wireRecord{}, []batchError{e})
	return out
}

// shuffle gives batch results the order that HubSpot promises: none.
func (c *call) shuffle(results []*wireRecord) []*wireRecord {
	c.s.rand.Shuffle(len(results), func(i, j int) { results[i], results[j] = results[j], results[i] })
	return results
}

type batchInput struct {
	Inputs []recordInput `json:"inputs"`
}

func (c *call) batchInputs() ([]recordInput, *apiError) {
	var in batchInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.Inputs == nil {
		return nil, missingFields("inputs")
	}
	if len(in.Inputs) == 0 {
		return nil, invalid("The inputs list must not be empty")
	}
	if len(in.Inputs) > maxBatch {
		return nil, invalid("The maximum number of inputs supported in a batch request for property values is %d", maxBatch)
	}
	return in.Inputs, nil
}

func couldNotGet(ot *objectType, ids ...string) batchError {
	return batchError{
		Status: "error", Category: "OBJECT_NOT_FOUND",
		Message: "Could not get some " + ot.upper + " objects, they may be deleted or not exist. Check that ids are valid.",
		Context: map[string][]string{"ids": ids},
	}
}

func batchRead(c *call) (int, any, *apiError) {
	ot, err := c.objectType("type")
	if err != nil {
		return 0, nil, err
	}
	if err := c.mayRead(ot); err != nil {
		return 0, nil, err
	}
	var in struct {
		Inputs     []linkEnd `json:"inputs"`
		Properties []string  `json:"properties"`
		History    []string  `json:"propertiesWithHistory"`
		IDProperty string    `json:"idProperty"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	most := maxBatch
	if len(in.History) > 0 {
		most = maxBatch / 2
	}
	if len(in.Inputs) > most {
		return 0, nil, invalid("The maximum number of inputs supported in a batch request for property values is %d", most)
	}
	archived, err := c.flag("archived")
	if err != nil {
		return 0, nil, err
	}
	results, seen, lost := []*wireRecord{}, map[*record]bool{}, []string{}
	for _, input := range in.Inputs {
		r, err := ot.find(string(input.ID), in.IDProperty)
		if err != nil {
			return 0, nil, err
		}
		if r == nil || r.archived != archived {
			lost = append(lost, string(input.ID))
		} else if !seen[r] {
			seen[r] = true
			results = append(results, c.s.render(r, in.Properties, in.History))
		}
	}
	var errs []batchError
	if len(lost) > 0 {
		errs = append(errs, couldNotGet(ot, lost...))
	}
	return c.batchDone(http.StatusOK, c.shuffle(results), errs)
}

// batchCreate refuses the whole batch for one bad input, unless every input has
// a trace id of its own.
func batchCreate(c *call) (int, any, *apiError) {
	ot, err := c.writableType()
	if err != nil {
		return 0, nil, err
	}
	inputs, err := c.batchInputs()
	if err != nil {
		return 0, nil, err
	}
	traced := map[string]bool{}
	for _, in := range inputs {
		if in.Properties == nil {
			return 0, nil, missingFields("properties")
		}
		if in.TraceID != "" {
			traced[in.TraceID] = true
		}
	}
	partial := len(traced) == len(inputs)
	if !partial {
		if err := c.checkAll(ot, inputs); err != nil {
			return 0, nil, err
		}
	}
	if done := c.hollow(); done != nil {
		return http.StatusCreated, done, nil
	}
	results, errs := []*wireRecord{}, []batchError(nil)
	for _, in := range inputs {
		ch, err := c.s.prepare(ot, nil, in.Properties, c.s.hidden, c.now)
		if err == nil {
			err = c.s.prepareLinks(ch, in.Associations)
		}
		if err != nil {
			errs = append(errs, c.createError(ot, in, err))
			continue
		}
		results = append(results, c.s.renderWrite(c.s.commit(ch, c.src, c.now), ch.sent, true))
	}
	return c.batchDone(http.StatusCreated, c.shuffle(results), errs)
}

// createError is an input's error in a batch answer: it names the input's trace
// id and the record in the way.
func (c *call) createError(ot *objectType, in recordInput, err *apiError) batchError {
	e := err.detail()
	e.Context["objectWriteTraceId"] = []string{in.TraceID}
	if err.Category == "CONFLICT" {
		if text, _, ok := wireText(in.Properties["email"]); ok {
			if other := ot.byUnique("email", text); other != nil {
				e.Context["existingId"] = []string{other.idText()}
			}
		}
	}
	return e
}

// checkAll checks a batch of creates as a whole: value problems of all inputs
// are told together, of other faults only the first, and a conflict without the
// record in the way.
func (c *call) checkAll(ot *objectType, inputs []recordInput) *apiError {
	var problems []valueProblem
	claimed := map[string]bool{}
	for _, in := range inputs {
		ch, err := c.s.prepare(ot, nil, in.Properties, c.s.hidden, c.now)
		if err == nil {
			err = c.s.prepareLinks(ch, in.Associations)
		}
		if err != nil && len(err.problems) > 0 {
			problems = append(problems, err.problems...)
			continue
		}
		if err != nil && err.Category == "CONFLICT" {
			return newError(http.StatusConflict, "CONFLICT", "Contact already exists")
		}
		if err != nil {
			return err
		}
		if err := ch.claim(claimed); err != nil {
			return err
		}
	}
	if len(problems) > 0 {
		return valuesInvalid(problems)
	}
	return nil
}

// claim refuses a unique value that an earlier input of the batch has taken.
func (c *change) claim(claimed map[string]bool) *apiError {
	for name, text := range c.texts {
		if p := c.ot.props[name]; text == "" || p == nil || !p.HasUniqueValue {
			continue
		}
		key := name + "\x00" + uniqueKey(name, text)
		if claimed[key] {
			if name == "email" {
				return newError(http.StatusConflict, "CONFLICT", "Contact already exists")
			}
			return duplicateIDs(text)
		}
		claimed[key] = true
	}
	return nil
}

func duplicateIDs(ids ...string) *apiError {
	return invalid("Duplicate IDs found in batch input: [%s]. IDs must be unique", strings.Join(ids, ", ")).with("ids", ids...)
}

// checkIDs refuses inputs without an id and repeated ids.
func checkIDs(inputs []recordInput) *apiError {
	seen := map[string]bool{}
	var twice []string
	for _, in := range inputs {
		if in.ID == nil {
			return missingFields("id")
		}
		key := uniqueKey(in.IDProperty, string(*in.ID))
		if seen[key] && !slices.Contains(twice, key) {
			twice = append(twice, key)
		}
		seen[key] = true
	}
	if len(twice) > 0 {
		return duplicateIDs(twice...)
	}
	return nil
}

// checkIDProperty refuses id properties that are not unique; for updates
// hs_object_id counts as such.
func checkIDProperty(ot *objectType, inputs []recordInput) *apiError {
	for _, in := range inputs {
		if in.IDProperty == "" {
			continue
		}
		if p := ot.readable(in.IDProperty); p == nil || !p.HasUniqueValue {
			return invalid("Cannot use property %q as an id property because it is non-unique", in.IDProperty)
		}
	}
	return nil
}

func batchUpdate(c *call) (int, any, *apiError) {
	ot, err := c.writableType()
	if err != nil {
		return 0, nil, err
	}
	inputs, err := c.batchInputs()
	if err != nil {
		return 0, nil, err
	}
	for _, check := range []*apiError{checkIDs(inputs), checkIDProperty(ot, inputs)} {
		if check != nil {
			return 0, nil, check
		}
	}
	targets := make([]*record, len(inputs))
	var lost []string
	for i, in := range inputs {
		r, err := ot.find(string(*in.ID), in.IDProperty)
		if err != nil {
			return 0, nil, err
		}
		// The ids of merged records are not followed here.
		if r == nil || r.archived || in.IDProperty == "" && r.idText() != string(*in.ID) {
			lost = append(lost, string(*in.ID))
			continue
		}
		targets[i] = r
	}
	changes, err := c.prepareUpdates(ot, inputs, targets)
	if err != nil {
		return 0, nil, err
	}
	if done := c.hollow(); done != nil {
		return http.StatusOK, done, nil
	}
	results := []*wireRecord{}
	for _, ch := range changes {
		results = append(results, c.s.renderWrite(c.s.commit(ch, c.src, c.now), ch.sent, false))
	}
	var errs []batchError
	if len(lost) > 0 {
		errs = append(errs, couldNotGet(ot, lost...))
	}
	return c.batchDone(http.StatusOK, c.shuffle(results), errs)
}

// prepareUpdates checks all writes before any takes effect: one bad value
// refuses the whole batch.
func (c *call) prepareUpdates(ot *objectType, inputs []recordInput, targets []*record) ([]*change, *apiError) {
	var changes []*change
	var problems []valueProblem
	claimed := map[string]bool{}
	for i, in := range inputs {
		if targets[i] == nil {
			continue
		}
		ch, err := c.s.prepare(ot, targets[i], in.Properties, c.s.hidden, c.now)
		if err != nil && len(err.problems) > 0 {
			problems = append(problems, err.problems...)
			continue
		}
		if err == nil {
			err = ch.claim(claimed)
		}
		if err != nil {
			return nil, err
		}
		changes = append(changes, ch)
	}
	if len(problems) > 0 {
		return nil, valuesInvalid(problems)
	}
	return changes, nil
}

func batchUpsert(c *call) (int, any, *apiError) {
	ot, err := c.writableType()
	if err != nil {
		return 0, nil, err
	}
	inputs, err := c.batchInputs()
	if err != nil {
		return 0, nil, err
	}
	if err := checkIDs(inputs); err != nil {
		return 0, nil, err
	}
	for _, in := range inputs {
		if in.IDProperty == "" || in.IDProperty != inputs[0].IDProperty {
			return 0, nil, missingFields("idProperty")
		}
	}
	if err := checkIDProperty(ot, inputs); err != nil {
		return 0, nil, err
	}
	// By e-mail there is no partial success.
	partial := inputs[0].IDProperty != "email"
	var changes []*change
	var accepted []recordInput
	var errs []batchError
	claimed := map[string]bool{}
	for _, in := range inputs {
		ch, err := c.prepareUpsert(ot, in)
		if err == nil {
			err = ch.claim(claimed)
		}
		switch {
		case err == nil:
			changes, accepted = append(changes, ch), append(accepted, in)
		case !partial || in.TraceID == "":
			return 0, nil, err
		default:
			errs = append(errs, c.createError(ot, in, err))
		}
	}
	results := []*wireRecord{}
	for i, ch := range changes {
		isNew := ch.rec == nil
		out := c.s.renderWrite(c.s.commit(ch, c.src, c.now), ch.sent, isNew)
		out.New, out.TraceID = &isNew, accepted[i].TraceID
		results = append(results, out)
	}
	return c.batchDone(http.StatusOK, c.shuffle(results), errs)
}

func (c *call) prepareUpsert(ot *objectType, in recordInput) (*change, *apiError) {
	r := ot.byUnique(in.IDProperty, string(*in.ID))
	if r != nil && r.archived {
		r = nil // prepare then refuses the value, which is still taken
	}
	input := map[string]rawValue{}
	for name, raw := range in.Properties {
		input[name] = raw
	}
	if r == nil {
		input[in.IDProperty] = quote(string(*in.ID))
	}
	return c.s.prepare(ot, r, input, c.s.hidden, c.now)
}

func batchArchive(c *call) (int, any, *apiError) {
	ot, err := c.writableType()
	if err != nil {
		return 0, nil, err
	}
	inputs, err := c.batchInputs()
	if err != nil {
		return 0, nil, err
	}
	for _, in := range inputs {
		if in.ID == nil {
			return 0, nil, missingFields("id")
		}
		if r, _ := ot.find(string(*in.ID), ""); r != nil {
			c.s.archive(r, c.src, c.now)
		}
	}
	return http.StatusNoContent, nil, nil
}
