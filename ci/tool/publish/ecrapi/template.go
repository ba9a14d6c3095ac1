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

	"lambdas.internal/ci/tool/publish/reference"
)

// rootPrefix is the prefix of the template for all repositories that no other template is for.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepositoryCreationTemplate.html
const rootPrefix = "ROOT"

// errTemplates is returned if it is unknown whether a push creates a repository.
var errTemplates = errors.New("the repository creation templates of the registry cannot be read")

// templates returns the templates by which the private registry creates a repository that is
// pushed to. Its error is [errTemplates] if the caller may not read those of this registry.
func (r *Registry) templates(ctx context.Context) (all []ecrtypes.RepositoryCreationTemplate, err error) {
	pages := ecr.NewDescribeRepositoryCreationTemplatesPaginator(r.Private, &ecr.DescribeRepositoryCreationTemplatesInput{})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if is(err, denied) {
			return nil, fmt.Errorf("%w: %w", errTemplates, err)
		}
		if err != nil {
			return nil, fmt.Errorf("read the repository creation templates: %w", err)
		}
		// The call has no field for the account of the registry: it reads those of the caller.
		if named, ok := reference.ParseECR(r.Hosts.Private); ok && aws.ToString(out.RegistryId) != named.Account {
			return nil, fmt.Errorf("%w: they are of account %s", errTemplates, aws.ToString(out.RegistryId))
		}
		for _, t := range out.RepositoryCreationTemplates {
			if slices.Contains(t.AppliedFor, ecrtypes.RCTAppliedForCreateOnPush) {
				all = append(all, t)
			}
		}
	}
	return all, nil
}

// templateOf returns the template by which a repository would be created: that with the longest
// prefix. ok is false if there is none.
func templateOf(all []ecrtypes.RepositoryCreationTemplate, repository string) (found ecrtypes.RepositoryCreationTemplate, ok bool) {
	longest := -1
	for _, t := range all {
		length := 0
		if prefix := aws.ToString(t.Prefix); prefix != rootPrefix {
			prefix = strings.TrimSuffix(prefix, "/") + "/" // as ECR reads it
			if !strings.HasPrefix(repository, prefix) {
				continue
			}
			length = len(prefix)
		}
		if length > longest {
			found, ok, longest = t, true, length
		}
	}
	return found, ok
}

// byPush returns what creates a private repository that does not exist when it is pushed to; "" if
// nothing does. Where the templates cannot be read, the beginning of a push decides, unless
// nothing may be changed.
func (r *Registry) byPush(ctx context.Context, w Wanted, dryRun bool) (by string, err error) {
	all, err := r.templates(ctx)
	switch {
	case errors.Is(err, errTemplates) && dryRun:
		return "", err
	case errors.Is(err, errTemplates):
		if err := r.CheckPush(ctx, r.Hosts.Repository(w.Tier, w.Variant)); err != nil {
			return "", fmt.Errorf("the registry does not create it when it is pushed to: %w", err)
		}
		return "the registry, when it is pushed to", nil
	case err != nil:
		return "", err
	}
	t, ok := templateOf(all, w.Name)
	if !ok {
		return "", nil
	}
	prefix := aws.ToString(t.Prefix)
	made := ecrtypes.Repository{RepositoryName: aws.String(w.Name), ImageTagMutability: t.ImageTagMutability, ImageTagMutabilityExclusionFilters: t.ImageTagMutabilityExclusionFilters}
	if tag := stuck(made, w.Images, w.Tags); tag != "" {
		return "", fmt.Errorf("the creation template %s makes its tags %s, so %s could not move; add the filters *%s to the template",
			prefix, t.ImageTagMutability, tag, strings.Join(moving(w.Tags), " and *"))
	}
	return "the creation template " + prefix + ", when it is pushed to", nil
}
