package main

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/internal/lambdafake"
	"lambdas.internal/ci/tool/registry"
)

const lightRepository = "lambda-private-light"

// moto starts moto_server, an AWS that nobody here wrote, and returns its URL. It
// skips the test where there is none.
func moto(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("moto_server"); err != nil {
		t.Skip("moto_server is not on the PATH")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	var log bytes.Buffer
	cmd := exec.Command("moto_server", "-H", "127.0.0.1", "-p", port)
	// It is to look for images at its ECR.
	cmd.Env = append(os.Environ(), "MOTO_LAMBDA_STUB_ECR=false")
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Skip("moto_server does not start: ", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for range 300 {
		if answer, err := http.Get("http://" + address + "/moto-api/"); err == nil {
			answer.Body.Close()
			return "http://" + address
		}
		select {
		case err := <-ended:
			ended <- err
			t.Skipf("moto_server does not run here: %v\n%s", err, log.String())
		case <-time.After(100 * time.Millisecond):
		}
	}
	require.Fail(t, "moto_server does not answer", log.String())
	return ""
}

// makeRole makes the role that functions run as. The service is told by the
// signature, which nobody checks.
func makeRole(t *testing.T, endpoint string) {
	t.Helper()
	form := url.Values{"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {"runs"}, "AssumeRolePolicyDocument": {"{}"}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260522/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0")
	answer, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode)
}

func TestLongAReleaseAgainstMoto(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server in Python")
	}
	endpoint := moto(t)
	s := newStage(t)
	s.aws.URL = endpoint
	s.aws.Env(t)
	session, err := config.LoadDefaultConfig(t.Context())
	require.NoError(t, err)
	functions := lambda.NewFromConfig(session)
	running := func(name string) string {
		out, err := functions.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String(name)})
		require.NoError(t, err)
		return deploy.DigestOf(aws.ToString(out.Code.ResolvedImageUri))
	}

	// Its ECR has no registry behind it: what is published to ours is told to it.
	images := ecr.NewFromConfig(session)
	_, err = images.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: aws.String(lightRepository)})
	require.NoError(t, err)
	client := registry.NewClient(registry.Options{})
	tell := func(commit string) map[string]string {
		digests := map[string]string{}
		for _, f := range s.catalog.Functions {
			tag := f.Image + "-" + commit
			manifest, digest, err := client.Manifest(t.Context(), s.host+"/"+lightRepository, tag)
			require.NoError(t, err)
			_, err = images.PutImage(t.Context(), &ecr.PutImageInput{
				RepositoryName: aws.String(lightRepository), ImageManifest: aws.String(string(manifest)),
				ImageTag: aws.String(tag), ImageDigest: aws.String(digest.String()),
			})
			if err != nil {
				require.ErrorContains(t, err, "ImageAlreadyExists")
			}
			digests[f.Lambda] = digest.String()
		}
		return digests
	}
	s.ci(exitDone, "publish --commit 1111111")
	s.aws.Env(t)
	first := tell("1111111")
	makeRole(t, endpoint)
	for _, f := range s.catalog.Functions {
		_, err := functions.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
			FunctionName: aws.String(f.Lambda), PackageType: types.PackageTypeImage,
			Role: aws.String("arn:aws:iam::" + lambdafake.Account + ":role/runs"),
			Code: &types.FunctionCode{ImageUri: aws.String(s.host + "/" + lightRepository + "@" + first[f.Lambda])},
		})
		require.NoError(t, err)
	}
	s.ci(exitDone, "deploy --commit 1111111")
	s.edit("media-lambda")
	s.ci(exitDone, "publish --commit 2222222")

	// It has not been told of the new image, which its Lambda refuses, though not in
	// the dry run.
	s.ci(exitRolledBack, "deploy --commit 2222222")
	assert.Equal(t, first["Api"], running("Api"))

	s.aws.Env(t)
	second := tell("2222222")
	s.ci(exitDone, "deploy --commit 2222222")
	assert.Equal(t, []string{second["Api"], first["Enhance"]}, []string{running("Api"), running("Enhance")})
	s.ci(exitDone, "status")
	s.ci(exitDone, "rollback")
	assert.Equal(t, first["Api"], running("Api"))
	s.ci(exitDone, "deploy --commit 2222222 --alias live")
	s.ci(exitDone, "status")
	assert.Contains(t, s.story.String(), "no problems\n")

	// An alias that sends a share of its calls to another version. There is no canary here: the
	// CloudWatch of moto 5.2 does not speak the protocol of today's SDKs.
	split := func(weights map[string]float64) *types.AliasRoutingConfiguration {
		return &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights}
	}
	alias := func() *lambda.GetAliasOutput {
		out, err := functions.GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: aws.String("Thumb"), Name: aws.String("live")})
		require.NoError(t, err)
		return out
	}
	s.edit("thumbnail-lambda")
	s.ci(exitDone, "publish --commit 3333333")
	s.aws.Env(t)
	third := tell("3333333")
	_, err = functions.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{
		FunctionName: aws.String("Thumb"), ImageUri: aws.String(s.host + "/" + lightRepository + "@" + third["Thumb"]),
	})
	require.NoError(t, err)
	other, err := functions.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("Thumb")})
	require.NoError(t, err)
	_, err = functions.UpdateAlias(t.Context(), &lambda.UpdateAliasInput{
		FunctionName: aws.String("Thumb"), Name: aws.String("live"), RoutingConfig: split(map[string]float64{aws.ToString(other.Version): 0.3}),
	})
	require.NoError(t, err)
	s.ci(exitDone, "status")
	assert.Contains(t, s.story.String(), "! not as the last release left them: Thumb (1 of 3 functions)")
	s.ci(exitDone, "rollback")
	assert.Equal(t, second["Thumb"], running("Thumb"))
	if got := alias().RoutingConfig; got != nil {
		assert.Empty(t, got.AdditionalVersionWeights)
	}
	if t.Failed() || testing.Verbose() {
		t.Log(s.story.String())
	}
}
