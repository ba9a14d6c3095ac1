package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy/status"
	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/lambdafake"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/publish/retention"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// many is how many functions these tests have.
const many = 1000

// repeats is how many calls more than needed may arrive. The SDK calls again when the
// connection ends while it reads the answer: seen about once in 300,000 calls on a busy machine.
const repeats = 3

// callTakes is how long a call lasts. The figures of issue 20 are those of 20 ms.
const callTakes = time.Millisecond

// thousand writes a workspace of many functions without sources. Every second one is
// public.
func thousand(t *testing.T) (root string, functions []catalog.Function) {
	t.Helper()
	root = t.TempDir()
	files := map[string]string{}
	work := "go 1.26.1\n\ntoolchain " + runtime.Version() + "\n\nuse (\n"
	for n := range many {
		name := fmt.Sprintf("f%03d", n)
		f := catalog.Function{Folder: "functions/" + name, Image: name, Variant: catalog.Light, Registry: catalog.Private, Lambda: "The" + name}
		if n%2 == 1 {
			f.Registry = catalog.Public
		}
		functions = append(functions, f)
		files[f.Folder+"/go.mod"] = testkit.GoMod("example.internal/" + name)
		files[f.Folder+"/image.json"] = testkit.Description(t, f)
		work += "\t./" + f.Folder + "\n"
	}
	files["go.work"] = work + ")\n"
	testkit.Write(t, root, files)
	return root, functions
}

// delay makes every call to AWS last so long, and counts how many run at once.
func delay(aws *awsfake.AWS, d time.Duration, answer func(awsfake.Call) awsfake.Failure) (most func() int) {
	var mu sync.Mutex
	now, peak := 0, 0
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		now += n
		peak = max(peak, now)
	}
	aws.Answer = func(c awsfake.Call) awsfake.Failure {
		count(1)
		defer count(-1)
		time.Sleep(d)
		if answer == nil {
			return awsfake.Failure{}
		}
		return answer(c)
	}
	return func() int { return peak }
}

// shelf is a registry that is only read. It has manifests by repository and by tag or digest.
type shelf struct {
	*httptest.Server
	mu        sync.Mutex
	manifests map[string][]byte
	requests  int
}

