// Package cases runs the cases of test files: each sets up made-up systems that
// hold a case's records, lets people edit them, has the real engine bring them
// into step, and compares what came of it with what the case expects. Nothing
// here knows the rules of a merge; nothing reaches a network or a disk.
package cases
