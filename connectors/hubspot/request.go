package hubspot

import "github.com/tenonsync/tenon/connectors"

var _ connectors.RequestVerifier = (*connection)(nil)

// VerifyRequest checks a request that a card or a workflow of the account
// causes. Only signatures of version 3 count: those before it bind neither the
// address nor a time, so that a request could be used again for another record.
func (c *connection) VerifyRequest(req connectors.WebhookRequest) error {
	if req.Header.Get("X-HubSpot-Signature-v3") == "" {
		return c.fail("check request", "", connectors.Auth, "the request has no signature of version 3")
	}
	_, err := c.verify(req)
	return err
}
