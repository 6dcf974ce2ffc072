// Package server is Tenon's HTTP side: webhooks in, the convert button, the
// JSON API, the pages, health and metrics. docs/http.md describes the
// addresses.
//
// Each part is a small type that mounts its own routes. The server holds no
// state of its own: what it is told goes to the engine, and a webhook is
// answered 2xx only after the engine has it on stable storage.
package server
