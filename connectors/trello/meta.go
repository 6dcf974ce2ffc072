package trello

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

const (
	// metaAge is how old what is known of a board may be for reads and writes;
	// an id that is not known makes it be asked for again, at most once in
	// metaAgain.
	metaAge   = 5 * time.Minute
	metaAgain = 2 * time.Second
	// pollAge is the same for a listing of its cards.
	pollAge   = time.Minute
	maxBoards = 500
)

// boardCache remembers boards, and which board a scope names.
type boardCache struct {
	mu     sync.Mutex
	boards map[string]*knownBoard // by id
	named  map[string]string      // ids by what scopes call them
	mine   []board                // the boards of the account, names only
	mineAt time.Time
}

type knownBoard struct {
	*board
	at time.Time
}

func (bc *boardCache) get(id string, now time.Time, age time.Duration) *board {
	bc.mu.Lock()
	defer bc.mu.Unlock()
	k := bc.boards[id]
	if k == nil || age <= 0 || now.Sub(k.at) > age {
		return nil
	}
	return k.board
}

func (bc *boardCache) put(b *board, now time.Time) {
	bc.mu.Lock()
	defer bc.mu.Unlock()
	if bc.boards == nil || len(bc.boards) >= maxBoards {
		bc.boards, bc.named = map[string]*knownBoard{}, map[string]string{}
	}
	bc.boards[b.ID] = &knownBoard{b, now}
}

