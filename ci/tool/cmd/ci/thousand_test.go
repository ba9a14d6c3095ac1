package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/retention"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// many is how many functions these tests have.
const many = 1000

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

func TestRetentionOfAThousandFunctions(t *testing.T) {
	root, functions := thousand(t)
	aws := awsfake.New(t)
	aws.PageSize = 1000
	images := sixImages(functions)
	aws.Add(awsfake.Private, "ai-social-media-lambda-light", images...)
	aws.Add(awsfake.Public, "lambda-light", slices.DeleteFunc(slices.Clone(images), func(i awsfake.Image) bool {
		return strings.ContainsAny(i.Tags[0][3:4], "02468")
	})...)
	for n, f := range functions {
		aws.Run(f.Lambda, "$LATEST", images[n].Digest)
	}
	oldest := images[(retention.Keep+1)*many-1]
	aws.Run(functions[many-1].Lambda, "1", oldest.Digest)
	most := delay(aws, 20*time.Millisecond, nil)

	start := time.Now()
	got := command(t, root, "retention")
	t.Logf("retention: %.1f s, %d calls, %d at once", time.Since(start).Seconds(), len(aws.Calls("")), most())
	require.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, got.stdout, "ai-social-media-lambda-light: a lifecycle policy has at most 50 rules, so it has none for 953 names (f047 to f999); "+
		"this command deletes their older images, each time that it runs\n")
	assert.Contains(t, got.stdout, "deleting 499 public images of 499.0 MB and 952 private images of 952.0 MB; checked 1 lifecycle policy\n")
	private := aws.Repository(awsfake.Private, "ai-social-media-lambda-light")
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
	assert.LessOrEqual(t, len(aws.Calls("ecr.BatchDeleteImage")), 10)
	assert.LessOrEqual(t, len(aws.Calls("ecrpublic.BatchDeleteImage")), 5)
	assert.LessOrEqual(t, len(aws.Calls("ecr.DescribeImages")), 6)

	again := command(t, root, "retention", "--dry-run")
	require.Equal(t, exitDone, again.code, again.stderr)
	assert.Contains(t, again.stdout, "dry run: would delete 0 public images of 0.0 MB and 0 private images of 0.0 MB; checked 1 lifecycle policy\n")
}
