package hubspot

import (
	"slices"
	"strconv"
	"time"
)

type pipeline struct {
	Label        string   `json:"label"`
	DisplayOrder int      `json:"displayOrder"`
	ID           string   `json:"id"`
	Stages       []*stage `json:"stages"`
	CreatedAt    string   `json:"createdAt"`
	UpdatedAt    string   `json:"updatedAt"`
	Archived     bool     `json:"archived"`

	audits []auditInfo
}

type stage struct {
	Label            string            `json:"label"`
	DisplayOrder     int               `json:"displayOrder"`
	Metadata         map[string]string `json:"metadata"`
	ID               string            `json:"id"`
	CreatedAt        string            `json:"createdAt"`
	UpdatedAt        string            `json:"updatedAt"`
	WritePermissions string            `json:"writePermissions,omitempty"`
	Archived         bool              `json:"archived"`

	audits []auditInfo
}

type auditInfo struct {
	PortalID   int    `json:"portalId"`
	Identifier string `json:"identifier"`
	Action     string `json:"action"`
	Timestamp  string `json:"timestamp"`
	Message    string `json:"message"`
	RawObject  any    `json:"rawObject"`
	FromUserID int    `json:"fromUserId,omitempty"`
}

const epoch = "1970-01-01T00:00:00Z"

func (ot *objectType) pipeline(id string) *pipeline {
	for _, pl := range ot.pipelines {
		if pl.ID == id {
			return pl
		}
	}
	return nil
}

func (pl *pipeline) stage(id string) *stage {
	for _, st := range pl.Stages {
		if st.ID == id {
			return st
		}
	}
	return nil
}

func (pl *pipeline) sort() {
	slices.SortStableFunc(pl.Stages, func(a, b *stage) int { return a.DisplayOrder - b.DisplayOrder })
}

// stageMetadata returns the metadata of the stage that r is in; nil if none.
func (ot *objectType) stageMetadata(r *record) map[string]string {
	id := r.text(ot.stageProp)
	if id == "" {
		return nil
	}
	for _, pl := range ot.pipelines {
		if st := pl.stage(id); st != nil && (pl.ID == r.text(ot.pipelineProp) || r.text(ot.pipelineProp) == "") {
			return st.Metadata
		}
	}
	return nil
}

// inUse reports whether a live record is in the stage, or in any of the
// pipeline if stageID is empty.
func (ot *objectType) inUse(pipelineID, stageID string) bool {
	for _, r := range ot.records {
		if !r.archived && r.text(ot.pipelineProp) == pipelineID && (stageID == "" || r.text(ot.stageProp) == stageID) {
			return true
		}
	}
	return false
}

// newPipeline builds a pipeline as it stands in a new account. Each stage is
// id, label and the value of its metadata key.
func newPipeline(id, label, key string, stages [][3]string) *pipeline {
	pl := &pipeline{ID: id, Label: label, CreatedAt: epoch, UpdatedAt: epoch}
	for i, st := range stages {
		meta := map[string]string{key: st[2]}
		switch key {
		case "probability":
			meta["isClosed"] = strconv.FormatBool(st[2] == "1.0" || st[2] == "0.0")
		case "ticketState":
			meta["isClosed"] = strconv.FormatBool(st[2] == "CLOSED")
		}
		pl.Stages = append(pl.Stages, &stage{
			ID: st[0], Label: st[1], DisplayOrder: i, Metadata: meta, CreatedAt: epoch, UpdatedAt: epoch,
			WritePermissions: "CRM_PERMISSIONS_ENFORCEMENT",
		})
	}
	return pl
}

// standardPipelines are those of a new account.
func (s *System) standardPipelines() {
	s.typeByName("deals").pipelines = []*pipeline{newPipeline("default", "Sales Pipeline", "probability", [][3]string{
		{"appointmentscheduled", "Appointment Scheduled", "0.2"},
		{"qualifiedtobuy", "Qualified To Buy", "0.4"},
		{"presentationscheduled", "Presentation Scheduled", "0.6"},
		{"decisionmakerboughtin", "Decision Maker Bought-In", "0.8"},
		{"contractsent", "Contract Sent", "0.9"},
		{"closedwon", "Closed Won", "1.0"},
		{"closedlost", "Closed Lost", "0.0"},
	})}
	s.typeByName("tickets").pipelines = []*pipeline{newPipeline("0", "Support Pipeline", "ticketState", [][3]string{
		{"1", "New", "OPEN"}, {"2", "Waiting on contact", "OPEN"}, {"3", "Waiting on us", "OPEN"}, {"4", "Closed", "CLOSED"},
	})}
	s.typeByName("projects").pipelines = []*pipeline{newPipeline("project-pipeline", "Project Pipeline", "isClosed", [][3]string{
		{"project-not-started", "Not started", "false"}, {"project-active", "Active", "false"}, {"project-done", "Done", "true"},
	})}
}

// audit notes a change of a pipeline or stage.
func (s *System) audit(list *[]auditInfo, id, action string, raw any, now time.Time) {
	*list = append(*list, auditInfo{
		PortalID: s.portalID, Identifier: id, Action: action, Timestamp: formatTime(now), Message: action, RawObject: raw,
	})
}
