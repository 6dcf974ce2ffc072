package asana

import (
	"context"
	"net/url"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// Locate implements connectors.Locator: by an address of a task or project, in
// the older form (/0/PROJECT/TASK) or the newer (/1/WORKSPACE/project/P/task/T),
// or by a gid of a task.
func (c *Connection) Locate(ctx context.Context, text string) (connectors.Ref, error) {
	object, id := c.gidIn(text)
	switch {
	case id == "":
		return connectors.Ref{}, nil
	case object == objectProject:
		return connectors.Ref{Connection: c.name, Object: object, ID: id}, nil
	}
	var w wireTask
	err := c.get(ctx, "locate", objectTask+"/"+id, "/tasks/{id}", map[string]string{"id": id}, "memberships.project.gid,parent.gid", &w)
	switch {
	case err == nil && isID(w.GID):
		if len(w.Memberships) == 0 && w.Parent.v.GID != "" {
			return connectors.Ref{Connection: c.name, Object: objectSubtask, ID: w.GID}, nil
		}
		return connectors.Ref{Connection: c.name, Object: objectTask, ID: w.GID}, nil
	case err == nil || connectors.AboutRecord(err):
		return connectors.Ref{}, nil
	}
	return connectors.Ref{}, err
}

// gidIn returns what a text names, "" for nothing of this Asana.
func (c *Connection) gidIn(text string) (object, id string) {
	if isID(text) && len(text) >= 10 {
		return objectTask, text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || len(text) > 1000 {
		return "", ""
	}
	site, err := url.Parse(c.site)
	if err != nil || !strings.EqualFold(u.Host, site.Host) && !strings.EqualFold(u.Host, "app.asana.com") {
		return "", ""
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) < 3 {
		return "", ""
	}
	switch parts[0] {
	case "0":
		if isID(parts[2]) {
			return objectTask, parts[2]
		}
		if isID(parts[1]) && len(parts[1]) > 1 {
			return objectProject, parts[1]
		}
	case "1":
		for i := len(parts) - 2; i > 0; i-- {
			if (parts[i] == objectTask || parts[i] == objectProject) && isID(parts[i+1]) {
				return parts[i], parts[i+1]
			}
		}
	}
	return "", ""
}
