package all

import (
	"strings"
	"testing"
)

func TestEveryConnectorDescribesItself(t *testing.T) {
	registry, err := Registry()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range registry.Kinds() {
		info := registry.Connector(kind).Info()
		if info.Label == "" {
			t.Errorf("%s has no label", kind)
		}
		for _, s := range info.Settings {
			if s.Help == "" || !strings.HasSuffix(s.Help, ".") {
				t.Errorf("%s: the help of setting %q is not a sentence: %q", kind, s.Name, s.Help)
			}
		}
	}
}