// known returns the boards that scopes have named so far.
func (bc *boardCache) known() []*board {
	bc.mu.Lock()
	defer bc.mu.Unlock()
	var out []*board
	for _, k := range bc.boards {
		out = append(out, k.board)
	}
	slices.SortFunc(out, func(a, b *board) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// within is a scope: a board, and a list of it perhaps.
type within struct {
	*board
	only string // the list's id; empty: the whole board
}

// holds reports whether a card lies in the scope.
func (w within) holds(cd *card) bool {
	return cd.IDBoard == w.ID && (w.only == "" || cd.IDList == w.only) && cd.ordinary()
}

// scope finds what a scope names. The board is not older than age.
func (c *Connection) scope(ctx context.Context, op string, s connectors.Scope, age time.Duration) (within, error) {
	var name, only string
	for key, v := range s {
		switch strings.ToLower(key) {
		case "board":
			name = strings.TrimSpace(v)
		case "list":
			only = strings.TrimSpace(v)
		default:
			return within{}, c.fail(op, "", connectors.Invalid, "Trello's scopes have no %q: write {board: NAME}, and list: NAME for one list of it", key)
		}
	}
	if name == "" {
		return within{}, c.fail(op, "", connectors.Invalid, "the scope names no board: write {board: NAME}, with the board's name, id or address")
	}
	id, err := c.boardID(ctx, op, name)
	if err != nil {
		return within{}, err
	}
	b, err := c.board(ctx, op, id, age)
	if err != nil || only == "" {
		return within{board: b}, err
	}
	l, err := c.listNamed(op, b, only)
	if l == nil && age > 0 { // it may be new
		if b, err = c.board(ctx, op, id, metaAgain); err == nil {
			l, err = c.listNamed(op, b, only)
		}
	}
	if err != nil {
		return within{}, err
	}
	return within{board: b, only: l.ID}, nil
}

func (c *Connection) listNamed(op string, b *board, name string) (*list, error) {
	if l := b.list(name); l != nil {
		return l, nil
	}
	var found *list
	var names []string
	for i := range b.Lists {
		l := &b.Lists[i]
		if l.Closed {
			continue
		}
		names = append(names, l.Name)
		if !strings.EqualFold(l.Name, name) {
			continue
		}
		if found != nil {
			return nil, c.fail(op, "", connectors.Invalid, "the board %q has two lists %q: name the list by its id", b.Name, name)
		}
		found = l
	}
	if found == nil {
		return nil, c.fail(op, "", connectors.Invalid, "the board %q has no list %q; its lists are %s", b.Name, name, quoted(names))
	}
	return found, nil
}

func quoted(names []string) string {
	const most = 12
	var out []string
	for i, n := range names {
		if i == most {
			out = append(out, "…")
			break
		}
		out = append(out, `"`+rest.Clip(n)+`"`)
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// boardID finds the board that a name, an id, a short link or an address means.
func (c *Connection) boardID(ctx context.Context, op, name string) (string, error) {
	if isID(name) {
		return name, nil
	}
	c.boards.mu.Lock()
	id := c.boards.named[name]
	c.boards.mu.Unlock()
	if id != "" {
		return id, nil
	}
	mine, err := c.myBoards(ctx, op)
	if err != nil {
		return "", err
	}
	link := linkIn(name, "/b/")
	var found []board
	var names []string
	for _, b := range mine {
		names = append(names, b.Name)
		if strings.EqualFold(b.Name, name) || b.ShortLink != "" && (b.ShortLink == name || b.ShortLink == link) {
			found = append(found, b)
		}
	}
	switch len(found) {
	case 0:
		return "", c.fail(op, "", connectors.Invalid, "the account sees no open board %q; it sees %s", name, quoted(names))
	case 1:
		c.boards.mu.Lock()
		defer c.boards.mu.Unlock()
		if c.boards.named == nil {
			c.boards.named = map[string]string{}
		}
		c.boards.named[name] = found[0].ID
		return found[0].ID, nil
	}
	return "", c.fail(op, "", connectors.Invalid, "the account sees %d boards %q: name the board by its id or address", len(found), name)
}

// linkIn returns the short link in an address, "" where there is none.
func linkIn(address, before string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	tail, ok := strings.CutPrefix(u.Path, before)
	link, _, _ := strings.Cut(tail, "/")
	if !ok || !isShortLink(link) {
		return ""
	}
	return link
}

// myBoards lists the open boards of the account. Trello lets that be asked 100
// times in 15 minutes.
func (c *Connection) myBoards(ctx context.Context, op string) ([]board, error) {
	now := c.clock.Now()
	c.boards.mu.Lock()
	mine, at := c.boards.mine, c.boards.mineAt
	c.boards.mu.Unlock()
	if len(mine) > 0 && now.Sub(at) < pollAge {
		return mine, nil
	}
	var out []board
	_, err := c.do(ctx, rest.Request{
		Op: op, Path: "/members/me/boards", Query: query("filter", "open", "fields", "id,name,shortLink,closed"), Out: &out,
	})
	if err != nil {
		return nil, err
	}
	out = slices.DeleteFunc(out, func(b board) bool { return !isID(b.ID) })
	c.boards.mu.Lock()
	defer c.boards.mu.Unlock()
	c.boards.mine, c.boards.mineAt = out, now
	return out, nil
}

// board returns a board that is not older than age: all its parts in one
// request.
func (c *Connection) board(ctx context.Context, op, id string, age time.Duration) (*board, error) {
	if b := c.boards.get(id, c.clock.Now(), age); b != nil {
		return b, nil
	}
	asked := c.clock.Now()
	var b board
	_, err := c.do(ctx, rest.Request{
		Op: op, Path: "/boards/{id}", Params: map[string]string{"id": id}, Out: &b,
		Query: query("fields", "id,name,shortLink,closed", "lists", "all", "list_fields", "id,name,closed", "labels", "all",
			"label_fields", "id,name,color", "labels_limit", "1000", "members", "all", "member_fields", "id,username,fullName,email",
			"customFields", "true"),
	})
	switch {
	case connectors.KindOf(err) == connectors.NotFound:
		return nil, c.fail(op, "", connectors.Invalid, "there is no board %s, or the account may not see it", id)
	case err != nil:
		return nil, err
	case b.ID != id:
		return nil, c.fail(op, "", connectors.Internal, "the answer is about another board than %s", id)
	}
	c.boards.put(&b, asked)
	return &b, nil
}
