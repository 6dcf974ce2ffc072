package simulation

import "testing"

// TestSeedsWithFiles runs seeds over the worlds in which people attach files.
func TestSeedsWithFiles(t *testing.T) {
	runSeeds(t, fileWorlds(Variant{Mapping: base, Fields: allFields, MaxDeals: 6, Faults: true}), *seeds/handShare)
}

// fileBugs are what the oracle must see in those worlds.
var fileBugs = []bug{
	{"a file is sent without an intent", "files_carry.go", "	f.sent = true\n", "	if f.sent = true; f.sent {\n		return nil\n	}\n"},
	{"lost uploads are not looked for", "files.go", "	d.settleFiles(j, r)\n", ""},
	{"a lost answer to a file counts as a failure", "files_carry.go", "	case connectors.IsUnsure(err):\n", "	case false:\n"},
	{"what was copied is forgotten", "files.go", "		j.files = &r.ledger\n", "		_ = j\n"},
}
