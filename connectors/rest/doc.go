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
// The gate learns pace and allowances from the answers' headers (LimitHeaders),
// uses them up and goes never beyond: a call has its place in a rolling window
// from its sending until a window after its answer, and counts against the
// allowances of an hour or a day while it is under way. What runs low is kept
// for urgent calls, the less the nearer its end. A pause that the system asked
// for, and the use of the day, are noted beside the connection's tokens, so that
// they hold after a restart.
//
// The answer's body is always read whole within the time limit, so that a
// vendor's library cannot hold a slot by leaving a body open.
package rest
