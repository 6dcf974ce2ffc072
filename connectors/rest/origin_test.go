package rest

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/tenonsync/tenon/connectors"
)

// A token that names where it is used takes its requests there, after a restart
// too; the login host gets the logins only.
func TestTokensNameTheirOrigin(t *testing.T) {
	var mu sync.Mutex
	var paths []string
	note := func(host string, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		paths = append(paths, host+r.URL.Path)
	}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note("api", r)
		if r.Header.Get("Authorization") != "Bearer access-1" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(api.Close)
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note("login", r)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"access-1","instance_url":"` + api.URL + `"}`))
	}))
	t.Cleanup(login.Close)
	clock, store := newManualClock(), &memoryTokens{}
	for range 2 { // the second finds the token that the first kept
		c, err := New(Config{BaseURL: login.URL, Auth: OAuth2(OAuth{
			ClientID: "id", ClientSecret: "secret", TokenURL: login.URL + "/token", RefreshToken: "refresh-0",
			Read: func(answer *oauth2.Token, a *AccessToken) {
				a.Origin, _ = answer.Extra("instance_url").(string)
				a.Expiry = clock.Now().Add(time.Hour)
			},
		})}, connectors.Options{Clock: clock, Tokens: store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Do(t.Context(), Request{Path: "/query"}); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	want := []string{"login/token", "api/query", "api/query"}
	if len(paths) != 3 || paths[0] != want[0] || paths[1] != want[1] || paths[2] != want[2] {
		t.Errorf("requests: %v, want %v", paths, want)
	}
}

func TestOriginsThatAreNone(t *testing.T) {
	for origin, ok := range map[string]bool{
		"": true, "https://acme.example": true, "https://acme.example:8443": true,
		"http://acme.example": false, "acme.example": false, "https://user@acme.example": false, "ftp://acme.example": false, "https://": false, "://": false,
	} {
		req := httptest.NewRequest(http.MethodGet, "https://login.example/a", nil)
		if err := moveTo(req, origin); (err == nil) != ok {
			t.Errorf("moveTo(%q): %v, want it taken: %v", origin, err, ok)
		}
		if ok && origin != "" && req.URL.Scheme+"://"+req.URL.Host != origin {
			t.Errorf("moveTo(%q) leads to %s", origin, req.URL)
		}
	}
}
