package salesforce

import (
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
)

// The key pair of the sandbox's app. It protects nothing.
var (
	//go:embed sandbox_key.pem
	defaultPrivateKey string
	//go:embed sandbox_cert.pem
	defaultCertificate string
)

// DefaultPrivateKey returns the PEM of the key whose certificate the sandbox's
// app has registered, for signing JWTs.
func DefaultPrivateKey() string { return defaultPrivateKey }

// publicKey reads the RSA key of a certificate or of a public key.
func publicKey(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the certificate is not PEM")
	}
	var key any
	if block.Type == "CERTIFICATE" {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		key = cert.PublicKey
	} else {
		var err error
		if key, err = x509.ParsePKIXPublicKey(block.Bytes); err != nil {
			return nil, err
		}
	}
	if k, ok := key.(*rsa.PublicKey); ok {
		return k, nil
	}
	return nil, errors.New("the certificate has no RSA key")
}
