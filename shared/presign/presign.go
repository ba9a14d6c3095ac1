// Package presign signs URLs with which a browser uploads files to S3 and downloads
// them without going through the API.
package presign

import (
	"context"
	"fmt"
	"mime"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/storage"
)

// Lifetime of a signed URL.
const Lifetime = 15 * time.Minute

// Signer signs URLs for one bucket.
type Signer struct {
	client *s3.PresignClient
	bucket string
}

// Request is what the browser has to send.
type Request struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	// Headers that must be sent unchanged; S3 refuses the URL with other values.
	Headers map[string]string `json:"headers,omitempty"`
	// ExpiresAt in Unix seconds.
	ExpiresAt int64 `json:"expiresAt"`
}

// New returns a Signer for the bucket with the credentials of the environment.
func New(bucket string) (*Signer, error) {
	client, err := storage.NewClient(func(o *s3.Options) {
		// Otherwise the SDK signs the checksum of an empty body into an upload's URL.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	})
	if err != nil {
		return nil, err
	}
	return &Signer{client: s3.NewPresignClient(client, s3.WithPresignExpires(Lifetime)), bucket: bucket}, nil
}

// Upload signs the upload of exactly size bytes of the content type to key. S3 refuses
// any other length or type, because both are part of the signature.
func (s *Signer) Upload(ctx context.Context, key, contentType string, size int64) (Request, error) {
	signed, err := s.client.PresignPutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, ContentType: &contentType, ContentLength: &size,
	})
	if err != nil {
		return Request{}, fault.New(fault.Internal, "sign the upload of %s: %w", key, err)
	}
	return Request{
		Method: signed.Method, URL: signed.URL, ExpiresAt: expiry(),
		Headers: map[string]string{"Content-Type": contentType, "Content-Length": fmt.Sprint(size)},
	}, nil
}

// Download signs the download of key. The browser saves the file under the given name.
func (s *Signer) Download(ctx context.Context, key, name string) (Request, error) {
	disposition := disposition(name)
	signed, err := s.client.PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: &s.bucket, Key: &key, ResponseContentDisposition: &disposition,
	})
	if err != nil {
		return Request{}, fault.New(fault.Internal, "sign the download of %s: %w", key, err)
	}
	return Request{Method: signed.Method, URL: signed.URL, ExpiresAt: expiry()}, nil
}

// disposition names a file in any script (RFC 6266), with a name in ASCII for old programs.
func disposition(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%`, r) {
			return '_'
		}
		return r
	}, name)
	value := `attachment; filename="` + plain + `"`
	if plain != name {
		value += strings.TrimPrefix(mime.FormatMediaType("attachment", map[string]string{"filename": name}), "attachment")
	}
	return value
}

func expiry() int64 { return time.Now().Add(Lifetime).Unix() }
