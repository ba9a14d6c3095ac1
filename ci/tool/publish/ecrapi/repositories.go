// Package ecrapi uses the API of Amazon ECR for what the registry protocol cannot do: it
// creates repositories, lists images that have no tag, and removes tags.
package ecrapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	publictypes "github.com/aws/aws-sdk-go-v2/service/ecrpublic/types"
	"github.com/aws/smithy-go"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Wanted is a repository that publish pushes images to.
type Wanted struct {
	// Name is the repository without its registry.
	Name    string           `json:"name"`
	Tier    catalog.Registry `json:"registry"`
	Variant catalog.Variant  `json:"variant"`
	// Images are the names of the images that it is for.
	Images []string `json:"images"`
	// Tags are the patterns of their tags.
	Tags catalog.Tags `json:"-"`
	// Missing is true if the repository does not exist.
	Missing bool `json:"missing,omitempty"`

	found ecrtypes.Repository // a private one
	by    string              // who creates it, if this program does not
}

// Want returns the repositories of the functions' images at the hosts, private ones first.
func Want(functions []catalog.Function, h reference.Hosts) []Wanted {
	var all []Wanted
	add := func(f catalog.Function, tier catalog.Registry) {
		name := reference.RepositoryName(tier, h.Repository(tier, f.Variant))
		for i := range all {
			if all[i].Name == name && all[i].Tier == tier {
				all[i].Images = append(all[i].Images, f.Image)
				return
			}
		}
		all = append(all, Wanted{Name: name, Tier: tier, Variant: f.Variant, Images: []string{f.Image}, Tags: h.Tags})
	}
	for _, f := range functions {
		add(f, catalog.Private)
		if f.Registry == catalog.Public {
			add(f, catalog.Public)
		}
	}
	slices.SortFunc(all, func(a, b Wanted) int {
		return strings.Compare(string(a.Tier)+string(a.Variant), string(b.Tier)+string(b.Variant))
	})
	return all
}

// Every returns all repositories at the hosts that images of the catalog could be in: the wanted
// ones, and those that no function needs now, without images.
func Every(functions []catalog.Function, h reference.Hosts) []Wanted {
	all := Want(functions, h)
	for _, tier := range []catalog.Registry{catalog.Private, catalog.Public} {
		for _, v := range []catalog.Variant{catalog.Light, catalog.Heavy} {
			name := reference.RepositoryName(tier, h.Repository(tier, v))
			if !slices.ContainsFunc(all, func(w Wanted) bool { return w.Name == name && w.Tier == tier }) {
				all = append(all, Wanted{Name: name, Tier: tier, Variant: v, Tags: h.Tags})
			}
		}
	}
	return all
}

// Missing returns the wanted repositories, with those that do not exist marked as missing.
func Missing(ctx context.Context, private *ecr.Client, public *ecrpublic.Client, wanted []Wanted) ([]Wanted, error) {
	wanted = slices.Clone(wanted)
	for i, w := range wanted {
		var err error
		if w.Tier == catalog.Private {
			var out *ecr.DescribeRepositoriesOutput
			out, err = private.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{w.Name}})
			if err == nil && len(out.Repositories) > 0 {
				wanted[i].found = out.Repositories[0]
			}
		} else {
			_, err = public.DescribeRepositories(ctx, &ecrpublic.DescribeRepositoriesInput{RepositoryNames: []string{w.Name}})
		}
		// A role need not be allowed to look at what no function needs.
		wanted[i].Missing = is(err, notFound) || len(w.Images) == 0 && is(err, denied)
		if err != nil && !wanted[i].Missing {
			return nil, fmt.Errorf("look for the %s repository %s: %w", w.Tier, w.Name, err)
		}
	}
	return wanted, nil
}

// Create creates a repository. It is no error if another run has created it meanwhile.
func Create(ctx context.Context, private *ecr.Client, public *ecrpublic.Client, w Wanted) error {
	var err error
	if w.Tier == catalog.Private {
		_, err = private.CreateRepository(ctx, privateInput(w))
	} else {
		_, err = public.CreateRepository(ctx, publicInput(w))
	}
	if err != nil && !is(err, alreadyExists) {
		return fmt.Errorf("create the %s repository %s: %w", w.Tier, w.Name, err)
	}
	return nil
}

// privateInput describes a private repository: commit tags are immutable, and ECR scans
// each pushed image.
func privateInput(w Wanted) *ecr.CreateRepositoryInput {
	var filters []ecrtypes.ImageTagMutabilityExclusionFilter
	for _, suffix := range moving(w.Tags) {
		filters = append(filters, ecrtypes.ImageTagMutabilityExclusionFilter{
			Filter: aws.String("*" + suffix), FilterType: ecrtypes.ImageTagMutabilityExclusionFilterTypeWildcard,
		})
	}
	return &ecr.CreateRepositoryInput{
		RepositoryName:                     aws.String(w.Name),
		ImageTagMutability:                 ecrtypes.ImageTagMutabilityImmutableWithExclusion,
		ImageTagMutabilityExclusionFilters: filters,
		ImageScanningConfiguration:         &ecrtypes.ImageScanningConfiguration{ScanOnPush: true},
	}
}

// listed is how many images the texts about a repository name. The shortest text holds
// 1,024 characters, and the longest name has 80.
// https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_RepositoryCatalogDataInput.html
const listed = 10

// publicInput describes a public repository, with the text that ECR's gallery shows.
func publicInput(w Wanted) *ecrpublic.CreateRepositoryInput {
	holds := "a Go function for AWS Lambda"
	if w.Variant == catalog.Heavy {
		holds += ", with static builds of ffmpeg and ffprobe"
	}
	images := strings.Join(w.Images[:min(len(w.Images), listed)], ", ")
	if more := len(w.Images) - listed; more > 0 {
		images += fmt.Sprintf(" and %d more", more)
	}
	return &ecrpublic.CreateRepositoryInput{
		RepositoryName: aws.String(w.Name),
		CatalogData: &publictypes.RepositoryCatalogDataInput{
			Description: aws.String("Container images of " + holds + ": " + images),
			AboutText: aws.String("Each image is one function, tagged by name and commit: " + images +
				". The image `" + w.Tags.OfLatest("name") + "` is the one published last; of each name only the last ones are kept."),
			UsageText: aws.String("Lambda takes images from a private repository of your own account and region only: " +
				"pull, tag and push it there. To try one: `docker run -p 9000:8080 <image>`, then post an event to " +
				"`http://127.0.0.1:9000/2015-03-31/functions/function/invocations`."),
			Architectures:    []string{"x86-64", "ARM 64"},
			OperatingSystems: []string{"Linux"},
		},
	}
}

// The errors by which both APIs, private and public, say that a repository or image is missing
// or exists already, or that the caller may not know.
const (
	notFound      = "RepositoryNotFoundException"
	alreadyExists = "RepositoryAlreadyExistsException"
	denied        = "AccessDeniedException"
	imageNotFound = "ImageNotFoundException"
)

// Denied tells whether AWS answered that the caller may not do that.
func Denied(err error) bool { return is(err, denied) }

// is tells whether AWS answered with the error of that code.
func is(err error, code string) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && answer.ErrorCode() == code
}
