// Package connectortest is the definition of a correct connector: one suite
// that every connector passes against a system at hand, as a rule the
// emulators in sandbox.
//
// A connector supplies a Harness: how to open a World (a fresh system, a
// connection to it, and the means to act on it as people do) and which fields
// to use. Run then checks the contract of package connectors, grouped by
// theme. What a connection cannot do by its abilities and facts is skipped,
// with the reason; what it says it can do must work.
//
// The suite asserts the state of the world, not the calls that were made.
package connectortest
