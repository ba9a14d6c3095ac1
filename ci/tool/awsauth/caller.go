package awsauth

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Caller is whose credentials are used.
type Caller struct {
	Account string
	// ARN names the user, or the role and session.
	ARN string
}

// Caller returns whose the credentials are.
func (s *Session) Caller(ctx context.Context) (Caller, error) {
	who, err := sts.NewFromConfig(s.Config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Caller{}, fmt.Errorf("find out whose the AWS credentials are: %w", err)
	}
	return Caller{aws.ToString(who.Account), aws.ToString(who.Arn)}, nil
}
