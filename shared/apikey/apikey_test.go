package apikey_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/apikey"
	"lambdas.internal/shared/fault"
)

// startSSM serves GetParameter of AWS Systems Manager (AWS JSON 1.1 protocol). Only
// "/gemini/key" has a value; the other names answer with one error each.
func startSSM(t *testing.T) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "AmazonSSM.GetParameter", r.Header.Get("X-Amz-Target"))
		var asked struct {
			Name           string
			WithDecryption bool
		}
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&asked))
		assert.True(t, asked.WithDecryption)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		answer := `{"Parameter":{"Name":"/gemini/key","Type":"SecureString","Value":"from-ssm"}}`
		switch asked.Name {
		case "/gemini/key":
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
			answer = `{"__type":"InternalServerError"}`
		case "/forbidden":
			w.WriteHeader(http.StatusBadRequest)
			answer = `{"__type":"AccessDeniedException","message":"not authorized to perform: ssm:GetParameter"}`
		case "/empty":
			answer = `{"Parameter":{"Name":"/empty","Value":""}}`
		default:
			w.WriteHeader(http.StatusBadRequest)
			answer = `{"__type":"ParameterNotFound"}`
		}
		_, err := io.WriteString(w, answer)
		assert.NoError(t, err)
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SSM": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
	} {
		t.Setenv(name, value)
	}
}

func TestFind(t *testing.T) {
	startSSM(t)
	for name, test := range map[string]struct {
		key, parameter string
		want           string
		kind           fault.Kind
	}{
		"environment":          {"from-env", "", "from-env", ""},
		"environment wins":     {"from-env", "/gemini/key", "from-env", ""},
		"parameter":            {"", "/gemini/key", "from-ssm", ""},
		"neither":              {"", "", "", fault.Configuration},
		"no such parameter":    {"", "/other", "", fault.Configuration},
		"empty parameter":      {"", "/empty", "", fault.Configuration},
		"no permission":        {"", "/forbidden", "", fault.Configuration},
		"service has an error": {"", "/broken", "", fault.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(apikey.KeyVariable, test.key)
			t.Setenv(apikey.ParameterVariable, test.parameter)
			got, err := apikey.Find(t.Context())
			assert.Equal(t, test.kind, fault.KindOf(err), err)
			assert.Equal(t, test.want, got)
			if err != nil {
				require.NotContains(t, err.Error(), "from-")
			}
		})
	}
}
