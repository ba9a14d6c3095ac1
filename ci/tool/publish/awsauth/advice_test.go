package awsauth

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/testkit"
)

// modelled returns the codes of the errors in the API model of a service, and whose fault each
// is, from the source of the SDK.
func modelled(t *testing.T, service string) map[string]string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+service+"/types").Output()
	require.NoError(t, err)
	file, err := parser.ParseFile(gotoken.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "errors.go"), nil, 0)
	require.NoError(t, err)
	of := map[string]map[string]string{"ErrorCode": {}, "ErrorFault": {}}
	types := 0
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == gotoken.TYPE {
			types++
		}
		f, ok := d.(*ast.FuncDecl)
		if !ok || of[f.Name.Name] == nil {
			continue
		}
		name := f.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				code, err := strconv.Unquote(n.Value)
				require.NoError(t, err)
				of["ErrorCode"][name] = code
			case *ast.SelectorExpr:
				if strings.HasPrefix(n.Sel.Name, "Fault") {
					of["ErrorFault"][name] = n.Sel.Name
				}
			}
			return true
		})
	}
	codes := map[string]string{}
	for name, code := range of["ErrorCode"] {
		codes[code] = of["ErrorFault"][name]
	}
	require.Len(t, codes, types, "each type has a code")
	require.Greater(t, types, 10)
	return codes
}

func listed(code, service string) bool {
	if slices.Contains(expired, code) {
		return true
	}
	return slices.ContainsFunc(advices, func(r row) bool {
		return slices.Contains(r.codes, code) || slices.Contains(r.codes, service+"."+code)
	})
}

// What the user reads for each error in the API models of the services. A new one, in a new
// version of the SDK, fails this test until it has an advice.
func TestEveryErrorLeadsOut(t *testing.T) {
	fake := awsfake.New(t)
	once := config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} })
	profiles(t, "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/publish\nsource_profile = base\n")
	plain, err := New(t.Context(), "", once)
	require.NoError(t, err)
	services := []struct {
		name, prefix, operation string
		call                    func(context.Context) error
	}{
		{"ecr", "ecr", "ecr.DescribeRepositories", func(ctx context.Context) error {
			_, err := plain.ECR.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"a"}})
			return err
		}},
		{"ecrpublic", "ecr-public", "ecrpublic.DescribeRepositories", func(ctx context.Context) error {
			_, err := plain.Public.DescribeRepositories(ctx, &ecrpublic.DescribeRepositoriesInput{RepositoryNames: []string{"a"}})
			return err
		}},
		{"lambda", "lambda", "lambda.GetFunction", func(ctx context.Context) error {
			_, err := lambda.NewFromConfig(plain.Config).GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("a")})
			return err
		}},
		{"sts", "sts", "sts.AssumeRole", func(ctx context.Context) error {
			keyless(t)
			s, err := New(ctx, "", once, routed(t, fake), config.WithSharedConfigProfile("role"))
			require.NoError(t, err)
			return s.Ready(ctx)
		}},
	}
	var told strings.Builder
	for _, s := range services {
		codes := modelled(t, s.name)
		for _, code := range slices.Sorted(maps.Keys(codes)) {
			status := http.StatusBadRequest
			if codes[code] == "FaultServer" {
				status = http.StatusInternalServerError
			}
			assert.True(t, listed(code, s.prefix), "%s %s: write its advice into advices.go", s.name, code)
			fake.Fail(s.operation, awsfake.Failure{Status: status, Code: code, Message: "AWS says why"})
			err := s.call(t.Context())
			var advised *Error
			require.ErrorAs(t, err, &advised, code)
			assert.NotContains(t, err.Error(), "\n", code)
			assert.NotEmpty(t, advised.Advice(), code)
			assert.Equal(t, strings.Contains(code, "ExpiredToken") && code != "ExpiredTradeInTokenException", strings.Contains(err.Error(), "log in again"), "%s: %v", code, err)
			goesOn := "mend"
			if advised.Passing() {
				goesOn = "passes"
			}
			assert.Equal(t, advised.Passing(), strings.Contains(advised.Advice(), "run the same command again") && !strings.Contains(advised.Advice(), "then run"), code)
			fmt.Fprintf(&told, "%s %s, %s: %s\n", s.name, code, goesOn, err)
		}
	}
	testkit.Golden(t, "errors.txt", []byte(told.String()))
}

