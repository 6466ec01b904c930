package redis

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// tlsOptions are the options of a URL that ask for more than its scheme says.
type tlsOptions struct {
	given       string // the name of one
	noVerify    bool   // ssl_cert_reqs=none
	noHostname  bool   // ssl_check_hostname=false
	caFile      string
	caFolder    string
	certificate string
	key         string
}

// set takes an option of the URL, if it is one of these.
func (t *tlsOptions) set(name, value string) (known, ok bool) {
	switch name {
	case "ssl_cert_reqs":
		if value != "none" && value != "optional" && value != "required" {
			return true, false
		}
		t.noVerify = value == "none"
	case "ssl_check_hostname":
		t.noHostname = !truth(value)
	case "ssl_ca_certs":
		t.caFile = value
	case "ssl_ca_path":
		t.caFolder = value
	case "ssl_certfile":
		t.certificate = value
	case "ssl_keyfile":
		t.key = value
	default:
		return false, false
	}
	t.given = name
	return true, true
}

// config is what the options come to; nil without TLS.
func (t *tlsOptions) config(wanted bool) (*tls.Config, error) {
	if !wanted {
		if t.given != "" {
			return nil, fmt.Errorf("the option %s needs a URL that begins with rediss", t.given)
		}
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.noVerify}
	if t.caFile != "" || t.caFolder != "" {
		roots, err := t.roots()
		if err != nil {
			return nil, err
		}
		c.RootCAs = roots
	}
	if t.certificate != "" || t.key != "" {
		if t.key == "" {
			t.key = t.certificate // one file with both, as Python allows
		}
		pair, err := tls.LoadX509KeyPair(t.certificate, t.key)
		if err != nil {
			return nil, fmt.Errorf("ssl_certfile, ssl_keyfile: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if t.noHostname && !t.noVerify {
		c.InsecureSkipVerify = true
		roots := c.RootCAs
		c.VerifyConnection = func(state tls.ConnectionState) error {
			others := x509.NewCertPool()
			for _, certificate := range state.PeerCertificates[1:] {
				others.AddCert(certificate)
			}
			_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: others})
			return err
		}
	}
	return c, nil
}

// roots are the system's, and those of the options, as in Python.
func (t *tlsOptions) roots() (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if t.caFile != "" {
		text, err := os.ReadFile(t.caFile)
		if err != nil {
			return nil, fmt.Errorf("ssl_ca_certs: %w", err)
		}
		if !roots.AppendCertsFromPEM(text) {
			return nil, errors.New("ssl_ca_certs: no certificate in the file")
		}
	}
	if t.caFolder == "" {
		return roots, nil
	}
	files, err := os.ReadDir(t.caFolder)
	if err != nil {
		return nil, fmt.Errorf("ssl_ca_path: %w", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(t.caFolder, file.Name()))
		if err == nil {
			roots.AppendCertsFromPEM(text) // what is none is passed over, as OpenSSL does
		}
	}
	return roots, nil
}
