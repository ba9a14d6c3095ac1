package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"lambdas.internal/ci/tool/report"
)

// startRegistry starts a registry on localhost with its blobs in dir, and returns its
// host and port.
func startRegistry(dir string) (host string, stop func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("start the registry: %w", err)
	}
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return "", nil, fmt.Errorf("start the registry: %w", err)
	}
	server := &http.Server{
		Handler: registry.New(
			registry.Logger(log.New(io.Discard, "", 0)),
			registry.WithBlobHandler(registry.NewDiskBlobHandler(dir))),
		ReadHeaderTimeout: 10 * time.Second,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Printf("bench: the registry stopped: %v", err)
		}
	}()
	port := listener.Addr().(*net.TCPAddr).Port
	return fmt.Sprintf("localhost:%d", port), func() {
		_ = server.Close() // its data is deleted anyway
		<-done
	}, nil
}

// pushBase pushes the only image of the layout in dir and returns its reference.
func pushBase(host, dir string) (string, error) {
	ref, err := name.ParseReference(host + "/base:static")
	if err != nil {
		return "", fmt.Errorf("push the base: %w", err)
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return "", fmt.Errorf("push the base: %w", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return "", fmt.Errorf("push the base: %w", err)
	}
	if len(manifest.Manifests) != 1 {
		return "", fmt.Errorf("push the base: %s has %s, expected 1", dir, report.Count(len(manifest.Manifests), "image"))
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		return "", fmt.Errorf("push the base: %w", err)
	}
	if err := remote.Write(ref, image); err != nil {
		return "", fmt.Errorf("push the base: %w", err)
	}
	return ref.String(), nil
}
