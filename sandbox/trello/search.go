package trello

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

func parseQuery(q string) (url.Values, error) { return url.ParseQuery(q) }

// splitBatch splits the urls of a batch at their commas; a comma within one is
// encoded twice.
func splitBatch(urls string) []string {
	var out []string
	for u := range strings.SplitSeq(urls, ",") {
		if u = strings.TrimSpace(u); u != "" {
			out = append(out, u)
		}
	}
	return out
}

// subAnswer runs one part of a batch, whose caller is known.
func (s *System) subAnswer(c *call) (any, *apiError) {
	rt, ok := s.routes.find(c)
	if !ok || c.path == "batch" {
		return nil, text(http.StatusNotFound, "Cannot GET /1/"+c.path)
	}
	for i, kind := range rt.kinds {
		if !wellFormed(kind, c.id(i)) {
			return nil, errID
		}
	}
	if err := s.limits.take(c); err != nil {
		return nil, err
	}
	out, err := rt.run(c)
	if err == nil {
		return out, nil
	}
	if e, ok := err.(*apiError); ok { //nolint:errorlint // handlers return them as they are
		return nil, e
	}
	return nil, text(http.StatusInternalServerError, err.Error())
}

// reindex notes what search will see of a card once its index has caught up.
func (s *System) reindex(cd *card) {
	words := strings.ToLower(cd.name + " " + cd.desc)
	if n := len(cd.indexed); n > 0 && cd.indexed[n-1].text == words {
		return
	}
	cd.indexed = append(cd.indexed, indexedText{s.now(), words})
	if len(cd.indexed) > 8 {
		cd.indexed = cd.indexed[1:]
	}
}

// seen returns what the search index holds of a card.
func (s *System) seen(cd *card) string {
	limit := s.now().Add(-max(s.opts.Lag, time.Duration(0)))
	words := ""
	for _, it := range cd.indexed {
		if !it.at.After(limit) {
			words = it.text
		}
	}
	return words
}

// getSearch looks for cards and boards by whole words, or by their beginnings
// with partial=true.
func getSearch(c *call) (any, error) {
	p := c.p
	query := strings.Fields(strings.ToLower(p.text("query")))
	if len(query) == 0 {
		return nil, invalid("query")
	}
	matches := func(words string) bool {
		for _, q := range query {
			found := false
			for w := range strings.FieldsSeq(words) {
				found = found || w == q || p.yes("partial") && strings.HasPrefix(w, q)
			}
			if !found {
				return false
			}
		}
		return true
	}
	boards := p.list("idBoards")
	kinds := p.or("modelTypes", "all")
	out := object{"options": object{"terms": []object{{"text": p.text("query")}}, "modelTypes": strings.Split(kinds, ",")}}
	if kinds == "all" || strings.Contains(kinds, "cards") {
		cards, page, most := []object{}, p.number("cards_page", 0), min(p.number("cards_limit", 10), 1000)
		for i, cd := range c.sys.cardsWhere(func(cd *card) bool {
			in := len(boards) == 0 || contains(boards, "mine") || contains(boards, cd.board().id)
			return in && c.may(cd.board(), false) == nil && matches(c.sys.seen(cd))
		}) {
			if i >= page*most && len(cards) < most {
				cards = append(cards, pick(c.sys.cardView(cd), p.text("card_fields"), "all"))
			}
		}
		out["cards"] = cards
	}
	if kinds == "all" || strings.Contains(kinds, "boards") {
		found := []object{}
		for _, b := range c.sys.boards {
			if c.may(b, false) == nil && matches(strings.ToLower(b.name)) {
				found = append(found, pick(c.sys.boardView(b), p.text("board_fields"), "name,idOrganization"))
			}
		}
		out["boards"] = found
	}
	return out, nil
}
