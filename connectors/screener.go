package connectors

// WebhookScreener is a WebhookSource that can tell by a delivery's headers that
// it would be refused, so that its body need not be read.
type WebhookScreener interface {
	// ScreenWebhook looks at a delivery without its body. nil says no more than
	// that ParseWebhook has to look; an error is one that ParseWebhook would
	// return. It does no I/O.
	ScreenWebhook(req WebhookRequest) error
}
