package engine

import (
	"slices"
	"strings"
)

// Advice is what Tenon says about one reason code, wherever it shows: in the
// queue, beside a field, on a connection or a mapping, in an explanation. It is
// the one source of docs/troubleshooting.md, of the command `explain` and of the
// pages.
type Advice struct {
	Code     string
	Group    AdviceGroup
	Standing Standing
	Title    string // what is seen, in a few words: "The system refuses the value"
	Cause    string // why that is so, and what Tenon does about it by itself
	Do       []Step // with the placeholders that Steps fills in
}

// AdviceGroup says what a code is about.
type AdviceGroup string

// The groups, in the order of the documents.
const (
	AboutRecords     AdviceGroup = "Records that are not in step"
	AboutFields      AdviceGroup = "Fields that are set aside"
	AboutWaiting     AdviceGroup = "Work that waits and goes on by itself"
	AboutConnections AdviceGroup = "Connections, mappings and the service"
	AboutRules       AdviceGroup = "Records and fields that are left alone"
	AboutUndo        AdviceGroup = "What an undo leaves as it is"
)

// AdviceGroups returns the groups in the order of the documents.
func AdviceGroups() []AdviceGroup {
	return []AdviceGroup{AboutRecords, AboutFields, AboutWaiting, AboutConnections, AboutRules, AboutUndo}
}

// AdviceOf returns what is to be said about a code.
func AdviceOf(code string) (Advice, bool) {
	for i := range advices {
		if advices[i].Code == code {
			return advices[i].clone(), true
		}
	}
	return Advice{}, false
}

// Advices returns what is to be said about every code, by group and code.
func Advices() []Advice {
	all := make([]Advice, 0, len(advices))
	for _, group := range AdviceGroups() {
		from := len(all)
		for i := range advices {
			if advices[i].Group == group {
				all = append(all, advices[i].clone())
			}
		}
		slices.SortFunc(all[from:], func(a, b Advice) int { return strings.Compare(a.Code, b.Code) })
	}
	return all
}

func (a Advice) clone() Advice {
	a.Do = slices.Clone(a.Do)
	return a
}

// Doc returns where the documents tell more about the code.
func (a Advice) Doc() string { return "docs/troubleshooting.md#" + a.Code }

// AdviceNames are what the placeholders of an Advice stand for. What is empty
// stays a placeholder.
type AdviceNames struct {
	Mapping    string    // MAPPING
	Connection string    // CONNECTION
	Record     string    // RECORD, as connection/object/id
	Link       string    // LINK, a number
	Rule       string    // RULE, a number
	Ids        [2]string // LEFT and RIGHT, of records to link
	Sides      [2]string // SIDE: a step whose command has it becomes one for each side
	Button     string    // BUTTON
}

// Steps returns what to do with the names filled in.
func (a Advice) Steps(n AdviceNames) []Step {
	var pairs []string
	for _, p := range [][2]string{
		{"MAPPING", n.Mapping},
		{"CONNECTION", n.Connection},
		{"RECORD", n.Record},
		{"LINK", n.Link},
		{"RULE", n.Rule},
		{"BUTTON", n.Button},
		{"LEFT", n.Ids[0]},
		{"RIGHT", n.Ids[1]},
	} {
		if p[1] != "" {
			pairs = append(pairs, p[0], p[1])
		}
	}
	steps := make([]Step, 0, len(a.Do)+1)
	for _, s := range a.Do {
		if n.Sides[0] == "" || !strings.Contains(s.Command, "SIDE") {
			steps = append(steps, s.filled(pairs))
			continue
		}
		for _, side := range n.Sides {
			steps = append(steps, s.filled(append(slices.Clone(pairs), "SIDE", side)))
		}
	}
	return steps
}

func (s Step) filled(pairs []string) Step {
	fill := strings.NewReplacer(pairs...)
	return Step{Text: fill.Replace(s.Text), Command: fill.Replace(s.Command)}
}
