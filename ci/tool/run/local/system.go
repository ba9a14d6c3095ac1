// Package local runs the whole system on this machine: the functions from their built
// images, and local servers in place of S3, DynamoDB, Lambda and API Gateway.
package local

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3afero"
	"github.com/spf13/afero"

	"lambdas.internal/ci/tool/run/endpoint"
	"lambdas.internal/ci/tool/run/executor"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// The configuration of the servers.
const (
	accessKey = "local"
	secretKey = "local-secret"
	region    = "us-east-1"
	bucket    = "media"
	table     = "media-selection-sessions"
)

// Options say what to run.
type Options struct {
	// Root is the workspace; `make tools` installs the servers in it.
	Root      string
	Functions []catalog.Function
	// Prepare makes a function ready to run.
	Prepare func(context.Context, catalog.Function) (*executor.Function, error)
	// Front is the image of the function that answers HTTP requests.
	Front string
	// Listen is the address of the HTTP API; an empty port means any free port.
	Listen string
	// S3Listen is the address of S3; empty means any free port on localhost.
	S3Listen string
	// Env is added to each function's environment, as KEY=value.
	Env []string
	// Logs receives the output of the functions.
	Logs io.Writer
	// Run starts the functions with an environment, and returns how to find that of an image,
	// and how to end all; nil to run what Prepare makes ready.
	Run func(env []string) (find func(image string) (endpoint.Runner, bool), stop func() error, err error)
}

// System is the running system.
type System struct {
	// URL is that of the HTTP API.
	URL string `json:"url"`
	// The endpoints of the servers in place of AWS.
	S3URL       string `json:"s3URL"`
	DynamoDBURL string `json:"dynamoDBURL"`
	LambdaURL   string `json:"lambdaURL"`

	objects gofakes3.Backend // what S3URL serves

	closers []func() error // in the order in which the parts started
}

// Start starts everything. Close ends it and removes what it wrote.
func Start(ctx context.Context, o Options) (_ *System, err error) {
	s := &System{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	dir, err := os.MkdirTemp("", "lambdas-up-*")
	if err != nil {
		return nil, fmt.Errorf("start the system: %w", err)
	}
	s.onClose(func() error { return os.RemoveAll(dir) })
	if err := s.startS3(filepath.Join(dir, "s3"), o.S3Listen); err != nil {
		return nil, err
	}
	if err := s.startDynamoDB(ctx, o.Root); err != nil {
		return nil, err
	}
	background, cancel := context.WithCancel(context.Background())
	s.onClose(func() error { cancel(); return nil })
	functions := map[string]endpoint.Runner{}
	api := &endpoint.Lambda{Find: in(functions), Logs: o.Logs, Background: background}
	if s.LambdaURL, err = s.serve("127.0.0.1:0", api.Handler()); err != nil {
		return nil, err
	}
	secret := rand.Text()
	env := append(s.environment(o.Functions, secret), o.Env...)
	if o.Run == nil {
		o.Run = func(env []string) (func(string) (endpoint.Runner, bool), func() error, error) {
			return prepared(ctx, o, env)
		}
	}
	find, stop, err := o.Run(env)
	if err != nil {
		return nil, err
	}
	s.onClose(stop)
	for _, f := range o.Functions {
		function, ok := find(f.Image)
		if !ok {
			return nil, fmt.Errorf("start the system: the function of %s does not run", f.Image)
		}
		for _, name := range f.Names() {
			functions[name] = function
		}
		if f.Image == o.Front {
			api.OnFailure = function
		}
	}
	if api.OnFailure == nil {
		return nil, fmt.Errorf("start the system: the image %q, which is to answer HTTP requests, does not exist", o.Front)
	}
	s.onClose(func() error { cancel(); api.Wait(); return nil })
	s.URL, err = s.serve(o.Listen, withPage(endpoint.Gateway{Function: api.OnFailure, Background: background, Header: http.Header{"X-Origin-Verify": {secret}}}))
	return s, err
}

// Close stops everything, in the reverse order of starting.
func (s *System) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}

func (s *System) onClose(f func() error) { s.closers = append(s.closers, f) }

// serve serves the handler until Close and returns its URL: on localhost, if it listens on
// all addresses. A function has the files of its image only, and none says what localhost is.
func (s *System) serve(address string, h http.Handler) (string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", fmt.Errorf("start the system: %w", err)
	}
	server := &http.Server{Handler: h}
	s.onClose(server.Close)
	go server.Serve(l)            //nolint:errcheck // it ends with http.ErrServerClosed when Close is called
	at := l.Addr().(*net.TCPAddr) //nolint:forcetypeassert // the network is tcp
	if at.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d", at.Port), nil
	}
	return "http://" + at.String(), nil
}

