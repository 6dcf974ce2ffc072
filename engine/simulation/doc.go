// Package simulation drives the real engine over made-up systems, in virtual
// time, by one seeded loop of events: people edit on both sides, webhooks are
// lost, doubled, late and out of order, calls fail or lose their answers, rights
// come and go, people edit between the engine's read and its write, and the
// service dies at any effect. The same seed gives the same trace, byte for byte.
//
// After the events everything is let come to rest. Then the oracle, which
// shares no code with the engine, holds what both systems say against the
// history of what people did.
package simulation
