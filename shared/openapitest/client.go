package openapitest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	neturl "net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Client calls an API as its document says, and knows nothing else of it.
type Client struct {
	document *Document
	server   string
	// Token is sent with the operations that require one.
	Token string
}

// NewClient makes a client from the document that the server has at /openapi.json.
func NewClient(t testing.TB, server string) *Client {
	t.Helper()
	response, err := http.Get(server + "/openapi.json")
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	data, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", data)
	return &Client{document: Parse(t, data), server: server}
}

// Call carries out an operation and returns its status and its answer. The parameters, the
// body and the answer must be as the document says.
func (c *Client) Call(t testing.TB, operation string, parameters map[string]string, body any) (int, map[string]any) {
	t.Helper()
	method, template, op := c.document.Find(t, operation)
	path, query, header := template, neturl.Values{}, http.Header{}
	for _, p := range op.Parameters {
		value, given := parameters[p.Name]
		require.True(t, given || !p.Required, "%s requires the parameter %s", operation, p.Name)
		if !given {
			continue
		}
		switch p.In {
		case "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", neturl.PathEscape(value))
		case "query":
			query.Set(p.Name, value)
		case "header":
			header.Set(p.Name, value)
		}
	}
	require.NotContains(t, path, "{")
	var data []byte
	if op.RequestBody != nil {
		var err error
		data, err = json.Marshal(body)
		require.NoError(t, err)
		c.document.CheckRequest(t, method, template, data)
		header.Set("Content-Type", "application/json")
	}
	if len(op.Security) > 0 {
		header.Set("Authorization", "Bearer "+c.Token)
	}
	target := c.server + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(t.Context(), method, target, bytes.NewReader(data))
	require.NoError(t, err)
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	c.document.CheckAnswer(t, method, template, response.StatusCode, response.Header.Get("Content-Type"), text)
	var answer map[string]any
	if len(text) > 0 {
		require.NoError(t, json.Unmarshal(text, &answer), "%s", text)
	}
	return response.StatusCode, answer
}
