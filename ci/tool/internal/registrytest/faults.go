package registrytest

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"time"
)

// Kinds of faults.
const (
	Reset     = "reset"     // the connection is cut before the request is carried out
	Lost      = "lost"      // the request is carried out, and the connection is cut before the answer
	Throttled = "429"       // refused, with a Retry-After
	Broken    = "503"       // refused
	Slow      = "slow"      // carried out, late
	Truncated = "truncated" // carried out, and the answer cut short
)

// Kinds lists the kinds of faults.
var Kinds = []string{Reset, Lost, Throttled, Broken, Slow, Truncated}

// Do fails a request in the given way.
func Do(kind string, w http.ResponseWriter, r *http.Request, serve http.Handler) bool {
	switch kind {
	case Reset:
		cut(w)
	case Lost:
		serve.ServeHTTP(httptest.NewRecorder(), r)
		cut(w)
	case Throttled:
		w.Header().Set("Retry-After", "0")
		http.Error(w, `{"errors":[{"code":"TOOMANYREQUESTS","message":"Rate exceeded"}]}`, http.StatusTooManyRequests)
	case Broken:
		http.Error(w, "<html>service unavailable</html>", http.StatusServiceUnavailable)
	case Slow:
		time.Sleep(20 * time.Millisecond)
		serve.ServeHTTP(w, r)
	case Truncated:
		truncate(w, r, serve)
	default:
		panic("no such fault: " + kind)
	}
	return true
}

// cut cuts the connection so that the client gets an error.
func cut(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // send a reset
	}
	_ = conn.Close()
}

// truncate carries out the request and sends only half of the answer's body.
func truncate(w http.ResponseWriter, r *http.Request, serve http.Handler) {
	answer := httptest.NewRecorder()
	serve.ServeHTTP(answer, r)
	body, _ := io.ReadAll(answer.Body)
	if len(body) == 0 || r.Method == http.MethodHead {
		cut(w)
		return
	}
	conn, stream, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer func() { _ = conn.Close() }()
	var head bytes.Buffer
	answer.Header().Set("Content-Length", fmt.Sprint(len(body)))
	_ = answer.Header().Write(&head)
	fmt.Fprintf(stream, "HTTP/1.1 %d %s\r\n%s\r\n", answer.Code, http.StatusText(answer.Code), head.String())
	_, _ = stream.Write(body[:len(body)/2])
	_ = stream.Flush()
}

// Passing returns faults that pass: each request with one of the numbers fails once, in a
// random way.
func Passing(random *rand.Rand, numbers map[int]bool) Fault {
	kinds := map[int]string{}
	for n := range numbers {
		kinds[n] = Kinds[random.IntN(len(Kinds))]
	}
	return func(q Request, w http.ResponseWriter, r *http.Request, serve http.Handler) bool {
		kind, ok := kinds[q.Number]
		return ok && Do(kind, w, r, serve)
	}
}

// From returns the fault of a network that ends: it cuts every request from the given number
// on. With last, the first of them is carried out, and only its answer is lost.
func From(number int, last bool) Fault {
	return func(q Request, w http.ResponseWriter, r *http.Request, serve http.Handler) bool {
		switch {
		case q.Number < number:
			return false
		case q.Number == number && last:
			return Do(Lost, w, r, serve)
		default:
			return Do(Reset, w, r, serve)
		}
	}
}
