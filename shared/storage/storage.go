// Package storage reads and writes objects in S3, from files and from memory.
package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lambdas.internal/shared/awsenv"
	"lambdas.internal/shared/fault"
)

// Store reads and writes objects.
type Store struct{ client *s3.Client }

// Object describes a stored object.
type Object struct {
	// Size in bytes.
	Size        int64
	ContentType string
}

// New returns a Store with the region and credentials of the environment.
func New() (*Store, error) {
	client, err := NewClient()
	if err != nil {
		return nil, err
	}
	return &Store{client: client}, nil
}

// NewClient returns an S3 client with the region and credentials of the environment. If
// the environment sets an endpoint, the bucket's name is part of the path, as S3 servers
// other than AWS expect.
func NewClient(options ...func(*s3.Options)) (*s3.Client, error) {
	cfg, err := awsenv.Config("S3")
	if err != nil {
		return nil, err
	}
	options = append(options, func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil })
	return s3.NewFromConfig(cfg, options...), nil
}

// Download writes the object to a new file at path. If the object is larger than limit
// bytes, the error is a fault.InvalidInput; if it does not exist, a fault.NotFound. After
// an error there is no file.
func (s *Store) Download(ctx context.Context, bucket, key, path string, limit int64) (Object, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return Object{}, classify("get", bucket, key, err)
	}
	defer func() { _ = out.Body.Close() }()
	size := aws.ToInt64(out.ContentLength)
	if size > limit {
		return Object{}, tooLarge(bucket, key, size, limit)
	}
	n, err := writeFile(path, io.LimitReader(out.Body, limit+1))
	if err != nil {
		return Object{}, classify("get", bucket, key, err)
	}
	if n != size {
		_ = os.Remove(path)
		return Object{}, fault.New(fault.Transient, "get %s%s: got %d of %d bytes", in(bucket), key, n, size)
	}
	return Object{Size: n, ContentType: aws.ToString(out.ContentType)}, nil
}

// Upload stores the file at path under key. It replaces an existing object.
func (s *Store) Upload(ctx context.Context, bucket, key, path, contentType string) error {
	f, err := os.Open(path)
	if err != nil {
		return fault.New(fault.Internal, "put %s%s: %w", in(bucket), key, err)
	}
	defer func() { _ = f.Close() }()
	_, err = s.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: f, ContentType: &contentType})
	if err != nil {
		return classify("put", bucket, key, err)
	}
	return nil
}

// Head returns the first bytes of an object, at most n.
func (s *Store) Head(ctx context.Context, bucket, key string, n int64) ([]byte, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, Range: aws.String(fmt.Sprintf("bytes=0-%d", n-1))})
	if err != nil {
		if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.HTTPStatusCode() == http.StatusRequestedRangeNotSatisfiable {
			return nil, nil // an empty object has no first byte
		}
		return nil, classify("get", bucket, key, err)
	}
	defer func() { _ = out.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(out.Body, n))
	if err != nil {
		return nil, classify("get", bucket, key, err)
	}
	return data, nil
}

// Stat returns the size and type of the object under key. If there is none, the error is
// a fault.NotFound.
func (s *Store) Stat(ctx context.Context, bucket, key string) (Object, error) {
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return Object{}, classify("stat", bucket, key, err)
	}
	return Object{Size: aws.ToInt64(out.ContentLength), ContentType: aws.ToString(out.ContentType)}, nil
}

func writeFile(path string, r io.Reader) (n int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(f, r)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return n, err
}

// in is the start of an object's address. Only the log shows it.
func in(bucket string) fault.Detail { return fault.Detail("s3://" + bucket + "/") }

// classify gives an S3 error its kind by the HTTP status of the answer. Without an
// answer, the kind is fault.Transient.
func classify(op, bucket, key string, err error) error {
	kind, why := fault.Transient, "the storage did not answer as it should; try again later"
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		kind, why = fault.DeadlineExceeded, "the time ran out"
	} else if _, local := errors.AsType[*fs.PathError](err); local {
		kind = fault.Internal // the function's own disk
	} else if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		switch status := response.HTTPStatusCode(); {
		case status == http.StatusNotFound:
			kind, why = fault.NotFound, "no such object"
		case status == http.StatusForbidden, status == http.StatusUnauthorized:
			kind, why = fault.Configuration, "the function may not do that"
		case status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
			kind, why = fault.InvalidInput, "the storage refused that"
		}
	}
	return fault.New(kind, "%s %s%s: %s: %w", op, in(bucket), key, why, err)
}
