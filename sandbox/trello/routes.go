package trello

import (
	"net/url"
	"strings"
)

type handler func(*call) (any, error)

// route is one call of the API. Kinds are the forms of its variables.
type route struct {
	parts []string
	kinds []string
	open  bool // needs no credentials
	run   handler
}

type router map[string][]*route

// on adds a route: variables stand as {link} (an id or a short link), {id} or
// {any}.
func (r router) on(method, path string, run handler) *route {
	rt := &route{parts: strings.Split(path, "/"), run: run}
	for _, p := range rt.parts {
		if strings.HasPrefix(p, "{") {
			rt.kinds = append(rt.kinds, strings.Trim(p, "{}"))
		}
	}
	r[method] = append(r[method], rt)
	return rt
}

// find returns the route of a call and notes the call's variables. Trello takes
// a slash at the end of some collections, "/boards/" and "/webhooks/".
func (r router) find(c *call) (*route, bool) {
	var parts []string
	for p := range strings.SplitSeq(strings.TrimSuffix(c.path, "/"), "/") {
		plain, err := url.PathUnescape(p)
		if err != nil {
			return nil, false
		}
		parts = append(parts, plain)
	}
	for _, rt := range r[c.method] {
		if seg, ok := rt.match(parts); ok {
			c.seg = seg
			return rt, true
		}
	}
	return nil, false
}

func (rt *route) match(parts []string) (seg []string, ok bool) {
	if len(parts) != len(rt.parts) {
		return nil, false
	}
	for i, p := range rt.parts {
		switch {
		case strings.HasPrefix(p, "{"):
			seg = append(seg, parts[i])
		case p != parts[i]:
			return nil, false
		}
	}
	return seg, true
}

func newRouter() router {
	r := router{}
	r.on("GET", "batch", getBatch)
	r.on("GET", "search", getSearch)
	r.boardRoutes()
	r.listRoutes()
	r.cardRoutes()
	r.checklistRoutes()
	r.fieldRoutes()
	r.memberRoutes()
	r.hookRoutes()
	r.on("GET", "actions/{id}", getAction)
	r.on("PUT", "actions/{id}", putComment)
	r.on("PUT", "actions/{id}/text", putComment)
	r.on("DELETE", "actions/{id}", deleteComment)
	return r
}

func (r router) boardRoutes() {
	r.on("POST", "boards", postBoard)
	r.on("GET", "boards/{link}", getBoard)
	r.on("PUT", "boards/{link}", putBoard)
	r.on("DELETE", "boards/{link}", deleteBoard)
	r.on("GET", "boards/{link}/actions", getBoardActions)
	r.on("GET", "boards/{link}/cards", getBoardCards)
	r.on("GET", "boards/{link}/cards/{any}", getBoardCards)
	r.on("GET", "boards/{link}/lists", getBoardLists)
	r.on("GET", "boards/{link}/lists/{any}", getBoardLists)
	r.on("POST", "boards/{link}/lists", postBoardList)
	r.on("GET", "boards/{link}/labels", getBoardLabels)
	r.on("POST", "boards/{link}/labels", postBoardLabel)
	r.on("GET", "boards/{link}/members", getBoardMembers)
	r.on("PUT", "boards/{link}/members/{any}", putBoardMember)
	r.on("DELETE", "boards/{link}/members/{any}", deleteBoardMember)
	r.on("GET", "boards/{link}/memberships", getBoardMemberships)
	r.on("GET", "boards/{link}/customFields", getBoardFields)
	r.on("GET", "boards/{link}/checklists", getBoardChecklists)
	r.on("GET", "boards/{link}/{any}", getBoardField)
}

func (r router) listRoutes() {
	r.on("POST", "lists", postList)
	r.on("GET", "lists/{id}", getList)
	r.on("PUT", "lists/{id}", putList)
	r.on("GET", "lists/{id}/cards", getListCards)
	r.on("GET", "lists/{id}/actions", getListActions)
	r.on("GET", "lists/{id}/board", getListBoard)
	r.on("POST", "lists/{id}/archiveAllCards", archiveAllCards)
	r.on("POST", "lists/{id}/moveAllCards", moveAllCards)
	r.on("PUT", "lists/{id}/{any}", putListField)
	r.on("POST", "labels", postLabel)
	r.on("GET", "labels/{id}", getLabel)
	r.on("PUT", "labels/{id}", putLabel)
	r.on("DELETE", "labels/{id}", deleteLabel)
	r.on("PUT", "labels/{id}/{any}", putLabelField)
}

