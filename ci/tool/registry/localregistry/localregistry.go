// Package localregistry runs a container registry inside this program, with its data
// in a folder: publish runs against it in full, without an account or a network.
package localregistry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	// The storage driver that Handler uses.
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/sirupsen/logrus"

	"lambdas.internal/ci/tool/cache"
)

// closeTimeout is how long running requests may take when the server is closed.
const closeTimeout = time.Second

// Handler returns a registry with its data in the folder dir. It is the server of
// https://github.com/distribution/distribution.
func Handler(dir string) http.Handler {
	return New("filesystem", configuration.Parameters{"rootdirectory": dir})
}

// New returns a registry with one of the server's storage drivers.
func New(driver string, parameters configuration.Parameters) http.Handler {
	// The server logs every request to standard error; the client reports those that
	// fail.
	logrus.SetLevel(logrus.PanicLevel)
	c := &configuration.Configuration{
		Storage: configuration.Storage{
			driver:   parameters,
			"delete": configuration.Parameters{"enabled": true},
			"maintenance": configuration.Parameters{
				"uploadpurging": map[any]any{"enabled": false},
			},
		},
	}
	c.Catalog.MaxEntries = 1000
	// Several servers of one folder can continue each other's uploads.
	c.HTTP.Secret = "only for this machine"
	return handlers.NewApp(context.Background(), c)
}

// Server is a running registry.
type Server struct {
	// Host is 127.0.0.1:port.
	Host string

	server *http.Server
	ended  chan error
}

// Start serves the registry in dir on a port of the loopback address; port 0 means any
// free port.
func Start(dir string, port int) (*Server, error) {
	if err := cache.OutputFolder(dir, "docker"); err != nil { // the folder of the server's storage
		return nil, fmt.Errorf("start the local registry: %w", err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("start the local registry: %w; is another one running? pass a free port with --port", err)
	}
	s := &Server{
		Host:   l.Addr().String(),
		server: &http.Server{Handler: Handler(dir), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)},
		ended:  make(chan error, 1),
	}
	go func() { s.ended <- s.server.Serve(l) }()
	return s, nil
}

// Wait returns nil when ctx ends, or an error when the server fails.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case err := <-s.ended:
		s.ended <- err
		return fmt.Errorf("serve the local registry: %w", err)
	case <-ctx.Done():
		return nil
	}
}

// Close ends the server.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) { // a client keeps a connection open
		err = s.server.Close()
	}
	if ended := <-s.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	if err != nil {
		return fmt.Errorf("end the local registry: %w", err)
	}
	return nil
}
