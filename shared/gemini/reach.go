package gemini

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"
)

// A service that cannot be reached is given up after two attempts to connect, with a
// second or two between them: within ten seconds. Each includes the look-up of the name,
// and TLS. The library alone tries five times for half a minute each.
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

// reach counts the attempts of one call that found no connection.
type reach struct {
	missed int
	stop   context.CancelFunc
}

type reachKey struct{}

// withReach returns a context that ends when the service cannot be reached, which ends the
// library's retries.
func withReach(ctx context.Context) (context.Context, *reach) {
	ctx, stop := context.WithCancel(ctx)
	r := &reach{stop: stop}
	return context.WithValue(ctx, reachKey{}, r), r
}

func (r *reach) failed() bool { return r.missed >= connectAttempts }

type reaching struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t reaching) RoundTrip(request *http.Request) (*http.Response, error) {
	connected := false
	ctx := httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }})
	response, err := t.RoundTripper.RoundTrip(request.WithContext(ctx))
	if r, ok := ctx.Value(reachKey{}).(*reach); ok && err != nil && !connected {
		if r.missed++; r.failed() {
			r.stop()
		}
	}
	return response, err
}
