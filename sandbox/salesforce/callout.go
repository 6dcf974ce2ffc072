package salesforce

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Bounds of the calls that a flow makes.
const (
	calloutTimeout = 2 * time.Minute
	calloutMax     = 1 << 20
)

// A Callout is what a flow's HTTP callout action sends. Flows never repeat one.
type Callout struct {
	Method  string            `json:"method"` // POST unless set
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"` // those of the external credential
	Body    string            `json:"body"`    // JSON
}

// A CalloutAnswer is what came back.
type CalloutAnswer struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
}

// RunCallout sends a callout and waits for its answer.
func (s *System) RunCallout(ctx context.Context, c Callout) (CalloutAnswer, error) {
	method := strings.ToUpper(c.Method)
	switch method {
	case "":
		method = http.MethodPost
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return CalloutAnswer{}, fmt.Errorf("a flow cannot send %s", c.Method)
	}
	ctx, cancel := context.WithTimeout(ctx, calloutTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.URL, strings.NewReader(c.Body))
	if err != nil {
		return CalloutAnswer{}, err
	}
	if c.Body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "SFDC-Callout/66.0")
	for name, v := range c.Headers {
		req.Header.Set(name, v)
	}
	resp, err := (&http.Client{Transport: s.opts.Transport}).Do(req)
	if err != nil {
		return CalloutAnswer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, calloutMax))
	return CalloutAnswer{Status: resp.StatusCode, Body: string(body)}, err
}
