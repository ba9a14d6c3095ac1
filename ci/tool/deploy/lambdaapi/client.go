// Package lambdaapi calls AWS Lambda with the AWS SDK. It implements [deploy.Lambda], and
// sorts the errors of AWS into those that a release handles.
package lambdaapi

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/report"
)

// Client calls Lambda in one region. It implements [deploy.Lambda].
type Client struct {
	api *lambda.Client
}

// New returns a client with the region, credentials, endpoint and retries of the
// configuration.
func New(c aws.Config) *Client { return &Client{api: lambda.NewFromConfig(c)} }

// latestPublished is the version that calls without a qualifier run on Lambda Managed Instances.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
const latestPublished = "$LATEST.PUBLISHED"

// Function describes a function; qualifier is a version or alias, or empty for what calls without
// one run.
func (c *Client) Function(ctx context.Context, name, qualifier string) (deploy.Function, error) {
	f, err := c.version(ctx, name, qualifier)
	if err != nil || qualifier != "" || !f.Instances {
		return f, err
	}
	published, err := c.version(ctx, name, latestPublished)
	if errors.Is(err, deploy.ErrMissing) { // nothing was published
		f.Digest, f.Image, f.State = "", "", ""
		return f, nil
	}
	// The update and the revision are those of the function.
	published.Revision = f.Revision
	if published.Update == "" || f.Update != string(types.LastUpdateStatusSuccessful) {
		published.Update, published.UpdateReason = f.Update, f.UpdateReason
	}
	return published, err
}

// version describes a version of a function.
func (c *Client) version(ctx context.Context, name, qualifier string) (deploy.Function, error) {
	out, err := c.api.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(name), Qualifier: optional(qualifier)})
	if err != nil {
		return deploy.Function{}, wrap("GetFunction", name, err)
	}
	f := deploy.Function{Name: name}
	if out.Code != nil {
		f.Image = aws.ToString(out.Code.ResolvedImageUri)
		f.Digest = deploy.DigestOf(f.Image)
	}
	if out.Configuration == nil {
		return f, nil
	}
	k := out.Configuration
	if k.LoggingConfig != nil {
		f.LogGroup = aws.ToString(k.LoggingConfig.LogGroup)
	}
	if parsed, err := arn.Parse(aws.ToString(k.FunctionArn)); err == nil {
		f.Region = parsed.Region
	}
	// A function without an architecture is for x86_64.
	// https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
	f.Architecture = string(types.ArchitectureX8664)
	if len(k.Architectures) > 0 {
		f.Architecture = string(k.Architectures[0])
	}
	f.PackageType, f.Version, f.Revision = string(k.PackageType), aws.ToString(k.Version), aws.ToString(k.RevisionId)
	f.Description = aws.ToString(k.Description)
	f.State, f.Update = string(k.State), string(k.LastUpdateStatus)
	f.Durable = k.DurableConfig != nil
	f.Instances = k.CapacityProviderConfig != nil
	f.StateReason = reason(string(k.StateReasonCode), k.StateReason)
	f.UpdateReason = reason(string(k.LastUpdateStatusReasonCode), k.LastUpdateStatusReason)
	return f, nil
}

// optional returns the text for a field of a request; nil, which leaves it out, if the
// text is empty.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// reason joins the code of a reason with its text.
func reason(code string, text *string) string {
	line := report.Line(aws.ToString(text))
	switch {
	case code == "":
		return line
	case line == "":
		return code
	default:
		return code + ": " + line
	}
}

// Update starts to change the code of a function, and does not wait for the end.
func (c *Client) Update(ctx context.Context, u deploy.Update) error {
	in := &lambda.UpdateFunctionCodeInput{
		FunctionName: aws.String(u.Function), ImageUri: aws.String(u.URI), RevisionId: optional(u.Revision), DryRun: u.DryRun,
	}
	if u.Publish {
		in.Publish, in.PublishTo = true, types.FunctionVersionLatestPublished(deploy.LatestPublished)
	}
	_, err := c.api.UpdateFunctionCode(ctx, in)
	return wrap("UpdateFunctionCode", u.Function, err)
}

// Create makes a function. What is not said has Lambda's default.
func (c *Client) Create(ctx context.Context, n deploy.New) error {
	in := &lambda.CreateFunctionInput{
		FunctionName: aws.String(n.Function), PackageType: types.PackageTypeImage, Code: &types.FunctionCode{ImageUri: aws.String(n.URI)},
		Role: aws.String(n.Role), Architectures: []types.Architecture{types.Architecture(n.Architecture)},
	}
	if n.Memory > 0 {
		in.MemorySize = aws.Int32(int32(n.Memory))
	}
	if n.Timeout > 0 {
		in.Timeout = aws.Int32(int32(n.Timeout))
	}
	_, err := c.api.CreateFunction(ctx, in)
	return wrap("CreateFunction", n.Function, err)
}

// Publish makes a version of the function as it is now, and returns its number.
func (c *Client) Publish(ctx context.Context, name, revision, description string) (string, error) {
	out, err := c.api.PublishVersion(ctx, &lambda.PublishVersionInput{
		FunctionName: aws.String(name), Description: aws.String(description), RevisionId: optional(revision),
	})
	if err != nil {
		return "", wrap("PublishVersion", name, err)
	}
	return aws.ToString(out.Version), nil
}

