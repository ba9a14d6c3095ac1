package awsauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"lambdas.internal/ci/tool/report"
)

// Error is the error of a call to AWS: one line, with what to do about it.
type Error struct {
	err     error
	advice  string
	passing bool
}

func (e *Error) Error() string { return report.Line(e.err.Error()) + "; " + e.advice }

func (e *Error) Unwrap() error { return e.err }

// Advice is what to do about the error.
func (e *Error) Advice() string { return e.advice }

// Passing tells whether the same call may succeed later.
func (e *Error) Passing() bool { return e.passing }

// again is the advice about what passes.
const again = "run the same command again in a minute"

// unanswered is the advice about a call that got no answer.
const unanswered = "AWS did not answer: check the network, and the region with --region"

// actions are the beginnings of the IAM actions of the services.
var actions = map[string]string{"ECR": "ecr", "ECR PUBLIC": "ecr-public", "Lambda": "lambda", "STS": "sts"}

// invoke is the only operation of ours whose action has another name.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
var invoke = map[string]string{"Invoke": "InvokeFunction"}

// advise makes an error of a service an [Error].
func advise(ctx context.Context, err error) error {
	service, operation := middleware.GetServiceID(ctx), middleware.GetOperationName(ctx)
	// A call that gets credentials is within another call, whose error has the advice.
	gets := actions[service] == "" || service == "STS" && operation != "GetCallerIdentity"
	if gets || errors.Is(err, context.Canceled) {
		return report.InLine(err)
	}
	if credentials := credentialError(err); credentials != nil {
		return credentials
	}
	var answer smithy.APIError
	if !errors.As(err, &answer) || answer.ErrorCode() == "UnknownError" { // the SDK's word for a body that has no code
		var response *smithyhttp.ResponseError
		if errors.As(err, &response) && response.HTTPStatusCode() > 0 {
			return &Error{err, "this is no answer of AWS: check AWS_ENDPOINT_URL and the proxy", response.HTTPStatusCode() >= 500}
		}
		return &Error{err, unanswered, false}
	}
	advice, passing := adviceOf(actions[service], operation, answer)
	return &Error{err, advice, passing}
}

// adviceOf is what to do about an error that a service answers an operation with.
func adviceOf(service, operation string, answer smithy.APIError) (advice string, passing bool) {
	code := answer.ErrorCode()
	if name, ok := invoke[operation]; ok {
		operation = name
	}
	switch {
	case strings.Contains(answer.ErrorMessage(), "access the ECR image"): // as Lambda answers, under several codes
		return "the policy of the repository must let Lambda read it: see docs/aws", false
	case code == "InvalidParameterValueException" && strings.Contains(answer.ErrorMessage(), "ource image"):
		// Lambda answers so for ECR Public, another region, a pull-through cache, and an image
		// that is gone: https://github.com/serverless/serverless/issues/8636
		return "Lambda takes an image only from a private repository of ECR in its own region, named ACCOUNT.dkr.ecr.REGION.amazonaws.com, as long as it is there: publish the commit again, and deploy without --private-registry", false
	case slices.Contains(denied, code):
		needs := service + ":" + operation
		if needs == "ecr-public:GetAuthorizationToken" {
			// https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html
			needs += " and sts:GetServiceBearerToken"
		}
		return fmt.Sprintf("the caller needs %s: compare its policy with docs/aws", needs), false
	case slices.Contains(expired, code):
		return "the AWS credentials have expired; " + logIn(), false
	case slices.Contains(unknownCaller, code):
		// https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
		return "AWS does not know these credentials, the account has not enabled the region, or the clock of this machine is wrong; " + logIn(), false
	}
	for _, row := range advices {
		if slices.Contains(row.codes, code) || slices.Contains(row.codes, service+"."+code) {
			return row.advice, row.passes
		}
	}
	if answer.ErrorFault() == smithy.FaultServer {
		return again, true
	}
	return fmt.Sprintf("what %s means is in AWS's reference of %s %s", code, service, operation), false
}

// The codes that every service may answer with.
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
var (
	denied        = []string{"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation"}
	expired       = []string{"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
	unknownCaller = []string{"AuthFailure", "IncompleteSignature", "InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "SignatureDoesNotMatch", "UnrecognizedClientException"}
)
