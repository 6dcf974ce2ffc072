package server

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// TestLargeBodiesShareTheirRoom reads bodies side by side: small ones always,
// large ones as long as there is room, which each gives back.
func TestLargeBodiesShareTheirRoom(t *testing.T) {
	o := &room{limit: 100_000}
	body := func(n int) *heldBody {
		return &heldBody{ReadCloser: io.NopCloser(strings.NewReader(strings.Repeat("x", n))), room: o}
	}
	drain := func(b *heldBody) error {
		_, err := io.Copy(io.Discard, struct{ io.Reader }{b})
		return err
	}
	first, second, small := body(smallBody+80_000), body(smallBody+80_000), body(smallBody)
	if err := errors.Join(drain(first), drain(small)); err != nil {
		t.Errorf("while there is room: %v", err)
	}
	if err := drain(second); !errors.Is(err, errNoRoom) {
		t.Errorf("without room: got %v", err)
	}
	second.release()
	if err := drain(body(smallBody)); err != nil {
		t.Errorf("a small one without room: %v", err)
	}
	first.release()
	if err := drain(body(smallBody + 100_000)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
