package ecrapi

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"lambdas.internal/ci/tool/publish/ecrstate"
)

// Signatures returns the state of the signatures that ECR itself makes of an image that was pushed
// to a private repository, one for each signing profile; none if the registry's signing
// configuration has no rule for the repository, or the repository is not at AWS. It waits while ECR signs: sleep waits between
// two looks, and its error ends the wait, with the states as they are.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/managed-signing.html
func (r *Registry) Signatures(ctx context.Context, repository, digest string, sleep func(context.Context) error) (all []ecrstate.Signature, err error) {
	api, name, ok := r.private(repository)
	if !ok {
		return nil, nil
	}
	region := ""
	if len(r.Copies) > 0 {
		region = api.Options().Region
	}
	for {
		out, err := api.DescribeImageSigningStatus(ctx, &ecr.DescribeImageSigningStatusInput{
			RepositoryName: aws.String(name), ImageId: &ecrtypes.ImageIdentifier{ImageDigest: aws.String(digest)},
		})
		if err != nil {
			return nil, fmt.Errorf("read whether ECR has signed %s in %s: %w", digest, name, err)
		}
		all = nil
		waiting := false
		for _, s := range out.SigningStatuses {
			profile := aws.ToString(s.SigningProfileArn)
			all = append(all, ecrstate.Signature{
				Repository: name, Region: region, Digest: digest, Profile: profile[strings.LastIndex(profile, "/")+1:], State: string(s.Status),
				Reason: strings.TrimPrefix(aws.ToString(s.FailureCode)+": "+aws.ToString(s.FailureReason), ": "),
			})
			waiting = waiting || s.Status == ecrtypes.SigningStatusInProgress
		}
		if !waiting || sleep(ctx) != nil {
			return all, nil
		}
	}
}