func (r router) cardRoutes() {
	r.on("POST", "cards", postCard)
	r.on("GET", "cards/{link}", getCard)
	r.on("PUT", "cards/{link}", putCard)
	r.on("DELETE", "cards/{link}", deleteCard)
	r.on("GET", "cards/{link}/actions", getCardActions)
	r.on("POST", "cards/{link}/actions/comments", postComment)
	r.on("PUT", "cards/{link}/actions/{id}/comments", putCardComment)
	r.on("DELETE", "cards/{link}/actions/{id}/comments", deleteCardComment)
	r.on("GET", "cards/{link}/attachments", getAttachments)
	r.on("POST", "cards/{link}/attachments", postAttachment)
	r.on("GET", "cards/{link}/attachments/{id}", getAttachment)
	r.on("DELETE", "cards/{link}/attachments/{id}", deleteAttachment)
	r.on("GET", "cards/{link}/attachments/{id}/download/{any}", downloadAttachment)
	r.on("GET", "cards/{link}/board", getCardBoard)
	r.on("GET", "cards/{link}/list", getCardList)
	r.on("GET", "cards/{link}/members", getCardMembers)
	r.on("GET", "cards/{link}/checkItemStates", getCheckItemStates)
	r.on("GET", "cards/{link}/checklists", getChecklists)
	r.on("POST", "cards/{link}/checklists", postCardChecklist)
	r.on("DELETE", "cards/{link}/checklists/{id}", deleteCardChecklist)
	r.on("GET", "cards/{link}/checkItem/{id}", getCheckItem)
	r.on("PUT", "cards/{link}/checkItem/{id}", putCheckItem)
	r.on("DELETE", "cards/{link}/checkItem/{id}", deleteCardCheckItem)
	r.on("GET", "cards/{link}/customFieldItems", getItems)
	r.on("PUT", "cards/{link}/customFields", putItems)
	r.on("PUT", "cards/{link}/customField/{id}/item", putItem)
	r.on("POST", "cards/{link}/idLabels", postCardLabel)
	r.on("DELETE", "cards/{link}/idLabels/{id}", deleteCardLabel)
	r.on("POST", "cards/{link}/labels", postNewCardLabel)
	r.on("POST", "cards/{link}/idMembers", postCardMember)
	r.on("DELETE", "cards/{link}/idMembers/{id}", deleteCardMember)
	r.on("GET", "cards/{link}/{any}", getCardField)
	r.on("PUT", "cards/{link}/{any}", putCardField)
}

func (r router) checklistRoutes() {
	r.on("POST", "checklists", postChecklist)
	r.on("GET", "checklists/{id}", getChecklist)
	r.on("PUT", "checklists/{id}", putChecklist)
	r.on("DELETE", "checklists/{id}", deleteChecklist)
	r.on("GET", "checklists/{id}/checkItems", getCheckItems)
	r.on("POST", "checklists/{id}/checkItems", postCheckItem)
	r.on("DELETE", "checklists/{id}/checkItems/{id}", deleteCheckItem)
}

func (r router) fieldRoutes() {
	r.on("POST", "customFields", postField)
	r.on("GET", "customFields/{id}", getField)
	r.on("PUT", "customFields/{id}", putField)
	r.on("DELETE", "customFields/{id}", deleteField)
	r.on("GET", "customFields/{id}/options", getOptions)
	r.on("POST", "customFields/{id}/options", postOption)
	r.on("GET", "customFields/{id}/options/{id}", getOption)
	r.on("DELETE", "customFields/{id}/options/{id}", deleteOption)
}

func (r router) memberRoutes() {
	r.on("GET", "members/{any}", getMember)
	r.on("GET", "members/{any}/boards", getMemberBoards)
	r.on("GET", "members/{any}/cards", getMemberCards)
	r.on("GET", "members/{any}/organizations", getMemberOrganizations)
	r.on("GET", "tokens/{any}", getToken)
	r.on("GET", "tokens/{any}/member", getTokenMember)
	r.on("DELETE", "tokens/{any}", deleteToken)
	r.on("GET", "tokens/{any}/webhooks", getTokenHooks)
	r.on("POST", "tokens/{any}/webhooks", postHook)
	r.on("GET", "tokens/{any}/webhooks/{any}", getTokenHook)
	r.on("DELETE", "tokens/{any}/webhooks/{any}", deleteTokenHook)
}

func (r router) hookRoutes() {
	r.on("POST", "webhooks", postHook)
	r.on("GET", "webhooks/{id}", getHook)
	r.on("PUT", "webhooks/{id}", putHook)
	r.on("DELETE", "webhooks/{id}", deleteHook)
	r.on("GET", "webhooks/{id}/{any}", getHookField)
}
