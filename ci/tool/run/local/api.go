// Package local runs the whole system on this machine: the functions from their built
// images, and local servers in place of S3, DynamoDB, Lambda and API Gateway.
package local

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"lambdas.internal/ci/tool/run/invoke"
)

// maxEvent is Lambda's limit for a synchronous event, in bytes.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxEvent = 6 << 20

// gatewayLimit is how long API Gateway waits for a function.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const gatewayLimit = 30 * time.Second

// lambdaAPI serves the Invoke operation of Lambda's API for running functions.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
type lambdaAPI struct {
	functions map[string]runner
	logs      io.Writer
	// onFailure receives the events that a function could not answer. There are no retries,
	// so that a person sees at once what went wrong.
	onFailure runner
	// background is the context of asynchronous invocations, and running counts them.
	background context.Context
	running    sync.WaitGroup
}

func (l *lambdaAPI) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", l.invoke)
	return mux
}

func (l *lambdaAPI) invoke(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	function, ok := l.functions[name]
	if !ok {
		refuse(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+name)
		return
	}
	event, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException", err.Error())
		return
	}
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "Event":
		l.running.Go(func() { l.inBackground(name, function, event) })
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	case "", "RequestResponse":
		response, err := function.Invoke(l.background, event) // a caller that goes away does not stop a function
		if err != nil {
			refuse(w, http.StatusBadGateway, "ServiceException", err.Error())
			return
		}
		answer(w, response)
	default:
		refuse(w, http.StatusBadRequest, "InvalidParameterValueException", fmt.Sprintf("invocation type %q", kind))
	}
}

// inBackground carries out an asynchronous invocation.
func (l *lambdaAPI) inBackground(name string, function runner, event []byte) {
	response, err := function.Invoke(l.background, event)
	reported := response.Error
	if err != nil {
		reported = &invoke.FunctionError{Type: "Runtime.ExitError", Message: err.Error()}
	}
	if reported == nil || l.background.Err() != nil {
		return
	}
	fmt.Fprintf(l.logs, "%s reported %v\n", name, reported)
	if l.onFailure == nil || l.onFailure == function {
		return
	}
	record, err := json.Marshal(newFailure(name, event, reported))
	if err == nil {
		response, err = l.onFailure.Invoke(l.background, record)
	}
	if err == nil && response.Error != nil {
		err = response.Error
	}
	if err != nil && l.background.Err() == nil {
		fmt.Fprintf(l.logs, "%s: hand on its failure: %v\n", name, err)
	}
}

// answer writes the answer of a function in the format of Lambda.
func answer(w http.ResponseWriter, response invoke.Response) {
	payload := response.Payload
	if response.Error != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		payload, _ = json.Marshal(response.Error) // cannot fail: it has only strings
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(payload) //nolint:errcheck // it fails only if the caller has gone
}

// refuse writes an error in the wire format of Lambda's API.
func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-ErrorType", kind)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"Type": "User", "Message": message}) //nolint:errcheck // it fails only if the caller has gone
}

// gateway is an HTTP API in front of one function. It sends events in the payload format
// 2.0 of API Gateway.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
type gateway struct {
	function runner
	// background is the context of the invocations: a caller that goes away does not stop one.
	background context.Context
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
	ctx, cancel := context.WithTimeout(g.background, gatewayLimit)
	defer cancel()
	response, err := g.function.Invoke(ctx, event)
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
