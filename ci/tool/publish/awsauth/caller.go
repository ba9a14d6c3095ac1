package awsauth

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// ErrCredentials is returned if the machine has no AWS credentials.
var ErrCredentials = errors.New("found no AWS credentials; log in with `aws sso login` or `aws configure`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID")

// Caller is the owner of the AWS credentials.
type Caller struct {
	Account string
	// ARN names the user, or the role and session.
	ARN string
}

// Caller returns the owner of the AWS credentials.
func (s *Session) Caller(ctx context.Context) (Caller, error) {
	if _, err := s.Config.Credentials.Retrieve(ctx); err != nil {
		return Caller{}, fmt.Errorf("%w (%w)", ErrCredentials, err)
	}
	who, err := sts.NewFromConfig(s.Config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Caller{}, fmt.Errorf("find the owner of the AWS credentials: %w", err)
	}
	return Caller{aws.ToString(who.Account), aws.ToString(who.Arn)}, nil
}
