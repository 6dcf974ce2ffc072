// Package mapping is the mapping language: it reads a mapping file, checks it
// against the schemas of both sides, and evaluates its rules on records.
//
// The package is pure. It knows no network, no clock and no store: the same
// file, schemas, records and times give the same values, on every machine.
//
// A file goes through two steps. Parse reads the YAML and finds what is wrong
// with it as text; Compile checks it against the schemas and returns a Mapping,
// whose methods the engine calls. Both report every problem in one run, each
// with its line, column and advice; see Problem.
//
// A Mapping is immutable and safe for concurrent use. Its methods never panic
// and their work is bounded, whatever the records hold: expressions have no
// loops but those over their own lists, and texts and lists have limits.
package mapping
