package local

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"lambdas.internal/ci/tool/run/invoke"
)

// gateway is an HTTP API in front of one function. It sends events in the payload format
// 2.0 of API Gateway.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
type gateway struct {
	function *invoke.Function
	// header is added to each request, as CloudFront does to prove where it comes from.
	header http.Header
}

func (g gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	response, err := g.function.Invoke(r.Context(), event)
	var reply events.APIGatewayV2HTTPResponse
	if err != nil || response.Error != nil || json.Unmarshal(response.Payload, &reply) != nil {
		http.Error(w, `{"message":"Internal Server Error"}`, http.StatusInternalServerError)
		return
	}
	write(w, reply)
}

// event returns the request as the event that the function receives.
func (g gateway) event(r *http.Request, body []byte) events.APIGatewayV2HTTPRequest {
	headers := map[string]string{"host": r.Host}
	for _, from := range []http.Header{r.Header, g.header} {
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
