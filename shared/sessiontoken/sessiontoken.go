// Package sessiontoken issues and checks session tokens. A session token gives its
// holder access to one session. It is a JWT, signed with HMAC-SHA-256.
package sessiontoken

import (
	"crypto/hkdf"
	"crypto/sha256"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"lambdas.internal/shared/fault"
)

// issuer distinguishes these tokens from others that are signed with the same secret.
const issuer = "ai-social-media-api"

// Signer issues and checks tokens.
type Signer struct{ secret []byte }

// New returns a Signer for the given secret.
func New(secret string) *Signer { return &Signer{secret: []byte(secret)} }

// Issue returns a token for the session that is valid until expires.
func (s *Signer) Issue(session string, expires time.Time) (string, error) {
	key, err := s.key(session)
	if err != nil {
		return "", err
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Issuer: issuer, Subject: session, IssuedAt: jwt.NewNumericDate(time.Now()), ExpiresAt: jwt.NewNumericDate(expires),
	}).SignedString(key)
	if err != nil {
		return "", fault.New(fault.Internal, "sign session token: %w", err)
	}
	return token, nil
}

// Check returns a fault.Unauthorized unless token was issued for the session and has
// not expired.
func (s *Signer) Check(token, session string) error {
	key, err := s.key(session)
	if err != nil {
		return err
	}
	_, err = jwt.ParseWithClaims(token, &jwt.RegisteredClaims{}, func(*jwt.Token) (any, error) { return key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(issuer), jwt.WithSubject(session), jwt.WithExpirationRequired())
	if err != nil {
		return fault.New(fault.Unauthorized, "session token is not valid for this session: %w", err)
	}
	return nil
}

// key derives a separate key for each session (HKDF, RFC 5869), so that a token of one
// session is never valid for another.
func (s *Signer) key(session string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, s.secret, []byte(session), "session token", sha256.Size)
	if err != nil {
		return nil, fault.New(fault.Internal, "derive session key: %w", err)
	}
	return key, nil
}
