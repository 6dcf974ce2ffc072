package hubspot

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxStages = 100

type pipelineInput struct {
	ID           string       `json:"pipelineId"`
	Label        *string      `json:"label"`
	DisplayOrder *int         `json:"displayOrder"`
	Stages       []stageInput `json:"stages"`
	Archived     *bool        `json:"archived"`
}

type stageInput struct {
	ID           string            `json:"stageId"`
	Label        *string           `json:"label"`
	DisplayOrder *int              `json:"displayOrder"`
	Metadata     map[string]string `json:"metadata"`
	Archived     *bool             `json:"archived"`
}

// pipelineType is the type that the path names, if it has pipelines and the
// token has the right to its records.
func (c *call) pipelineType(write bool) (*objectType, *apiError) {
	ot, err := c.objectType("type")
	if err != nil {
		return nil, err
	}
	if ot.stageProp == "" {
		return nil, invalid("Object type %s does not support pipelines", ot.upper)
	}
	if write {
		return ot, c.require(append(schemaScope(ot, "write"), ot.write)...)
	}
	return ot, c.require(append(schemaScope(ot, "read"), ot.read)...)
}

func (c *call) pipeline(write bool) (*objectType, *pipeline, *apiError) {
	ot, err := c.pipelineType(write)
	if err != nil {
		return nil, nil, err
	}
	id := c.r.PathValue("pipeline")
	if pl := ot.pipeline(id); pl != nil {
		return ot, pl, nil
	}
	return ot, nil, newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "pipeline %s not found", id).sub("PipelineError.PIPELINE_NOT_FOUND").with("pipelineId", id)
}

func (c *call) stage(write bool) (*objectType, *pipeline, *stage, *apiError) {
	ot, pl, err := c.pipeline(write)
	if err != nil {
		return nil, nil, nil, err
	}
	id := c.r.PathValue("stage")
	if st := pl.stage(id); st != nil {
		return ot, pl, st, nil
	}
	return ot, pl, nil, newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "stage %s not found", id).sub("PipelineError.STAGE_NOT_FOUND").with("stageId", id)
}

func listPipelines(c *call) (int, any, *apiError) {
	ot, err := c.pipelineType(false)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"results": append([]*pipeline{}, ot.pipelines...)}, nil
}

func getPipeline(c *call) (int, any, *apiError) {
	_, pl, err := c.pipeline(false)
	return http.StatusOK, pl, err
}

// check refuses a stage that lacks what its type needs.
func (in stageInput) check(ot *objectType) *apiError {
	if in.Label == nil || *in.Label == "" || in.DisplayOrder == nil {
		return missingFields("displayOrder", "label")
	}
	if ot.name == "deals" {
		p, err := strconv.ParseFloat(in.Metadata["probability"], 64)
		if err != nil || p < 0 || p > 1 {
			return invalid("Deal stages need a metadata.probability between 0.0 and 1.0").sub("PipelineError.INVALID_METADATA")
		}
	}
	if state, given := in.Metadata["ticketState"]; ot.name == "tickets" && given && state != "OPEN" && state != "CLOSED" {
		return invalid("metadata.ticketState must be OPEN or CLOSED").sub("PipelineError.INVALID_METADATA")
	}
	return nil
}

// newStage makes a stage with a number as its id, as people's own stages have.
func (s *System) newStage(ot *objectType, in stageInput, now time.Time) *stage {
	st := &stage{
		ID: in.ID, Label: *in.Label, DisplayOrder: *in.DisplayOrder, Metadata: map[string]string{},
		CreatedAt: formatTime(now), UpdatedAt: formatTime(now), WritePermissions: "CRM_PERMISSIONS_ENFORCEMENT",
	}
	if st.ID == "" {
		st.ID = strconv.Itoa(1_000_000_000 + s.rand.IntN(900_000_000))
	}
	maps.Copy(st.Metadata, in.Metadata)
	st.closed(ot)
	s.audit(&st.audits, st.ID, "CREATE", nil, now)
	return st
}

