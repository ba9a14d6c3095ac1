package sessiontoken_test

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/sessiontoken"
)

func TestCheck(t *testing.T) {
	signer := sessiontoken.New("secret")
	good, err := signer.Issue("s1", time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.NoError(t, signer.Check(good, "s1"))

	old, err := signer.Issue("s1", time.Now().Add(-time.Second))
	require.NoError(t, err)
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"sub": "s1", "iss": "ai-social-media-api", "exp": 1e11}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	parts := strings.Split(good, ".")
	for name, test := range map[string]struct {
		signer         *sessiontoken.Signer
		token, session string
	}{
		"for another session": {signer, good, "s2"},
		"by another secret":   {sessiontoken.New("other"), good, "s1"},
		"expired":             {signer, old, "s1"},
		"unsigned":            {signer, unsigned, "s1"},
		"empty":               {signer, "", "s1"},
		"payload changed":     {signer, parts[0] + "." + parts[1][:len(parts[1])-2] + "AA." + parts[2], "s1"},
		"signature missing":   {signer, parts[0] + "." + parts[1] + ".", "s1"},
		"another signature":   {signer, parts[0] + "." + parts[1] + "." + strings.Split(old, ".")[2], "s1"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.signer.Check(test.token, test.session)
			assert.Equal(t, fault.Unauthorized, fault.KindOf(err), err)
		})
	}
}
