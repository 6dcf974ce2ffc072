package hubspot

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// Bounds of the calls that a card makes through HubSpot.
const (
	cardTimeout = 15 * time.Second
	cardMax     = 1 << 20
)

// A CardAnswer is what a card's call came back with.
type CardAnswer struct {
	Status int
	Body   []byte
}

// CardFetch calls target as a card in the app does for the person with this
// e-mail (hubspot.fetch): HubSpot appends userId, portalId, userEmail and appId
// to the query, signs the whole by version 3, waits 15 s, and repeats the call
// once after a lost connection or a 5xx. Body is JSON; nil means none.
func (s *System) CardFetch(ctx context.Context, method, target, email string, body []byte) (CardAnswer, error) {
	u, err := url.Parse(target)
	if err != nil {
		return CardAnswer{}, fmt.Errorf("card target: %w", err)
	}
	if len(body) > cardMax {
		return CardAnswer{}, fmt.Errorf("card body of %d bytes is above %d", len(body), cardMax)
	}
	person := s.As(email)
	q := u.Query()
	q.Set("userId", strconv.Itoa(person.o.UserIDIncludingInactive))
	q.Set("userEmail", person.o.Email)
	q.Set("portalId", strconv.Itoa(s.PortalID()))
	q.Set("appId", strconv.Itoa(s.AppID()))
	u.RawQuery = q.Encode()
	ctx, cancel := context.WithTimeout(ctx, cardTimeout)
	defer cancel()
	answer, err := s.cardCall(ctx, method, u.String(), body)
	if err != nil || answer.Status >= http.StatusInternalServerError {
		answer, err = s.cardCall(ctx, method, u.String(), body)
	}
	return answer, err
}

func (s *System) cardCall(ctx context.Context, method, target string, body []byte) (CardAnswer, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return CardAnswer{}, err
	}
	stamp := strconv.FormatInt(s.clock.Now().UnixMilli(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-HubSpot-Request-Timestamp", stamp)
	req.Header.Set("X-HubSpot-Signature-v3", signV3(s.opts.ClientSecret, method, target, body, stamp))
	resp, err := (&http.Client{Transport: s.opts.Transport}).Do(req)
	if err != nil {
		return CardAnswer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, cardMax))
	return CardAnswer{Status: resp.StatusCode, Body: text}, err
}

// controlCard makes a card's call and answers with its outcome.
func (s *System) controlCard(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Method string `json:"method"`
		URL    string `json:"url"`
		User   string `json:"user"`
		Body   string `json:"body"`
	}
	if !kit.ReadControl(w, r, &in) {
		return
	}
	answer, err := s.CardFetch(r.Context(), in.Method, in.URL, in.User, []byte(in.Body))
	if err != nil {
		kit.ControlError(w, http.StatusBadGateway, err)
		return
	}
	kit.WriteJSON(w, http.StatusOK, map[string]any{"status": answer.Status, "body": string(answer.Body)})
}
