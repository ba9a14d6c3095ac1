package retention

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func TestPolicy(t *testing.T) {
	for _, v := range []catalog.Variant{catalog.Light, catalog.Heavy} {
		t.Run(string(v), func(t *testing.T) {
			text, _, ok := Policy(registrytest.Functions(), v, Keep, catalog.Tags{})
			require.True(t, ok)
			testkit.Golden(t, "policy_"+string(v)+".json", []byte(text))
			assert.Equal(t, text, Normal(text))
		})
	}
	_, _, ok := Policy(registrytest.Functions()[:1], catalog.Heavy, Keep, catalog.Tags{})
	assert.False(t, ok, "no function has the variant")
}

// expires carries out a policy as AWS documents it: rules in the order of their
// priority; an image that matches a rule's tags cannot be expired by a later one.
func expires(t *testing.T, policyText string, images []Image, now time.Time) map[string]bool {
	t.Helper()
	var p policy
	require.NoError(t, json.Unmarshal([]byte(policyText), &p))
	expired, taken := map[string]bool{}, map[string]bool{}
	for _, r := range p.Rules {
		kept := 0
		for _, i := range images { // the newest first
			if !matches(r.Selection, i) {
				continue
			}
			kept++
			over := r.Selection.CountType == "imageCountMoreThan" && kept > r.Selection.Number ||
				r.Selection.CountType == "sinceImagePushed" && now.Sub(i.Pushed) > time.Duration(r.Selection.Number)*24*time.Hour
			if over && !taken[i.Digest] {
				expired[i.Digest] = true
			}
		}
		for _, i := range images {
			taken[i.Digest] = taken[i.Digest] || matches(r.Selection, i)
		}
	}
	return expired
}

func matches(s selection, i Image) bool {
	if s.TagStatus == "untagged" {
		return len(i.Tags) == 0
	}
	for _, pattern := range s.Patterns { // all of them
		one := slices.ContainsFunc(i.Tags, func(tag string) bool {
			match, err := path.Match(pattern, tag)
			return match && err == nil
		})
		if !one {
			return false
		}
	}
	return len(i.Tags) > 0
}

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// aged returns images a day apart, the newest first.
func aged(tags ...string) []Image {
	var all []Image
	for n, t := range tags {
		all = append(all, Image{Digest: "sha256:" + strings.Repeat(string(rune('a'+n)), 4), Tags: strings.Fields(t),
			Pushed: now.Add(-time.Duration(n)*24*time.Hour - time.Hour), Size: 10})
	}
	return all
}

// TestPolicyAndPruneMeanTheSame applies both to the same images.
func TestPolicyAndPruneMeanTheSame(t *testing.T) {
	text, _, _ := Policy(registrytest.Functions(), catalog.Heavy, Keep, catalog.Tags{})
	names := []string{"select", "thumb", "video"}
	tests := map[string]struct {
		images []Image
		gone   []int
	}{
		"five are kept":               {aged("thumb-0000001", "thumb-0000002", "thumb-0000003", "thumb-0000004", "thumb-0000005"), nil},
		"the sixth goes":              {aged("thumb-0000001", "thumb-0000002", "thumb-0000003", "thumb-0000004", "thumb-0000005", "thumb-0000006"), []int{5}},
		"each name counts by itself":  {aged("thumb-0000001", "video-0000001", "thumb-0000002", "video-0000002", "thumb-0000003", "video-0000003", "thumb-0000004"), nil},
		"what is live stays":          {aged("thumb-0000001", "thumb-0000002", "thumb-0000003", "thumb-0000004", "thumb-0000005", "thumb-0000006 thumb-live", "thumb-0000007"), []int{6}},
		"what is latest stays":        {aged("thumb-0000001", "thumb-0000002", "thumb-0000003", "thumb-0000004", "thumb-0000005", "thumb-0000006 thumb-latest"), nil},
		"a shield by digest stays":    {aged("thumb-0000001", "thumb-0000002", "thumb-0000003", "thumb-0000004", "thumb-0000005", "thumb-0000006 thumb-0123456789ab-live"), nil},
		"no tag for a day goes":       {aged("", "", "thumb-0000001"), []int{1}},
		"a tag of nobody stays":       {aged("thumb-0000001", "mine", "yours"), nil},
		"one digest of many commits":  {aged("thumb-0000001 thumb-0000002 thumb-0000003", "thumb-0000004", "thumb-0000005", "thumb-0000006", "thumb-0000007"), nil},
		"an empty repository is fine": {nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			gone := map[string]bool{}
			for _, n := range test.gone {
				gone[test.images[n].Digest] = true
			}
			assert.Equal(t, gone, expires(t, text, test.images, now), "by the policy")
			pruned := map[string]bool{}
			for _, v := range Judge(test.images, Names{All: names}, nil, nil, now) {
				if v.Delete {
					pruned[v.Digest] = true
				}
				assert.NotEmpty(t, v.Why)
			}
			assert.Equal(t, gone, pruned, "by prune")
		})
	}
}

