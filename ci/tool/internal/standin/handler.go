package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/lambdafake"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/registry/localregistry"
)

// takes is how long an update of a function lasts.
const takes = 200 * time.Millisecond

// answered are the operations of ECR that the stand-in answers. It is told which images are
// pushed to the registry, and answers nothing that reads or deletes their content.
var answered = []string{"GetAuthorizationToken", "DescribeRepositories", "CreateRepository", "DescribeRegistries", "DescribeImages", "DescribeImageSigningStatus", "DescribeRepositoryCreationTemplates"}

// newHandler returns AWS and the registry in dir, both at one address.
func newHandler(host, dir string, lambda *lambdafake.Fake) http.Handler {
	images, aws := localregistry.Handler(dir), awsfake.Handler()
	lambda.Takes = takes
	lambda.HasImage = func(uri string) bool { return has(images, host, uri) }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, isECR := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		switch {
		case strings.HasPrefix(r.URL.Path, "/v2/"):
			if !aws.Pushed(awsfake.Private, "", w, r) && !aws.Pushed(awsfake.Public, "public/", w, r) {
				images.ServeHTTP(w, r)
			}
		case strings.HasPrefix(r.URL.Path, "/2015-03-31/functions/"), strings.HasPrefix(r.URL.Path, lambdafake.WatchPath):
			lambda.ServeHTTP(w, r)
		case r.URL.Path == "/" && (!isECR || slices.Contains(answered, operation)):
			aws.ServeHTTP(w, r)
		default:
			w.Header().Set("X-Amzn-ErrorType", "NotImplemented")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"message":"the stand-in for AWS does not answer %s"}`, operation)
		}
	})
}

// has tells whether the private part of the registry holds the image, repository@digest.
func has(images http.Handler, host, uri string) bool {
	repository, digest, _ := strings.Cut(strings.TrimPrefix(uri, host+"/"), "@")
	if strings.HasPrefix(repository, "public/") {
		return false
	}
	request := httptest.NewRequest(http.MethodHead, "/v2/"+repository+"/manifests/"+digest, nil)
	request.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json")
	answer := httptest.NewRecorder()
	images.ServeHTTP(answer, request)
	return answer.Code == http.StatusOK
}

// placeholder pushes an image that holds nothing, and returns its reference. In AWS, too,
// a function has an image before the first release.
func placeholder(ctx context.Context, host string) (string, error) {
	repository, client := host+"/placeholder", registry.NewClient(registry.Options{})
	config, err := client.PutBytes(ctx, repository, []byte("{}"), types.OCIConfigJSON)
	if err != nil {
		return "", err
	}
	manifest, err := json.Marshal(v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{}})
	if err != nil {
		return "", err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(manifest))
	if err != nil {
		return "", err
	}
	return repository + "@" + digest.String(), client.PutManifest(ctx, repository, digest.String(), manifest, types.OCIManifestSchema1)
}
