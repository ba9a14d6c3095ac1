// Package awsenv makes the configuration of AWS clients from the environment variables
// that Lambda sets in every function.
//
// It replaces the SDK's config package, because that package would also link the SSO,
// STS and instance-metadata clients, which no Lambda function uses, into each binary.
package awsenv

import (
	"context"
	"errors"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/settings"
)

// Config returns the configuration for the given service. The service has the name that
// the SDKs use in AWS_ENDPOINT_URL_<SERVICE>, for instance "S3" or "DYNAMODB". Region and
// credentials come from AWS_REGION (or AWS_DEFAULT_REGION), AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. If a required one is missing, the error is
// a fault.Configuration that names it.
func Config(service string) (aws.Config, error) {
	region := settings.Optional("AWS_REGION", os.Getenv("AWS_DEFAULT_REGION"))
	if region == "" {
		return aws.Config{}, fault.New(fault.Configuration, "environment variable AWS_REGION is not set")
	}
	if _, err := credentials(context.Background()); err != nil {
		return aws.Config{}, err
	}
	cfg := aws.Config{
		Region:      region,
		Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(credentials)),
	}
	if url := Endpoint(service); url != "" {
		cfg.BaseEndpoint = aws.String(url)
	}
	return cfg, nil
}

// Endpoint returns the endpoint that the environment sets for the service:
// AWS_ENDPOINT_URL_<SERVICE> or, if that is not set, AWS_ENDPOINT_URL. It may be empty.
func Endpoint(service string) string {
	return settings.Optional("AWS_ENDPOINT_URL_"+service, os.Getenv("AWS_ENDPOINT_URL"))
}

// denied are the error codes for unknown credentials and for missing permissions (the
// services' "Common Errors" pages).
var denied = map[string]bool{
	"AccessDenied": true, "AccessDeniedException": true, "ExpiredTokenException": true, "IncompleteSignature": true,
	"InvalidClientTokenId": true, "InvalidSignatureException": true, "SignatureDoesNotMatch": true,
	"MissingAuthenticationToken": true, "UnrecognizedClientException": true, "KMSAccessDeniedException": true,
}

// Denied tells whether a service did not accept the credentials or the caller lacks a
// permission. The function is then set up wrongly, and a retry cannot help.
func Denied(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && denied[api.ErrorCode()]
}

func credentials(context.Context) (aws.Credentials, error) {
	id, err := settings.Required("AWS_ACCESS_KEY_ID")
	if err != nil {
		return aws.Credentials{}, err
	}
	secret, err := settings.Required("AWS_SECRET_ACCESS_KEY")
	if err != nil {
		return aws.Credentials{}, err
	}
	return aws.Credentials{
		AccessKeyID:     id,
		SecretAccessKey: secret,
		SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}, nil
}
