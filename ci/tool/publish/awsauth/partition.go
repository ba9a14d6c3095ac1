package awsauth

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/smithy-go/middleware"

	"lambdas.internal/ci/tool/publish/reference"
)

// PrivateHost returns the registry of an account in a region.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
func PrivateHost(account, region string) string {
	return fmt.Sprintf("%s.dkr.ecr.%s.%s", account, region, domain(region))
}

// domain is that of the region's partition. The SDK knows all: it calls api.ecr.REGION.DOMAIN.
func domain(region string) string {
	const standard = "amazonaws.com"
	api, err := ecr.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), ecr.EndpointParameters{Region: aws.String(region)})
	if err != nil {
		return standard
	}
	if _, domain, ok := strings.Cut(api.URI.Hostname(), "."+region+"."); ok {
		return domain
	}
	return standard
}

// OtherPartition returns the first of the regions that is in another partition of AWS than the
// first of all: no credentials are good for both. It is "" if there is none.
func OtherPartition(regions []string) string {
	for _, region := range regions {
		if domain(region) != domain(regions[0]) || isGov(region) != isGov(regions[0]) {
			return region
		}
	}
	return ""
}

func isGov(region string) bool { return strings.HasPrefix(region, "us-gov-") }

// HasPublic tells whether accounts with the region have ECR Public: those of the standard
// partition. GovCloud is another partition under the same domain.
// https://docs.aws.amazon.com/general/latest/gr/ecr-public.html
func HasPublic(region string) bool {
	return domain(region) == "amazonaws.com" && !isGov(region)
}

// InAccount makes the session's calls to ECR those for the account that the host names, if it is
// a registry of ECR. Without it, they are for the account of the credentials.
func (s *Session) InAccount(h reference.Hosts) {
	e, ok := reference.ParseECR(h.Private)
	if !ok {
		return
	}
	s.ECR = ecr.NewFromConfig(s.Config, func(o *ecr.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("registryId",
				func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
					field := reflect.ValueOf(in.Parameters).Elem().FieldByName("RegistryId")
					if field.IsValid() && field.IsNil() {
						field.Set(reflect.ValueOf(aws.String(e.Account)))
					}
					return next.HandleInitialize(ctx, in)
				}), middleware.Before)
		})
	})
}

// Names tells whether one of the registries is one of AWS, which the token of AWS is for.
func Names(h reference.Hosts) bool {
	_, private := reference.ParseECR(h.Private)
	public, _, _ := strings.Cut(h.Public, "/")
	return private || slices.Contains(publicHosts, public)
}
