package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/lambdafake"
)

func TestWhatTheStandInAnswers(t *testing.T) {
	handler := newHandler("127.0.0.1:1", t.TempDir(), lambdafake.Handler())
	call := func(operation, body string) *httptest.ResponseRecorder {
		request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		request.Header.Set("X-Amz-Target", operation)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		return answer
	}
	for operation, status := range map[string]int{
		"AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken": http.StatusOK,
		"AmazonEC2ContainerRegistry_V20150921.BatchGetImage":         http.StatusBadRequest,
		"SpencerFrontendService.BatchDeleteImage":                    http.StatusBadRequest,
	} {
		assert.Equal(t, status, call(operation, "{}").Code, operation)
	}

	// It knows what is pushed to the registry.
	require.Equal(t, http.StatusOK, call("AmazonEC2ContainerRegistry_V20150921.CreateRepository", `{"repositoryName":"a"}`).Code)
	push := httptest.NewRequest(http.MethodPut, "/v2/a/manifests/b-1234567", strings.NewReader("{}"))
	handler.ServeHTTP(httptest.NewRecorder(), push)
	assert.Contains(t, call("AmazonEC2ContainerRegistry_V20150921.DescribeImages", `{"repositoryName":"a"}`).Body.String(), `"imageTags":["b-1234567"]`)
}

func TestLambdaAcceptsOnlyImagesOfThePrivateRegistry(t *testing.T) {
	lambda, dir := lambdafake.Handler(), t.TempDir()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	handler = newHandler(host, dir, lambda)
	image, err := placeholder(t.Context(), host)
	require.NoError(t, err)
	public, err := placeholder(t.Context(), host+"/public")
	require.NoError(t, err)
	assert.True(t, lambda.HasImage(image))
	assert.False(t, lambda.HasImage(public))
	assert.False(t, lambda.HasImage(image[:len(image)-1]+"x"))
}
