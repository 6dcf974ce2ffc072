package mapping

// SideID names one of the two sides of a mapping, in the order in which the
// file's `between` lists them.
type SideID uint8

// The sides.
const (
	Left SideID = iota
	Right
)

// Other returns the opposite side.
func (s SideID) Other() SideID { return s ^ 1 }

// String returns "left" or "right".
func (s SideID) String() string { return [...]string{"left", "right"}[s&1] }

// Flow says which way the values of a rule go.
type Flow uint8

// The flows.
const (
	Both Flow = iota
	ToRight
	ToLeft
)

// To reports whether values may be written to that side.
func (f Flow) To(side SideID) bool {
	return f == Both || (f == ToRight) == (side == Right)
}

// Policy says what happens to a field that both sides changed differently.
type Policy uint8

// The conflict policies.
const (
	Newest    Policy = iota // the later edit wins
	LeftWins                // the left side's value wins
	RightWins               // the right side's value wins
	Ask                     // the field waits for a person
)

// String returns the policy's name with the sides as "left" and "right".
func (p Policy) String() string {
	return [...]string{"newest", "left wins", "right wins", "ask"}[p&3]
}

// FirstSync says how a link starts that joins two records which both exist.
type FirstSync uint8

// The ways to start.
const (
	FirstLeftWins   FirstSync = iota // the left side's values go right
	FirstRightWins                   // the right side's values go left
	FirstNewest                      // the record that was edited last wins
	FirstFillBlanks                  // only cleared fields are filled, from either side; the rest stays
)

// String returns the name with the sides as "left" and "right".
func (f FirstSync) String() string {
	return [...]string{"left wins", "right wins", "newest", "fill blanks"}[f&3]
}

// DeletePolicy says what happens when one record of a link is deleted.
type DeletePolicy uint8

// The delete policies.
const (
	Unlink       DeletePolicy = iota // the link ends, the other record stays
	ArchiveOther                     // the other record is archived
	DeleteOther                      // the other record is deleted
	Recreate                         // the deleted record is made again
)

// String returns the word that a mapping file uses.
func (p DeletePolicy) String() string {
	return [...]string{"unlink", "archive", "delete", "recreate"}[p&3]
}

// Outcome says what to do with a converted value.
type Outcome uint8

// The outcomes.
const (
	Write Outcome = iota // the value goes to the field
	Leave                // the field stays as it is
)
