// Package handoff tells the tools that make Lambda functions which image each function is to
// run: by digest, in their own formats. So their next update does not undo a deploy.
package handoff

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Image is the published image of one function in AWS.
type Image struct {
	Lambda     string `json:"lambda"`
	Image      string `json:"image"`
	Repository string `json:"repository"` // with its registry
	Digest     string `json:"digest"`
	// URI names the image as Lambda accepts it.
	URI string `json:"imageUri"`
	// Architecture is x86_64 or arm64, as Lambda calls it.
	Architecture string `json:"architecture"`
}

// Images are those of a commit.
type Images struct {
	Commit string  `json:"commit"`
	Images []Image `json:"images"`
}

// Registry reads the private registry.
type Registry interface {
	Digest(ctx context.Context, repository, identifier string) (digest v1.Hash, ok bool, err error)
	Manifest(ctx context.Context, repository, identifier string) (manifest []byte, digest v1.Hash, err error)
	Blob(ctx context.Context, repository string, digest v1.Hash) ([]byte, error)
}

// Read finds the images that were published under the commit.
func Read(ctx context.Context, r Registry, functions []catalog.Function, h reference.Hosts, commit string) (*Images, error) {
	all := &Images{Commit: commit, Images: []Image{}}
	functions = catalog.Running(functions)
	var missing []string
	for n, item := range reference.PrivateItems(functions, h, commit) {
		digest, ok, err := r.Digest(ctx, item.Repository, item.CommitTag)
		if err != nil {
			return nil, fmt.Errorf("read the image of %s: %w", functions[n].Lambda, err)
		}
		if !ok {
			missing = append(missing, item.CommitTag)
			continue
		}
		architecture, err := architectureOf(ctx, r, item.Repository, digest)
		if err != nil {
			return nil, fmt.Errorf("read the image of %s: %w", functions[n].Lambda, err)
		}
		all.Images = append(all.Images, Image{
			Lambda: functions[n].Lambda, Image: item.Image, Repository: item.Repository, Digest: digest.String(),
			URI: reference.ForLambda(item.Repository) + "@" + digest.String(), Architecture: architecture,
		})
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("not in the private registry %s: %s; publish first: bin/ci publish --commit %s", h.Private, strings.Join(missing, ", "), commit)
	}
	return all, nil
}

func architectureOf(ctx context.Context, r Registry, repository string, digest v1.Hash) (string, error) {
	raw, _, err := r.Manifest(ctx, repository, digest.String())
	if err != nil {
		return "", err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return "", fmt.Errorf("read the manifest %s: %w", digest, err)
	}
	if raw, err = r.Blob(ctx, repository, m.Config.Digest); err != nil {
		return "", err
	}
	var config v1.ConfigFile
	if err := json.Unmarshal(raw, &config); err != nil {
		return "", fmt.Errorf("read the configuration of %s: %w", digest, err)
	}
	name := deploy.Architecture(config.Architecture)
	if name == "" {
		return "", fmt.Errorf("the image %s is for %q, which Lambda does not run", digest, config.Architecture)
	}
	return name, nil
}

// Formats are the formats, by name.
var Formats = []string{"json", "tfvars", "cdk-context", "cloudformation-parameters"}

// Write writes the images in a format.
func (i *Images) Write(w io.Writer, format string) error {
	switch format {
	case "tfvars":
		return i.tfvars(w)
	case "cdk-context":
		return i.context(w)
	case "cloudformation-parameters":
		return i.parameters(w)
	default:
		return report.JSON(w, i)
	}
}

// tfvars writes one variable of Terraform: a map by the name of the function.
// https://developer.hashicorp.com/terraform/language/values/variables#variable-definitions-tfvars-files
func (i *Images) tfvars(w io.Writer) error {
	fmt.Fprintf(w, "# the images of commit %s\nlambda_images = {\n", i.Commit)
	for _, of := range i.Images {
		fmt.Fprintf(w, "  %s = {\n    image_uri    = %s\n    architecture = %s\n  }\n", strconv.Quote(of.Lambda), strconv.Quote(of.URI), strconv.Quote(of.Architecture))
	}
	_, err := fmt.Fprintln(w, "}")
	return err
}

// context writes the context of CDK, a file cdk.context.json.
// https://docs.aws.amazon.com/cdk/v2/guide/context.html
func (i *Images) context(w io.Writer) error {
	type image struct {
		Repository   string `json:"repository"` // without its registry
		Digest       string `json:"digest"`
		URI          string `json:"imageUri"`
		Architecture string `json:"architecture"`
	}
	images := map[string]image{}
	for _, of := range i.Images {
		images[of.Lambda] = image{reference.RepositoryName(catalog.Private, of.Repository), of.Digest, of.URI, of.Architecture}
	}
	return report.JSON(w, map[string]any{"lambda-images": images})
}

// inKey are the characters that the name of a parameter may have.
var inKey = regexp.MustCompile(`[^A-Za-z0-9]`)

// parameters writes the file that `aws cloudformation --parameters file://` reads.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Parameter.html
func (i *Images) parameters(w io.Writer) error {
	type parameter struct{ ParameterKey, ParameterValue string }
	var all []parameter
	for _, of := range i.Images {
		all = append(all, parameter{inKey.ReplaceAllString(of.Lambda, "") + "ImageUri", of.URI})
	}
	return report.JSON(w, all)
}

// Table prints the images for people.
func (i *Images) Table(w io.Writer) error {
	var rows [][]string
	for _, of := range i.Images {
		rows = append(rows, []string{of.Lambda, of.Image, of.Repository, report.Digest(of.Digest), of.Architecture})
	}
	return report.Table(w, []string{"LAMBDA", "IMAGE", "REPOSITORY", "DIGEST", "ARCHITECTURE"}, rows)
}
