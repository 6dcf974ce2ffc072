package connectortest

import (
	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

var rights = []test{
	{"nothing is missing for an account that may do all", func(e *env) {
		checker := e.can.RightsChecker
		if checker == nil {
			e.Skipf("the connection does not tell its rights")
		}
		before := e.w.IDs(e)
		need := connectors.Need{Object: e.h.Object, Scope: e.h.Scope, Write: true, Create: true, Comment: e.can.Commenter != nil, Retire: e.can.Deleter != nil || e.can.Archiver != nil}
		for range 2 {
			gaps, err := checker.MissingRights(e.Context(), []connectors.Need{need, need})
			if err != nil {
				e.Fatalf("MissingRights: %v", err)
			}
			if len(gaps) > 0 {
				e.Errorf("MissingRights of an account that may do all: %+v", gaps)
			}
		}
		if diff := cmp.Diff(before, e.w.IDs(e)); diff != "" {
			e.Errorf("MissingRights changed the records (-before +after):\n%s", diff)
		}
	}},
	{"refused credentials are told as such", func(e *env) {
		f, ok := e.w.(Faulter)
		if e.can.RightsChecker == nil || !ok || !f.Fault(e, Revoked) {
			e.Skipf("the connection does not tell its rights, or its credentials cannot be revoked")
		}
		_, err := e.can.RightsChecker.MissingRights(e.Context(), []connectors.Need{{Object: e.h.Object, Scope: e.h.Scope}})
		if kind := connectors.KindOf(err); err == nil || kind != connectors.Auth {
			e.Errorf("MissingRights with revoked credentials: %v, want an Auth error", err)
		}
	}},
}