func (st *stage) closed(ot *objectType) {
	switch ot.name {
	case "deals":
		p, _ := strconv.ParseFloat(st.Metadata["probability"], 64)
		st.Metadata["isClosed"] = strconv.FormatBool(p == 0 || p == 1)
	case "tickets":
		if st.Metadata["ticketState"] == "" {
			st.Metadata["ticketState"] = "OPEN"
		}
		st.Metadata["isClosed"] = strconv.FormatBool(st.Metadata["ticketState"] == "CLOSED")
	}
}

func (in pipelineInput) check(ot *objectType) *apiError {
	if in.Label == nil || *in.Label == "" || in.DisplayOrder == nil || in.Stages == nil {
		return missingFields("displayOrder", "label", "stages")
	}
	if len(in.Stages) > maxStages {
		return invalid("A pipeline has at most %d stages", maxStages)
	}
	for _, st := range in.Stages {
		if err := st.check(ot); err != nil {
			return err
		}
	}
	return nil
}

func createPipeline(c *call) (int, any, *apiError) {
	ot, err := c.pipelineType(true)
	if err != nil {
		return 0, nil, err
	}
	var in pipelineInput
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if err := in.check(ot); err != nil {
		return 0, nil, err
	}
	for _, have := range ot.pipelines {
		if strings.EqualFold(have.Label, *in.Label) || have.ID == in.ID {
			return 0, nil, newError(http.StatusConflict, "CONFLICT", "A pipeline with the label '%s' already exists", *in.Label).
				sub("PipelineError.PIPELINE_LABEL_CONFLICT")
		}
	}
	pl := &pipeline{ID: in.ID, Label: *in.Label, DisplayOrder: *in.DisplayOrder, CreatedAt: formatTime(c.now), UpdatedAt: formatTime(c.now)}
	if pl.ID == "" {
		pl.ID = strconv.Itoa(700_000_000 + c.s.rand.IntN(99_000_000))
	}
	for _, st := range in.Stages {
		pl.Stages = append(pl.Stages, c.s.newStage(ot, st, c.now))
	}
	pl.sort()
	ot.pipelines = append(ot.pipelines, pl)
	c.s.audit(&pl.audits, pl.ID, "CREATE", nil, c.now)
	return http.StatusCreated, pl, nil
}

// replacePipeline puts label, order and stages in place of the present ones;
// stages are recognised by id, else by label.
func replacePipeline(c *call) (int, any, *apiError) {
	ot, pl, err := c.pipeline(true)
	if err != nil {
		return 0, nil, err
	}
	var in pipelineInput
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if err := in.check(ot); err != nil {
		return 0, nil, err
	}
	var stages []*stage
	for _, input := range in.Stages {
		i := slices.IndexFunc(pl.Stages, func(st *stage) bool {
			return st.ID == input.ID || input.ID == "" && st.Label == *input.Label
		})
		if i < 0 {
			stages = append(stages, c.s.newStage(ot, input, c.now))
			continue
		}
		c.s.changeStage(ot, pl.Stages[i], input, c.now)
		stages = append(stages, pl.Stages[i])
	}
	for _, st := range pl.Stages {
		if !slices.Contains(stages, st) && ot.inUse(pl.ID, st.ID) {
			return 0, nil, stageInUse(st)
		}
	}
	pl.Label, pl.DisplayOrder, pl.Stages, pl.UpdatedAt = *in.Label, *in.DisplayOrder, stages, formatTime(c.now)
	pl.sort()
	c.s.audit(&pl.audits, pl.ID, "UPDATE", nil, c.now)
	return http.StatusOK, pl, nil
}

func updatePipeline(c *call) (int, any, *apiError) {
	_, pl, err := c.pipeline(true)
	if err != nil {
		return 0, nil, err
	}
	var in pipelineInput
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Label != nil {
		pl.Label = *in.Label
	}
	if in.DisplayOrder != nil {
		pl.DisplayOrder = *in.DisplayOrder
	}
	if in.Archived != nil {
		pl.Archived = *in.Archived
	}
	pl.UpdatedAt = formatTime(c.now)
	c.s.audit(&pl.audits, pl.ID, "UPDATE", nil, c.now)
	return http.StatusOK, pl, nil
}

