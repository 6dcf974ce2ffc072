package mapping

import (
	"time"

	"github.com/tenonsync/tenon/connectors"
)

type position struct{ line, col, width int }

type converter struct{}

func (c converter) value(v connectors.Value) (connectors.Value, Outcome, error) { return v, Write, nil }

func (c converter) element(o connectors.Option) (connectors.Option, Outcome, error) {
	return o, Write, nil
}

type computed struct{}

func (c *computed) value(*connectors.Record) (connectors.Value, connectors.Presence, error) {
	return connectors.Null, connectors.Absent, nil
}
func (c *computed) truth(*connectors.Record) (bool, error) { return false, nil }

type assignment struct{}

func evaluate([]assignment, *connectors.Record, time.Time) ([]FieldValue, error) { return nil, nil }

type taskPlan struct{}

func (t *taskPlan) make(*connectors.Record, time.Time) (Task, error) { return Task{}, nil }

// File is a mapping file that was read but not yet checked against schemas.
type File struct {
	Path        string
	Name        string
	Description string
	Sides       [2]Side
}

// Env is what Compile checks a file against. A nil Schema is a programming
// error. Nil Abilities mean that they are unknown: nothing is checked then.
type Env struct {
	Schemas     [2]*connectors.Schema
	TaskSchemas [2]*connectors.Schema // of the child records made with a record; nil: as Schemas
	Abilities   [2]*connectors.Abilities
	Facts       [2]connectors.Facts
	Zone        *time.Location // where the file names no time zone; nil: UTC
}

// Parse reads a mapping file's YAML and finds what is wrong with it as text.
func Parse(filename string, src []byte) (*File, Problems) { return nil, nil }

// Compile checks a file against the schemas of both sides.
func Compile(f *File, env Env) (*Mapping, Problems) { return nil, nil }

// CheckTogether finds mappings that do not go together.
func CheckTogether(files []*Mapping) Problems { return nil }
