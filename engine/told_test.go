package engine

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

func TestTold(t *testing.T) {
	bare := &connectors.Error{Op: "update", Connection: "jira", Kind: connectors.Auth, Err: errors.New("expired")}
	helped := *bare
	helped.Help = "renew the token in Jira"
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"without advice", bare, "jira: update: expired"},
		{"with advice", &helped, "jira: update: expired: renew the token in Jira"},
		{"wrapped", fmt.Errorf("comment 7: %w", &helped), "comment 7: jira: update: expired: renew the token in Jira"},
		{"of another type", errors.New("no room"), "no room"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := told(test.err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			j := &job{}
			j.blame(test.err)
			if got := j.outcome.reason; got != test.want {
				t.Errorf("the entry's reason: got %q, want %q", got, test.want)
			}
		})
	}
}
