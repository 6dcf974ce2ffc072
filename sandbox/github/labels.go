package github

import (
	"net/http"
	"slices"
	"strings"
)

func checkLabelName(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return invalid("Label", "name", "missing_field", nil)
	case tooLong(name, maxLabel):
		return invalid("Label", "name", "custom", object{"message": "name is too long (maximum is 50 characters)"})
	}
	return nil
}

func (c *call) labelList(r *repo, list []*label) (reply, error) {
	return page(c, list, func(l *label) any { return c.links().label(r, l) })
}

func (c *call) listLabels() (reply, error) {
	r, err := c.pathRepo()
	if err != nil {
		return reply{}, err
	}
	list := slices.Clone(r.labels)
	slices.SortStableFunc(list, func(a, b *label) int { return strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name)) })
	return c.labelList(r, list)
}

func (c *call) pathLabel() (*repo, *label, error) {
	r, err := c.pathRepo()
	if err != nil {
		return nil, nil, err
	}
	l := r.label(c.values["name"])
	if l == nil {
		return nil, nil, errNotFound
	}
	return r, l, nil
}

func (c *call) getLabel() (reply, error) {
	r, l, err := c.pathLabel()
	if err != nil {
		return reply{}, err
	}
	return ok(c.links().label(r, l)), nil
}

func (c *call) mayTriage(r *repo) error {
	if err := c.mayWrite(r, nil); err != nil {
		return err
	}
	if c.role(r) < roleTriage {
		return c.notAllowed("issues=write")
	}
	return nil
}

func (c *call) createLabel() (reply, error) {
	r, err := c.pathRepo()
	if err != nil {
		return reply{}, err
	}
	if err := c.mayTriage(r); err != nil {
		return reply{}, err
	}
	l := &label{}
	if err := c.readLabel(r, l, "name", true); err != nil {
		return reply{}, err
	}
	made := c.sys.addLabel(r, l.name, orElse(l.color, "ededed"), l.description)
	body := c.links().label(r, made)
	c.sys.tell(r, "label", "created", c.actor(r), object{"label": body})
	return created(body, c.links().repo(r)+"/labels/"+made.name), nil
}

// readLabel reads the members of a label; those that are missing stay.
func (c *call) readLabel(r *repo, l *label, nameMember string, required bool) error {
	m, err := c.members()
	if err != nil {
		return err
	}
	name, has, err := text(m, nameMember)
	if err != nil {
		return err
	}
	if has || required {
		if err := checkLabelName(name); err != nil {
			return err
		}
		if other := r.label(name); other != nil && other != l {
			return invalid("Label", "name", "already_exists", nil)
		}
		l.name = name
	}
	if color, has, err := text(m, "color"); err != nil {
		return err
	} else if has {
		if len(color) != 6 || strings.Trim(strings.ToLower(color), "0123456789abcdef") != "" {
			return invalid("Label", "color", "invalid", nil)
		}
		l.color = strings.ToLower(color)
	}
	if description, has, err := text(m, "description"); err != nil {
		return err
	} else if has {
		if tooLong(description, maxNote) {
			return invalid("Label", "description", "custom", object{"message": "description is too long (maximum is 100 characters)"})
		}
		l.description = description
	}
	return nil
}

func (c *call) editLabel() (reply, error) {
	r, l, err := c.pathLabel()
	if err != nil {
		return reply{}, err
	}
	if err := c.mayTriage(r); err != nil {
		return reply{}, err
	}
	from := l.name
	if err := c.readLabel(r, l, "new_name", false); err != nil {
		return reply{}, err
	}
	body := c.links().label(r, l)
	changes := object{}
	if from != l.name {
		changes["name"] = object{"from": from}
	}
	c.sys.tell(r, "label", "edited", c.actor(r), object{"label": body, "changes": changes})
	return ok(body), nil
}

func (c *call) deleteLabel() (reply, error) {
	r, l, err := c.pathLabel()
	if err != nil {
		return reply{}, err
	}
	if err := c.mayTriage(r); err != nil {
		return reply{}, err
	}
	r.labels = slices.DeleteFunc(r.labels, func(have *label) bool { return have == l })
	for _, i := range r.issues {
		i.labels = slices.DeleteFunc(slices.Clone(i.labels), func(have *label) bool { return have == l })
	}
	c.sys.tell(r, "label", "deleted", c.actor(r), object{"label": c.links().label(r, l)})
	return noContent, nil
}

func (c *call) issueLabels() (reply, error) {
	r, i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	return c.labelList(r, i.labels)
}

// changeLabels runs a change of an issue's labels by their names.
func (c *call) changeLabels(apply func(i *issue, named []*label)) (reply, error) {
	r, i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	if err := c.mayWrite(r, i); err != nil {
		return reply{}, err
	}
	names, err := c.labelNames()
	if err != nil {
		return reply{}, err
	}
	for _, name := range names {
		if err := checkLabelName(name); err != nil {
			return reply{}, err
		}
	}
	if c.role(r) >= roleTriage { // else the write is dropped without a word
		apply(i, c.sys.labelsNamed(r, names, true))
	}
	return c.labelList(r, i.labels)
}

// labelNames reads {"labels":[…]}, or the bare list that is taken as well.
func (c *call) labelNames() ([]string, error) {
	if trimmed := strings.TrimSpace(string(c.body)); strings.HasPrefix(trimmed, "[") {
		c.body = []byte(`{"labels":` + trimmed + `}`)
	}
	m, err := c.members()
	if err != nil {
		return nil, err
	}
	if _, there := m["labels"]; !there {
		return nil, nil
	}
	return texts(m, "labels")
}

func (c *call) addIssueLabels() (reply, error) {
	return c.changeLabels(func(i *issue, named []*label) {
		for _, l := range named {
			c.sys.giveLabel(c.actor(i.repo), i, l)
		}
	})
}

func (c *call) setIssueLabels() (reply, error) {
	return c.changeLabels(func(i *issue, named []*label) { c.sys.setLabels(c.actor(i.repo), i, named) })
}

func (c *call) clearIssueLabels() (reply, error) {
	c.body = nil
	if _, err := c.changeLabels(func(i *issue, _ []*label) { c.sys.setLabels(c.actor(i.repo), i, nil) }); err != nil {
		return reply{}, err
	}
	return noContent, nil
}

func (c *call) removeIssueLabel() (reply, error) {
	r, i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	if err := c.mayTriage(r); err != nil {
		return reply{}, err
	}
	l := r.label(c.values["name"])
	if l == nil || !slices.Contains(i.labels, l) {
		return reply{}, fail(http.StatusNotFound, "Label does not exist")
	}
	c.sys.removeLabel(c.actor(r), i, l)
	return c.labelList(r, i.labels)
}
