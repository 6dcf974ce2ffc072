package trello

import (
	"net/url"
	"strconv"
	"strings"
)

// site is where people see the pages.
func (s *System) site() string {
	if s.uiBase != "" {
		return strings.TrimSuffix(s.uiBase, "/")
	}
	return "https://trello.com"
}

// slug is what an address calls a card or a board.
func slug(name string) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
			dash = false
			continue
		}
		if r > 127 {
			b.WriteString(url.PathEscape(string(r)))
			continue
		}
		dash = true
	}
	return b.String()
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func emptyList[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// boardDefaults are the fields of a board that come unasked.
const boardDefaults = "name,desc,descData,closed,idOrganization,idEnterprise,pinned,url,shortUrl,prefs,labelNames"

func (s *System) boardView(b *board) object {
	names := object{}
	for _, base := range baseColors {
		for _, shade := range []string{"", "_dark", "_light"} {
			names[base+shade] = ""
		}
	}
	for _, l := range b.labels {
		if l.color != "" && names[l.color] == "" {
			names[l.color] = l.name
		}
	}
	short := s.site() + "/b/" + b.shortLink
	return object{
		"id": b.id, "name": b.name, "desc": b.desc, "descData": nil, "closed": b.closed, "idOrganization": s.org, "idEnterprise": nil,
		"pinned": false, "starred": false, "url": short + "/" + slug(b.name), "shortUrl": short, "shortLink": b.shortLink,
		"dateLastActivity": stamp(b.touched), "dateLastView": nil, "labelNames": names, "nodeId": "ari:cloud:trello::board/workspace/" + s.org + "/" + b.id,
		"subscribed": false, "idTags": []string{}, "powerUps": []string{}, "dateClosed": nil, "enterpriseOwned": false, "ixUpdate": "47",
		"memberships": memberships(b), "limits": boardLimits(),
		"prefs": object{
			"permissionLevel": "org", "hideVotes": false, "voting": "disabled", "comments": "members", "invitations": "members", "selfJoin": true,
			"cardCovers": true, "isTemplate": false, "cardAging": "regular", "calendarFeedEnabled": false, "background": "blue",
			"backgroundColor": "#0079BF", "backgroundImage": nil, "backgroundTile": false, "backgroundBrightness": "dark",
			"canBePublic": true, "canBeEnterprise": true, "canBeOrg": true, "canBePrivate": true, "canInvite": true,
		},
	}
}

func memberships(b *board) []object {
	out := []object{}
	for _, m := range b.members {
		out = append(out, object{"id": b.id[:18] + m.id[18:], "idMember": m.id, "memberType": m.kind, "unconfirmed": false, "deactivated": false})
	}
	return out
}

func limit(disable, warn int) object {
	return object{"status": "ok", "disableAt": disable, "warnAt": warn}
}

func boardLimits() object {
	return object{
		"attachments":        object{"perBoard": limit(36000, 28800), "perCard": limit(1000, 800)},
		"cards":              object{"openPerBoard": limit(5000, 4000), "openPerList": limit(5000, 4000), "totalPerBoard": limit(2_000_000, 1_600_000)},
		"checklists":         object{"perBoard": limit(1_800_000, 1_440_000), "perCard": limit(500, 400)},
		"checkItems":         object{"perChecklist": limit(200, 160)},
		"customFields":       object{"perBoard": limit(50, 40)},
		"customFieldOptions": object{"perField": limit(50, 40)},
		"labels":             object{"perBoard": limit(1000, 800)},
		"lists":              object{"openPerBoard": limit(500, 400), "totalPerBoard": limit(3000, 2400)},
	}
}

func listView(l *list) object {
	return object{
		"id": l.id, "name": l.name, "closed": l.closed, "idBoard": l.board.id, "pos": l.pos, "subscribed": false, "softLimit": nil,
		"color": nil, "type": nil, "datasource": object{"filter": false},
	}
}

func (s *System) labelView(l *label) object {
	uses := len(s.cardsWhere(func(c *card) bool { return contains(c.labels, l.id) }))
	return object{"id": l.id, "idBoard": l.board.id, "name": l.name, "color": orNull(l.color), "uses": uses, "nodeId": "ari:cloud:trello::label/" + l.id}
}

// avatar is the picture that everybody has.
const avatar = "00000000000000000000000000000000"

// memberView shows a person. E-mails show to their owner with the account scope
// and, where the site is so, to everybody.
func (s *System) memberView(m *member, c *call) object {
	out := object{
		"id": m.id, "username": m.username, "fullName": m.fullName, "initials": m.initials(), "activityBlocked": false,
		"avatarHash": avatar, "avatarUrl": "https://trello-members.s3.amazonaws.com/" + m.id + "/" + avatar, "bio": "", "confirmed": true, "memberType": "normal", "url": s.site() + "/" + m.username,
		"idOrganizations": []string{s.org}, "status": "disconnected", "nonPublic": object{}, "nonPublicAvailable": false, "idMemberReferrer": nil,
		"idBoards": []string{},
	}
	if s.emails || c != nil && c.token != nil && c.me() == m && c.token.account {
		out["email"] = m.email
	}
	if c != nil && c.token != nil && c.me() == m {
		ids := []string{}
		for _, b := range s.boards {
			if b.member(m.id) != nil {
				ids = append(ids, b.id)
			}
		}
		out["idBoards"] = ids
	}
	return out
}

const memberDefaults = "fullName,username"

// cardView shows a card, its nested resources left out.
func (s *System) cardView(c *card) object {
	short := s.site() + "/c/" + c.shortLink
	labels := []object{}
	for _, id := range c.labels {
		if l := c.board().label(id); l != nil {
			labels = append(labels, object{"id": l.id, "idBoard": l.board.id, "name": l.name, "color": orNull(l.color), "uses": 1})
		}
	}
	var reminder any
	if c.dueReminder != nil {
		reminder = *c.dueReminder
	}
	states, done, all, links := []object{}, 0, 0, []string{}
	for _, k := range c.checklists {
		links = append(links, k.id)
		for _, it := range k.items {
			all++
			if it.complete {
				done++
				states = append(states, object{"idCheckItem": it.id, "state": "complete"})
			}
		}
	}
	return object{
		"id": c.id, "idBoard": c.board().id, "idList": c.list.id, "idShort": c.short, "name": c.name, "desc": c.desc, "descData": object{"emoji": object{}},
		"closed": c.closed, "pos": c.pos, "due": stamp(c.due), "start": stamp(c.start), "dueComplete": c.dueComplete, "dueReminder": reminder,
		"idMembers": emptyList(c.members), "idLabels": emptyList(c.labels), "labels": labels, "idMembersVoted": []string{},
		"dateLastActivity": stamp(c.touched), "shortLink": c.shortLink, "shortUrl": short,
		"url": short + "/" + strconv.Itoa(c.short) + "-" + slug(c.name), "subscribed": c.subscribed, "email": nil, "idChecklists": links,
		"checkItemStates": states, "idAttachmentCover": orNull(c.cover), "manualCoverAttachment": false, "isTemplate": c.template,
		"cardRole": orNull(c.role), "mirrorSourceId": nil, "nodeId": "ari:cloud:trello::card/workspace/" + s.org + "/" + c.id, "pinned": false,
		"cover": object{"idAttachment": orNull(c.cover), "color": nil, "idUploadedBackground": nil, "size": "normal", "brightness": "dark", "idPlugin": nil},
		"badges": object{
			"attachmentsByType": object{"trello": object{"board": 0, "card": 0}}, "location": false, "votes": 0, "viewingMemberVoted": false,
			"subscribed": c.subscribed, "fogbugz": "", "checkItems": all, "checkItemsChecked": done, "checkItemsEarliestDue": nil,
			"comments": c.comments, "attachments": len(c.attachments), "description": c.desc != "", "due": stamp(c.due),
			"dueComplete": c.dueComplete, "start": stamp(c.start), "lastUpdatedByAi": false,
		},
	}
}

// nested adds what a call asks of a card besides its fields.
func (s *System) nested(c *call, out object, cd *card, p params) {
	if v := p.text("attachments"); v == "true" || v == "cover" {
		list := []object{}
		for _, a := range cd.attachments {
			if v == "true" || a.id == cd.cover {
				list = append(list, pick(s.attachmentView(cd, a), p.text("attachment_fields"), "all"))
			}
		}
		out["attachments"] = list
	}
	if p.yes("customFieldItems") {
		out["customFieldItems"] = s.itemViews(cd)
	}
	if v := p.text("checklists"); v == "all" || v == "true" {
		list := []object{}
		for _, k := range cd.checklists {
			list = append(list, pick(s.checklistView(k), p.text("checklist_fields"), "all"))
		}
		out["checklists"] = list
	}
	if p.yes("members") {
		list := []object{}
		for _, id := range cd.members {
			if m := s.memberBy(id); m != nil {
				list = append(list, pick(s.memberView(m, c), p.text("member_fields"), memberDefaults))
			}
		}
		out["members"] = list
	}
	if p.yes("board") {
		out["board"] = pick(s.boardView(cd.board()), p.text("board_fields"), boardDefaults)
	}
	if p.yes("list") {
		out["list"] = pick(listView(cd.list), p.text("list_fields"), "all")
	}
	if v := p.text("actions"); v != "" && v != "false" {
		out["actions"] = s.actionsOf(cd.board().log, params{"filter": v, "limit": p.or("actions_limit", "50"), "fields": p.text("action_fields")}, func(a *action) bool { return a.card == cd.id })
	}
}

// cardAnswer shows a card with the fields and nested resources that a call asks
// for.
func (s *System) cardAnswer(c *call, cd *card, p params) object {
	out := pick(s.cardView(cd), p.text("fields"), "all")
	s.nested(c, out, cd, p)
	return out
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}