// Alias describes an alias. It fails with [deploy.ErrMissing] if the alias does not exist.
func (c *Client) Alias(ctx context.Context, name, alias string) (deploy.Alias, error) {
	out, err := c.api.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: aws.String(name), Name: aws.String(alias)})
	if err != nil {
		return deploy.Alias{}, wrap("GetAlias", name+":"+alias, err)
	}
	a := deploy.Alias{Name: alias, Version: aws.ToString(out.FunctionVersion), Revision: aws.ToString(out.RevisionId)}
	if out.RoutingConfig != nil {
		a.Weights = out.RoutingConfig.AdditionalVersionWeights
	}
	return a, nil
}

// CreateAlias makes an alias.
func (c *Client) CreateAlias(ctx context.Context, name string, a deploy.Alias) error {
	_, err := c.api.CreateAlias(ctx, &lambda.CreateAliasInput{
		FunctionName: aws.String(name), Name: aws.String(a.Name), FunctionVersion: aws.String(a.Version),
	})
	return wrap("CreateAlias", name+":"+a.Name, err)
}

// UpdateAlias makes an alias lead to a version and its weights, if it has the revision. The
// routing is always sent: without it, Lambda keeps the weights of before, and a share of the
// calls goes on to an old version. An empty one clears them.
// https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
// https://docs.aws.amazon.com/cli/latest/reference/lambda/update-alias.html
func (c *Client) UpdateAlias(ctx context.Context, name string, a deploy.Alias) error {
	weights := a.Weights
	if weights == nil {
		weights = map[string]float64{}
	}
	_, err := c.api.UpdateAlias(ctx, &lambda.UpdateAliasInput{
		FunctionName: aws.String(name), Name: aws.String(a.Name), FunctionVersion: aws.String(a.Version), RevisionId: optional(a.Revision),
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights},
	})
	return wrap("UpdateAlias", name+":"+a.Name, err)
}

// DeleteAlias deletes an alias.
func (c *Client) DeleteAlias(ctx context.Context, name, alias string) error {
	_, err := c.api.DeleteAlias(ctx, &lambda.DeleteAliasInput{FunctionName: aws.String(name), Name: aws.String(alias)})
	return wrap("DeleteAlias", name+":"+alias, err)
}

// number is the name of a version that was published.
var number = regexp.MustCompile(`^[1-9][0-9]*$`)

// DeleteVersion deletes a version of the function. The call without a version would delete the
// function.
func (c *Client) DeleteVersion(ctx context.Context, name, version string) error {
	if !number.MatchString(version) {
		return fmt.Errorf("delete version %q of %s: that is no version", version, name)
	}
	_, err := c.api.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String(name), Qualifier: aws.String(version)})
	return wrap("DeleteFunction", name+":"+version, err)
}

// Invoke sends the function one event and waits for its answer.
func (c *Client) Invoke(ctx context.Context, call deploy.Call) (deploy.Answer, error) {
	start := time.Now()
	out, err := c.api.Invoke(ctx, &lambda.InvokeInput{
		FunctionName: aws.String(call.Function), Qualifier: optional(call.Qualifier), TenantId: optional(call.Tenant),
		Payload: call.Event, LogType: types.LogTypeTail,
	})
	if err != nil {
		return deploy.Answer{}, wrap("Invoke", call.Function, err)
	}
	log, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if err != nil {
		log = nil // the answer itself is complete
	}
	return deploy.Answer{
		Payload: out.Payload, Error: aws.ToString(out.FunctionError), Log: string(log), Duration: time.Since(start),
	}, nil
}

// kinds maps the error codes of AWS to the errors that a release handles.
// https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html#API_UpdateFunctionCode_Errors
var kinds = map[string]error{
	"ResourceConflictException":   deploy.ErrConflict,
	"PreconditionFailedException": deploy.ErrRevision,
	"ResourceNotFoundException":   deploy.ErrMissing,
	"AccessDeniedException":       deploy.ErrDenied,
	"TooManyRequestsException":    deploy.ErrPassing,
	"ServiceException":            deploy.ErrPassing,
}

// callError is the error of a call, in one line.
type callError struct {
	text   string
	causes []error // the SDK's, and the kind that it is of
}

func (e *callError) Error() string { return e.text }

func (e *callError) Unwrap() []error { return e.causes }

// wrap sorts an error of the SDK. It keeps the code and the message, and leaves out the
// details of requests and attempts.
func wrap(call, subject string, err error) error {
	if err == nil {
		return nil
	}
	e := &callError{text: fmt.Sprintf("%s %s: %v", call, subject, err), causes: []error{err}}
	var kind error
	var api smithy.APIError
	var send *smithyhttp.RequestSendError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.text = fmt.Sprintf("%s %s: no answer in time", call, subject)
	case errors.As(err, &send):
		e.text = fmt.Sprintf("%s %s: %v", call, subject, send.Err)
	}
	if errors.As(err, &api) {
		kind = kinds[api.ErrorCode()]
		e.text = report.Line(fmt.Sprintf("%s %s: %s: %s", call, subject, api.ErrorCode(), api.ErrorMessage()))
	}
	var advised interface{ Advice() string }
	if errors.As(err, &advised) {
		e.text += "; " + advised.Advice()
	}
	if kind == nil && passing(err) {
		kind = deploy.ErrPassing
	}
	if kind != nil {
		e.causes = append(e.causes, kind)
	}
	return e
}

// passing tells whether the same call may succeed later, by the rules of the SDK: after
// throttling, faults of the service and lost connections.
func passing(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && (answer.HTTPStatusCode() >= http.StatusInternalServerError || answer.HTTPStatusCode() == http.StatusTooManyRequests) {
		return true
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err).Bool()
}
