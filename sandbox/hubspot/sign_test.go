package hubspot

import (
	"encoding/json"
	"os"
	"testing"
)

func TestSignatures(t *testing.T) {
	const secret, uri = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy", "https://www.example.com/webhook_uri"
	body := []byte(`{"example_field":"example_value"}`)
	for _, tc := range []struct{ name, got, want string }{
		{"v2 POST", signV2(secret, "POST", uri, body), "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"},
		{"v2 GET", signV2(secret, "GET", uri, nil), "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"},
		{"v3", signV3(secret, "POST", uri, body, "1700000300000"), "ZEux4lGY4urKtKJ9fqGCQDJ0FasZeSunWHlJMEoU3Bg="},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, tc.got, tc.want)
		}
	}
	got, want := decodeV3("https://a.example/x%2Fy%20z?q=%40a%3A%3b%7E#frag"), "https://a.example/x/y%20z?q=@a:;%7E"
	if got != want {
		t.Errorf("decoded URI: got %s, want %s", got, want)
	}
}

// TestSignatureVectors uses vectors that may lie beside the repository.
func TestSignatureVectors(t *testing.T) {
	raw, err := os.ReadFile("../../../shared/samples/hubspot/signatures.json")
	if err != nil {
		t.Skip("the samples are not beside the repository")
	}
	var file struct {
		Secret  string
		Vectors []struct{ Version, Method, URI, Body, Timestamp, Signature string }
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for i, v := range file.Vectors {
		got := map[string]string{
			"v1": signV1(file.Secret, []byte(v.Body)),
			"v2": signV2(file.Secret, v.Method, v.URI, []byte(v.Body)),
			"v3": signV3(file.Secret, v.Method, v.URI, []byte(v.Body), v.Timestamp),
		}[v.Version]
		if got != v.Signature {
			t.Errorf("vector %d (%s): got %s, want %s", i, v.Version, got, v.Signature)
		}
	}
}
