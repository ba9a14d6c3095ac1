package storage

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"lambdas.internal/shared/fault"
)

// Entry is an object in a list.
type Entry struct {
	Key string
	// Size in bytes.
	Size     int64
	Modified time.Time
}

// List returns the objects whose keys begin with prefix and come after the key in after, in
// the order of their keys: at most limit, which is at most 1,000. More tells whether
// others follow.
func (s *Store) List(ctx context.Context, bucket, prefix, after string, limit int) (entries []Entry, more bool, err error) {
	out, err := s.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		Bucket: &bucket, Prefix: &prefix, StartAfter: &after, MaxKeys: aws.Int32(int32(limit)),
	})
	if err != nil {
		return nil, false, classify("list", bucket, prefix, err)
	}
	for _, object := range out.Contents {
		if key := aws.ToString(object.Key); key > after {
			entries = append(entries, Entry{Key: key, Size: aws.ToInt64(object.Size), Modified: aws.ToTime(object.LastModified)})
		}
	}
	// The server of `bin/ci up` answers with all objects, whatever is asked for.
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	if len(entries) > limit {
		return entries[:limit], true, nil
	}
	return entries, aws.ToBool(out.IsTruncated), nil
}

// Delete deletes the objects under keys, at most 1,000. One that does not exist is no error.
func (s *Store) Delete(ctx context.Context, bucket string, keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	objects := make([]types.ObjectIdentifier, len(keys))
	for i := range keys {
		objects[i].Key = &keys[i]
	}
	out, err := s.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)}})
	if err != nil {
		return classify("delete", bucket, keys[0], err)
	}
	for _, failed := range out.Errors {
		if code := aws.ToString(failed.Code); code != "NoSuchKey" {
			return fault.New(fault.Transient, "delete %s%s: the storage refused that%s", in(bucket), aws.ToString(failed.Key), fault.Detail(": "+code+": "+aws.ToString(failed.Message)))
		}
	}
	return nil
}

// deletedAtOnce is the most that one request can list or delete (S3 API reference,
// DeleteObjects).
const deletedAtOnce = 1000

// DeleteAll deletes all objects whose keys begin with prefix.
func (s *Store) DeleteAll(ctx context.Context, bucket, prefix string) error {
	for after, more := "", true; more; {
		entries, others, err := s.List(ctx, bucket, prefix, after, deletedAtOnce)
		if err != nil || len(entries) == 0 {
			return err
		}
		keys := make([]string, len(entries))
		for i, entry := range entries {
			keys[i] = entry.Key
		}
		if err := s.Delete(ctx, bucket, keys...); err != nil {
			return err
		}
		after, more = keys[len(keys)-1], others
	}
	return nil
}