// A policy has no room for every name of a thousand. Policy and prune together mean the
// same as a policy with a rule for each name.
func TestAPolicyOfManyNames(t *testing.T) {
	var functions []catalog.Function
	var images []Image
	for n := range 1000 {
		f := catalog.Function{Image: fmt.Sprintf("%s-%03d", strings.Repeat("n", 76), n), Variant: catalog.Light}
		functions = append(functions, f)
		for age := range Keep + 2 {
			tag := fmt.Sprintf("%s-%07x", f.Image, age)
			i := Image{Digest: fmt.Sprint(n, " ", age), Tags: []string{tag}, Pushed: now.Add(-time.Duration(age)*time.Hour - 25*time.Hour)}
			if age == Keep {
				i.Tags = append(i.Tags, f.Image+"-live")
			}
			images = append(images, i)
		}
	}
	images = append(byAge(images), aged("", "", "mine")...)
	text, left, ok := Policy(functions, catalog.Light, Keep, catalog.Tags{})
	require.True(t, ok)
	assert.Equal(t, 50, strings.Count(text, "rulePriority"))
	assert.LessOrEqual(t, len(text), 30720, "as ECR limits the text")
	assert.Len(t, left, 953)
	assert.Equal(t, functions[47].Image, left[0])

	gone := expires(t, text, images, now)
	var names []string
	for _, f := range functions {
		names = append(names, f.Image)
	}
	for _, v := range (rules{Names{All: names}, names[:Ruled], nil, map[string]string{"999 6": "It:1"}, now, Keep}).judgeTagged(images) {
		if v.Delete {
			assert.False(t, gone[v.Digest], "both delete it")
			gone[v.Digest] = true
		}
	}
	want := map[string]bool{aged("", "")[1].Digest: true}
	for n := range 999 {
		want[fmt.Sprint(n, " 6")] = true
	}
	assert.Equal(t, want, gone)
}

func TestWhatRunsIsNotPruned(t *testing.T) {
	images := aged("thumb-0000001", "thumb-0000002", "thumb-0000003", "thumb-0000004", "thumb-0000005", "thumb-0000006", "")
	verdicts := Judge(images, Names{All: []string{"thumb"}}, map[string]string{images[5].Digest: "TheThumb:3", images[6].Digest: "TheThumb:1"}, nil, now)
	for _, v := range verdicts {
		assert.False(t, v.Delete, v.Why)
	}
	assert.Equal(t, "runs as TheThumb:3", verdicts[5].Why)
}

func TestWhatIsAttachedGoesWithItsImage(t *testing.T) {
	images := aged("thumb-0000001", "thumb-0000002", "thumb-0000003", "thumb-0000004", "thumb-0000005", "thumb-0000006")
	long := now.AddDate(0, -1, 0)
	add := func(digest, tag string, pushed time.Time) {
		images = append(images, Image{Digest: digest, Tags: strings.Fields(tag), Pushed: pushed, Size: 1})
	}
	young, old := images[0].Digest, images[5].Digest
	whole := "sha256:" + strings.Repeat("e", 64)
	images[4].Digest = whole
	add("sbom of the young", "", long)
	add("signature of that", "", long)
	add("sbom of the old", "", long)
	add("signature of that sbom", "", now)
	add("list of one that is kept", "sha256-"+strings.Repeat("e", 64), long)
	add("list of one that is gone", "sha256-"+strings.Repeat("f", 64), long)
	add("list of one that is to come", "sha256-"+strings.Repeat("d", 64), now)
	add("sbom that somebody tagged", "mine", long)
	add("sbom that runs", "", long)
	add("no document", "", long)
	subjects := map[string]string{
		"sbom of the young": young, "signature of that": "sbom of the young",
		"sbom of the old": old, "signature of that sbom": "sbom of the old",
		"sbom that somebody tagged": old, "sbom that runs": old,
	}
	want := map[string]string{
		old:                        "is older than the last 5 of thumb",
		"sbom of the old":          "is attached to sha256:ffff, which is deleted",
		"signature of that sbom":   "is attached to sha256:ffff, which is deleted",
		"list of one that is gone": "is attached to sha256:ffffffffffff, which does not exist",
		"no document":              "has no tag",
	}
	got := map[string]string{}
	verdicts := Judge(images, Names{All: []string{"thumb"}}, map[string]string{"sbom that runs": "Odd:1"}, subjects, now)
	for _, v := range verdicts {
		if v.Delete {
			got[v.Digest] = v.Why
		}
	}
	assert.Equal(t, want, got)
	assert.Len(t, verdicts, len(images), "each is judged once")
}

func TestACircleOfAttachmentsEnds(t *testing.T) {
	images := []Image{{Digest: "a", Pushed: now.AddDate(0, -1, 0)}, {Digest: "b", Pushed: now.AddDate(0, -1, 0)}}
	for _, v := range Judge(images, Names{}, nil, map[string]string{"a": "b", "b": "a"}, now) {
		assert.NotEmpty(t, v.Why)
	}
}

func TestNormal(t *testing.T) {
	text, _, _ := Policy(registrytest.Functions(), catalog.Light, Keep, catalog.Tags{})
	var p policy
	require.NoError(t, json.Unmarshal([]byte(text), &p))
	p.Rules[0], p.Rules[1] = p.Rules[1], p.Rules[0]
	compact, err := json.Marshal(p)
	require.NoError(t, err)
	assert.Equal(t, text, Normal(string(compact)), "order and layout do not matter")
	assert.Contains(t, Normal(`{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","storageClass":"archive"}}]}`), "archive", "what is not known here is shown")
	assert.Equal(t, "no JSON", Normal("no JSON"))
}
