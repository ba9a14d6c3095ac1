//go:build !steps

package main

import (
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/attest/documents"
	"lambdas.internal/ci/tool/attest/sbom"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func newSBOM(a *app) *cobra.Command {
	var build buildFlags
	var published publishedFlags
	var name, from string
	cmd := &cobra.Command{
		Use:   "sbom",
		Short: "Show what an image is made of: Go modules, ffmpeg, base",
		Long: `Show what an image is made of: Go modules, ffmpeg, base.

The image is built. With --commit, the document that publish attached to the image is
read from the registry that its function names. With --json the document itself is
printed, in the format of CycloneDX 1.6; the same image gives the same bytes.`,
		Example: `  bin/ci sbom --name thumb
  bin/ci sbom --name thumb --json > thumb.cdx.json
  bin/ci sbom --name thumb --commit abc1234 --json
  bin/ci sbom --name thumb --commit abc1234 --local`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := published.check(); err != nil {
				return err
			}
			if published.commit != "" {
				if err := refuse(cmd, "--commit", "what to build", "from", "platform", "base", "ffmpeg", "offline", "mirror"); err != nil {
					return err
				}
			}
			c, functions, err := a.selected([]string{name})
			if err != nil {
				return err
			}
			var document []byte
			if published.commit != "" {
				document, err = published.attached(cmd.Context(), c, functions[0], sbom.MediaType, false)
			} else {
				build.only = []string{name}
				document, err = a.sbom(cmd, &build, functions[0], from)
			}
			if err != nil {
				return err
			}
			if a.json {
				_, err := cmd.OutOrStdout().Write(document)
				return err
			}
			return sbom.Table(cmd.OutOrStdout(), document)
		},
	}
	required(cmd, &name, "name", "name of the image")
	published.add(cmd, "read the document of the image that was published under this commit")
	addFrom(cmd, &from)
	build.addOne(cmd)
	return cmd
}

// sbom builds the image and writes its document.
func (a *app) sbom(cmd *cobra.Command, f *buildFlags, function catalog.Function, from string) ([]byte, error) {
	made, err := a.images(cmd, f, from)
	if err != nil {
		return nil, err
	}
	images, err := publish.ReadImages(made.dir, made.functions, made.builder.Cache)
	if err != nil {
		return nil, err
	}
	is, program, err := documents.Read(images[function.Image])
	if err != nil {
		return nil, err
	}
	return sbom.New(is, program)
}
