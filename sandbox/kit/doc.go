// Package kit holds what all emulated systems of the sandbox share: clocks and
// seeded randomness, switchable faults, a request log, the webhook outbox, rate
// windows, the HTTP server and the page skeleton.
//
// # Control API
//
// Every emulated system answers below /_sandbox/ at its own origin. These calls
// are no part of the emulated vendor's API: they need no credentials, are never
// hit by faults or rate limits, and are not in the request log. Requests that a
// browser sends from another origin are refused.
//
//	GET    /_sandbox/                  the system's name, seed, time and calls
//	GET    /_sandbox/activity          a page with the latest requests and webhooks
//	GET    /_sandbox/faults            {"rules":[Rule…]}
//	PUT    /_sandbox/faults            the same body; replaces all rules
//	POST   /_sandbox/faults            one Rule; adds it and answers it with its id
//	DELETE /_sandbox/faults            removes all rules; ?id=… removes one
//	POST   /_sandbox/seed              {"seed":7}; drops all records and sows again
//	GET    /_sandbox/requests          {"requests":[Entry…]}; ?since=SEQ for newer ones
//	DELETE /_sandbox/requests          empties the log
//	POST   /_sandbox/flush             indexes everything and sends all pending webhooks now
//	GET    /_sandbox/webhooks          {"pending":[…],"attempts":[…]}
//	GET    /_sandbox/clock             {"now":"…","manual":false}
//	POST   /_sandbox/clock             {"advance":"5s"}; on a manual clock only, else 409
//
// A system may add calls of its own below /_sandbox/, such as the webhook
// subscriptions of a vendor that has no public API for them.
//
// # Faults
//
// A Rule matches requests by method and path pattern ("*" stands for one path
// segment, "**" for any number of them) and strikes with a probability or the
// next N times. See the Kind constants for what it can do. The same seed, rules
// and order of requests give the same faults.
package kit
