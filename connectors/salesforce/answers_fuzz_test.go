package salesforce_test

import (
	"encoding/json"
	"flag"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/salesforce"
)

var (
	record  = flag.Bool("record", false, "rewrite the corpora of the fuzz targets from the sandbox")
	bendAll = flag.Bool("bend-all", false, "bend each part of each answer in all ways")
)

func opportunityAnswers() connectortest.Answers {
	return connectortest.Answers{
		Harness: opportunities(nil), Secrets: []string{sandbox.DefaultClientSecret},
		Dial: func(t testing.TB, base string, o connectors.Options) connectors.Connection {
			return open(t, map[string]string{
				"login_url": base, "client_id": sandbox.DefaultClientID, "client_secret": sandbox.DefaultClientSecret, "currency": "EUR",
			}, o)
		},
		Base: func(w connectortest.World) (string, connectors.Clock) { return brief(w.(*world)), w.(*world).clock },
		IDs:  []string{"0060000000000A1AAI", "0060000000000A2AAI", "0060000000000A3AAI"},
	}
}

// described are the members of a description that matter, and the fields of
// opportunities and tasks; those of a real one are ten times as many.
var (
	described = strings.Fields("name label keyPrefix createable updateable deletable queryable replicateable fields recordTypeInfos " +
		"type extraTypeInfo htmlFormatted length scale nillable defaultedOnCreate calculated unique nameField filterable referenceTo " +
		"restrictedPicklist picklistValues value active cascadeDelete recordTypeId developerName childRelationships childSObject field")
	kept = strings.Fields("Id Name SystemModstamp CreatedDate IsDeleted RecordTypeId StageName CloseDate Amount Description NextStep " +
		"Delivery_Notes__c Delivery_Teams__c Delivery_Due__c Delivery_Status__c Delivery_Progress__c Type Project_Url__c IsPrivate OwnerId AccountId LeadSource Tenon_Key__c Subject WhatId WhoId Status IsClosed")
)

// brief returns the address of the world's org with short descriptions, so that
// the corpus stays small.
func brief(w *world) string {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/describe") {
			w.sys.ServeHTTP(rw, r)
			return
		}
		r.Header.Del("Accept-Encoding")
		answer := httptest.NewRecorder()
		w.sys.ServeHTTP(answer, r)
		var body map[string]any
		if json.Unmarshal(answer.Body.Bytes(), &body) != nil {
			return
		}
		shorten(body)
		maps.Copy(rw.Header(), answer.Header())
		rw.Header().Del("Content-Length")
		rw.WriteHeader(answer.Code)
		_ = json.NewEncoder(rw).Encode(body)
	}))
	return server.URL // it ends with the process, which records and no more
}

func shorten(v any) {
	object, ok := v.(map[string]any)
	if !ok {
		return
	}
	for name, member := range object {
		if !slices.Contains(described, name) {
			delete(object, name)
			continue
		}
		list, ok := member.([]any)
		if !ok {
			continue
		}
		if name == "fields" {
			list = slices.DeleteFunc(list, func(f any) bool { return !slices.Contains(kept, f.(map[string]any)["name"].(string)) })
			object[name] = list
		}
		if name == "childRelationships" {
			list = slices.DeleteFunc(list, func(c any) bool { return c.(map[string]any)["childSObject"] != "Task" })
			object[name] = list
		}
		for _, element := range list {
			shorten(element)
		}
	}
}

func FuzzAnswers(f *testing.F) { opportunityAnswers().Fuzz(f) }

func TestBentAnswers(t *testing.T) {
	opportunityAnswers().Bend(t, "FuzzAnswers", *bendAll)
}

func TestRecordAnswers(t *testing.T) {
	if !*record {
		t.Skip("rewrites the corpus with -record only")
	}
	opportunityAnswers().Record(t, "FuzzAnswers")
}
