package deploy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/alarmapi"
	"lambdas.internal/ci/tool/deploy/lambdaapi"
	"lambdas.internal/ci/tool/internal/lambdafake"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/reference"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const repository = lambdafake.Account + ".dkr.ecr." + lambdafake.Region + ".amazonaws.com/lambda-private-light"

// images are the names of the five images, and names those of their functions.
var (
	images = []string{"api", "enhance", "select", "thumb", "video"}
	names  = []string{"Api", "Enhance", "Select", "Thumb", "Video"}
)

// fast is a pace for a stand-in whose updates last a millisecond.
var fast = deploy.Pace{
	Poll: 500 * time.Microsecond, PollLongest: 2 * time.Millisecond,
	Settle: 10 * time.Second, Revert: 10 * time.Second, Smoke: 10 * time.Second, Watch: 15 * time.Second,
}

// store is a registry in memory. Its content is keyed by repository and identifier.
type store struct {
	mu        sync.Mutex
	manifests map[string][]byte
	blobs     map[v1.Hash][]byte
}

func key(repository, identifier string) string { return repository + "@" + identifier }

// add adds an image, and returns its digest.
func (s *store) add(t testing.TB, repository, content string, change func(*v1.Manifest, *v1.ConfigFile)) string {
	t.Helper()
	config := v1.ConfigFile{OS: "linux", Architecture: "amd64", Author: content}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Layers: []v1.Descriptor{{MediaType: types.OCILayer, Size: 10, Digest: testkit.Digest(content)}}}
	if change != nil {
		change(&m, &config)
	}
	rawConfig, err := json.Marshal(config)
	require.NoError(t, err)
	m.Config = v1.Descriptor{MediaType: types.OCIConfigJSON, Size: int64(len(rawConfig)), Digest: testkit.Digest(string(rawConfig))}
	raw, err := json.Marshal(m)
	require.NoError(t, err)
	digest := testkit.Digest(string(raw))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[m.Config.Digest] = rawConfig
	s.manifests[key(repository, digest.String())] = raw
	return digest.String()
}

func (s *store) remove(identifier string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.manifests, key(repository, identifier))
}

func (s *store) has(uri string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.manifests[uri]
	return ok
}

func (s *store) Digest(_ context.Context, repository, identifier string) (v1.Hash, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, ok := s.manifests[key(repository, identifier)]
	return testkit.Digest(string(raw)), ok, nil
}

func (s *store) Manifest(_ context.Context, repository, identifier string) ([]byte, v1.Hash, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, ok := s.manifests[key(repository, identifier)]
	if !ok {
		return nil, v1.Hash{}, fmt.Errorf("read %s in %s: MANIFEST_UNKNOWN", identifier, repository)
	}
	return raw, testkit.Digest(string(raw)), nil
}

func (s *store) Blob(_ context.Context, _ string, digest v1.Hash) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.blobs[digest], nil
}

func (s *store) PutManifest(_ context.Context, repository, tag string, manifest []byte, _ types.MediaType) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.manifests[key(repository, tag)] = manifest
	return nil
}

// world has five functions that run old images, and new images for them.
type world struct {
	aws      *lambdafake.Fake
	images   *store
	targets  []deploy.Target
	old, new []string // digests
	o        deploy.Options
	lines    []string
	mu       sync.Mutex
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{aws: lambdafake.New(t), images: &store{manifests: map[string][]byte{}, blobs: map[v1.Hash][]byte{}}}
	w.aws.HasImage = w.images.has
	w.o = deploy.Options{Side: reference.Side{Account: lambdafake.Account, Region: lambdafake.Region}, Pace: fast, Parallel: 2, Tell: func(line string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.lines = append(w.lines, line)
	}}
	for n, image := range images {
		w.old = append(w.old, w.images.add(t, repository, "old "+image, nil))
		w.new = append(w.new, w.images.add(t, repository, "new "+image, nil))
		w.aws.Add(names[n], repository+"@"+w.old[n])
		w.targets = append(w.targets, deploy.Target{Image: image, Lambda: names[n], Repository: repository, Digest: w.new[n], Event: []byte("{}")})
	}
	return w
}

// releaser returns a releaser whose AWS SDK retries without a pause.
func (w *world) releaser(t testing.TB) *deploy.Releaser {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	config := aws.Config{
		Region: lambdafake.Region, BaseEndpoint: aws.String(w.aws.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		HTTPClient:  &http.Client{Transport: transport},
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = 3, time.Microsecond })
		},
	}
	w.o.Watch = alarmapi.New(config)
	return deploy.NewReleaser(lambdaapi.New(config), w.images, w.o)
}

// release makes a release of all targets.
func (w *world) release(ctx context.Context, t testing.TB) ([]deploy.Result, error) {
	r := w.releaser(t)
	p, err := r.Preflight(ctx, w.targets)
	if err != nil {
		return nil, err
	}
	return r.Run(ctx, p)
}

// running returns the digests that the functions run.
func (w *world) running() []string {
	var digests []string
	for _, name := range names {
		digests = append(digests, deploy.DigestOf(w.aws.Image(name)))
	}
	return digests
}
