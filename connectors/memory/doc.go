// Package memory is a made-up system that lives in memory, as a full
// connector: every ability, and the habits of real systems as options (search
// lag, coarse times, sets that are edited by element, keys that are unique or
// not, hidden fields, archives, merges, partial refusals, lists that shift while
// they are paged, streams of changes, values that come back trimmed or rounded,
// rights that are lost). The conformance suite, the tests of the engine and those
// of the mapping language run against it.
//
// A System is the system itself; people act on it through its methods. Its
// Connector opens connections, which act as the program. A Hook is called
// before and after each effect and may fail it, change the system in between,
// or end the test.
//
// Given its clock and the order of calls, a System is deterministic: ids
// ascend, lists have one order, and nothing depends on the order of maps.
package memory
