package secret

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
)

// longestKey is the size of an RSA key of 16384 bits as DER, in bytes.
const longestKey = 10_000

// keys returns the offsets of private keys in DER: PKCS #8, PKCS #1 or SEC 1. Each is a
// sequence that starts with a version, 0 or 1.
func keys(content []byte) []int {
	var found []int
	version := []byte{asn1.TagInteger, 1}
	for at := 0; ; at++ {
		next := bytes.Index(content[at:], version)
		if next < 0 {
			return found
		}
		at += next
		for header := 2; header <= 4 && header <= at; header++ { // the length has 1 to 3 bytes
			start := at - header
			if content[start] != 0x30 {
				continue
			}
			var raw asn1.RawValue
			if _, err := asn1.Unmarshal(content[start:min(len(content), start+longestKey)], &raw); err == nil && private(raw.FullBytes) {
				found = append(found, start)
				break
			}
		}
	}
}

func private(der []byte) bool {
	if _, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return true
	}
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return true
	}
	_, err := x509.ParseECPrivateKey(der)
	return err == nil
}
