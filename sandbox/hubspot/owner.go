package hubspot

import (
	"net/http"
	"strconv"
	"strings"
)

// owner is a person to whom records can belong.
type owner struct {
	ID                      string      `json:"id"`
	Email                   string      `json:"email,omitempty"`
	Type                    string      `json:"type"`
	FirstName               string      `json:"firstName"`
	LastName                string      `json:"lastName"`
	UserID                  *int        `json:"userId"`
	UserIDIncludingInactive int         `json:"userIdIncludingInactive"`
	CreatedAt               string      `json:"createdAt"`
	UpdatedAt               string      `json:"updatedAt"`
	Archived                bool        `json:"archived"`
	Teams                   []ownerTeam `json:"teams,omitempty"`
}

type ownerTeam struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Primary bool   `json:"primary"`
}

func (s *System) ownerByID(id string) *owner {
	for _, o := range s.owners {
		if o.ID == id {
			return o
		}
	}
	return nil
}

func (s *System) ownerByEmail(email string) *owner {
	for _, o := range s.owners {
		if strings.EqualFold(o.Email, email) {
			return o
		}
	}
	return nil
}

func listOwners(c *call) (int, any, *apiError) {
	archived, err := c.flag("archived")
	if err != nil {
		return 0, nil, err
	}
	limit, err := c.limit(100, 500)
	if err != nil {
		return 0, nil, err
	}
	email := c.query.Get("email")
	var found []*owner
	for _, o := range c.s.owners {
		if o.Archived == archived && (email == "" || strings.EqualFold(o.Email, email)) {
			found = append(found, o)
		}
	}
	from, err := c.after()
	if err != nil {
		return 0, nil, err
	}
	page := found[min(from, len(found)):min(from+limit, len(found))]
	out := map[string]any{"results": append([]*owner{}, page...)}
	if from+limit < len(found) {
		out["paging"] = c.next(strconv.Itoa(from + limit))
	}
	return http.StatusOK, out, nil
}

func getOwner(c *call) (int, any, *apiError) {
	archived, err := c.flag("archived")
	if err != nil {
		return 0, nil, err
	}
	id := c.r.PathValue("owner")
	for _, o := range c.s.owners {
		match := o.ID == id
		if strings.EqualFold(c.query.Get("idProperty"), "userId") {
			match = strconv.Itoa(o.UserIDIncludingInactive) == id
		}
		if match && o.Archived == archived {
			return http.StatusOK, o, nil
		}
	}
	return 0, nil, newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "resource not found")
}
