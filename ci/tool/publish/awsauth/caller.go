package awsauth

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// ErrCredentials is a machine without a login to AWS.
var ErrCredentials = errors.New("no AWS credentials were found; log in with `aws sso login` or `aws configure`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID")

// Caller is whose credentials are used.
type Caller struct {
	Account string
	// ARN names the user, or the role and session.
	ARN string
}

// Caller returns whose the credentials are.
func (s *Session) Caller(ctx context.Context) (Caller, error) {
	if _, err := s.Config.Credentials.Retrieve(ctx); err != nil {
		return Caller{}, fmt.Errorf("%w (%w)", ErrCredentials, err)
	}
	who, err := sts.NewFromConfig(s.Config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Caller{}, fmt.Errorf("find out whose the AWS credentials are: %w", err)
	}
	return Caller{aws.ToString(who.Account), aws.ToString(who.Arn)}, nil
}
