package rest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// pattern yields n bytes that are never held whole.
type pattern struct{ at, n int64 }

func (p *pattern) Read(b []byte) (int, error) {
	if p.at == p.n {
		return 0, io.EOF
	}
	n := min(int64(len(b)), p.n-p.at)
	for i := range b[:n] {
		b[i] = byte((p.at + int64(i)) * 31)
	}
	p.at += n
	return int(n), nil
}

func equal(t *testing.T, a, b io.Reader) {
	t.Helper()
	one, two := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, errA := io.ReadFull(a, one)
		m, errB := io.ReadFull(b, two)
		if n != m || !bytes.Equal(one[:n], two[:m]) {
			t.Fatalf("the bytes differ: %d and %d of a piece", n, m)
		}
		if errA != nil || errB != nil {
			if !errors.Is(errA, io.EOF) && !errors.Is(errA, io.ErrUnexpectedEOF) {
				t.Fatalf("reading: %v", errA)
			}
			return
		}
	}
}

func fileClient(t *testing.T, h http.HandlerFunc) *rest.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	auth := rest.Bearer("secret-token")
	c, err := rest.New(rest.Config{Connection: "acme", BaseURL: srv.URL, Auth: auth}, connectors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestFormIsSentAsItIsRead(t *testing.T) {
	const n = 20 << 20
	for _, size := range []int64{n, -1} {
		c := fileClient(t, func(w http.ResponseWriter, r *http.Request) {
			if size >= 0 && r.ContentLength <= n || size < 0 && r.ContentLength != -1 {
				t.Errorf("Content-Length: %d for a file of %d", r.ContentLength, size)
			}
			parts, err := r.MultipartReader()
			if err != nil {
				t.Errorf("the form: %v", err)
				return
			}
			note, err := parts.NextPart()
			if err != nil || note.FormName() != "note" || note.FileName() != "" {
				t.Errorf("first part: %v, %v", note, err)
				return
			}
			text, _ := io.ReadAll(note)
			file, err := parts.NextPart()
			if err != nil || string(text) != "größer" || file.FileName() != `a "b" ü.pdf` || file.Header.Get("Content-Type") != "application/pdf" {
				t.Errorf("text %q, file %v, %v", text, file, err)
				return
			}
			equal(t, file, &pattern{n: n})
			if _, err := parts.NextPart(); !errors.Is(err, io.EOF) {
				t.Errorf("after the file: %v, want the end", err)
			}
			_, _ = io.WriteString(w, `{"id":"7"}`)
		})
		var out struct{ ID string }
		_, err := c.Do(t.Context(), rest.Request{
			Op: "upload", Method: "POST", Path: "/files", Out: &out,
			Body: rest.Form(rest.Field("note", "größer"), rest.Part{Name: "file", FileName: `a "b" ü.pdf`, Type: "application/pdf", Size: size, Content: &pattern{n: n}}),
		})
		if err != nil || out.ID != "7" {
			t.Errorf("upload: %q, %v", out.ID, err)
		}
	}
}

func TestBrokenContentIsSure(t *testing.T) {
	errSource := errors.New("the source broke off")
	tests := []struct {
		name    string
		size    int64
		content io.Reader
		want    string
	}{
		{"breaks off", 1 << 20, io.MultiReader(&pattern{n: 1 << 19}, iotestErr{errSource}), "broke off"},
		{"breaks off, of unknown size", -1, io.MultiReader(&pattern{n: 1 << 19}, iotestErr{errSource}), "broke off"},
		{"too short", 1 << 20, &pattern{n: 1 << 19}, "lacks 524288 bytes"},
		{"too long", 1 << 19, &pattern{n: 1 << 20}, "longer than it was said"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := fileClient(t, func(w http.ResponseWriter, r *http.Request) {
				if n, err := io.Copy(io.Discard, r.Body); err == nil {
					t.Errorf("the system got a whole request of %d bytes", n)
				}
			})
			_, err := c.Do(t.Context(), rest.Request{
				Op: "upload", Method: "POST", Path: "/files",
				Body: rest.Form(rest.Part{Name: "file", FileName: "a", Size: tt.size, Content: tt.content}),
			})
			if err == nil || connectors.IsUnsure(err) || connectors.KindOf(err) != connectors.Unavailable || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v (unsure: %v), want a sure one that says %q", err, connectors.IsUnsure(err), tt.want)
			}
			if strings.HasPrefix(tt.name, "breaks") && !errors.Is(err, errSource) {
				t.Errorf("got %v, want one that wraps the source's", err)
			}
		})
	}
}

type iotestErr struct{ err error }

func (e iotestErr) Read([]byte) (int, error) { return 0, e.err }

func TestOpenHandsOnTheAnswerAsItComes(t *testing.T) {
	const n = 40 << 20 // more than an answer may have otherwise
	c := fileClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			http.Error(w, `{"message":"not here"}`, http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/pdf")
		_, _ = io.Copy(w, &pattern{n: n})
	})
	body, resp, err := c.Open(t.Context(), rest.Request{Op: "download", Path: "/files/{id}", Params: map[string]string{"id": "7"}})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if resp.Header.Get("Content-Type") != "application/pdf" {
		t.Errorf("header: %v", resp.Header)
	}
	equal(t, body, &pattern{n: n})
	if _, _, err := c.Open(t.Context(), rest.Request{Op: "download", Path: "/gone"}); connectors.KindOf(err) != connectors.NotFound {
		t.Errorf("got %v, want NotFound", err)
	}
}

func TestFetchSendsNoCredentials(t *testing.T) {
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			t.Errorf("the store was sent %v", r.Header)
		}
		switch r.URL.Path {
		case "/hop":
			http.Redirect(w, r, "/file", http.StatusSeeOther)
		case "/file":
			_, _ = io.WriteString(w, "content")
		case "/old":
			w.WriteHeader(http.StatusForbidden)
		default:
			http.NotFound(w, r)
		}
	}))
	defer store.Close()
	c := fileClient(t, func(http.ResponseWriter, *http.Request) {})
	body, _, err := c.Fetch(t.Context(), "download", "deals/1", store.URL+"/hop?signature=abc")
	if err != nil {
		t.Fatal(err)
	}
	content, _ := io.ReadAll(body)
	_ = body.Close()
	if string(content) != "content" {
		t.Errorf("got %q", content)
	}
	for path, want := range map[string]connectors.Kind{"/old": connectors.Unavailable, "/none": connectors.NotFound} {
		if _, _, err := c.Fetch(t.Context(), "download", "deals/1", store.URL+path+"?signature=abc"); connectors.KindOf(err) != want || strings.Contains(err.Error(), "signature") {
			t.Errorf("%s: got %v, want kind %v and no address", path, err, want)
		}
	}
	for _, bad := range []string{"file:///etc/passwd", "ftp://x/y", "https://user:pass@x/y", "::", "/relative"} {
		if _, _, err := c.Fetch(context.Background(), "download", "", bad); connectors.KindOf(err) != connectors.Internal {
			t.Errorf("%s: got %v, want a refusal", bad, err)
		}
	}
}

func TestFetchKeepsToTLS(t *testing.T) {
	c, err := rest.New(rest.Config{Connection: "acme", BaseURL: "https://api.example.com"}, connectors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, _, err := c.Fetch(t.Context(), "download", "", "http://127.0.0.1:1/x"); connectors.KindOf(err) != connectors.Internal {
		t.Errorf("got %v, want a refusal", err)
	}
}
