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
	"github.com/aws/smithy-go"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Replication is what the registry of an account in a region copies to others, of what is pushed
// to it after the rules were set. The zero value copies nothing.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
type Replication struct {
	from  reference.ECR
	rules []ecrtypes.ReplicationRule
}

// Replication reads the rules of the private registry of the first region.
func (r *Registry) Replication(ctx context.Context) (Replication, error) {
	from, ok := reference.ParseECR(r.Hosts.Private)
	if !ok {
		return Replication{}, nil
	}
	out, err := r.Private.DescribeRegistry(ctx, &ecr.DescribeRegistryInput{})
	if err != nil {
		return Replication{}, fmt.Errorf("read what ECR replicates: %w", err)
	}
	// The call has no field for the account of the registry: it reads that of the caller.
	if of := aws.ToString(out.RegistryId); of != from.Account {
		return Replication{}, fmt.Errorf("read what ECR replicates: only account %s may do that, and the caller is of account %s", from.Account, of)
	}
	if out.ReplicationConfiguration == nil {
		return Replication{}, nil
	}
	return Replication{from, out.ReplicationConfiguration.Rules}, nil
}

// Carries tells whether what is pushed to the repository comes to the other one by itself. Both are
// named with their registries.
func (p Replication) Carries(repository, other string) bool {
	from, to := at(repository), at(other)
	if from.registry != p.from || from.name != to.name || to.registry == (reference.ECR{}) {
		return false
	}
	return slices.ContainsFunc(p.rules, func(rule ecrtypes.ReplicationRule) bool {
		return slices.ContainsFunc(rule.Destinations, func(d ecrtypes.ReplicationDestination) bool {
			return aws.ToString(d.Region) == to.registry.Region && aws.ToString(d.RegistryId) == to.registry.Account
		}) && (len(rule.RepositoryFilters) == 0 || slices.ContainsFunc(rule.RepositoryFilters, func(f ecrtypes.RepositoryFilter) bool {
			// A filter of a kind that is not known selects nothing here: then publish sends the images.
			return f.FilterType == ecrtypes.RepositoryFilterTypePrefixMatch && strings.HasPrefix(from.name, aws.ToString(f.Filter))
		}))
	})
}

// place is a repository at AWS.
type place struct {
	registry reference.ECR
	name     string
}

func at(repository string) place {
	registry, _ := reference.ParseECR(repository)
	return place{registry, reference.RepositoryName(catalog.Private, repository)}
}

// unreadable says why the state of a replication is unknown: the same words for each image.
func unreadable(err error) string {
	const text = "it is unknown how far its replication is: "
	var answer smithy.APIError
	switch {
	case Denied(err):
		return text + "the caller needs ecr:DescribeImageReplicationStatus: compare its policy with docs/aws"
	case errors.As(err, &answer):
		return text + answer.ErrorCode() + ": " + report.Line(answer.ErrorMessage())
	}
	return text + err.Error()
}

// Replicated waits until an image of a private repository has come to the other one. It returns why
// that has not happened, or will not; "" if it has. unseen tells how many looks the status may be
// missing: that of an image that was pushed a moment ago may be. sleep waits between two looks; its
// error, or the end of ctx, ends the wait.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageReplicationStatus.html
func (r *Registry) Replicated(ctx context.Context, repository, other, digest string, unseen int, sleep func(context.Context) error) (why string) {
	api, name, ok := r.private(repository)
	if !ok {
		return "it is not replicated"
	}
	to, state := at(other).registry, "" // as far as it is known
	for look := 1; ; look++ {
		out, err := api.DescribeImageReplicationStatus(ctx, &ecr.DescribeImageReplicationStatusInput{
			RepositoryName: aws.String(name), ImageId: &ecrtypes.ImageIdentifier{ImageDigest: aws.String(digest)},
		})
		if err != nil && !is(err, imageNotFound) && ctx.Err() == nil {
			return unreadable(err)
		}
		if out != nil {
			for _, s := range out.ReplicationStatuses {
				if aws.ToString(s.Region) != to.Region || aws.ToString(s.RegistryId) != to.Account {
					continue
				}
				if state = string(s.Status); s.Status == ecrtypes.ReplicationStatusFailed {
					return strings.TrimSuffix("its replication is "+state+": "+aws.ToString(s.FailureCode), ": ")
				}
			}
		}
		switch {
		case state == string(ecrtypes.ReplicationStatusComplete):
			return ""
		case state == "" && look > unseen && ctx.Err() == nil:
			return "ECR does not replicate it: it replicates what is pushed after that was set"
		}
		if sleep(ctx) == nil && ctx.Err() == nil {
			continue
		}
		if state == "" {
			return "its replication has not begun in time"
		}
		return "its replication is " + state + " after the time of --replication-timeout"
	}
}
