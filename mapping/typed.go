package mapping

import (
	"fmt"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// Parse reads what a person typed as a value of a side's field, within the
// field's limits: a number, a day as 2006-01-02, the label or the id of an
// option, several of them with commas between, an e-mail for a person. Nothing
// but spaces is Null. A person comes out with the e-mail only. A `values` table
// is not asked: the text is this side's own value. The error says in words for
// people why it cannot be one, or that nothing is ever written to the side.
func (r *Rule) Parse(side SideID, text string) (connectors.Value, error) {
	c := r.convert[side&1]
	if c == nil || c.to == nil || r.fields[side&1].name == "" {
		return connectors.Null, fmt.Errorf("%s writes nothing to that side", r.name)
	}
	if strings.TrimSpace(text) == "" {
		return connectors.Null, nil
	}
	if c.to.Type == connectors.TypeOptions {
		var options []connectors.Option
		for part := range strings.SplitSeq(text, ",") {
			v, err := c.copy(connectors.Text(strings.TrimSpace(part)))
			if err != nil {
				return connectors.Null, err
			}
			options = append(options, v.Options()...)
		}
		return connectors.Choices(options...), nil
	}
	return c.copy(connectors.Text(text))
}
