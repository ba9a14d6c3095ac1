package signature

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/attest/provenance"
)

// A key that never leaves AWS KMS. The stand-in has the calls of its API that are needed:
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
func TestKMS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			KeyID       string `json:"KeyId"`
			Message     []byte
			MessageType string
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.KeyID != "alias/lambdas" && in.KeyID != "alias/encrypts" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"NotFoundException","message":"Alias ` + in.KeyID + ` is not found."}`))
			return
		}
		out := map[string]any{"KeyId": in.KeyID}
		switch strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "TrentService.") {
		case "DescribeKey":
			out["KeyMetadata"] = map[string]any{"KeyId": in.KeyID, "CustomerMasterKeySpec": "ECC_NIST_P256", "KeySpec": "ECC_NIST_P256"}
			if in.KeyID == "alias/lambdas" {
				out["KeyMetadata"].(map[string]any)["SigningAlgorithms"] = []string{"ECDSA_SHA_256"}
			}
		case "GetPublicKey":
			out["PublicKey"] = der
		case "Sign":
			assert.Equal(t, "DIGEST", in.MessageType)
			out["Signature"], err = ecdsa.SignASN1(rand.Reader, key, in.Message)
			assert.NoError(t, err)
		}
		assert.NoError(t, json.NewEncoder(w).Encode(out))
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	} {
		t.Setenv(name, value)
	}
	bundle := signed(t, "awskms:///alias/lambdas", statement(t, provenance.Parameters{}))
	_, public := keys(t, key)
	for title, name := range map[string]string{"by KMS": "awskms:///alias/lambdas", "by its public key in a file": public} {
		t.Run(title, func(t *testing.T) {
			_, err := verifier(t, Policy{Key: name}).Verify(bundle, digest)
			require.NoError(t, err)
		})
	}
	_, err = NewSigner(t.Context(), "awskms:///alias/nobody")
	require.ErrorContains(t, err, "Alias alias/nobody is not found.")
	_, err = NewSigner(t.Context(), "awskms:///alias/encrypts")
	require.EqualError(t, err, "use awskms:///alias/encrypts: it is a key that does not sign; pass one with the usage SIGN_VERIFY")
	_, err = NewSigner(t.Context(), "awskms://lambdas")
	require.ErrorContains(t, err, `"awskms://lambdas" names no key of AWS KMS; pass awskms:///alias/NAME`)
}

func TestTheTokenOfARun(t *testing.T) {
	for title, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		want   string
	}{
		"refused":     {func(w http.ResponseWriter) { http.Error(w, "no", http.StatusForbidden) }, "ask GitHub for the identity of this run: it answers 403 Forbidden"},
		"no token":    {func(w http.ResponseWriter) { _, _ = w.Write([]byte("{}")) }, "its answer has no token"},
		"not of ours": {nil, "this run has no identity; in GitHub Actions, give the job the permission id-token: write"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Setenv(tokenVariable, "")
			t.Setenv(requestVariable, "")
			t.Setenv(bearerVariable, "")
			if c.answer != nil {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { c.answer(w) }))
				t.Cleanup(server.Close)
				t.Setenv(requestVariable, server.URL+"/?of=secret-run")
				t.Setenv(bearerVariable, "secret-bearer")
			}
			_, err := identityToken(t.Context())
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}
