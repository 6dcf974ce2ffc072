package trello

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// An item of a checklist is asked for through its card, so its id as a record is
// "CARD/ITEM".

func itemID(cardID, id string) string { return cardID + "/" + id }

// splitItem takes the id of an item apart; ok is false where it is none.
func splitItem(id string) (cardID, item string, ok bool) {
	cardID, item, ok = strings.Cut(id, "/")
	return cardID, item, ok && isID(cardID) && isID(item)
}

func itemRef(id string) string { return objectItem + "/" + id }

func (c *Connection) itemRecord(cardID string, w *checkItem, b *board) *connectors.Record {
	name, _ := undot(w.Name)
	r := &connectors.Record{
		Ref: connectors.Ref{Connection: c.name, Object: objectItem, ID: itemID(cardID, w.ID)}, Created: createdAt(w.ID), InScope: true,
		Title: name, Parent: cardID,
	}
	r.Set(fieldName, connectors.Text(name))
	r.Set(fieldComplete, connectors.Bool(w.State == "complete"))
	if due, ok := instant(w.Due); ok {
		r.Set(fieldDue, due)
	}
	r.Set(fieldMember, connectors.Null)
	if w.IDMember != "" {
		r.Set(fieldMember, connectors.PersonValue(personOf(b, w.IDMember)))
	}
	return r
}

// readItems reads items of checklists, ten a request.
func (c *Connection) readItems(ctx context.Context, op string, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
	var b *board
	if len(sel.Scope) > 0 {
		in, err := c.scope(ctx, op, sel.Scope, metaAge)
		if err != nil {
			return nil, err
		}
		b = in.board
	}
	out := make([]connectors.ReadResult, len(ids))
	var asked []int
	for i, id := range ids {
		if _, _, ok := splitItem(id); ok {
			asked = append(asked, i)
			continue
		}
		out[i].Err = c.fail(op, itemRef(id), connectors.NotFound, "the id of an item is CARD/ITEM, each of 24 hexadecimal digits")
	}
	for chunk := range slices.Chunk(asked, batchMost) {
		urls := make([]string, len(chunk))
		for i, n := range chunk {
			cardID, item, _ := splitItem(ids[n])
			urls[i] = "/cards/" + cardID + "/checkItem/" + item
		}
		parts, err := c.batch(ctx, op, urls)
		if err != nil {
			return nil, err
		}
		for i, n := range chunk {
			if parts[i].status != 200 {
				err := c.partError(op, itemRef(ids[n]), parts[i])
				if err.Kind.Temporary() && err.Kind != connectors.Internal {
					return nil, err
				}
				out[n].Err = err
				continue
			}
			cardID, item, _ := splitItem(ids[n])
			var w checkItem
			if json.Unmarshal(parts[i].body, &w) != nil || w.ID != item {
				out[n].Err = c.fail(op, itemRef(ids[n]), connectors.Internal, "the answer is no item with this id")
				continue
			}
			out[n].Record = c.itemRecord(cardID, &w, b)
		}
	}
	return out, nil
}

// boardItems calls yield for each item of a board's checklists.
func (c *Connection) boardItems(ctx context.Context, op, boardID string, yield func(cardID string, it *checkItem, raw json.RawMessage)) error {
	var lists []struct {
		checklist
		CheckItems []json.RawMessage `json:"checkItems"`
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Path: "/boards/{id}/checklists", Params: map[string]string{"id": boardID}, Query: query("checkItems", "all", "fields", "idCard"), Out: &lists,
	})
	if err != nil {
		return err
	}
	for _, l := range lists {
		for _, raw := range l.CheckItems {
			var it checkItem
			if json.Unmarshal(raw, &it) != nil || !isID(it.ID) || !isID(l.IDCard) {
				return c.fail(op, "", connectors.Internal, "the answer lists something that is no item of a checklist")
			}
			yield(l.IDCard, &it, raw)
		}
	}
	return nil
}

// itemChanges lists the items that look different from the last listing: Trello
// dates no change of them.
func (c *Connection) itemChanges(ctx context.Context, op string, in within, from cursor) (connectors.ChangePage, error) {
	var page connectors.ChangePage
	var ids []string
	var looks [][]byte
	now := c.clock.Now()
	err := c.boardItems(ctx, op, in.ID, func(cardID string, it *checkItem, raw json.RawMessage) {
		ids, looks = append(ids, itemID(cardID, it.ID)), append(looks, raw)
	})
	if err != nil {
		return page, err
	}
	stamp, since := c.lists.compare(in.ID+"/"+objectItem, now, from, ids, looks)
	for i, id := range ids {
		if since[i] > from.stamp {
			page.Changes = append(page.Changes, connectors.Change{Object: objectItem, ID: id})
		}
	}
	page.Next = cursor{since: now.Add(-listLag), stamp: stamp}.String()
	return page, nil
}

