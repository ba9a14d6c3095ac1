//go:build !steps

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/registry/localregistry"
)

// registryPort is not a port that anything common listens on.
const registryPort = 5077

func newRegistry(a *app) *cobra.Command {
	var port int
	cmd := &cobra.Command{
		Use:     "registry",
		Short:   "Serve what publish --local has published, until interrupted",
		Example: fmt.Sprintf("  ci publish --local\n  ci registry &\n  docker pull 127.0.0.1:%d/lambda-light:enhance-latest", registryPort),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
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
	cmd.Flags().IntVar(&port, "port", registryPort, "port of the loopback address; 0 for a free one")
	return cmd
}
