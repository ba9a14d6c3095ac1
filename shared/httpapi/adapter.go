// Package httpapi lets a plain http.Handler answer the events of an API Gateway HTTP API
// (payload format 2.0), so that the same router runs in Lambda and on a local port.
//
// The published adapters are not used because their modules require five web frameworks,
// which every build would have to fetch and verify without need.
package httpapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"lambdas.internal/shared/fault"
)

// ParseRequest makes an http.Request from an event. Every error in the event is a
// fault.InvalidInput.
func ParseRequest(ctx context.Context, payload []byte) (*http.Request, error) {
	var event events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fault.New(fault.InvalidInput, "event: %w", err)
	}
	method := event.RequestContext.HTTP.Method
	if event.Version != "2.0" || method == "" || !strings.HasPrefix(event.RawPath, "/") {
		return nil, fault.New(fault.InvalidInput, "event: want an API Gateway HTTP API event with payload format 2.0")
	}
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(event.Body)
		if err != nil {
			return nil, fault.New(fault.InvalidInput, "event: body: %w", err)
		}
		body = decoded
	}
	request, err := http.NewRequestWithContext(ctx, method, "/", bytes.NewReader(body))
	if err != nil {
		return nil, fault.New(fault.InvalidInput, "event: %w", err)
	}
	request.URL.Path = withoutStage(event.RawPath, event.RequestContext.Stage)
	request.URL.RawQuery = event.RawQueryString
	for name, value := range event.Headers {
		request.Header.Set(name, value)
	}
	if len(event.Cookies) > 0 {
		request.Header.Set("Cookie", strings.Join(event.Cookies, "; "))
	}
	request.Host = event.RequestContext.DomainName
	request.RemoteAddr = event.RequestContext.HTTP.SourceIP
	request.RequestURI = request.URL.RequestURI()
	return request, nil
}

// withoutStage removes the name of the stage from the start of the path. API Gateway adds
// it for every stage except $default.
func withoutStage(path, stage string) string {
	if rest, ok := strings.CutPrefix(path, "/"+stage); ok && stage != "" && strings.HasPrefix(rest, "/") {
		return rest
	}
	return path
}

// Serve returns the handler's answer to an event.
func Serve(ctx context.Context, handler http.Handler, payload []byte) (events.APIGatewayV2HTTPResponse, error) {
	request, err := ParseRequest(ctx, payload)
	if err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	w := &recorder{header: http.Header{}}
	handler.ServeHTTP(w, request)
	return w.response(), nil
}

// recorder keeps an answer in memory, because API Gateway expects it as a whole.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter; the first call counts.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

func (r *recorder) response() events.APIGatewayV2HTTPResponse {
	r.WriteHeader(http.StatusOK)
	out := events.APIGatewayV2HTTPResponse{StatusCode: r.status, Headers: map[string]string{}}
	for name, values := range r.header {
		if name == "Set-Cookie" { // the one header whose values must not be joined
			out.Cookies = values
			continue
		}
		out.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	if utf8.Valid(r.body.Bytes()) {
		out.Body = r.body.String()
	} else {
		out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(r.body.Bytes()), true
	}
	return out
}
