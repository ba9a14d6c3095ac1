package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/httpapi"
)

// echo answers with the parts of the request that it received.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
	http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
	w.Header().Add("X-Many", "1")
	w.Header().Add("X-Many", "2")
	w.WriteHeader(http.StatusTeapot)
	_, _ = fmt.Fprintf(w, "%s %s q=%s h=%s c=%s host=%s from=%s body=%s", r.Method, r.URL.Path, r.URL.Query().Get("q"),
		r.Header.Get("X-Test"), r.Header.Get("Cookie"), r.Host, r.RemoteAddr, body)
}

func TestServe(t *testing.T) {
	for name, test := range map[string]struct{ payload, want string }{
		"all parts": {`{"version":"2.0","rawPath":"/a/b","rawQueryString":"q=x%20y","headers":{"x-test":"h1,h2"},"cookies":["c=1","d=2"],"body":"hello",
			"requestContext":{"domainName":"api.example.com","stage":"$default","http":{"method":"POST","path":"/a/b","sourceIp":"192.0.2.1"}}}`,
			"POST /a/b q=x y h=h1,h2 c=c=1; d=2 host=api.example.com from=192.0.2.1 body=hello"},
		"encoded body": {`{"version":"2.0","rawPath":"/","body":"aGkh","isBase64Encoded":true,"requestContext":{"http":{"method":"PUT"}}}`,
			"PUT / q= h= c= host= from= body=hi!"},
		"a named stage": {`{"version":"2.0","rawPath":"/prod/health","requestContext":{"stage":"prod","http":{"method":"GET"}}}`,
			"GET /health q= h= c= host= from= body="},
		"a path that begins like the stage": {`{"version":"2.0","rawPath":"/product","requestContext":{"stage":"prod","http":{"method":"GET"}}}`,
			"GET /product q= h= c= host= from= body="},
		"a space in the path": {`{"version":"2.0","rawPath":"/a b","requestContext":{"http":{"method":"GET"}}}`,
			"GET /a b q= h= c= host= from= body="},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := httpapi.Serve(t.Context(), http.HandlerFunc(echo), []byte(test.payload))
			require.NoError(t, err)
			assert.Equal(t, test.want, got.Body)
			assert.Equal(t, http.StatusTeapot, got.StatusCode)
			assert.Equal(t, []string{"a=1", "b=2"}, got.Cookies)
			assert.Equal(t, "1,2", got.Headers["x-many"])
			assert.False(t, got.IsBase64Encoded)
		})
	}
}

func TestServeEncodesBinaryAnswers(t *testing.T) {
	binary := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0xff, 0xd8, 0xff}) })
	got, err := httpapi.Serve(t.Context(), binary, []byte(`{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"GET"}}}`))
	require.NoError(t, err)
	assert.True(t, got.IsBase64Encoded)
	assert.Equal(t, "/9j/", got.Body)
	assert.Equal(t, http.StatusOK, got.StatusCode)
}

func TestServeRejectsOtherEvents(t *testing.T) {
	for name, payload := range map[string]string{
		"not JSON":         `[`,
		"empty":            `{}`,
		"format 1.0":       `{"version":"1.0","path":"/","httpMethod":"GET"}`,
		"bad base64":       `{"version":"2.0","rawPath":"/","body":"!","isBase64Encoded":true,"requestContext":{"http":{"method":"GET"}}}`,
		"bad method":       `{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"G T"}}}`,
		"path not rooted":  `{"version":"2.0","rawPath":"a","requestContext":{"http":{"method":"GET"}}}`,
		"an S3 event":      `{"Records":[]}`,
		"wrong field type": `{"version":2}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := httpapi.Serve(t.Context(), http.NotFoundHandler(), []byte(payload))
			assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
		})
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(`{"version":"2.0","rawPath":"/a","rawQueryString":"q=1","headers":{"x":"y"},"cookies":["a=b"],"body":"aGkh","isBase64Encoded":true,"requestContext":{"stage":"s","http":{"method":"GET"}}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		request, err := httpapi.ParseRequest(t.Context(), payload)
		if err != nil {
			assert.Equal(t, fault.InvalidInput, fault.KindOf(err))
			return
		}
		// A router must not fail on any request that the parser accepts.
		out, err := httpapi.Serve(t.Context(), http.NewServeMux(), payload)
		require.NoError(t, err)
		_, err = json.Marshal(out)
		require.NoError(t, err)
		assert.Equal(t, byte('/'), request.URL.Path[0])
	})
}
