package hubspot

import (
	"net/http"
	"strings"
)

// datedVersions are the spellings by date that the service knows.
var datedVersions = []string{"2025-09", "2026-03", "2026-09"}

// isLegacyPath reports whether the path has a v1 to v4 segment.
func isLegacyPath(path string) bool {
	for _, part := range strings.Split(path, "/") {
		if len(part) == 2 && part[0] == 'v' && part[1] >= '1' && part[1] <= '4' {
			return true
		}
	}
	return false
}

// router registers operations under all spellings of their area.
type router struct {
	s   *System
	mux *http.ServeMux
}

// dated returns the spellings of an area: the legacy ones and area/{date}.
func dated(area string, legacy ...string) []string {
	out := legacy
	for _, v := range datedVersions {
		out = append(out, area+"/"+v)
	}
	return out
}

func (rt router) handle(method string, bases []string, path string, op operation) {
	for _, base := range bases {
		rt.mux.HandleFunc(method+" "+base+path, rt.s.handle(op))
	}
}

// routes builds the mux of the API.
func (s *System) routes() *http.ServeMux {
	rt := router{s: s, mux: http.NewServeMux()}
	rt.objects()
	rt.associations()
	rt.definitions()
	rt.account()
	rt.files()
	s.oauthRoutes(rt.mux)
	s.webhookRoutes(rt.mux)
	rt.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			probe := r.Clone(r.Context())
			probe.Method = method
			if _, pattern := rt.mux.Handler(probe); pattern != "/" && pattern != "" {
				notThere(w, http.StatusMethodNotAllowed)
				return
			}
		}
		notThere(w, http.StatusNotFound)
	})
	return rt.mux
}

func (rt router) objects() {
	objects := dated("/crm/objects", "/crm/v3/objects", "/crm/objects/v3")
	rt.handle("GET", objects, "/{type}", listRecords)
	rt.handle("POST", objects, "/{type}", createRecord)
	rt.handle("GET", objects, "/{type}/{id}", getRecord)
	rt.handle("PATCH", objects, "/{type}/{id}", updateRecord)
	rt.handle("DELETE", objects, "/{type}/{id}", deleteRecord)
	rt.handle("POST", objects, "/{type}/search", searchRecords)
	rt.handle("POST", objects, "/{type}/merge", mergeRecords)
	rt.handle("POST", objects, "/{type}/gdpr-delete", privacyDelete)
	rt.handle("POST", objects, "/{type}/batch/read", batchRead)
	rt.handle("POST", objects, "/{type}/batch/create", batchCreate)
	rt.handle("POST", objects, "/{type}/batch/update", batchUpdate)
	rt.handle("POST", objects, "/{type}/batch/upsert", batchUpsert)
	rt.handle("POST", objects, "/{type}/batch/archive", batchArchive)
}

func (rt router) associations() {
	v4 := []string{"/crm/v4/objects"}
	pairs := dated("/crm/objects", v4...)
	rt.handle("GET", pairs, "/{type}/{id}/associations/{to}", listLinks)
	rt.handle("PUT", pairs, "/{type}/{id}/associations/{to}/{toID}", putLink)
	rt.handle("DELETE", pairs, "/{type}/{id}/associations/{to}/{toID}", deleteLinks)
	rt.handle("PUT", pairs, "/{type}/{id}/associations/default/{to}/{toID}", putDefaultLink)
	batches := dated("/crm/associations", "/crm/v4/associations", "/crm/associations/v4")
	rt.handle("POST", batches, "/{type}/{to}/batch/read", batchReadLinks)
	rt.handle("POST", batches, "/{type}/{to}/batch/create", batchCreateLinks)
	rt.handle("POST", batches, "/{type}/{to}/batch/associate/default", batchDefaultLinks)
	rt.handle("POST", batches, "/{type}/{to}/batch/archive", batchArchiveLinks)
	rt.handle("POST", batches, "/{type}/{to}/batch/labels/archive", batchArchiveLabels)
	rt.handle("GET", batches, "/{type}/{to}/labels", listLabels)
	rt.handle("POST", batches, "/{type}/{to}/labels", createLabel)
	rt.handle("PUT", batches, "/{type}/{to}/labels", updateLabel)
	rt.handle("DELETE", batches, "/{type}/{to}/labels/{label}", deleteLabel)
	old := []string{"/crm/v3/associations"}
	rt.handle("POST", old, "/{type}/{to}/batch/create", oldCreateLinks)
	rt.handle("POST", old, "/{type}/{to}/batch/read", oldReadLinks)
	rt.handle("POST", old, "/{type}/{to}/batch/archive", oldArchiveLinks)
	rt.handle("GET", old, "/{type}/{to}/types", oldLinkTypes)
	oldSingle := []string{"/crm/v3/objects"}
	rt.handle("GET", oldSingle, "/{type}/{id}/associations/{to}", oldListLinks)
	rt.handle("PUT", oldSingle, "/{type}/{id}/associations/{to}/{toID}/{kind}", oldPutLink)
	rt.handle("DELETE", oldSingle, "/{type}/{id}/associations/{to}/{toID}/{kind}", oldDeleteLink)
}

