package trello

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// action is one entry of the log, which is also what webhooks tell.
type action struct {
	id, kind    string
	at          time.Time
	by          *member
	app         string
	board       string
	list, card  string
	data        object
	deletedText bool
}

// unlisted are the kinds that lists of actions leave out; webhooks tell them.
var unlisted = []string{
	"addLabelToCard", "removeLabelFromCard", "copyChecklist", "createBoardInvitation", "createBoardPreference", "createCheckItem",
	"createLabel", "createOrganizationInvitation", "deleteAttachmentFromCard", "deleteCheckItem", "deleteComment", "deleteLabel",
	"makeAdminOfOrganization", "removeMemberFromBoard", "removeMemberFromOrganization", "updateCheckItem", "updateComment", "updateLabel",
	"voteOnCard",
}

// act writes an action and tells the webhooks. Extra adds to its data; its card
// and list add to what is told of those.
func (s *System) act(c *call, kind string, b *board, l *list, cd *card, extra object) *action {
	data := object{"board": object{"id": b.id, "name": b.name, "shortLink": b.shortLink}}
	if l != nil {
		data["list"] = object{"id": l.id, "name": l.name}
	}
	if cd != nil {
		data["card"] = object{"id": cd.id, "name": cd.name, "idShort": cd.short, "shortLink": cd.shortLink}
	}
	for name, v := range extra {
		have, both := data[name].(object)
		if more, ok := v.(object); ok && both {
			maps.Copy(have, more)
			continue
		}
		data[name] = v
	}
	a := &action{id: s.newID(), kind: kind, at: s.now(), by: c.me(), board: b.id, data: data}
	if c.token != nil && c.token.app != "" {
		a.app = c.token.id
	}
	if l != nil {
		a.list = l.id
	}
	if cd != nil {
		a.card = cd.id
		if a.list == "" {
			a.list = cd.list.id
		}
	}
	b.touched = a.at
	b.log = append(b.log, a)
	s.actions[a.id] = a
	s.tell(c, a, b)
	return a
}

func (s *System) actionView(a *action) object {
	var app any
	if a.app != "" {
		app = object{"id": a.app}
	}
	return object{
		"id": a.id, "idMemberCreator": a.by.id, "type": a.kind, "date": stamp(a.at), "data": a.data, "appCreator": app, "limits": nil,
		"memberCreator": object{
			"id": a.by.id, "activityBlocked": false, "avatarHash": avatar,
			"avatarUrl": "https://trello-members.s3.amazonaws.com/" + a.by.id + "/" + avatar, "fullName": a.by.fullName, "idMemberReferrer": nil,
			"initials": a.by.initials(), "nonPublic": object{}, "nonPublicAvailable": true, "username": a.by.username,
		},
	}
}

// displayOf adds what a webhook's action says besides: a key that tells the
// kinds of updateCard apart.
func displayOf(a *action) object {
	key := "unknown"
	switch a.kind {
	case "createCard":
		key = "action_create_card"
	case "deleteCard":
		key = "action_delete_card"
	case "commentCard":
		key = "action_comment_on_card"
	case "addLabelToCard":
		key = "action_add_label_to_card"
	case "removeLabelFromCard":
		key = "action_remove_label_from_card"
	case "addAttachmentToCard":
		key = "action_add_attachment_to_card"
	case "updateCustomFieldItem":
		key = "action_update_custom_field_item"
	case "moveCardToBoard":
		key = "action_move_card_to_board"
	case "moveCardFromBoard":
		key = "action_move_card_from_board"
	case "updateCard":
		old, _ := a.data["old"].(object)
		now, _ := a.data["card"].(object)
		switch {
		case has(old, "idList"):
			key = "action_move_card_from_list_to_list"
		case has(old, "name"):
			key = "action_renamed_card"
		case has(old, "desc"):
			key = "action_changed_description_of_card"
		case has(old, "dueComplete") && now["dueComplete"] == true:
			key = "action_marked_the_due_date_complete"
		case has(old, "dueComplete"):
			key = "action_marked_the_due_date_incomplete"
		case has(old, "due") && old["due"] == nil:
			key = "action_added_a_due_date"
		case has(old, "due") && now["due"] == nil:
			key = "action_removed_a_due_date"
		case has(old, "due"):
			key = "action_changed_a_due_date"
		case has(old, "start"):
			key = "action_changed_a_start_date"
		case has(old, "closed") && now["closed"] == true:
			key = "action_archived_card"
		case has(old, "closed"):
			key = "action_sent_card_to_board"
		}
	}
	return object{"translationKey": key, "entities": object{"memberCreator": object{"type": "member", "id": a.by.id, "username": a.by.username, "text": a.by.fullName}}}
}