// startS3 serves an empty bucket whose objects are files in dir.
func (s *System) startS3(dir, listen string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create the bucket: %w", err)
	}
	backend, err := s3afero.MultiBucket(afero.NewBasePathFs(afero.NewOsFs(), dir))
	if err == nil {
		err = backend.CreateBucket(bucket)
	}
	if err != nil {
		return fmt.Errorf("create the bucket: %w", err)
	}
	s.objects = backend
	s.S3URL, err = s.serve(cmp.Or(listen, "127.0.0.1:0"), gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	return err
}

// startDynamoDB starts a DynamoDB server with the table of the sessions.
func (s *System) startDynamoDB(ctx context.Context, root string) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("start DynamoDB: %w", err)
	}
	s.DynamoDBURL = "http://" + address
	p, err := startProcess(ctx, s.DynamoDBURL, filepath.Join(root, ".cache/npm/node_modules/.bin/dynalite"),
		"--host", host, "--port", port, "--createTableMs", "0", "--deleteTableMs", "0")
	if err != nil {
		return err
	}
	s.onClose(func() error { p.stop(); return nil })
	return createTable(ctx, s.DynamoDBURL)
}

// environment returns the environment of every function. It has a variable with the name
// of each function, made from its folder: VIDEO_FUNCTION_NAME for functions/video-lambda.
func (s *System) environment(functions []catalog.Function, originSecret string) []string {
	env := []string{
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_REGION=" + region,
		"AWS_ENDPOINT_URL_S3=" + s.S3URL, "AWS_ENDPOINT_URL_DYNAMODB=" + s.DynamoDBURL, "AWS_ENDPOINT_URL_LAMBDA=" + s.LambdaURL,
		"MEDIA_BUCKET_NAME=" + bucket, "DYNAMO_TABLE_NAME=" + table, "ORIGIN_VERIFY_SECRET=" + originSecret,
		"CORS_ALLOWED_ORIGINS=*", // a front end in development has a port of its own
	}
	for _, f := range functions {
		role := strings.TrimSuffix(path.Base(f.Folder), "-lambda")
		env = append(env, strings.ToUpper(strings.ReplaceAll(role, "-", "_"))+"_FUNCTION_NAME="+f.Lambda)
	}
	return env
}

// createTable creates the single table of the functions and waits until it exists.
func createTable(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, ready)
	defer cancel()
	err := dynamoDB(ctx, url, "CreateTable", `{
		"TableName": "`+table+`", "BillingMode": "PAY_PER_REQUEST",
		"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
		"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}]
	}`, nil)
	for err == nil {
		var got struct{ Table struct{ TableStatus string } }
		if err = dynamoDB(ctx, url, "DescribeTable", `{"TableName": "`+table+`"}`, &got); err == nil && got.Table.TableStatus == "ACTIVE" {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("create the table %s: %w", table, err)
}

// dynamoDB makes one request, in the format of
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
// The SDK's client takes longer to compile than all else of a build together, and the
// server on this machine checks no signature.
func dynamoDB(ctx context.Context, url, operation, body string, answer any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	r.Header.Set("X-Amz-Date", now.Format("20060102T150405Z"))
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s/%s/dynamodb/aws4_request, SignedHeaders=host, Signature=none",
		accessKey, now.Format("20060102"), region))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s: %s", operation, response.Status, data)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(data, answer)
}

// prepared starts the functions that are prepared, and returns how to find that of an image, and
// how to end all.
func prepared(ctx context.Context, o Options, env []string) (find func(string) (endpoint.Runner, bool), stop func() error, err error) {
	functions := map[string]endpoint.Runner{}
	var closers []func() error
	stop = func() (err error) {
		for _, closer := range slices.Backward(closers) {
			err = errors.Join(err, closer())
		}
		return err
	}
	for _, f := range o.Functions {
		ready, err := o.Prepare(ctx, f)
		if err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		closers = append(closers, ready.Close)
		sandbox, err := endpoint.NewSandbox(func() (endpoint.Runner, error) {
			return ready.Start(invoke.Options{Name: f.Lambda, Env: env, Memory: f.Memory, Logs: o.Logs})
		})
		if err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		closers = append(closers, sandbox.Stop)
		functions[f.Image] = sandbox
	}
	return in(functions), stop, nil
}

// in finds functions by their name.
func in(functions map[string]endpoint.Runner) func(string) (endpoint.Runner, bool) {
	return func(name string) (endpoint.Runner, bool) {
		f, ok := functions[name]
		return f, ok
	}
}
