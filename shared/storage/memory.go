package storage

import (
	"bytes"
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lambdas.internal/shared/fault"
)

// Get reads an object into memory. If it is larger than limit bytes, the error is a
// fault.InvalidInput; if it does not exist, a fault.NotFound.
func (s *Store) Get(ctx context.Context, bucket, key string, limit int64) ([]byte, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, classify("get", bucket, key, err)
	}
	defer func() { _ = out.Body.Close() }()
	if size := aws.ToInt64(out.ContentLength); size > limit {
		return nil, tooLarge(bucket, key, size, limit)
	}
	data, err := io.ReadAll(io.LimitReader(out.Body, limit+1))
	if err != nil {
		return nil, classify("get", bucket, key, err)
	}
	if int64(len(data)) > limit {
		return nil, tooLarge(bucket, key, int64(len(data)), limit)
	}
	return data, nil
}

// Put stores data under key. It replaces an existing object.
func (s *Store) Put(ctx context.Context, bucket, key string, data []byte, contentType string) error {
	_, err := s.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(data), ContentType: &contentType})
	if err != nil {
		return classify("put", bucket, key, err)
	}
	return nil
}

func tooLarge(bucket, key string, size, limit int64) error {
	return fault.New(fault.InvalidInput, "get %s%s: %d bytes are more than the limit of %d", in(bucket), key, size, limit)
}
