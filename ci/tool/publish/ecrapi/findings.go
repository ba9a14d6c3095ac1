package ecrapi

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"lambdas.internal/ci/tool/publish/ecrstate"
)

// ReadScan reads what ECR has found in an image.
func ReadScan(ctx context.Context, api *ecr.Client, repository, digest string) (s ecrstate.Scan, err error) {
	s.Severities = map[string]int{}
	pages := ecr.NewDescribeImageScanFindingsPaginator(api, &ecr.DescribeImageScanFindingsInput{
		RepositoryName: aws.String(repository), ImageId: &ecrtypes.ImageIdentifier{ImageDigest: aws.String(digest)},
	})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if is(err, scanNotFound) {
			return ecrstate.Scan{}, nil
		}
		if err != nil {
			return ecrstate.Scan{}, fmt.Errorf("read what ECR has found in %s in %s: %w", digest, repository, err)
		}
		if out.ImageScanStatus != nil {
			s.Status = string(out.ImageScanStatus.Status)
		}
		addFindings(&s, out.ImageScanFindings)
	}
	return s, nil
}

const scanNotFound = "ScanNotFoundException"

// addFindings adds the findings of a page.
func addFindings(s *ecrstate.Scan, f *ecrtypes.ImageScanFindings) {
	if f == nil {
		return
	}
	if f.ImageScanCompletedAt != nil {
		s.Completed = *f.ImageScanCompletedAt
	}
	if s.Kind == "" {
		s.Kind = "basic"
	}
	for _, found := range f.Findings {
		s.Severities[string(found.Severity)]++
	}
	for _, found := range f.EnhancedFindings {
		s.Kind = "enhanced"
		severity := aws.ToString(found.Severity)
		s.Severities[severity]++
		if ecrstate.IsGrave(severity) && aws.ToString(found.FixAvailable) == "NO" {
			s.Unfixable++
		}
		for _, r := range found.Resources {
			if r.Details != nil && r.Details.AwsEcrContainerImage != nil {
				s.InUse = max(s.InUse, aws.ToInt64(r.Details.AwsEcrContainerImage.InUseCount))
			}
		}
	}
}