func (rt router) definitions() {
	properties := dated("/crm/properties", "/crm/v3/properties", "/crm/properties/v3")
	rt.handle("GET", properties, "/{type}", listProperties)
	rt.handle("POST", properties, "/{type}", createProperty)
	rt.handle("GET", properties, "/{type}/{name}", getProperty)
	rt.handle("PATCH", properties, "/{type}/{name}", updateProperty)
	rt.handle("DELETE", properties, "/{type}/{name}", deleteProperty)
	rt.handle("POST", properties, "/{type}/batch/read", batchReadProperties)
	rt.handle("POST", properties, "/{type}/batch/create", batchCreateProperties)
	rt.handle("POST", properties, "/{type}/batch/archive", batchArchiveProperties)
	rt.handle("GET", properties, "/{type}/groups", listGroups)
	rt.handle("POST", properties, "/{type}/groups", createGroup)
	rt.handle("GET", properties, "/{type}/groups/{group}", getGroup)
	rt.handle("PATCH", properties, "/{type}/groups/{group}", updateGroup)
	rt.handle("DELETE", properties, "/{type}/groups/{group}", deleteGroup)

	pipelines := dated("/crm/pipelines", "/crm/v3/pipelines", "/crm/pipelines/v3")
	rt.handle("GET", pipelines, "/{type}", listPipelines)
	rt.handle("POST", pipelines, "/{type}", createPipeline)
	rt.handle("GET", pipelines, "/{type}/{pipeline}", getPipeline)
	rt.handle("PUT", pipelines, "/{type}/{pipeline}", replacePipeline)
	rt.handle("PATCH", pipelines, "/{type}/{pipeline}", updatePipeline)
	rt.handle("DELETE", pipelines, "/{type}/{pipeline}", deletePipeline)
	rt.handle("GET", pipelines, "/{type}/{pipeline}/audit", pipelineAudit)
	rt.handle("GET", pipelines, "/{type}/{pipeline}/stages", listStages)
	rt.handle("POST", pipelines, "/{type}/{pipeline}/stages", createStage)
	rt.handle("GET", pipelines, "/{type}/{pipeline}/stages/{stage}", getStage)
	rt.handle("PUT", pipelines, "/{type}/{pipeline}/stages/{stage}", replaceStage)
	rt.handle("PATCH", pipelines, "/{type}/{pipeline}/stages/{stage}", updateStage)
	rt.handle("DELETE", pipelines, "/{type}/{pipeline}/stages/{stage}", deleteStage)
	rt.handle("GET", pipelines, "/{type}/{pipeline}/stages/{stage}/audit", stageAudit)

	schemas := append(dated("/crm-object-schemas", "/crm-object-schemas/v3"), "/crm/v3")
	rt.handle("GET", schemas, "/schemas", listSchemas)
	rt.handle("POST", schemas, "/schemas", createSchema)
	rt.handle("GET", schemas, "/schemas/{type}", getSchema)
	rt.handle("PATCH", schemas, "/schemas/{type}", updateSchema)
	rt.handle("DELETE", schemas, "/schemas/{type}", deleteSchema)
	rt.handle("POST", schemas, "/schemas/{type}/associations", createSchemaLink)
	rt.handle("DELETE", schemas, "/schemas/{type}/associations/{link}", deleteSchemaLink)
}

func (rt router) account() {
	owners := dated("/crm/owners", "/crm/v3/owners", "/crm/owners/v3")
	owned := func(op operation) operation {
		return func(c *call) (int, any, *apiError) {
			if err := c.require("crm.objects.owners.read"); err != nil {
				return 0, nil, err
			}
			return op(c)
		}
	}
	rt.handle("GET", owners, "", owned(listOwners))
	rt.handle("GET", owners, "/{$}", owned(listOwners))
	rt.handle("GET", owners, "/{owner}", owned(getOwner))
	info := dated("/account-info", "/account-info/v3")
	rt.handle("GET", info, "/details", accountDetails)
	rt.handle("GET", info, "/api-usage/daily/private-apps", apiUsage)
	rt.handle("GET", dated("/crm/limits"), "/custom-properties", propertyLimits)
	rt.handle("POST", dated("/automation/actions/callbacks"), "/{callback}/complete", completeAction)
	rt.handle("POST", []string{"/automation/v4/actions/callbacks"}, "/{callback}/complete", completeAction)
}