func deletePipeline(c *call) (int, any, *apiError) {
	ot, pl, err := c.pipeline(true)
	if err != nil {
		return 0, nil, err
	}
	checked := c.query.Get("validateReferencesBeforeDelete") == "true" || c.query.Get("validateDealStageUsagesBeforeDelete") == "true"
	if checked && ot.inUse(pl.ID, "") {
		for _, st := range pl.Stages {
			if ot.inUse(pl.ID, st.ID) {
				return 0, nil, stageInUse(st)
			}
		}
	}
	if len(ot.pipelines) == 1 {
		return 0, nil, invalid("The last pipeline cannot be deleted").sub("PipelineError.CANNOT_DELETE_LAST_PIPELINE")
	}
	ot.pipelines = slices.DeleteFunc(ot.pipelines, func(have *pipeline) bool { return have == pl })
	return http.StatusNoContent, nil, nil
}

func stageInUse(st *stage) *apiError {
	return invalid("Stage ID %s is being referenced by object IDs", st.ID).sub("PipelineError.STAGE_ID_IN_USE").with("stageId", st.ID)
}

func pipelineAudit(c *call) (int, any, *apiError) {
	_, pl, err := c.pipeline(false)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"results": append([]auditInfo{}, pl.audits...)}, nil
}

func listStages(c *call) (int, any, *apiError) {
	_, pl, err := c.pipeline(false)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"results": append([]*stage{}, pl.Stages...)}, nil
}

func getStage(c *call) (int, any, *apiError) {
	_, _, st, err := c.stage(false)
	return http.StatusOK, st, err
}

func createStage(c *call) (int, any, *apiError) {
	ot, pl, err := c.pipeline(true)
	if err != nil {
		return 0, nil, err
	}
	var in stageInput
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if err := in.check(ot); err != nil {
		return 0, nil, err
	}
	for _, have := range pl.Stages {
		if strings.EqualFold(have.Label, *in.Label) || have.ID == in.ID {
			return 0, nil, newError(http.StatusConflict, "CONFLICT", "A stage with the label '%s' already exists", *in.Label).
				sub("PipelineError.STAGE_LABEL_CONFLICT")
		}
	}
	if len(pl.Stages) >= maxStages {
		return 0, nil, invalid("A pipeline has at most %d stages", maxStages)
	}
	st := c.s.newStage(ot, in, c.now)
	pl.Stages = append(pl.Stages, st)
	pl.sort()
	return http.StatusCreated, st, nil
}

func (s *System) changeStage(ot *objectType, st *stage, in stageInput, now time.Time) {
	if in.Label != nil {
		st.Label = *in.Label
	}
	if in.DisplayOrder != nil {
		st.DisplayOrder = *in.DisplayOrder
	}
	if in.Archived != nil {
		st.Archived = *in.Archived
	}
	maps.Copy(st.Metadata, in.Metadata)
	st.closed(ot)
	st.UpdatedAt = formatTime(now)
	s.audit(&st.audits, st.ID, "UPDATE", nil, now)
}

func replaceStage(c *call) (int, any, *apiError) {
	ot, pl, st, err := c.stage(true)
	if err != nil {
		return 0, nil, err
	}
	var in stageInput
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if err := in.check(ot); err != nil {
		return 0, nil, err
	}
	st.Metadata = map[string]string{}
	c.s.changeStage(ot, st, in, c.now)
	pl.sort()
	return http.StatusOK, st, nil
}

func updateStage(c *call) (int, any, *apiError) {
	ot, pl, st, err := c.stage(true)
	if err != nil {
		return 0, nil, err
	}
	var in stageInput
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	c.s.changeStage(ot, st, in, c.now)
	pl.sort()
	return http.StatusOK, st, nil
}

func deleteStage(c *call) (int, any, *apiError) {
	ot, pl, st, err := c.stage(true)
	if err != nil {
		return 0, nil, err
	}
	if ot.inUse(pl.ID, st.ID) {
		return 0, nil, stageInUse(st)
	}
	pl.Stages = slices.DeleteFunc(pl.Stages, func(have *stage) bool { return have == st })
	return http.StatusNoContent, nil, nil
}

func stageAudit(c *call) (int, any, *apiError) {
	_, _, st, err := c.stage(false)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"results": append([]auditInfo{}, st.audits...)}, nil
}
