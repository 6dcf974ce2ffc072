package soql

import "strconv"

// A Query is one SELECT statement.
type Query struct {
	Text    string // the whole statement, for messages
	Fields  []Field
	Count   bool // SELECT COUNT(): only how many rows there are
	From    string
	FromPos int
	Alias   string // of From in paths; empty: none
	Where   Expr   // nil: all rows
	GroupBy []Field
	Having  Expr
	OrderBy []Order
	Limit   int // -1: none
	Offset  int // -1: none
	AllRows bool
	ForView bool // FOR VIEW or FOR REFERENCE
}

// A Field is one item of a list of fields.
type Field struct {
	Path  []string // relationship names and a field's name
	Func  string   // upper case; of an aggregate or a conversion; else empty
	Star  string   // FIELDS(ALL|CUSTOM|STANDARD): which
	Alias string
	Sub   *Query // a list of children
	Type  *TypeOf
	Pos   int
}

// TypeOf picks fields by the type of a polymorphic reference.
type TypeOf struct {
	Relation string
	When     []TypeWhen
	Else     []Field
}

// TypeWhen are the fields of one type.
type TypeWhen struct {
	Type   string
	Fields []Field
}

// An Order is one item of ORDER BY.
type Order struct {
	Field     Field
	Desc      bool
	NullsLast bool
}

// An Expr is a condition: And, Or, Not or *Compare.
type Expr interface{ expr() }

// And is true if all of its conditions are.
type And []Expr

// Or is true if one of its conditions is.
type Or []Expr

// Not is true if its condition is not.
type Not struct{ X Expr }

// Compare is a comparison of a field.
type Compare struct {
	Left   Field
	Op     string // = != < <= > >= LIKE IN NOT IN INCLUDES EXCLUDES
	Values []Value
	Sub    *Query // of IN and NOT IN
}

func (And) expr()      {}
func (Or) expr()       {}
func (Not) expr()      {}
func (*Compare) expr() {}

// A Kind is the type of a literal.
type Kind int

// The kinds of literals.
const (
	Null Kind = iota
	Text
	Number
	Bool
	Date
	DateTime
	DateWord
)

// A Value is a literal.
type Value struct {
	Kind Kind
	Text string // of a DateWord: upper case
	Like string // of a Text: as LIKE reads it
	N    int    // of a DateWord such as LAST_N_DAYS:5
	Pos  int
}

func itoa(n int) string { return strconv.Itoa(n) }
