package jira

import "slices"

// The catalogue is what every site is set up with; ids are those of a fresh
// Jira Cloud site.
var (
	categoryNew  = &statusCategory{id: 2, key: "new", name: "To Do", colorName: "blue-gray"}
	categoryBusy = &statusCategory{id: 4, key: "indeterminate", name: "In Progress", colorName: "yellow"}
	categoryDone = &statusCategory{id: 3, key: "done", name: "Done", colorName: "green"}
	categories   = []*statusCategory{categoryNew, categoryBusy, categoryDone}

	statusToDo       = &status{id: "10000", name: "To Do", category: categoryNew}
	statusInProgress = &status{id: "3", name: "In Progress", description: "This work item is being actively worked on at the moment by the assignee.", category: categoryBusy}
	statusInReview   = &status{id: "10001", name: "In Review", category: categoryBusy}
	statusDone       = &status{id: "10002", name: "Done", category: categoryDone}
	statuses         = []*status{statusToDo, statusInProgress, statusInReview, statusDone}

	typeEpic    = &issueType{id: "10000", name: "Epic", description: "A big user story that needs to be broken down.", level: 1}
	typeStory   = &issueType{id: "10001", name: "Story", description: "Functionality or a feature expressed as a user goal."}
	typeTask    = &issueType{id: "10002", name: "Task", description: "A small, distinct piece of work."}
	typeSubtask = &issueType{id: "10003", name: "Sub-task", description: "A small piece of work that's part of a larger task.", subtask: true, level: -1}
	typeBug     = &issueType{id: "10004", name: "Bug", description: "A problem or error."}
	issueTypes  = []*issueType{typeEpic, typeStory, typeTask, typeSubtask, typeBug}

	priorities = []*priority{
		{id: "1", name: "Highest", description: "This problem will block progress.", color: "#d04437"},
		{id: "2", name: "High", description: "Serious problem that could block progress.", color: "#f15C75"},
		{id: "3", name: "Medium", description: "Has the potential to affect progress.", color: "#f79232"},
		{id: "4", name: "Low", description: "Minor problem or easily worked around.", color: "#707070"},
		{id: "5", name: "Lowest", description: "Trivial problem with little or no impact on progress.", color: "#999999"},
	}
	defaultPriority = "3"

	resolutions = []*resolution{
		{id: "10000", name: "Done", description: "Work has been completed on this issue."},
		{id: "10001", name: "Won't Do", description: "This issue won't be actioned."},
		{id: "10002", name: "Duplicate", description: "The problem is a duplicate of an existing issue."},
		{id: "10003", name: "Cannot Reproduce", description: "All attempts at reproducing this issue failed, or not enough information was available."},
	}

	linkTypes = []*linkType{
		{id: "10000", name: "Blocks", inward: "is blocked by", outward: "blocks"},
		{id: "10001", name: "Cloners", inward: "is cloned by", outward: "clones"},
		{id: "10002", name: "Duplicate", inward: "is duplicated by", outward: "duplicates"},
		{id: "10003", name: "Relates", inward: "relates to", outward: "relates to"},
	}
)

func find[T any](list []T, match func(T) bool) (found T, ok bool) {
	if i := slices.IndexFunc(list, match); i >= 0 {
		return list[i], true
	}
	return found, false
}

// transition is one step of a workflow. With no from statuses it is global:
// possible from every status but its own.
type transition struct {
	id     string
	name   string
	from   []*status
	to     *status
	screen []screenField
	// resolve sets this resolution when the screen does not ask for one.
	resolve string
}

type screenField struct {
	field    string
	required bool
}

type workflow struct {
	name        string
	initial     *status
	statuses    []*status
	transitions []*transition
}

func (t *transition) global() bool { return len(t.from) == 0 }

func (w *workflow) from(s *status) []*transition {
	var out []*transition
	for _, t := range w.transitions {
		if t.global() && t.to != s || slices.Contains(t.from, s) {
			out = append(out, t)
		}
	}
	return out
}

// deliveryWorkflow leads through every status in turn, and asks for a
// resolution on the way to Done.
var deliveryWorkflow = &workflow{
	name: "Delivery workflow", initial: statusToDo, statuses: statuses,
	transitions: []*transition{
		{id: "11", name: "Start work", from: []*status{statusToDo}, to: statusInProgress},
		{id: "21", name: "Ask for review", from: []*status{statusInProgress}, to: statusInReview},
		{id: "31", name: "Done", from: []*status{statusInReview}, to: statusDone, screen: []screenField{{field: "resolution", required: true}, {field: "assignee"}, {field: "fixVersions"}}},
		{id: "41", name: "Rework", from: []*status{statusInReview}, to: statusInProgress},
		{id: "51", name: "Put back", from: []*status{statusInProgress}, to: statusToDo},
		{id: "61", name: "Reopen", from: []*status{statusDone}, to: statusInProgress},
	},
}

// simpleWorkflow lets every status follow every other; Done resolves by itself
// and its screen has no resolution, so sending one is refused.
var simpleWorkflow = &workflow{
	name: "Software Simplified Workflow", initial: statusToDo, statuses: []*status{statusToDo, statusInProgress, statusDone},
	transitions: []*transition{
		{id: "11", name: "To Do", to: statusToDo},
		{id: "21", name: "In Progress", to: statusInProgress},
		{id: "31", name: "Done", to: statusDone, resolve: "10000"},
	},
}
