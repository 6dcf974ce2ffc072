package trello

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxUpload is the cap of a free workspace.
const maxUpload = 10 << 20

func (s *System) attachmentView(cd *card, a *attachment) object {
	size := any(nil)
	if a.upload {
		size = len(a.content)
	}
	return object{
		"id": a.id, "name": a.name, "url": s.attachmentURL(cd, a), "fileName": orNull(a.fileName), "mimeType": a.mime, "bytes": size,
		"date": stamp(a.at), "isUpload": a.upload, "idMember": a.member, "pos": a.pos, "edgeColor": nil, "previews": []object{}, "isMalicious": false,
	}
}

func (s *System) attachmentURL(cd *card, a *attachment) string {
	if !a.upload {
		return a.url
	}
	return s.site() + "/1/cards/" + cd.id + "/attachments/" + a.id + "/download/" + url.PathEscape(a.fileName)
}

// attach puts an attachment onto a card.
func (s *System) attach(c *call, cd *card, a *attachment) {
	a.id, a.at, a.member = s.newID(), s.now(), c.me().id
	a.pos = float64(16384 * (len(cd.attachments) + 1))
	cd.attachments = append(cd.attachments, a)
	cd.touched = s.now()
	s.act(c, "addAttachmentToCard", cd.board(), cd.list, cd, object{"attachment": object{"id": a.id, "name": a.name, "url": s.attachmentURL(cd, a)}})
}

func getAttachments(c *call) (any, error) {
	cd, err := c.card(false)
	if err != nil {
		return nil, err
	}
	out := []object{}
	for _, a := range cd.attachments {
		if v := c.p.text("filter"); v != "cover" || a.id == cd.cover {
			out = append(out, pick(c.sys.attachmentView(cd, a), c.p.text("fields"), "all"))
		}
	}
	return out, nil
}

func postAttachment(c *call) (any, error) {
	cd, err := c.card(true)
	if err != nil {
		return nil, err
	}
	link := c.p.text("url")
	a := &attachment{name: c.p.text("name"), mime: c.p.text("mimeType")}
	switch {
	case len(cd.attachments) >= 1000:
		return nil, text(http.StatusForbidden, "ATTACHMENTS_PER_CARD_LIMIT_EXCEEDED")
	case c.upload != nil && len(c.upload.content) > maxUpload:
		return nil, text(http.StatusRequestEntityTooLarge, "Exceeded maximum attachment size")
	case c.upload != nil:
		a.upload, a.content, a.fileName = true, c.upload.content, c.upload.name
		a.name, a.mime = cmp.Or(a.name, c.upload.name), cmp.Or(a.mime, c.upload.mime, "application/octet-stream")
	case strings.HasPrefix(link, "http://") || strings.HasPrefix(link, "https://"):
		a.url, a.name = link, cmp.Or(a.name, link)
	case link == "":
		return nil, text(http.StatusBadRequest, "Must provide either url or file.")
	default:
		return nil, invalid("url")
	}
	c.sys.attach(c, cd, a)
	if c.p.yes("setCover") {
		cd.cover = a.id
	}
	return c.sys.attachmentView(cd, a), nil
}

// attachment finds an attachment of the call's card.
func (c *call) attachment(write bool) (*card, int, error) {
	cd, err := c.card(write)
	if err != nil {
		return nil, 0, err
	}
	i := slices.IndexFunc(cd.attachments, func(a *attachment) bool { return a.id == c.id(1) })
	if i < 0 {
		return nil, 0, errNotFound
	}
	return cd, i, nil
}

func getAttachment(c *call) (any, error) {
	cd, i, err := c.attachment(false)
	if err != nil {
		return nil, err
	}
	return pick(c.sys.attachmentView(cd, cd.attachments[i]), c.p.text("fields"), "all"), nil
}

func deleteAttachment(c *call) (any, error) {
	cd, i, err := c.attachment(true)
	if err != nil {
		return nil, err
	}
	a := cd.attachments[i]
	cd.attachments = slices.Delete(cd.attachments, i, i+1)
	cd.touched = c.sys.now()
	c.sys.act(c, "deleteAttachmentFromCard", cd.board(), nil, cd, object{"attachment": object{"id": a.id, "name": a.name}})
	return object{"limits": object{}}, nil
}

// downloadAttachment wants the credentials in the header: the query's do not do.
func downloadAttachment(c *call) (any, error) {
	if !strings.HasPrefix(c.header.Get("Authorization"), "OAuth ") {
		return nil, errRight
	}
	cd, i, err := c.attachment(false)
	if err != nil {
		return nil, err
	}
	a := cd.attachments[i]
	if !a.upload {
		return nil, errNotFound
	}
	c.raw = &rawAnswer{mime: a.mime, name: a.fileName, content: a.content}
	return nil, nil
}
