package asana

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
)

func tags(names string) map[string]bool {
	out := map[string]bool{}
	for _, n := range strings.Fields(names) {
		out[n] = true
	}
	return out
}

// The tags that a rich text may have: everywhere, and on tasks besides.
var (
	richText  = tags("body strong em u s code a ol ul li pre blockquote")
	richNotes = tags("body strong em u s code a ol ul li pre blockquote h1 h2 hr img object table tr td")
)

// checkXML refuses a rich text that is not well-formed or has tags or attributes
// that Asana does not know.
func checkXML(member, text string, allowed map[string]bool) *apiError {
	bad := func(why string) *apiError { return invalid("%s: XML is invalid: %s", member, why) }
	if len(text) > 1<<20 {
		return invalid("%s: The text is too long", member)
	}
	dec := xml.NewDecoder(strings.NewReader(text))
	depth, roots := 0, 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return bad(err.Error())
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			name := tok.Name.Local
			if depth == 0 {
				roots++
				if name != "body" {
					return bad("the root must be <body>")
				}
			} else if name == "body" {
				return bad("<body> within <body>")
			}
			if !allowed[name] || tok.Name.Space != "" {
				return bad("the tag <" + name + "> is not allowed")
			}
			for _, a := range tok.Attr {
				if !attributeAllowed(name, a.Name.Local) {
					return bad("the attribute " + a.Name.Local + " is not allowed on <" + name + ">")
				}
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && strings.TrimSpace(string(tok)) != "" {
				return bad("text outside of <body>")
			}
		case xml.Comment, xml.Directive, xml.ProcInst:
			return bad("only tags and text are allowed")
		}
	}
	if roots != 1 {
		return bad("the root must be <body>")
	}
	return nil
}

func attributeAllowed(tag, name string) bool {
	switch tag {
	case "a":
		return name == "href" || strings.HasPrefix(name, "data-asana-")
	case "img", "object":
		return strings.HasPrefix(name, "data-asana-") || name == "src" || name == "alt" || name == "style"
	}
	return false
}

var mention = regexp.MustCompile(`<a([^>]*?)data-asana-gid="([0-9]+)"([^>]*?)(/>|>(.*?)</a>)`)

// expandLinks shows mentions as they are read: with the address and the name of
// what they lead to.
func (s *System) expandLinks(html string) string {
	if html == "" {
		return "<body></body>"
	}
	if !strings.Contains(html, "data-asana-gid") {
		return html
	}
	return mention.ReplaceAllStringFunc(html, func(m string) string {
		gid := mention.FindStringSubmatch(m)[2]
		kind, name := s.nameOf(gid)
		if kind == "" {
			return m
		}
		text := name
		if kind == "user" {
			text = "@" + name
		}
		return `<a href="` + webBase + gid + `/list" data-asana-gid="` + gid + `" data-asana-accessible="true" data-asana-type="` + kind +
			`" data-asana-dynamic="true">` + escapeXML(text) + `</a>`
	})
}

func (s *System) nameOf(gid string) (kind, name string) {
	for _, u := range s.users {
		if u.gid == gid {
			return "user", u.name
		}
	}
	if t := s.tasks[gid]; t != nil {
		return "task", t.name
	}
	for _, p := range s.projects {
		if p.gid == gid {
			return "project", p.name
		}
	}
	return "", ""
}

var xmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func escapeXML(text string) string { return xmlEscapes.Replace(text) }

// plainText is the lossy view of a rich text: lists become lines.
func plainText(html string) string {
	dec := xml.NewDecoder(strings.NewReader(html))
	dec.Strict = false
	dec.Entity = xml.HTMLEntity
	var b strings.Builder
	depth := 0
	for {
		tok, err := dec.Token()
		if err != nil {
			return b.String()
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			switch tok.Name.Local {
			case "ul", "ol":
				depth++
				newline(&b)
			case "li":
				newline(&b)
				b.WriteString(strings.Repeat("    ", depth))
			case "h1", "h2", "hr", "table", "tr", "pre", "blockquote":
				newline(&b)
			}
		case xml.EndElement:
			switch tok.Name.Local {
			case "ul", "ol":
				depth--
				newline(&b)
			case "li", "h1", "h2", "tr", "pre", "blockquote":
				newline(&b)
			}
		case xml.CharData:
			b.Write(tok)
		}
	}
}

func newline(b *strings.Builder) {
	if s := b.String(); s != "" && !strings.HasSuffix(s, "\n") {
		b.WriteByte('\n')
	}
}
