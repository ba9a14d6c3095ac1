package gemini

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"
)

// A service that cannot be reached is given up after two attempts to connect, with a
// second or two between them: within ten seconds. Each includes the look-up of the name,
// and TLS.
const (
	connectLimit    = 3 * time.Second
	connectAttempts = 2
)

// transport connects within connectLimit. An answer may take as long as it needs.
var transport = func() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: connectLimit}).DialContext
	t.TLSHandshakeTimeout = connectLimit
	return reaching{t}
}()

// unreachable is the error of a request that found no connection.
type unreachable struct{ err error }

// Error implements error.
func (u *unreachable) Error() string { return fmt.Sprintf("no connection: %v", u.err) }

// Unwrap returns the cause.
func (u *unreachable) Unwrap() error { return u.err }

type reaching struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t reaching) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, connected := request.Context(), false
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }})
	response, err := t.RoundTripper.RoundTrip(request.WithContext(traced))
	if err != nil && !connected && ctx.Err() == nil {
		return nil, &unreachable{err}
	}
	return response, err
}
