package endpoint

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/run/invoke"
)

func TestEvent(t *testing.T) {
	g := Gateway{Header: http.Header{"X-Origin-Verify": {"secret"}}}
	r := httptest.NewRequest(http.MethodPost, "/sessions/a%20b?key=1&key=2&x=%C3%A4", strings.NewReader("body"))
	r.Header.Add("Accept", "a")
	r.Header.Add("Accept", "b")
	r.Header.Set("X-Origin-Verify", "forged")
	r.AddCookie(&http.Cookie{Name: "c", Value: "1"})
	e := g.event(r, []byte("body"))

	assert.Equal(t, "2.0", e.Version)
	assert.Equal(t, "/sessions/a b", e.RawPath)
	assert.Equal(t, "key=1&key=2&x=%C3%A4", e.RawQueryString)
	assert.Equal(t, map[string]string{"key": "1,2", "x": "ä"}, e.QueryStringParameters)
	assert.Equal(t, map[string]string{"host": "example.com", "accept": "a,b", "x-origin-verify": "secret"}, e.Headers, "a caller cannot forge the origin")
	assert.Equal(t, []string{"c=1"}, e.Cookies)
	assert.Equal(t, "POST", e.RequestContext.HTTP.Method)
	assert.Equal(t, "192.0.2.1", e.RequestContext.HTTP.SourceIP)
	assert.Equal(t, "body", e.Body)
	assert.False(t, e.IsBase64Encoded)

	e = g.event(r, []byte{0xff, 0xd8})
	assert.True(t, e.IsBase64Encoded)
	assert.Equal(t, "/9g=", e.Body)
}

func TestWrite(t *testing.T) {
	for _, test := range []struct {
		name  string
		reply string
		code  int
		body  string
	}{
		{"text", `{"statusCode":201,"headers":{"content-type":"text/plain"},"body":"hi"}`, 201, "hi"},
		{"base64", `{"statusCode":200,"body":"/9g=","isBase64Encoded":true}`, 200, "\xff\xd8"},
		{"broken base64", `{"statusCode":200,"body":"%","isBase64Encoded":true}`, 500, "{\"message\":\"Internal Server Error\"}\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var reply events.APIGatewayV2HTTPResponse
			require.NoError(t, json.Unmarshal([]byte(test.reply), &reply))
			w := httptest.NewRecorder()
			write(w, reply)
			assert.Equal(t, test.code, w.Code)
			assert.Equal(t, test.body, w.Body.String())
		})
	}
}

func TestAnswersOfAFunction(t *testing.T) {
	for name, test := range map[string]struct {
		payload string
		code    int
		kind    string
		body    string
	}{
		"an answer":             {`{"statusCode":404,"body":"gone"}`, 404, "", "gone"},
		"JSON without a status": {`{"id":1}`, 200, "application/json", `{"id":1}`},
		"a string":              {`"hello"`, 200, "application/json", `"hello"`},
		"a list":                {`[1]`, 200, "application/json", `[1]`},
		"what is streamed":      {"{\"statusCode\":201,\"headers\":{\"Content-Type\":\"text/html\"}}\x00\x00\x00\x00\x00\x00\x00\x00<p>", 201, "text/html", "<p>"},
		"a wrong status":        {`{"statusCode":"ok"}`, 502, "", "Function.Response"},
		"no JSON":               {`hello`, 502, "", "Function.Response"},
		"nothing":               {``, 502, "", "Function.Response"},
	} {
		t.Run(name, func(t *testing.T) {
			g := Gateway{Function: answering(test.payload), Background: t.Context(), Failed: func(w http.ResponseWriter, e *invoke.FunctionError) {
				http.Error(w, e.Type, http.StatusBadGateway)
			}}
			w := httptest.NewRecorder()
			g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			assert.Equal(t, test.code, w.Code)
			if test.kind != "" {
				assert.Equal(t, test.kind, w.Header().Get("Content-Type"))
			}
			assert.Equal(t, test.body, strings.TrimSpace(w.Body.String()))
		})
	}
}

// answering is a function that gives one answer.
type answering string

func (a answering) Invoke(context.Context, []byte) (invoke.Response, error) {
	return invoke.Response{Payload: []byte(a)}, nil
}

func (answering) Stop() error { return nil }