// The errors that every service may answer with, and answers of others.
func TestErrorsOfEveryService(t *testing.T) {
	fake := awsfake.New(t)
	s, err := New(t.Context(), "", config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }))
	require.NoError(t, err)
	for title, test := range map[string]struct {
		operation string
		failure   awsfake.Failure
		advice    string
		passing   bool
	}{
		"denied":          {"ecr.GetAuthorizationToken", awsfake.AccessDenied, "; the caller needs ecr:GetAuthorizationToken: compare its policy with docs/aws", false},
		"denied, public":  {"ecrpublic.GetAuthorizationToken", awsfake.AccessDenied, "; the caller needs ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken: compare its policy with docs/aws", false},
		"expired":         {"ecr.GetAuthorizationToken", awsfake.ExpiredToken, "; the AWS credentials have expired; log in again", false},
		"unknown":         {"ecr.GetAuthorizationToken", awsfake.Failure{Status: 400, Code: "UnrecognizedClientException", Message: "The security token included in the request is invalid."}, "; AWS does not know these credentials, the account has not enabled the region, or the clock of this machine is wrong; log in again", false},
		"the clock":       {"ecr.GetAuthorizationToken", awsfake.Failure{Status: 400, Code: "InvalidSignatureException", Message: "Signature not yet current"}, "the clock of this machine is wrong", false},
		"throttled":       {"ecr.GetAuthorizationToken", awsfake.Throttling, "; run the same command again in a minute", true},
		"of another day":  {"ecr.GetAuthorizationToken", awsfake.Failure{Status: 400, Code: "NewException", Message: "new"}, "; what NewException means is in AWS's reference of ecr GetAuthorizationToken", false},
		"Lambda and ECR":  {"lambda.GetFunction", awsfake.Failure{Status: 403, Code: "AccessDeniedException", Message: "Lambda does not have permission to access the ECR image. Check the ECR permissions."}, "; the policy of the repository must let Lambda read it: see docs/aws", false},
		"Lambda's source": {"lambda.GetFunction", awsfake.Failure{Status: 400, Code: "InvalidParameterValueException", Message: "Source image public.ecr.aws/x is not valid. Provide a valid source image."}, "; Lambda takes an image only from a private repository of ECR in its own region", false},
	} {
		t.Run(title, func(t *testing.T) {
			fake.Fail(test.operation, test.failure)
			var err error
			switch service, _, _ := strings.Cut(test.operation, "."); service {
			case "ecr":
				_, err = s.ECR.GetAuthorizationToken(t.Context(), &ecr.GetAuthorizationTokenInput{})
			case "ecrpublic":
				_, err = s.Public.GetAuthorizationToken(t.Context(), &ecrpublic.GetAuthorizationTokenInput{})
			default:
				_, err = lambda.NewFromConfig(s.Config).GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("a")})
			}
			require.ErrorContains(t, err, test.advice)
			var advised *Error
			require.ErrorAs(t, err, &advised)
			assert.Equal(t, test.passing, advised.Passing())
		})
	}
	t.Run("a page of a proxy", func(t *testing.T) {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<html>\nblocked\n</html>")
		}))
		t.Cleanup(proxy.Close)
		_, err := s.ECR.GetAuthorizationToken(t.Context(), &ecr.GetAuthorizationTokenInput{}, func(o *ecr.Options) { o.BaseEndpoint = &proxy.URL })
		require.ErrorContains(t, err, "; this is no answer of AWS: check AWS_ENDPOINT_URL and the proxy")
		assert.NotContains(t, err.Error(), "\n")
	})
	t.Run("nobody answers", func(t *testing.T) {
		_, err := s.ECR.GetAuthorizationToken(t.Context(), &ecr.GetAuthorizationTokenInput{}, func(o *ecr.Options) { o.BaseEndpoint = aws.String("http://127.0.0.1:1") })
		require.ErrorContains(t, err, "; AWS did not answer: check the network, and the region with --region")
	})
}
