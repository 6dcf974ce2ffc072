package jira

import "testing"

func TestKeysInWhatPeopleWrite(t *testing.T) {
	c := &Connection{site: "https://acme.atlassian.net"}
	for text, want := range map[string]string{
		"DELIV-12": "DELIV-12",
		"deliv-12": "DELIV-12",
		"AB_2-7":   "AB_2-7",
		"https://acme.atlassian.net/browse/DELIV-12":                                            "DELIV-12",
		"https://ACME.atlassian.net/browse/DELIV-12?focusedId=3#comment":                        "DELIV-12",
		"https://acme.atlassian.net/jira/software/projects/D/boards/1?selectedIssue=DELIV-12":   "DELIV-12",
		"https://acme.atlassian.net/jira/software/c/projects/DELIV/issues/DELIV-12?filter=mine": "DELIV-12",
		"https://other.atlassian.net/browse/DELIV-12":                                           "",
		"https://acme.atlassian.net/browse/":                                                    "",
		"DELIV-0":                                                                               "",
		"DELIV-":                                                                                "",
		"-12":                                                                                   "",
		"12":                                                                                    "",
		"DELIV 1":                                                                               "",
		"D/E-1":                                                                                 "",
	} {
		if got := c.keyIn(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
