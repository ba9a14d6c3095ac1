package endpoint

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/run/invoke"
)

// gatewayLimit is how long API Gateway waits for a function.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const gatewayLimit = 30 * time.Second

// Gateway is an HTTP API in front of one function. It sends events in the payload format
// 2.0, that of API Gateway and of function URLs.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
type Gateway struct {
	Function Runner
	// Background is the context of the invocations: a caller that goes away does not stop one.
	Background context.Context
	// Header is added to each request, as CloudFront does to prove where it comes from.
	Header http.Header
	// Failed answers a request that the function did not answer; nil for the answer of API
	// Gateway, which says nothing about the reason.
	Failed func(http.ResponseWriter, *invoke.FunctionError)
	// Limit is how long it waits for the function; 0 for the limit of API Gateway.
	Limit time.Duration
}

func (g Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		http.Error(w, `{"message":"Request Too Long"}`, http.StatusRequestEntityTooLarge)
		return
	}
	event, err := json.Marshal(g.event(r, body))
	if err != nil {
		http.Error(w, `{"message":"Internal Server Error"}`, http.StatusInternalServerError)
		return
	}
	ctx, cancel := context.WithTimeout(g.Background, cmp.Or(g.Limit, gatewayLimit))
	defer cancel()
	response, err := g.Function.Invoke(ctx, event)
	if err != nil {
		response.Error = ended(err)
	}
	stale(w, response)
	reply, ok := read(response.Payload)
	if response.Error == nil && !ok {
		response.Error = &invoke.FunctionError{Type: "Function.Response", Message: "the answer is not JSON: " + report.Line(string(response.Payload))}
	}
	if response.Error == nil {
		write(w, reply)
		return
	}
	if g.Failed != nil {
		g.Failed(w, response.Error)
		return
	}
	http.Error(w, `{"message":"Internal Server Error"}`, http.StatusInternalServerError)
}

// event returns the request as the event that the function receives.
func (g Gateway) event(r *http.Request, body []byte) events.APIGatewayV2HTTPRequest {
	headers := map[string]string{"host": r.Host}
	for _, from := range []http.Header{r.Header, g.Header} {
		for name, values := range from {
			headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	delete(headers, "cookie")
	query := map[string]string{}
	for name, values := range r.URL.Query() {
		query[name] = strings.Join(values, ",")
	}
	var cookies []string
	for _, c := range r.Cookies() {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	source, _, _ := net.SplitHostPort(r.RemoteAddr) // always valid: the HTTP server sets it
	now := time.Now()
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "$default", RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery,
		Headers: headers, QueryStringParameters: query, Cookies: cookies,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "$default", Stage: "$default", APIID: "local", DomainName: r.Host,
			Time: now.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: source, UserAgent: r.UserAgent(),
			},
		},
		Body: string(body),
	}
	if !utf8.Valid(body) {
		event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return event
}

// preludeEnd is what ends the JSON before the body in a response that is streamed.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
var preludeEnd = make([]byte, 8)

// read reads the answer of a function. JSON without a status is the body of an answer, and
// a response that is streamed has its body behind the JSON.
func read(payload []byte) (reply events.APIGatewayV2HTTPResponse, ok bool) {
	if head, body, streamed := bytes.Cut(payload, preludeEnd); streamed && json.Unmarshal(head, &reply) == nil {
		reply.Body, reply.IsBase64Encoded = string(body), false
		reply.StatusCode = cmp.Or(reply.StatusCode, http.StatusOK)
		return reply, true
	}
	if !json.Valid(payload) {
		return reply, false
	}
	err := json.Unmarshal(payload, &reply)
	if err == nil && reply.StatusCode != 0 {
		return reply, true
	}
	var fields struct {
		StatusCode json.RawMessage `json:"statusCode"`
	}
	if json.Unmarshal(payload, &fields) == nil && fields.StatusCode != nil {
		return reply, false // it has a status, but not a valid answer
	}
	return events.APIGatewayV2HTTPResponse{
		StatusCode: http.StatusOK, Headers: map[string]string{"Content-Type": "application/json"}, Body: string(payload),
	}, true
}

// write sends a function's reply to the caller.
func write(w http.ResponseWriter, reply events.APIGatewayV2HTTPResponse) {
	for name, value := range reply.Headers {
		w.Header().Set(name, value)
	}
	for _, c := range reply.Cookies {
		w.Header().Add("Set-Cookie", c)
	}
	body := []byte(reply.Body)
	if reply.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(reply.Body)
		if err != nil {
			http.Error(w, `{"message":"Internal Server Error"}`, http.StatusInternalServerError)
			return
		}
		body = decoded
	}
	w.WriteHeader(reply.StatusCode)
	w.Write(body) //nolint:errcheck // it fails only if the caller has gone
}
