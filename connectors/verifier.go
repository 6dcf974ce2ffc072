package connectors

// RequestVerifier is a connection whose system signs requests that people and
// workflows cause, other than webhooks: a button in the CRM that opens an
// address of Tenon's.
type RequestVerifier interface {
	// VerifyRequest checks the signature over the request, in constant time. A
	// wrong, missing or outdated signature is an Auth error. It does no I/O.
	VerifyRequest(req WebhookRequest) error
}
