package asana

import "slices"

func listStories(c *call) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	return list(resources(t.stories))
}

func createStory(c *call) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	if err := c.mayComment(t); err != nil {
		return nil, err
	}
	html, given, err := c.rich("text", "html_text", richText)
	if err != nil {
		return nil, err
	}
	if !given || plainText(html) == "" {
		return nil, invalid("text: Missing input")
	}
	return created(c.s.comment(c, t, html))
}

func (s *System) comment(c *call, t *task, html string) *story {
	st := &story{entity: s.entity(c.now), target: t, by: c.user, subtype: "comment_added", html: html, source: "api"}
	if c.token == nil {
		st.source = "web"
	}
	s.stories[st.gid] = st
	t.stories = append(t.stories, st)
	t.followers = appendUser(t.followers, c.user)
	t.modified = c.now
	s.emit(&event{at: c.now, user: c.user, action: "added", resource: ref{st.gid, "story", st.subtype}, parent: t.ref(), seen: s.seenBy(t)})
	return st
}

func (c *call) story() (*story, *apiError) {
	st := c.s.stories[c.vars["story"]]
	if st == nil || st.target.trashed {
		return nil, unknown("story", c.vars["story"])
	}
	return st, nil
}

func getStory(c *call) (*answer, *apiError) {
	st, err := c.story()
	if err != nil {
		return nil, err
	}
	return just(st)
}

func updateStory(c *call) (*answer, *apiError) {
	st, err := c.story()
	if err != nil {
		return nil, err
	}
	html, given, err := c.rich("text", "html_text", richText)
	switch {
	case err != nil:
		return nil, err
	case given && (!st.isComment() || st.by != c.user):
		return nil, forbidden("You may only edit your own comments")
	case given:
		st.html, st.edited = html, true
		c.s.emit(&event{at: c.now, user: c.user, action: "changed", resource: ref{st.gid, "story", st.subtype}, field: "text", seen: c.s.seenBy(st.target)})
	}
	if c.has("is_pinned") {
		if st.pinned, err = c.flag("is_pinned"); err != nil {
			return nil, err
		}
	}
	return just(st)
}

func deleteStory(c *call) (*answer, *apiError) {
	st, err := c.story()
	if err != nil {
		return nil, err
	}
	if !st.isComment() || st.by != c.user {
		return nil, forbidden("You may only delete your own comments")
	}
	delete(c.s.stories, st.gid)
	st.target.stories = slices.DeleteFunc(st.target.stories, func(x *story) bool { return x == st })
	st.target.modified = c.now
	c.s.emit(&event{at: c.now, user: c.user, action: "deleted", resource: ref{st.gid, "story", st.subtype}, seen: c.s.seenBy(st.target)})
	return nothing()
}
