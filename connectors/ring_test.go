package connectors_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

func hmacOf(secret, message string) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(message))
	return m.Sum(nil)
}

func TestRing(t *testing.T) {
	declared := []connectors.Setting{{Name: "secret", Secret: true}, {Name: "older", Secret: true}}
	for _, c := range []struct {
		name, newest, older string
		signer              string
		want                int
	}{
		{"newest", "new", "old\nolder", "new", 0},
		{"older", "new", "old\nolder", "old", 1},
		{"oldest, with line ends of another system", "new", "old\r\nolder\r\n", "older", 2},
		{"foreign", "new", "old\nolder", "foreign", -1},
		{"an empty one is none", "new", "\n\nold\n", "", -1},
		{"empty lines do not count", "new", "\n\nold\n", "old", 1},
		{"named twice", "new", "new\nold", "old", 1},
		{"only older ones", "", "old", "old", 0},
		{"none", "", "", "", -1},
	} {
		s, err := connectors.NewSettings(declared, map[string]string{"secret": c.newest, "older": c.older})
		if err != nil {
			t.Fatal(err)
		}
		r := s.Ring("secret", "older")
		if got := r.Verify(hmacOf(c.signer, "head body tail"), "head ", []byte("body"), " tail"); got != c.want {
			t.Errorf("%s: got secret %d, want %d", c.name, got, c.want)
		}
		if got := r.Match([]byte(c.signer), func(secret string) []byte { return []byte(secret) }); got != c.want {
			t.Errorf("%s, matched: got secret %d, want %d", c.name, got, c.want)
		}
	}
	var none *connectors.Ring
	if none.Len() != 0 || none.Newest() != "" || none.Verify(nil, "", nil, "") != -1 {
		t.Error("a ring that is nil holds secrets")
	}
}

func TestRingAtOnce(t *testing.T) {
	r := connectors.NewRing("new", "old")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			secret := []string{"new", "old"}[i%2]
			given := hmacOf(secret, "a message")
			for range 200 {
				if got := r.Verify(given, "a ", []byte("message"), ""); got != i%2 {
					t.Errorf("got secret %d, want %d", got, i%2)
				}
			}
		})
	}
	wg.Wait()
}
