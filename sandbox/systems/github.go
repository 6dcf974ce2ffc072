package systems

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/sandbox/github"
)

type githubHand struct {
	system     *github.System
	repository string
}

func (h githubHand) Records() []Record {
	var list []Record
	for _, i := range h.system.Issues(h.repository) {
		if !i.PullRequest && i.Parent == 0 {
			list = append(list, githubRecord(i))
		}
	}
	return list
}

func (h githubHand) Get(id string) (Record, error) {
	n, err := strconv.Atoi(id)
	if err != nil {
		return Record{}, err
	}
	i, ok := h.system.Issue(h.repository, n)
	if !ok {
		return Record{}, fmt.Errorf("there is no issue %s", id)
	}
	return githubRecord(i), nil
}

func githubRecord(i github.Issue) Record {
	id := strconv.Itoa(i.Number)
	out := Record{ID: id, Mark: id, Fields: map[string]string{"state": i.State}, Tasks: len(i.Children), Changed: i.Updated}
	put(out.Fields, "title", i.Title)
	put(out.Fields, "body", i.Body)
	put(out.Fields, "labels", strings.Join(i.Labels, ", "))
	for _, c := range i.Comments {
		out.Comments = append(out.Comments, c.Text)
	}
	return out
}

func (h githubHand) Create(who string, fields map[string]string) (string, error) {
	n, err := h.system.As(who).Create(h.repository, githubValues(fields))
	return strconv.Itoa(n), err
}

func (h githubHand) Edit(who, id string, fields map[string]string) error {
	n, err := strconv.Atoi(id)
	if err != nil {
		return err
	}
	return h.system.As(who).Edit(h.repository, n, githubValues(fields))
}

func githubValues(fields map[string]string) map[string]any {
	values := map[string]any{}
	for name, value := range fields {
		if values[name] = value; name == "labels" {
			values[name] = strings.Split(value, ", ")
		}
	}
	return values
}

func (h githubHand) Comment(who, id, text string) error {
	n, err := strconv.Atoi(id)
	if err == nil {
		_, err = h.system.As(who).Comment(h.repository, n, text)
	}
	return err
}

func (h githubHand) Remove(who, id string) error {
	n, err := strconv.Atoi(id)
	if err == nil {
		err = h.system.As(who).Close(h.repository, n, "not_planned")
	}
	return err
}