// findItems looks keys up in the items of the scope's board, or of all boards of
// the account where the scope names none.
func (c *Connection) findItems(ctx context.Context, op string, scope connectors.Scope, keys []string, out [][]string) error {
	var boards []string
	if len(scope) > 0 {
		in, err := c.scope(ctx, op, scope, metaAge)
		if err != nil {
			return err
		}
		boards = []string{in.ID}
	} else {
		mine, err := c.myBoards(ctx, op)
		if err != nil {
			return err
		}
		for _, b := range mine {
			boards = append(boards, b.ID)
		}
	}
	for _, id := range boards {
		err := c.boardItems(ctx, op, id, func(cardID string, it *checkItem, _ json.RawMessage) {
			_, key := undot(it.Name)
			if i := slices.Index(keys, key); key != "" && i >= 0 {
				out[i] = append(out[i], itemID(cardID, it.ID))
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// createItem puts an item into the card's checklist for tasks, which is made
// where it is missing. The key stands in a link at the end of the name.
func (c *Connection) createItem(ctx context.Context, op string, cr *connectors.Create) connectors.WriteResult {
	if !isID(cr.Parent) {
		return connectors.WriteResult{Err: c.fail(op, "", connectors.Invalid, "an item needs the id of the card that it is made on, not %q", cr.Parent)}
	}
	body, refused, people, err := c.itemBody(ctx, op, cr.Scope, cr.Parent, cr.Fields)
	if err == nil && (len(refused) > 0 && !people || body[fieldName] == nil) {
		if body[fieldName] == nil && len(refused) == 0 {
			refused = append(refused, connectors.FieldError{Field: fieldName, Reason: "an item always has a name"})
		}
		err = &connectors.Error{Op: op, Connection: c.name, Kind: connectors.Invalid, Fields: refused}
	}
	if err != nil {
		return connectors.WriteResult{Err: err}
	}
	if name, _ := body[fieldName].(string); cr.Key != "" {
		body[fieldName] = name + " " + c.dot(cr.Key)
	}
	if body["state"] == "complete" {
		body["checked"] = true
	}
	delete(body, "state")
	for name, v := range body {
		if v == nil {
			delete(body, name)
		}
	}
	made, err := c.addItem(ctx, op, cr.Parent, body)
	if err != nil {
		return connectors.WriteResult{Err: renamed(err)}
	}
	if !isID(made.ID) {
		return connectors.WriteResult{Err: &connectors.Error{Op: op, Connection: c.name, Kind: connectors.Internal, Unsure: true, Err: errNoID}}
	}
	return connectors.WriteResult{ID: itemID(cr.Parent, made.ID), Refused: refused}
}

// addItem puts an item into the card's checklist for tasks. One that is known
// from before may be gone: then it is looked for again.
func (c *Connection) addItem(ctx context.Context, op, cardID string, body map[string]any) (*checkItem, error) {
	body["pos"] = "bottom"
	for {
		id, known, err := c.taskList(ctx, op, cardID)
		if err != nil {
			return nil, err
		}
		var made checkItem
		_, err = c.do(ctx, rest.Request{
			Op: op, Method: "POST", Path: "/checklists/{id}/checkItems", Params: map[string]string{"id": id}, Body: body, Out: &made,
		})
		if err == nil {
			return &made, nil
		}
		c.steps.forget(cardID)
		if !known || connectors.KindOf(err) != connectors.NotFound {
			return nil, err
		}
	}
}

// taskList returns the checklist of a card that tasks go into, and whether it
// was known without asking. One is made at a time: two of one name would be
// possible.
func (c *Connection) taskList(ctx context.Context, op, cardID string) (id string, known bool, err error) {
	if err := c.tasks.take(ctx); err != nil {
		return "", false, c.fail(op, "", connectors.Unavailable, "%w", err)
	}
	defer c.tasks.leave()
	now := c.clock.Now()
	have := c.steps.get(cardID, now)
	if have.list != "" {
		return have.list, true, nil
	}
	if !have.bare {
		if id, err = c.findTaskList(ctx, op, cardID); err != nil {
			return "", false, err
		}
	}
	if id == "" {
		c.steps.forget(cardID) // whatever becomes of it, the next one has to look
		var made checklist
		_, err = c.do(ctx, rest.Request{
			Op: op, Record: ref(cardID), Method: "POST", Path: "/checklists", Body: map[string]any{"idCard": cardID, "name": c.checklist}, Out: &made,
		})
		if err != nil {
			return "", false, connectors.Sure(err) // an empty checklist does no harm, and is taken the next time
		}
		if id = made.ID; !isID(id) {
			return "", false, c.fail(op, ref(cardID), connectors.Internal, "%w", errNoID)
		}
	}
	c.steps.note(cardID, stepsOf{list: id}, now)
	return id, false, nil
}

func (c *Connection) findTaskList(ctx context.Context, op, cardID string) (string, error) {
	var lists []checklist
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(cardID), Path: "/cards/{id}/checklists", Params: map[string]string{"id": cardID},
		Query: query("fields", "name", "checkItems", "all", "checkItem_fields", "name"), Out: &lists,
	})
	if err != nil {
		return "", err
	}
	for _, l := range lists {
		if l.Name == c.checklist && isID(l.ID) && len(l.CheckItems) < 200 {
			return l.ID, nil
		}
	}
	return "", nil
}

// itemBody converts the fields of an item. People says that what was refused
// are people only.
func (c *Connection) itemBody(ctx context.Context, op string, scope connectors.Scope, cardID string, fields map[string]connectors.Value) (body map[string]any, refused []connectors.FieldError, people bool, err error) {
	body, people = map[string]any{}, true
	refuse := func(field, reason string) {
		refused = append(refused, connectors.FieldError{Field: field, Reason: reason})
		people = people && field == fieldMember
	}
	for name, v := range fields {
		switch name {
		case fieldName:
			s := strings.Join(strings.Fields(v.Text()), " ")
			switch {
			case s == "":
				refuse(name, "an item always has a name")
			case utf8.RuneCountInString(s) > maxText-markLength:
				refuse(name, "the name is too long")
			default:
				body[name] = s
			}
		case fieldComplete:
			body["state"] = map[bool]string{true: "complete", false: "incomplete"}[v.Bool()]
		case fieldDue:
			wire, err := encode(fieldDue, v)
			if err != nil {
				refuse(name, err.Error())
				continue
			}
			body["due"] = wire
		case fieldMember:
			id, err := c.itemMember(ctx, op, scope, cardID, v)
			switch {
			case errors.Is(err, errNobody):
				refuse(name, "the board has no member "+cmp.Or(v.Person().Email, v.String()))
			case err != nil:
				return nil, nil, false, err
			default:
				body["idMember"] = id
			}
		default:
			refuse(name, "items of checklists have no such field")
		}
	}
	return body, refused, people, nil
}

var errNobody = errors.New("nobody of that name")

// itemMember finds the member of the card's board that a person is; nil clears.
func (c *Connection) itemMember(ctx context.Context, op string, scope connectors.Scope, cardID string, v connectors.Value) (any, error) {
	if v.IsNull() {
		return nil, nil
	}
	in := within{}
	var err error
	if len(scope) > 0 {
		in, err = c.scope(ctx, op, scope, metaAge)
	} else {
		var w card
		if _, err = c.do(ctx, rest.Request{
			Op: op, Record: ref(cardID), Path: "/cards/{id}", Params: map[string]string{"id": cardID}, Query: query("fields", "idBoard"), Out: &w,
		}); err == nil {
			in.board, err = c.board(ctx, op, w.IDBoard, metaAge)
		}
	}
	if err != nil {
		return nil, err
	}
	m, err := c.memberFor(ctx, op, &in, v.Person())
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, errNobody
	}
	return m.ID, nil
}

func (c *Connection) updateItem(ctx context.Context, op string, u *connectors.Update) connectors.WriteResult {
	res := connectors.WriteResult{ID: u.ID}
	cardID, item, ok := splitItem(u.ID)
	if !ok {
		res.Err = c.fail(op, itemRef(u.ID), connectors.NotFound, "the id of an item is CARD/ITEM, each of 24 hexadecimal digits")
		return res
	}
	body, refused, _, err := c.itemBody(ctx, op, u.Scope, cardID, u.Fields)
	if err == nil && len(body) == 0 && len(refused) > 0 {
		err = &connectors.Error{Op: op, Connection: c.name, Record: itemRef(u.ID), Kind: connectors.Invalid, Fields: refused}
	}
	if err != nil || len(body) == 0 {
		res.Err = err
		return res
	}
	if name, renamed := body[fieldName].(string); renamed { // the key stays
		key, err := c.itemKey(ctx, op, cardID, item)
		if err != nil {
			res.Err = err
			return res
		}
		if key != "" {
			body[fieldName] = name + " " + c.dot(key)
		}
	}
	_, err = c.do(ctx, rest.Request{
		Op: op, Record: itemRef(u.ID), Method: "PUT", Path: "/cards/{id}/checkItem/{item}", Params: map[string]string{"id": cardID, "item": item},
		Body: body, Idempotent: true,
	})
	if err != nil {
		res.Err = withRefused(renamed(err), refused)
		return res
	}
	res.Refused = refused
	return res
}

func (c *Connection) itemKey(ctx context.Context, op, cardID, item string) (string, error) {
	var w checkItem
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: itemRef(itemID(cardID, item)), Path: "/cards/{id}/checkItem/{item}", Params: map[string]string{"id": cardID, "item": item},
		Query: query("fields", "name"), Out: &w,
	})
	if err != nil {
		return "", err
	}
	_, key := undot(w.Name)
	return key, nil
}
