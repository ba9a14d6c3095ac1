// Package openapitest holds an HTTP API to its OpenAPI 3.1 document: it makes a client from
// the document, and checks requests and answers against its schemas.
package openapitest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Document is a parsed document.
type Document struct {
	Paths      map[string]map[string]Operation `json:"paths"`
	Components struct {
		Responses map[string]Response `json:"responses"`
	} `json:"components"`

	mu       sync.Mutex // a Compiler has none
	compiler *jsonschema.Compiler
}

// Operation is one method of one path.
type Operation struct {
	ID         string `json:"operationId"`
	Parameters []struct {
		Name     string `json:"name"`
		In       string `json:"in"`
		Required bool   `json:"required"`
	} `json:"parameters"`
	RequestBody *struct{}             `json:"requestBody"`
	Responses   map[string]Response   `json:"responses"`
	Security    []map[string][]string `json:"security"`
}

// Response is what an operation may answer, or where that stands.
type Response struct {
	Ref     string                     `json:"$ref"`
	Content map[string]json.RawMessage `json:"content"`
}

// url is that of the document while its schemas are compiled.
const url = "https://api.example.com/openapi.json"

// Parse parses a document.
func Parse(t testing.TB, data []byte) *Document {
	t.Helper()
	d := &Document{compiler: jsonschema.NewCompiler()}
	require.NoError(t, json.Unmarshal(data, d))
	require.NotEmpty(t, d.Paths)
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	require.NoError(t, err)
	strict(raw)
	require.NoError(t, d.compiler.AddResource(url, raw))
	return d
}

// strict closes every schema of an object, so that a field that the document does not have
// is found. A reader of the document must accept new fields; a test must not.
func strict(value any) {
	switch v := value.(type) {
	case map[string]any:
		if _, open := v["additionalProperties"]; v["type"] == "object" && v["properties"] != nil && !open {
			v["additionalProperties"] = false
		}
		for _, inner := range v {
			strict(inner)
		}
	case []any:
		for _, inner := range v {
			strict(inner)
		}
	}
}

// Find returns the operation with the given id, with its method and path.
func (d *Document) Find(t testing.TB, id string) (method, path string, op Operation) {
	t.Helper()
	for path, methods := range d.Paths {
		for method, op := range methods {
			if op.ID == id {
				return strings.ToUpper(method), path, op
			}
		}
	}
	require.Fail(t, "no operation "+id+" in the document")
	return "", "", Operation{}
}

// Match returns the operation that a request is for. If there is none, ok is false.
func (d *Document) Match(method, path string) (template string, op Operation, ok bool) {
	parts := strings.Split(path, "/")
	for template, methods := range d.Paths {
		same := slices.EqualFunc(strings.Split(template, "/"), parts, func(t, p string) bool { return t == p || strings.HasPrefix(t, "{") && p != "" })
		if op, ok = methods[strings.ToLower(method)]; same && ok {
			return template, op, true
		}
	}
	return "", Operation{}, false
}

// CheckAnswer fails the test unless the document has this answer to a request for path, a
// template of the document.
func (d *Document) CheckAnswer(t testing.TB, method, path string, status int, contentType string, body []byte) {
	t.Helper()
	op := d.Paths[path][strings.ToLower(method)]
	code := strconv.Itoa(status)
	response, ok := op.Responses[code]
	if !assert.True(t, ok, "%s %s answers %s, which the document does not have", method, path, code) {
		return
	}
	at := []string{"paths", path, strings.ToLower(method), "responses", code}
	if name, ok := strings.CutPrefix(response.Ref, "#/components/responses/"); ok {
		response, at = d.Components.Responses[name], []string{"components", "responses", name}
	}
	if len(response.Content) == 0 || method == http.MethodHead {
		assert.Empty(t, body, "%s %s: %s has no body in the document", method, path, code)
		return
	}
	assert.Equal(t, "application/json", contentType)
	d.check(t, append(at, "content", "application/json", "schema"), body)
}

// CheckRequest fails the test unless the document has this body of a request.
func (d *Document) CheckRequest(t testing.TB, method, path string, body []byte) {
	t.Helper()
	d.check(t, []string{"paths", path, strings.ToLower(method), "requestBody", "content", "application/json", "schema"}, body)
}

func (d *Document) check(t testing.TB, at []string, body []byte) {
	t.Helper()
	for i, part := range at {
		part = strings.NewReplacer("~", "~0", "/", "~1").Replace(part)
		at[i] = strings.NewReplacer("{", "%7B", "}", "%7D").Replace(part)
	}
	d.mu.Lock()
	schema, err := d.compiler.Compile(url + "#/" + strings.Join(at, "/"))
	d.mu.Unlock()
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(t, err, "%s", body)
	assert.NoError(t, schema.Validate(value), "%s", body)
}
