package salesforce

import (
	"net/http"
	"strings"
)

type route struct {
	method string
	path   []string // {name} stands for any segment, {name...} for the rest
	op     operation
}

type router struct{ routes []route }

// find returns the operation for a path below the version. Names of resources
// are as given; those of objects and fields are resolved in any case later.
func (rt *router) find(method string, path []string) (operation, map[string]string, *apiError) {
	for len(path) > 0 && path[len(path)-1] == "" {
		path = path[:len(path)-1]
	}
	known := false
	for _, r := range rt.routes {
		param, fits := r.match(path)
		if !fits {
			continue
		}
		if r.method == method || method == http.MethodHead && r.method == http.MethodGet {
			return r.op, param, nil
		}
		known = true
	}
	if known {
		return nil, nil, refuseCall(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method '%s' not allowed. Allowed are HEAD,GET,POST,PATCH,DELETE", method)
	}
	return nil, nil, notFound()
}

func (r route) match(path []string) (map[string]string, bool) {
	param := map[string]string{}
	for i, seg := range r.path {
		if name, ok := strings.CutSuffix(seg, "...}"); ok {
			param[name[1:]] = strings.Join(path[min(i, len(path)):], "/")
			return param, i < len(path)
		}
		if i >= len(path) {
			return nil, false
		}
		if seg[0] == '{' {
			param[seg[1:len(seg)-1]] = path[i]
		} else if seg != path[i] {
			return nil, false
		}
	}
	return param, len(path) == len(r.path)
}

func (rt *router) handle(method, path string, op operation) {
	var parts []string
	if path != "" {
		parts = strings.Split(path, "/")
	}
	rt.routes = append(rt.routes, route{method, parts, op})
}

// newRouter lists the resources, the special ones before the general.
func newRouter() *router {
	rt := &router{}
	rt.handle("GET", "", resources)
	rt.handle("GET", "limits", limitsOf)
	rt.handle("GET", "recent", recent)
	rt.handle("GET", "query", queryRows)
	rt.handle("GET", "queryAll", queryAllRows)
	rt.handle("GET", "query/{locator}", queryMore)
	rt.handle("GET", "queryAll/{locator}", queryMore)
	rt.handle("DELETE", "query/{locator}", dropLocator)
	rt.handle("GET", "search", search)
	rt.handle("GET", "parameterizedSearch", parameterSearch)
	rt.handle("POST", "parameterizedSearch", parameterSearch)

	rt.handle("POST", "tooling/sobjects/{object}", toolingCreate)
	rt.handle("GET", "tooling/query", toolingQuery)
	rt.handle("POST", "chatter/feed-elements", createFeedElement)
	rt.handle("GET", "chatter/feeds/record/{id}/feed-elements", recordFeed)

	rt.handle("GET", "actions", actionList)
	rt.handle("GET", "actions/standard", actionList)
	rt.handle("POST", "actions/standard/chatterPost", chatterPost)
	rt.handle("GET", "ui-api/object-info/{object}/picklist-values/{type}", picklistValues)

	rt.handle("GET", "jobs/query", listJobs)
	rt.handle("POST", "jobs/query", createQueryJob)
	rt.handle("GET", "jobs/query/{job}", queryJobInfo)
	rt.handle("PATCH", "jobs/query/{job}", abortQuery)
	rt.handle("DELETE", "jobs/query/{job}", deleteJob)
	rt.handle("GET", "jobs/query/{job}/results", queryJobResults)
	rt.handle("GET", "jobs/ingest", listJobs)
	rt.handle("POST", "jobs/ingest", createIngest)
	rt.handle("GET", "jobs/ingest/{job}", ingestInfo)
	rt.handle("PATCH", "jobs/ingest/{job}", setIngestState)
	rt.handle("DELETE", "jobs/ingest/{job}", deleteJob)
	rt.handle("PUT", "jobs/ingest/{job}/batches", uploadBatch)
	for _, part := range []string{"successfulResults", "failedResults", "unprocessedrecords"} {
		rt.handle("GET", "jobs/ingest/{job}/"+part, ingestResults)
	}

	rt.handle("POST", "composite", composite)
	rt.handle("POST", "composite/batch", compositeBatch)
	rt.handle("POST", "composite/graph", compositeGraph)
	rt.handle("POST", "composite/tree/{object}", compositeTree)
	rt.handle("POST", "composite/sobjects", createRows)
	rt.handle("PATCH", "composite/sobjects", updateRows)
	rt.handle("DELETE", "composite/sobjects", deleteRows)
	rt.handle("GET", "composite/sobjects/{object}", retrieveRows)
	rt.handle("POST", "composite/sobjects/{object}", retrieveRows)
	rt.handle("PATCH", "composite/sobjects/{object}/{field}", upsertRows)

	rt.handle("GET", "sobjects", describeGlobal)
	rt.handle("GET", "sobjects/{object}", basicInfo)
	rt.handle("POST", "sobjects/{object}", createRecord)
	rt.handle("GET", "sobjects/{object}/describe", describeObject)
	rt.handle("GET", "sobjects/{object}/updated", getUpdated)
	rt.handle("GET", "sobjects/{object}/deleted", getDeleted)
	rt.handle("POST", "sobjects/{object}/Id", createRecord)
	rt.handle("PATCH", "sobjects/{object}/Id/{id}", upsertByID)
	rt.handle("GET", "sobjects/{object}/{id}", getRecord)
	rt.handle("PATCH", "sobjects/{object}/{id}", updateRecord)
	rt.handle("DELETE", "sobjects/{object}/{id}", deleteRecord)
	rt.handle("GET", "sobjects/{object}/{field}/{value...}", getByKeyOrRelation)
	rt.handle("PATCH", "sobjects/{object}/{field}/{value...}", upsertByKey)
	rt.handle("DELETE", "sobjects/{object}/{field}/{value...}", deleteByKey)
	return rt
}
