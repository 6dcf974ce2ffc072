package engine

import (
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// PersonRow says what one person is called on connections, for those that hide
// e-mails or know another one: an e-mail, or else a user name, a name or an id.
type PersonRow struct {
	Email string            // as the other connections know it
	On    map[string]string // by connection
}

// peopleTable is what admins say of people. It is constant.
type peopleTable struct {
	on   map[string]map[string]string // connection → e-mail → what they are called there
	mail map[string]map[string]string // connection → what they are called there, in lower case → e-mail
	any  map[string]string            // an e-mail that some connection knows → the one that the others know
}

func newPeopleTable(rows []PersonRow) peopleTable {
	t := peopleTable{on: map[string]map[string]string{}, mail: map[string]map[string]string{}, any: map[string]string{}}
	for _, row := range rows {
		for connection, who := range row.On {
			email := strings.ToLower(row.Email)
			if t.on[connection] == nil {
				t.on[connection], t.mail[connection] = map[string]string{}, map[string]string{}
			}
			t.on[connection][email] = who
			name := strings.ToLower(strings.TrimPrefix(who, "@"))
			t.mail[connection][name] = email
			if other, ok := t.any[name]; ok && other != email {
				email = "" // somebody else's elsewhere
			}
			if isAddress(name) {
				t.any[name] = email
			}
		}
	}
	return t
}

// called returns what to ask a connection for to find a person: an e-mail, or
// what the table calls them there.
func (t peopleTable) called(connection, email string) string {
	if known := t.any[email]; known != "" && t.on[connection][email] == "" {
		email = known
	}
	who, ok := t.on[connection][email]
	if !ok {
		return email
	}
	if name := strings.TrimPrefix(who, "@"); isAddress(name) {
		return strings.ToLower(name)
	}
	return who
}

// emailOf returns the e-mail by which the others know a person of a connection,
// "" if the table does not say.
func (t peopleTable) emailOf(connection string, person connectors.Person) string {
	names := t.mail[connection]
	for _, who := range []string{person.Email, person.ID, person.Name} {
		if email := names[strings.ToLower(who)]; email != "" && who != "" {
			return email
		}
	}
	return ""
}

// names returns what the table calls the people of a connection where that is
// no e-mail: their ids are to be asked for.
func (t peopleTable) names(connection string) []string {
	var names []string
	for _, who := range t.on[connection] {
		if !isAddress(strings.TrimPrefix(who, "@")) {
			names = append(names, who)
		}
	}
	return names
}

// isAddress tells an e-mail from other names of people.
func isAddress(who string) bool { return strings.Contains(who, "@") }
