package trello

import (
	"cmp"
	"context"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Check implements connectors.Connection.
func (c *Connection) Check(ctx context.Context) (connectors.Account, error) {
	const op = "check"
	var me member
	_, err := c.do(ctx, rest.Request{Op: op, Path: "/members/me", Query: query("fields", "id,username,fullName"), Out: &me})
	if err != nil {
		return connectors.Account{}, err
	}
	t, err := c.tokenInfo(ctx, op)
	if err != nil {
		return connectors.Account{}, err
	}
	a := connectors.Account{ID: me.ID, Name: cmp.Or(me.FullName, me.Username), System: "Trello account @" + me.Username}
	if !t.may(true) {
		a.Missing = append(a.Missing, "write")
	}
	if ends, ok := parseTime(t.DateExpires); ok {
		a.Warnings = append(a.Warnings, "the token runs out on "+ends.Format(time.DateOnly)+": grant one that never expires")
	}
	if c.secrets.Len() == 0 {
		a.Warnings = append(a.Warnings, "without api_secret no webhooks are taken in: changes are found by polling")
	}
	return a, nil
}

// tokenInfo asks for the rights of our token, which stands in the path: Trello
// has no other way.
func (c *Connection) tokenInfo(ctx context.Context, op string) (*tokenInfo, error) {
	var t tokenInfo
	_, err := c.do(ctx, rest.Request{Op: op, Path: "/tokens/{token}", Params: map[string]string{"token": c.token}, Out: &t})
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// may reports whether the token reads, or writes, boards.
func (t *tokenInfo) may(write bool) bool {
	for _, p := range t.Permissions {
		if p.ModelType == "Board" && (p.Write || !write && p.Read) {
			return true
		}
	}
	return false
}

// MissingRights implements connectors.RightsChecker: the token's scopes, then the
// bot's role on each board.
func (c *Connection) MissingRights(ctx context.Context, needs []connectors.Need) ([]connectors.Gap, error) {
	const op = "check rights"
	t, err := c.tokenInfo(ctx, op)
	if err != nil {
		return nil, err
	}
	writes := false
	for _, n := range needs {
		writes = writes || changes(n)
	}
	var gaps []connectors.Gap
	if writes && !t.may(true) {
		gaps = append(gaps, connectors.Gap{
			Right: "write", For: "change cards", Help: "grant a new token with the scopes read and write, and put it into the connection's settings",
		})
	}
	me, err := c.myID(ctx, op)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, n := range needs {
		if len(n.Scope) == 0 {
			continue
		}
		found, err := c.missingOn(ctx, op, n, me, seen)
		if err != nil {
			return nil, err
		}
		gaps = append(gaps, found...)
	}
	return gaps, nil
}

func changes(n connectors.Need) bool { return n.Write || n.Create || n.Comment || n.Retire || n.Attach }

// missingOn looks at the bot's role on the board of a need.
func (c *Connection) missingOn(ctx context.Context, op string, n connectors.Need, me string, seen map[string]bool) ([]connectors.Gap, error) {
	in, err := c.scope(ctx, op, n.Scope, metaAge)
	if kind := connectors.KindOf(err); err != nil && (kind == connectors.Permission || kind == connectors.Invalid) {
		return []connectors.Gap{{
			Right: "member of the board", For: "see its cards", Where: "board " + n.Scope["board"],
			Help: "correct the board's name in the mapping's scope, or invite the bot to the board; Trello does not tell the two apart",
		}}, nil
	}
	if err != nil {
		return nil, err
	}
	if seen[in.ID] || !changes(n) {
		return nil, nil
	}
	seen[in.ID] = true
	var roles []struct {
		IDMember   string `json:"idMember"`
		MemberType string `json:"memberType"`
	}
	if _, err := c.do(ctx, rest.Request{Op: op, Path: "/boards/{id}/memberships", Params: map[string]string{"id": in.ID}, Out: &roles}); err != nil {
		return nil, err
	}
	for _, r := range roles {
		if r.IDMember == me && r.MemberType == "observer" {
			return []connectors.Gap{{
				Right: "normal member", For: "change cards", Where: "board " + in.Name, Help: "let an admin of the board make the bot a normal member: it is an observer",
			}}, nil
		}
	}
	return nil, nil
}