func has(o object, name string) bool {
	_, ok := o[name]
	return ok
}

// wanted reports whether a filter lets an action through: "all", or kinds, those
// of updateCard with the field perhaps ("updateCard:idList").
func wanted(a *action, filter string) bool {
	for f := range strings.SplitSeq(filter, ",") {
		kind, field, narrowed := strings.Cut(strings.TrimSpace(f), ":")
		if kind == "all" {
			return true
		}
		if kind != a.kind {
			continue
		}
		old, _ := a.data["old"].(object)
		if !narrowed || has(old, field) {
			return true
		}
	}
	return false
}

// bound reads before and since: an action's id, or a time.
func (s *System) bound(v string) (id string, at time.Time, ok bool) {
	if v == "" || v == "null" || v == "lastView" {
		return "", time.Time{}, true
	}
	if isID(v) {
		return v, time.Time{}, true
	}
	at, ok = parseTime(v)
	return "", at, ok
}

// actionsOf lists actions, newest first.
func (s *System) actionsOf(log []*action, p params, cond func(*action) bool) []object {
	filter := p.or("filter", "all")
	most := min(max(p.number("limit", 50), 0), 1000)
	skip := p.number("page", 0) * most
	sinceID, since, _ := s.bound(p.text("since"))
	beforeID, before, _ := s.bound(p.text("before"))
	out := []object{}
	for _, a := range slices.Backward(log) {
		switch {
		case len(out) >= most:
			return out
		case slices.Contains(unlisted, a.kind) || a.deletedText || !cond(a) || !wanted(a, filter):
			continue
		case sinceID != "" && a.id <= sinceID || !since.IsZero() && !a.at.After(since):
			continue
		case beforeID != "" && a.id >= beforeID || !before.IsZero() && !a.at.Before(before):
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		out = append(out, pick(s.actionView(a), p.text("fields"), "all"))
	}
	return out
}

func (c *call) actionList(log []*action, p params, cond func(*action) bool) (any, error) {
	for _, name := range []string{"since", "before"} {
		if _, _, ok := c.sys.bound(p.text(name)); !ok {
			return nil, invalid(name)
		}
	}
	if n := p.number("limit", 50); n < 0 || n > 1000 {
		return nil, invalid("limit")
	}
	if n := p.number("page", 0); n < 0 || n > 19 {
		return nil, invalid("page")
	}
	return c.sys.actionsOf(log, p, cond), nil
}

func getBoardActions(c *call) (any, error) {
	b, err := c.board(false)
	if err != nil {
		return nil, err
	}
	return c.actionList(b.log, c.p, func(*action) bool { return true })
}

func getListActions(c *call) (any, error) {
	l, err := c.list(false)
	if err != nil {
		return nil, err
	}
	return c.actionList(l.board.log, c.p, func(a *action) bool { return a.list == l.id })
}

// getCardActions lists comments and moves unless a filter asks for more.
func getCardActions(c *call) (any, error) {
	cd, err := c.card(false)
	if err != nil {
		return nil, err
	}
	if !c.p.has("filter") {
		c.p["filter"] = "commentCard,updateCard:idList"
	}
	return c.actionList(c.sys.logOf(cd), c.p, func(a *action) bool { return a.card == cd.id })
}

// logOf returns a card's log: it takes its history with it from board to board.
func (s *System) logOf(cd *card) []*action {
	var log []*action
	for _, b := range s.boards {
		for _, a := range b.log {
			if a.card == cd.id {
				log = append(log, a)
			}
		}
	}
	slices.SortStableFunc(log, func(a, b *action) int { return strings.Compare(a.id, b.id) })
	return log
}

func getAction(c *call) (any, error) {
	a := c.sys.actions[c.id(0)]
	if a == nil || a.deletedText {
		return nil, errNotFound
	}
	if _, err := c.boardFor(a.board, false); err != nil {
		return nil, err
	}
	return pick(c.sys.actionView(a), c.p.text("fields"), "all"), nil
}

func postComment(c *call) (any, error) {
	cd, err := c.card(true)
	if err != nil {
		return nil, err
	}
	words := c.p.text("text")
	if strings.TrimSpace(words) == "" || len(words) > maxText {
		return nil, invalid("text")
	}
	cd.touched = c.sys.now()
	cd.comments++
	a := c.sys.act(c, "commentCard", cd.board(), cd.list, cd, object{"text": words, "textData": object{"emoji": object{}}})
	out := c.sys.actionView(a)
	out["display"], out["entities"] = displayOf(a), []object{}
	return out, nil
}

func putCardComment(c *call) (any, error)    { c.seg = c.seg[1:]; return putComment(c) }
func deleteCardComment(c *call) (any, error) { c.seg = c.seg[1:]; return deleteComment(c) }

// comment finds a comment that the caller wrote.
func (c *call) comment() (*action, *board, error) {
	a := c.sys.actions[c.id(0)]
	if a == nil || a.deletedText || a.kind != "commentCard" {
		return nil, nil, errNotFound
	}
	b, err := c.boardFor(a.board, true)
	if err != nil {
		return nil, nil, err
	}
	if a.by != c.me() {
		return nil, nil, errRight
	}
	return a, b, nil
}

func putComment(c *call) (any, error) {
	a, b, err := c.comment()
	if err != nil {
		return nil, err
	}
	words := c.p.or("text", c.p.text("value"))
	if strings.TrimSpace(words) == "" || len(words) > maxText {
		return nil, invalid("text")
	}
	old := a.data["text"]
	a.data["text"], a.data["dateLastEdited"] = words, stamp(c.sys.now())
	cd := c.sys.cards[a.card]
	if cd != nil {
		cd.touched = c.sys.now()
	}
	c.sys.act(c, "updateComment", b, nil, cd, object{"action": object{"id": a.id, "text": words}, "old": object{"text": old}})
	return c.sys.actionView(a), nil
}

func deleteComment(c *call) (any, error) {
	a, b, err := c.comment()
	if err != nil {
		return nil, err
	}
	a.deletedText = true
	cd := c.sys.cards[a.card]
	if cd != nil {
		cd.comments--
		cd.touched = c.sys.now()
	}
	c.sys.act(c, "deleteComment", b, nil, cd, object{"action": object{"id": a.id}})
	return object{"_value": nil}, nil
}

// getBatch answers up to ten GETs at once. Each counts against the limits.
func getBatch(c *call) (any, error) {
	urls := splitBatch(c.p.text("urls"))
	if len(urls) == 0 || len(urls) > 10 {
		return nil, invalid("urls")
	}
	out := []any{}
	for _, u := range urls {
		out = append(out, c.sys.part(c, u))
	}
	return out, nil
}

// part answers one URL of a batch.
func (s *System) part(c *call, u string) any {
	path, query, _ := strings.Cut(strings.TrimPrefix(u, "/"), "?")
	values, err := parseQuery(query)
	sub := &call{sys: s, method: http.MethodGet, path: path, header: c.header, p: params{}, token: c.token, out: c.out}
	var refusal *apiError
	var answer any
	if err != nil {
		refusal = errID
	} else {
		sub.p.add(values)
		answer, refusal = s.subAnswer(sub)
	}
	if refusal == nil {
		return object{"200": answer}
	}
	name := map[int]string{404: "NotFoundError", 401: "UnauthorizedError", 400: "BadRequestError", 429: "TooManyRequestsError"}[refusal.status]
	bare := object{"name": name, "message": refusal.text, "statusCode": refusal.status}
	if refusal.status == http.StatusNotFound {
		return object{"404": bare}
	}
	return bare
}
