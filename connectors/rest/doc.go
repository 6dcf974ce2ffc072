// Package rest is the one HTTP client that all connectors share. It does what
// every connection needs and no connector should write again: credentials and
// their renewal, pace, pauses that the system asks for, priorities, retries of
// what may be repeated, bounds on time and size, and errors that say whether a
// write may have taken effect.
//
// A connector builds one Client for a connection and sends Requests with Do.
// Where it rides on a vendor's library (go-jira, go-github), it hands that
// library Client.HTTP, which is the same stack, describes each call with
// WithCall, and turns what comes back into an error with Client.ErrorOf.
//
// From the outside in, a request passes:
//
//	redirects   same host and reads only
//	retries     reads, and writes marked idempotent; count and context bound them
//	renewal     a 401 renews the credentials once and sends once more
//	gate        one queue a connection: pause, pace, allowance, priority, slots
//	send        credentials, time limit, size limit, limits learnt, metrics
//
// The answer's body is always read whole within the time limit, so that a
// vendor's library cannot hold a slot by leaving a body open.
package rest
