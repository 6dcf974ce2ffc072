package config

import (
	"strings"

	"github.com/tenonsync/tenon/mapping"
)

// Person says what one person is called on connections: by the e-mail that the
// others know, and by connection the e-mail, user name or id there.
type Person struct {
	Email string
	On    map[string]string
}

// people reads the table of people. What it says of a connection must be said of
// one person only.
func (l *loader) people() []Person {
	n := l.folk
	switch n.kind {
	case nullNode, badNode:
		return nil
	case mapNode:
	case scalarNode, listNode:
		l.fail(n, "write `ada@acme.example: {trello: ada_l}` below it", "`people` holds one key for each person, not %s", n.kind)
		return nil
	}
	var all []Person
	taken := map[[2]string]string{} // connection and name → e-mail
	known := map[string]bool{}
	for _, c := range l.conns.keys {
		known[c.key.scalar] = true
	}
	for _, e := range n.keys {
		email := strings.ToLower(strings.TrimSpace(e.key.scalar))
		if !isEmail(email) {
			l.fail(e.key, "write the person's e-mail, as most of the systems know it", "`%s` is no e-mail address", e.key.scalar)
			continue
		}
		if e.value.kind != mapNode {
			l.fail(e.value, "write `{CONNECTION: NAME}`", "%s is called something on connections, not %s", email, e.value.kind)
			continue
		}
		p := Person{Email: email, On: map[string]string{}}
		for _, on := range e.value.keys {
			connection, who := on.key.scalar, strings.TrimSpace(on.value.scalar)
			switch {
			case !known[connection]:
				l.fail(on.key, mapping.Suggest(connection, "connections are", keysOf(l.conns)), "there is no connection `%s`", connection)
				continue
			case on.value.kind != scalarNode || who == "":
				l.fail(on.value, "write the e-mail, user name or id there", "%s on %s is a name, not %s", email, connection, on.value.kind)
				continue
			}
			key := [2]string{connection, strings.ToLower(who)}
			if other := taken[key]; other != "" {
				l.fail(on.value, "one of the two is wrong", "%s is %s on %s already", other, who, connection)
				continue
			}
			taken[key], p.On[connection] = email, who
		}
		all = append(all, p)
	}
	return all
}

func keysOf(n node) []string {
	var keys []string
	for _, e := range n.keys {
		keys = append(keys, e.key.scalar)
	}
	return keys
}

func isEmail(text string) bool {
	name, domain, ok := strings.Cut(text, "@")
	return ok && name != "" && domain != "" && !strings.ContainsAny(text, " \t,<>") && !strings.Contains(domain, "@")
}
