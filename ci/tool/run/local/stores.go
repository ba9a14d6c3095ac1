package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lambdas.internal/ci/tool/run/endpoint"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Stores are servers in place of AWS for functions that are called one by one.
type Stores struct {
	// Env is the environment of a function that uses them, as KEY=value.
	Env []string
	// Missing says what does not run, and how it can.
	Missing string

	system System
}

// StartStores starts S3, with one bucket that holds the objects, DynamoDB, and an API of
// Lambda that knows no function. objects are folders whose files are objects, with their path
// as key; a folder that does not exist has none. Without `make up` or `make tools` there is no DynamoDB.
func StartStores(ctx context.Context, root string, functions []catalog.Function, objects []string) (_ *Stores, err error) {
	s := &Stores{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	dir, err := os.MkdirTemp("", "lambdas-stores-*")
	if err != nil {
		return nil, fmt.Errorf("start the stores: %w", err)
	}
	s.system.onClose(func() error { return os.RemoveAll(dir) })
	if err := s.system.startS3(dir, ""); err != nil {
		return nil, err
	}
	for _, o := range objects {
		if err := s.system.fill(o); err != nil {
			return nil, err
		}
	}
	if err := s.system.startDynamoDB(ctx, root); errors.Is(err, errNotInstalled) {
		s.Missing, s.system.DynamoDBURL = err.Error(), "http://127.0.0.1:9" // where nothing answers
	} else if err != nil {
		return nil, err
	}
	none := &endpoint.Lambda{Find: in(nil), Background: ctx}
	if s.system.LambdaURL, err = s.system.serve("127.0.0.1:0", none.Handler()); err != nil {
		return nil, err
	}
	s.Env = s.system.environment(functions, "local")
	return s, nil
}

// Forget removes what functions wrote to DynamoDB, so that the next one does not find its work
// done.
func (s *Stores) Forget(ctx context.Context) error {
	if s.Missing != "" {
		return nil
	}
	if err := dynamoDB(ctx, s.system.DynamoDBURL, "DeleteTable", `{"TableName": "`+table+`"}`, nil); err != nil {
		return fmt.Errorf("empty the table %s: %w", table, err)
	}
	ctx, cancel := context.WithTimeout(ctx, ready)
	defer cancel()
	for { // DynamoDB removes a table after it has answered
		err := createTable(ctx, s.system.DynamoDBURL)
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "ResourceInUseException") {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Close stops the servers and removes what they hold.
func (s *Stores) Close() error { return s.system.Close() }

// fill adds the files of a folder to the bucket.
func (s *System) fill(dir string) error {
	err := fs.WalkDir(os.DirFS(dir), ".", func(key string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, err := os.Open(filepath.Join(dir, key))
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		_, err = s.objects.PutObject(bucket, key, map[string]string{"Content-Type": contentType(key)}, f, info.Size(), nil)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("fill the bucket: %w", err)
	}
	return nil
}

// contentType is that of an object with the key.
func contentType(key string) string {
	switch strings.ToLower(filepath.Ext(key)) {
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".mp4":
		return "video/mp4"
	default:
		return "application/octet-stream"
	}
}
