package storage

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lambdas.internal/shared/fault"
)

// Local is an object that a program on this machine can read.
type Local struct {
	// Address is the path of a file, or a URL on 127.0.0.1.
	Address string
	object  *served
}

// Fetch makes an object readable for a program that cannot sign requests. An object of at
// most limit bytes is written to a new file at path. A larger one is read from S3 in
// parts, when the program asks for them. The caller must call Close.
func (s *Store) Fetch(ctx context.Context, bucket, key, path string, limit int64) (*Local, error) {
	object, err := s.Stat(ctx, bucket, key)
	if err != nil {
		return nil, err
	}
	if object.Size <= limit {
		_, err := s.Download(ctx, bucket, key, path, limit)
		return &Local{Address: path}, err
	}
	// Another process of this machine cannot guess the token, and no other machine reaches the address.
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fault.New(fault.Internal, "get s3://%s/%s: %w", bucket, key, err)
	}
	ctx, stop := context.WithCancel(ctx)
	o := &served{store: s, bucket: bucket, key: key, size: object.Size, path: "/" + rand.Text(), listener: listener, stop: stop}
	o.running.Go(func() { o.accept(ctx) })
	return &Local{Address: "http://" + listener.Addr().String() + o.path, object: o}, nil
}

// Close ends the reading. It returns the error of a part that could not be read: what the
// program made of the object is not complete then.
func (l *Local) Close() error {
	if l.object == nil {
		return nil
	}
	o := l.object
	o.stop()
	_ = o.listener.Close() // it has nothing to write
	o.running.Wait()
	return o.failure
}

// served is an object that is served on this machine.
type served struct {
	store       *Store
	bucket, key string
	size        int64
	path        string
	listener    net.Listener
	stop        context.CancelFunc
	running     sync.WaitGroup
	lock        sync.Mutex
	failure     error
}

// accept answers each connection once, as HTTP/1.1. The server of net/http would make the
// binaries larger by HTTP/2.
func (o *served) accept(ctx context.Context) {
	for {
		conn, err := o.listener.Accept()
		if err != nil {
			return // closed
		}
		o.running.Go(func() {
			defer func() { _ = conn.Close() }()
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			if err := o.answer(ctx, conn); err != nil && ctx.Err() == nil {
				o.lock.Lock()
				defer o.lock.Unlock()
				o.failure = errors.Join(o.failure, err)
			}
		})
	}
}

// headerTime is how long a program may take to send its request.
const headerTime = 10 * time.Second

// answer serves one request. It returns the error of S3 alone; a program may close its
// connection at any time, and does so to read at another place.
func (o *served) answer(ctx context.Context, conn net.Conn) error {
	if err := conn.SetReadDeadline(time.Now().Add(headerTime)); err != nil {
		return nil
	}
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return nil
	}
	if request.URL.Path != o.path || request.Method != http.MethodGet {
		_, _ = fmt.Fprint(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return nil
	}
	first, last, ok := parts(request.Header.Get("Range"), o.size)
	if !ok {
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */%d\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", o.size)
		return nil
	}
	out, err := o.store.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &o.bucket, Key: &o.key, Range: aws.String(fmt.Sprintf("bytes=%d-%d", first, last))})
	if err != nil {
		return classify("get", o.bucket, o.key, err)
	}
	defer func() { _ = out.Body.Close() }()
	_, err = fmt.Fprintf(conn, "HTTP/1.1 206 Partial Content\r\nAccept-Ranges: bytes\r\nContent-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\nConnection: close\r\n\r\n",
		first, last, o.size, last-first+1)
	if err != nil {
		return nil
	}
	body := &noted{r: out.Body}
	n, _ := io.Copy(conn, body)
	if body.err != nil {
		return classify("get", o.bucket, o.key, body.err)
	}
	if body.ended && n != last-first+1 {
		return fault.New(fault.Transient, "get s3://%s/%s: got %d of %d bytes", o.bucket, o.key, n, last-first+1)
	}
	return nil
}

// noted keeps how reading ended.
type noted struct {
	r     io.Reader
	ended bool
	err   error
}

// Read implements io.Reader.
func (n *noted) Read(p []byte) (int, error) {
	count, err := n.r.Read(p)
	if errors.Is(err, io.EOF) {
		n.ended = true
	} else if err != nil {
		n.err = err
	}
	return count, err
}

// parts reads the value of a Range header with one range (RFC 9110, 14.1.2); without one
// it is the whole object.
func parts(header string, size int64) (first, last int64, ok bool) {
	last = size - 1
	if header == "" {
		return 0, last, true
	}
	bytes, ok := strings.CutPrefix(header, "bytes=")
	from, to, dash := strings.Cut(bytes, "-")
	first, err := strconv.ParseInt(from, 10, 64)
	if !ok || !dash || err != nil || first < 0 {
		return 0, 0, false
	}
	if to != "" {
		if last, err = strconv.ParseInt(to, 10, 64); err != nil {
			return 0, 0, false
		}
		last = min(last, size-1)
	}
	return first, last, first <= last
}
