//go:build !steps

package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/registry/localregistry"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// registryPort is a port that no common program uses.
const registryPort = 5077

func newRegistry(a *app) *cobra.Command {
	var port int
	cmd := &cobra.Command{
		Use:     "registry",
		Short:   "Serve what publish --local published, until interrupted",
		Example: fmt.Sprintf("  bin/ci publish --local\n  bin/ci registry &\n  docker pull 127.0.0.1:%d/lambda-light:enhance-latest", registryPort),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkPort(port); err != nil {
				return err
			}
			c, err := a.catalog()
			if err != nil {
				return err
			}
			server, err := localregistry.Start(localDir(c.Root), port)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "serving %s at %s until interrupted\n", localDir(c.Root), server.Host)
			return errors.Join(server.Wait(cmd.Context()), server.Close())
		},
	}
	cmd.Flags().IntVar(&port, "port", registryPort, "port on localhost; 0 for a free one")
	return cmd
}

// checkPort returns an error if the value of --port is not a port.
func checkPort(port int) error {
	if port < 0 || port > 65535 {
		return usageError{fmt.Errorf("--port: %d is not a port; pass 0 to 65535", port)}
	}
	return nil
}

// localTarget starts the embedded registry of the workspace.
func localTarget(c *catalog.Catalog, port int) (*target, *localregistry.Server, error) {
	server, err := localregistry.Start(localDir(c.Root), port)
	if err != nil {
		return nil, nil, err
	}
	client := registry.NewClient(registry.Options{Keychain: authn.NewMultiKeychain()}) // it asks for no login
	return &target{
		hosts:    reference.Hosts{Private: server.Host, Public: server.Host}.Of(c.Pipeline),
		registry: client,
		client:   client,
		close:    server.Close,
	}, server, nil
}

func localDir(root string) string { return filepath.Join(root, "dist", "registry") }

// printLocal says how to pull an image from the embedded registry.
func printLocal(w io.Writer, first publish.Step, served bool, server *localregistry.Server) error {
	path := first.Repository[strings.Index(first.Repository, "/"):] + ":" + first.CommitTag
	if served {
		_, err := fmt.Fprintf(w, "serving at %s until interrupted; to pull an image: docker pull %s%s\n", server.Host, server.Host, path)
		return err
	}
	_, err := fmt.Fprintf(w, "the images are in dist/registry; to pull one: bin/ci registry --port %d, then docker pull 127.0.0.1:%d%s\n",
		registryPort, registryPort, path)
	return err
}
