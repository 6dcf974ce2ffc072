package server

import (
	"errors"
	"io"
	"maps"
	"net/http"

	"github.com/tenonsync/tenon/connectors"
)

// hooks takes webhooks in.
type hooks struct{ *Config }

func (h hooks) mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /hooks/{connection}", h.receive)
	mux.HandleFunc("HEAD /hooks/{connection}", h.probe) // Trello asks before it sends
}

// receive answers 2xx only when the delivery is on stable storage; any other
// answer makes the sender deliver again.
func (h hooks) receive(w http.ResponseWriter, r *http.Request) {
	connection := r.PathValue("connection")
	body, err := h.body(w, r)
	if err == nil {
		var d connectors.Delivery
		d, err = h.Engine.Receive(r.Context(), connection, h.request(r, body))
		if err == nil {
			h.Metrics.webhook(h.known(connection), "taken")
			accept(w, d.Answer)
			return
		}
	}
	status, title := statusOf(err)
	if status == http.StatusInternalServerError && connectors.KindOf(err) == connectors.Unavailable {
		status = http.StatusServiceUnavailable // the client has gone, or the service stops
	}
	h.Metrics.webhook(h.known(connection), outcomes[status])
	if status == http.StatusServiceUnavailable {
		setRetryAfter(w, connectors.RetryAfter(err))
	}
	h.Logger.WarnContext(r.Context(), "webhook refused", "connection", h.known(connection), "status_code", status, "err", err)
	problem(w, status, title, "")
}

var outcomes = map[int]string{
	http.StatusUnauthorized: "bad signature", http.StatusBadRequest: "unreadable", http.StatusNotFound: "unknown",
	http.StatusRequestEntityTooLarge: "too large", http.StatusServiceUnavailable: "put off", http.StatusInternalServerError: "failed",
}

// known keeps made-up names out of logs and metrics.
func (h hooks) known(connection string) string {
	if _, ok := h.Connections[connection]; ok {
		return connection
	}
	return "unknown"
}

func accept(w http.ResponseWriter, a *connectors.WebhookAnswer) {
	if a == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	maps.Copy(w.Header(), a.Header)
	w.WriteHeader(max(a.Status, http.StatusOK))
	w.Write(a.Body)
}

func (h hooks) probe(w http.ResponseWriter, r *http.Request) {
	if h.known(r.PathValue("connection")) == "unknown" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// body reads the whole bounded body of a request.
func (c *Config) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, c.MaxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); err == nil || tooLarge {
		return body, err
	}
	return nil, &connectors.Error{Op: "read the request", Kind: connectors.Invalid, Err: err}
}

// request describes r as its sender knew it: under the public address.
func (c *Config) request(r *http.Request, body []byte) connectors.WebhookRequest {
	return connectors.WebhookRequest{
		Method: r.Method, URL: c.PublicURL + r.URL.RequestURI(), Header: r.Header, Body: body, Now: c.Clock.Now(),
	}
}
