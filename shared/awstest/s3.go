package awstest

import (
	"bytes"
	"io"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/settings"
	"lambdas.internal/shared/storage"
)

// Bucket is the bucket that StartS3 creates.
const Bucket = "media-test"

// S3 is a running S3 server with one empty bucket.
type S3 struct {
	URL    string
	client *s3.Client
}

// StartS3 starts an S3 server with an empty bucket, and sets the test's environment so
// that clients and functions use it. The server checks signatures.
func StartS3(t testing.TB) *S3 {
	t.Helper()
	server := httptest.NewServer(gofakes3.New(s3mem.New(), gofakes3.WithV4Auth(map[string]string{AccessKey: SecretKey})).Server())
	t.Cleanup(server.Close)
	environment(t)
	t.Setenv("AWS_ENDPOINT_URL_S3", server.URL)
	t.Setenv(settings.MediaBucket, Bucket)
	client, err := storage.NewClient()
	require.NoError(t, err)
	_, err = client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(Bucket)})
	require.NoError(t, err)
	return &S3{URL: server.URL, client: client}
}

// Put stores an object.
func (s *S3) Put(t testing.TB, key string, data []byte) {
	t.Helper()
	_, err := s.client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(Bucket), Key: &key, Body: bytes.NewReader(data)})
	require.NoError(t, err)
}

// Get returns an object and its content type.
func (s *S3) Get(t testing.TB, key string) (data []byte, contentType string) {
	t.Helper()
	out, err := s.client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(Bucket), Key: &key})
	require.NoError(t, err)
	defer func() { require.NoError(t, out.Body.Close()) }()
	data, err = io.ReadAll(out.Body)
	require.NoError(t, err)
	return data, aws.ToString(out.ContentType)
}

// Keys returns the keys of all objects, in order.
func (s *S3) Keys(t testing.TB) []string {
	t.Helper()
	out, err := s.client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(Bucket)})
	require.NoError(t, err)
	var keys []string
	for _, object := range out.Contents {
		keys = append(keys, aws.ToString(object.Key))
	}
	return keys
}
