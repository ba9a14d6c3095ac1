package dev_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/run/dev"
	"lambdas.internal/ci/tool/run/endpoint"
)

// echoing is the program of a function that answers with its event.
const echoing = "package main\n\nimport \"lambdas.internal/shared/greet\"\n\nfunc main() { greet.Serve(func(event string) string { return event }) }\n"

// serve serves the session on a port of its own.
func (w *world) serve(t *testing.T) *dev.Server {
	t.Helper()
	l, url, err := dev.Listen("127.0.0.1:0")
	require.NoError(t, err)
	s := dev.Serve(l, url, w.Session)
	t.Cleanup(func() {
		require.NoError(t, w.Close())
		require.NoError(t, s.Close())
		_, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		require.ErrorContains(t, err, "connection refused")
	})
	return s
}

// answer is what a server answered.
type answer struct {
	code   int
	body   string
	header http.Header
}

func ask(t *testing.T, method, url, body string, header map[string]string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for name, value := range header {
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response.StatusCode, string(text), response.Header}
}

// Each way to call a function: by Lambda's API, as an emulator, as a function URL, and at a host of its own.
func TestWaysToCall(t *testing.T) {
	w := newWorld(t, map[string]string{api + "main.go": echoing})
	s := w.serve(t)
	for _, path := range []string{
		"/2015-03-31/functions/api/invocations", "/2015-03-31/functions/Api/invocations", "/2015-03-31/functions/Api:live/invocations",
		"/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:Api/invocations", "/api/2015-03-31/functions/function/invocations",
	} {
		got := ask(t, "POST", s.URL+path, `{"a":1}`, nil)
		assert.Equal(t, answer{200, `{"a":1}`, got.header}, got, path)
		assert.Equal(t, "$LATEST", got.header.Get("X-Amz-Executed-Version"))
	}
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	for name, call := range map[string]struct{ url, host, rawPath string }{
		"below its name":                        {"/api/a%20b/c?x=1", "", "/a b/c"},
		"its root":                              {"/api/?x=1", "", "/"},
		"its name alone":                        {"/api?x=1", "", "/"},
		"at a host of its own":                  {"/a/c?x=1", "api.localhost:" + port, "/a/c"},
		"the same, at a path like Lambda's API": {"/2015-03-31/functions/api/invocations?x=1", "api.localhost", "/2015-03-31/functions/api/invocations"},
	} {
		t.Run(name, func(t *testing.T) {
			header := map[string]string{}
			if call.host != "" {
				header["Host"] = call.host
			}
			got := ask(t, "PUT", s.URL+call.url, "hello", header)
			require.Equal(t, 200, got.code, got.body)
			var event struct {
				Version, RawPath, RawQueryString, Body string
				RequestContext                         struct{ HTTP struct{ Method string } }
			}
			require.NoError(t, json.Unmarshal([]byte(got.body), &event), got.body)
			assert.Equal(t, []string{"2.0", call.rawPath, "x=1", "hello", "PUT"}, []string{event.Version, event.RawPath, event.RawQueryString, event.Body, event.RequestContext.HTTP.Method})
		})
	}
	assert.Equal(t, s.URL+"/api/\tApi\n"+s.URL+"/enhance/\tEnhance\n", ask(t, "GET", s.URL+"/", "", nil).body)
	missing := ask(t, "GET", s.URL+"/thumb/", "", nil)
	assert.Equal(t, 404, missing.code)
	assert.Equal(t, "no function is named \"thumb\"; "+s.URL+"/ lists them\n", missing.body)
	assert.Equal(t, 404, ask(t, "POST", s.URL+"/2015-03-31/functions/thumb/invocations", "{}", nil).code)
}

// What cannot be built, and what ends, is an error of Lambda's form.
func TestErrorsOfFunctions(t *testing.T) {
	w := newWorld(t, map[string]string{api + "main.go": "package main\n\nfunc main() { undefined() }\n"})
	s := w.serve(t)
	got := ask(t, "POST", s.URL+"/2015-03-31/functions/api/invocations", "{}", nil)
	assert.Equal(t, 200, got.code)
	assert.Equal(t, "Unhandled", got.header.Get("X-Amz-Function-Error"))
	assert.Contains(t, got.body, `"errorType":"Dev.CompileError"`)
	got = ask(t, "GET", s.URL+"/api/", "", nil)
	assert.Equal(t, 502, got.code)
	assert.Contains(t, got.body, `undefined: undefined`)

	got = ask(t, "POST", s.URL+"/2015-03-31/functions/enhance/invocations", `"exit"`, nil)
	assert.Contains(t, got.body, `"errorType":"Runtime.ExitError"`)
	w.save(t, map[string]string{enhance + "main.go": "package main\n\nfunc main() { undefined() }\n"})
	w.says(t, "enhance-lambda/main.go:3:15: undefined: undefined")
	got = ask(t, "GET", s.URL+"/enhance/", "", nil)
	assert.Equal(t, []any{200, "enhance hello"}, []any{got.code, strings.Trim(got.body, `"`)})
	assert.Contains(t, got.header.Get(endpoint.StaleHeader), "undefined: undefined")
	assert.Contains(t, got.header.Get("X-Amz-Executed-Version"), "the one before: ")
}

// A page of another site, or a name that leads here, cannot call functions.
func TestWhoMayCall(t *testing.T) {
	w := newWorld(t, nil)
	s := w.serve(t)
	for name, test := range map[string]struct {
		method string
		header map[string]string
		code   int
	}{
		"a program":                             {"POST", nil, 200},
		"a page of this machine":                {"POST", map[string]string{"Origin": "http://localhost:5173", "Sec-Fetch-Site": "cross-site"}, 200},
		"a page of a host of this machine":      {"POST", map[string]string{"Origin": "http://api.localhost:9000"}, 200},
		"a link on another site":                {"GET", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200},
		"the host localhost":                    {"GET", map[string]string{"Host": "localhost:1234"}, 200},
		"a page of another site":                {"POST", map[string]string{"Origin": "https://example.org"}, 403},
		"a page that looks like this machine":   {"POST", map[string]string{"Origin": "http://localhost.example.org"}, 403},
		"a page without an origin":              {"POST", map[string]string{"Origin": "null"}, 403},
		"an image on another site":              {"GET", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403},
		"a form on another site":                {"POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403},
		"a name that leads here":                {"POST", map[string]string{"Host": "rebound.example.org"}, 403},
		"an address that is not this machine's": {"POST", map[string]string{"Host": "192.0.2.1"}, 403},
	} {
		got := ask(t, test.method, s.URL+"/api/", "{}", test.header)
		assert.Equal(t, test.code, got.code, "%s: %s", name, got.body)
	}
}
