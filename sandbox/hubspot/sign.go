package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// signV1 is the hex SHA-256 over secret and body.
func signV1(secret string, body []byte) string {
	sum := sha256.Sum256(append([]byte(secret), body...))
	return hex.EncodeToString(sum[:])
}

// signV2 is the hex SHA-256 over secret, method, URI and body.
func signV2(secret, method, uri string, body []byte) string {
	sum := sha256.Sum256(append([]byte(secret+method+uri), body...))
	return hex.EncodeToString(sum[:])
}

// signV3 is the base64 HMAC-SHA-256 over method, decoded URI, body and time
// stamp (epoch milliseconds as text).
func signV3(secret, method, uri string, body []byte, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(method + decodeV3(uri)))
	mac.Write(body)
	mac.Write([]byte(timestamp))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

var v3Escapes = strings.NewReplacer(
	"%3A", ":", "%3a", ":", "%2F", "/", "%2f", "/", "%3F", "?", "%3f", "?", "%40", "@", "%21", "!", "%24", "$", "%27", "'", "%28", "(", "%29", ")",
	"%2A", "*", "%2a", "*", "%2C", ",", "%2c", ",", "%3B", ";", "%3b", ";",
)

// decodeV3 decodes the escapes that version 3 decodes, and drops the fragment.
func decodeV3(uri string) string {
	uri, _, _ = strings.Cut(uri, "#")
	return v3Escapes.Replace(uri)
}