func newShelf(t *testing.T, delay time.Duration) *shelf {
	t.Helper()
	s := &shelf{manifests: map[string][]byte{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(delay)
		s.mu.Lock()
		s.requests++
		raw, ok := s.manifests[strings.TrimPrefix(r.URL.Path, "/v2/")]
		s.mu.Unlock()
		switch {
		case ok:
			w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			w.Header().Set("Docker-Content-Digest", testkit.Digest(string(raw)).String())
			w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
			w.Write(raw)
		case r.URL.Path != "/v2/":
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *shelf) host() string { return strings.TrimPrefix(s.URL, "http://") }

// put adds a manifest under its digest and under tags, and returns the digest.
func (s *shelf) put(t *testing.T, repository string, m *v1.Manifest, tags ...string) (raw, digest string) {
	t.Helper()
	data, err := json.Marshal(m)
	require.NoError(t, err)
	digest = testkit.Digest(string(data)).String()
	for _, identifier := range append(tags, digest) {
		s.manifests[repository+"/manifests/"+identifier] = data
	}
	return string(data), digest
}

// sixImages returns the last six images of every function, the youngest first.
func sixImages(functions []catalog.Function) (images []awsfake.Image) {
	for age := range retention.Keep + 1 {
		for n, f := range functions {
			images = append(images, awsfake.Image{
				Digest: testkit.Digest(fmt.Sprint(n, age)).String(), Tags: []string{fmt.Sprintf("%s-%07x", f.Image, age)},
				Pushed: time.Now().Add(-time.Duration(age) * time.Hour), Size: 1_000_000,
			})
		}
	}
	return images
}

func TestLongRetentionOfAThousandFunctions(t *testing.T) {
	t.Parallel()
	root, functions := thousand(t)
	aws := awsfake.Start(t)
	aws.PageSize = 1000
	images := sixImages(functions)
	aws.Add(awsfake.Private, "lambda-private-light", images...)
	aws.Add(awsfake.Public, "lambda-light", slices.DeleteFunc(slices.Clone(images), func(i awsfake.Image) bool {
		return strings.ContainsAny(i.Tags[0][3:4], "02468")
	})...)
	for n, f := range functions {
		aws.Run(f.Lambda, "$LATEST", images[n].Digest)
	}
	oldest := images[(retention.Keep+1)*many-1]
	aws.Run(functions[many-1].Lambda, "1", oldest.Digest)
	most := delay(aws, callTakes, nil)

	start := time.Now()
	got := with(aws).in(t, root, "retention")
	t.Logf("retention: %.1f s, %d calls, %d at once", time.Since(start).Seconds(), len(aws.Calls("")), most())
	require.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, got.stdout, "lambda-private-light: a lifecycle policy has rules for 47 names at most, so it has none for 953 names (f047 to f999); "+
		"this command deletes their older images, each time that it runs\n")
	assert.Contains(t, got.stdout, "deleting 499 public images of 499.0 MB and 952 private images of 952.0 MB; the images are for an unknown platform; checked 1 lifecycle policy\n")
	private := aws.Repository(awsfake.Private, "lambda-private-light")
	var policy struct{ Rules []json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(private.Policy), &policy))
	assert.Len(t, policy.Rules, 50)
	left := map[string]int{}
	for _, i := range private.Images {
		name, _, _ := strings.Cut(i.Tags[0], "-")
		left[name]++
	}
	for n, f := range functions {
		want := retention.Keep
		if n < 47 || n == many-1 {
			want++ // the policy deletes it, or a function runs it
		}
		assert.Equal(t, want, left[f.Image], f.Image)
	}
	assert.Len(t, aws.Repository(awsfake.Public, "lambda-light").Images, len(images)/2-499)
	assert.LessOrEqual(t, len(aws.Calls("ecr.BatchDeleteImage")), 10+repeats)
	assert.LessOrEqual(t, len(aws.Calls("ecrpublic.BatchDeleteImage")), 5+repeats)
	assert.LessOrEqual(t, len(aws.Calls("ecr.DescribeImages")), 6+repeats)

	again := with(aws).in(t, root, "retention", "--dry-run")
	require.Equal(t, exitDone, again.code, again.stderr)
	assert.Contains(t, again.stdout, "dry run: would delete 0 public images of 0.0 MB and 0 private images of 0.0 MB; the images are for an unknown platform; checked 1 lifecycle policy\n")
}

func TestLongCostOfAThousandFunctions(t *testing.T) {
	t.Parallel()
	root, functions := thousand(t)
	aws, registry := awsfake.Start(t), newShelf(t, callTakes)
	aws.PageSize = 1000
	most := delay(aws, callTakes, nil)
	var private, public []awsfake.Image
	for n, f := range functions {
		for age := range retention.Keep {
			m := testkit.Manifest(testkit.Layer("base", 1000), testkit.Layer(fmt.Sprint(n, " ", age), 100))
			tags := []string{fmt.Sprintf("%s-%07x", f.Image, age)}
			if age == 0 {
				tags = append(tags, f.Image+"-latest", f.Image+"-live")
			}
			raw, digest := registry.put(t, "lambda-private-light", m, tags...)
			i := awsfake.Image{Digest: digest, Manifest: raw, Tags: tags}
			private = append(private, i)
			if f.Registry == catalog.Public {
				registry.put(t, "alias/lambda-light", m, tags...)
				public = append(public, i)
			}
		}
	}
	aws.Add(awsfake.Private, "lambda-private-light", private...)
	aws.Add(awsfake.Public, "lambda-light", public...)

	start := time.Now()
	got := with(aws).measured(t, root, "--published", "--private-registry", registry.host(), "--public-registry", registry.host()+"/alias")
	t.Logf("cost: %.1f s, %d calls, %d requests, %d at once", time.Since(start).Seconds(), len(aws.Calls("")), registry.requests, most())
	assert.Equal(t, int64(1000+many*retention.Keep*1100), got.Private.Bytes)
	assert.Equal(t, int64(1000+many/2*retention.Keep*1100), got.Public.Bytes)
	assert.Less(t, len(aws.Calls("")), 100)
	assert.Less(t, registry.requests, len(public)+100, "one manifest of each public image")
}

func TestLongStatusOfAThousandFunctions(t *testing.T) {
	t.Parallel()
	root, functions := thousand(t)
	aws, registry := lambdafake.New(t), newShelf(t, callTakes)
	aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
		time.Sleep(callTakes)
		return lambdafake.Reply{}
	}
	for n, f := range functions {
		_, digest := registry.put(t, "lambda-private-light", testkit.Manifest(testkit.Layer(fmt.Sprint(n), 1)), f.Image+"-latest",
			reference.LiveTag(f.Image, reference.Side{Account: lambdafake.Account, Region: lambdafake.Region}))
		aws.Add(f.Lambda, registry.host()+"/lambda-private-light@"+digest)
	}

	start := time.Now()
	got := with(aws).in(t, root, "status", "--private-registry", registry.host(), "--json")
	t.Logf("status: %.1f s, %d calls, %d requests", time.Since(start).Seconds(), len(aws.Calls("GetFunction")), registry.requests)
	require.Equal(t, exitDone, got.code, got.stderr)
	var report status.Report
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &report))
	require.Len(t, report.Functions, many)
	for _, row := range report.Functions {
		require.Len(t, row.Drift, 1, "%+v", row)
		require.Equal(t, status.Unrecorded, row.Drift[0].Kind)
	}
	assert.InDelta(t, many, len(aws.Calls("GetFunction")), repeats)
	assert.Less(t, registry.requests, 4*many+10, "two tags of each, and, as no record says the commit, what is attached to it")
}
