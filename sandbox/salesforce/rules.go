package salesforce

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/sandbox/salesforce/internal/soql"
)

// A ValidationRule is the admin's: while When fits a record, it cannot be saved.
type ValidationRule struct {
	Object  string `json:"object"`
	When    string `json:"when"` // a condition as after WHERE
	Message string `json:"message"`
	Field   string `json:"field"` // beside which it is shown; empty: at the top
}

// A Trigger is the admin's automation: it sets fields of records that When fits,
// in the transaction of each save.
type Trigger struct {
	Object string            `json:"object"`
	When   string            `json:"when"` // empty: always
	Set    map[string]string `json:"set"`
	// Throw is the message of an exception instead.
	Throw string `json:"throw"`
}

// A DuplicateRule refuses a record with the same value in a field as another.
type DuplicateRule struct {
	Object string `json:"object"`
	Field  string `json:"field"`
	Name   string `json:"name"`
	// Block refuses also those who want to save all the same.
	Block bool `json:"block"`
}

type compiledRule struct {
	ValidationRule
	object *object
	when   test
}

type compiledTrigger struct {
	Trigger
	object *object
	when   test
	set    map[string]value
}

func (s *System) compileWhen(object, when string) (*object, test, error) {
	o := s.object(object)
	if o == nil {
		return nil, nil, fmt.Errorf("no object %q", object)
	}
	if strings.TrimSpace(when) == "" {
		return o, func(*record) bool { return true }, nil
	}
	x, perr := soql.ParseWhere(when)
	if perr != nil {
		return nil, nil, perr
	}
	t, err := s.condition(nil, o, x, false)
	if err != nil {
		return nil, nil, err
	}
	return o, t, nil
}

// AddValidation adds a validation rule.
func (s *System) AddValidation(rule ValidationRule) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, when, err := s.compileWhen(rule.Object, rule.When)
	if err != nil {
		return err
	}
	s.validations = append(s.validations, compiledRule{rule, o, when})
	return nil
}

// AddTrigger adds an automation.
func (s *System) AddTrigger(tr Trigger) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, when, err := s.compileWhen(tr.Object, tr.When)
	if err != nil {
		return err
	}
	set := map[string]value{}
	for name, text := range tr.Set {
		f := o.field(name)
		if f == nil {
			return fmt.Errorf("%s has no field %q", o.name, name)
		}
		v, err := f.fromText(text)
		if err != nil {
			return err
		}
		set[f.name] = v
	}
	s.triggers = append(s.triggers, compiledTrigger{tr, o, when, set})
	return nil
}

// AddDuplicateRule adds a duplicate rule.
func (s *System) AddDuplicateRule(rule DuplicateRule) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.object(rule.Object)
	if o == nil || o.field(rule.Field) == nil {
		return fmt.Errorf("no field %s.%s", rule.Object, rule.Field)
	}
	if rule.Name == "" {
		rule.Name = "Standard_" + o.name + "_Duplicate_Rule"
	}
	s.duplicates = append(s.duplicates, rule)
	return nil
}

// ClearRules drops all validation rules, triggers and duplicate rules.
func (s *System) ClearRules() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.validations, s.triggers, s.duplicates = nil, nil, nil
}

func (s *System) validate(r *record, full map[string]value) *apiError {
	probe := &record{object: r.object, id: r.id, values: full}
	for _, rule := range s.validations {
		if rule.object == r.object && rule.when(probe) {
			e := refuse("FIELD_CUSTOM_VALIDATION_EXCEPTION", "%s", rule.Message)
			if rule.Field != "" {
				e.Fields = []string{rule.Field}
			}
			return e
		}
	}
	return nil
}

func (s *System) runTriggers(r *record, before, full map[string]value) *apiError {
	probe := &record{object: r.object, id: r.id, values: full}
	for _, tr := range s.triggers {
		if tr.object != r.object || !tr.when(probe) {
			continue
		}
		if tr.Throw != "" {
			event := "BeforeUpdate"
			if before == nil {
				event = "BeforeInsert"
			}
			return refuse("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "%sTrigger: execution of %s\n\ncaused by: %s\n\n(System Code)", r.object.name, event, tr.Throw)
		}
		maps.Copy(full, tr.set)
	}
	return nil
}

// checkDuplicates runs the duplicate rules.
func (t *tx) checkDuplicates(r *record, full map[string]value) *apiError {
	for _, rule := range t.s.duplicates {
		if !strings.EqualFold(rule.Object, r.object.name) || t.allowDuplicates && !rule.Block {
			continue
		}
		f := r.object.field(rule.Field)
		if full[f.name] == nil {
			continue
		}
		i := slices.IndexFunc(t.s.rows(r.object, false, false), func(o *record) bool { return o != r && equal(f, o.values[f.name], full[f.name]) })
		if i < 0 {
			continue
		}
		other := t.s.rows(r.object, false, false)[i]
		e := refuseCall(400, "DUPLICATES_DETECTED", "Use one of these records?")
		e.duplicate = duplicateResult(rule, other, t.s.version)
		return e
	}
	return nil
}

func duplicateResult(rule DuplicateRule, other *record, version string) any {
	return members{
		{"allowSave", !rule.Block},
		{"duplicateRule", rule.Name},
		{"duplicateRuleEntityType", other.object.name},
		{"errorMessage", "Use one of these records?"},
		{"matchResults", []any{members{
			{"entityType", other.object.name},
			{"errors", []any{}},
			{"matchEngine", "FuzzyMatchEngine"},
			{"matchRecords", []any{members{
				{"additionalInformation", []any{}},
				{"fieldDiffs", []any{}},
				{"matchConfidence", 100.0},
				{"record", members{{"attributes", attributes(other, version)}, {"Id", other.id}}},
			}}},
			{"rule", "Standard_" + other.object.name + "_Match_Rule_v1_0"},
			{"size", 1},
			{"success", true},
		}}},
	}
}
