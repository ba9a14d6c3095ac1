package retention

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"lambdas.internal/ci/tool/report"
)

// anyRule is a rule that somebody may have written: what [rule] has, and what this program writes
// into none.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
type anyRule struct {
	Priority  int `json:"rulePriority"`
	Selection struct {
		selection
		Prefixes     []string `json:"tagPrefixList"`
		StorageClass string   `json:"storageClass"`
	} `json:"selection"`
	Action struct {
		action
		Target string `json:"targetStorageClass"`
	} `json:"action"`
}

// archives tells whether the rule moves images to the archive class.
func (r anyRule) archives() bool {
	return is(r.Action.Type, types.ImageActionTypeTransition) && is(r.Action.Target, types.LifecyclePolicyTargetStorageClassArchive)
}

// is compares what a policy says, in lower case, with what the API model says.
func is[T ~string](text string, value T) bool { return strings.EqualFold(text, string(value)) }

// selects tells whether the image belongs to the rule: its tags match all patterns and prefixes.
func (r anyRule) selects(i Image) bool {
	s := r.Selection
	if is(s.StorageClass, types.LifecyclePolicyStorageClassArchive) {
		return false // the rule is about images that are archived already
	}
	has := func(match func(tag string) bool) bool { return slices.ContainsFunc(i.Tags, match) }
	for _, p := range s.Patterns {
		if !has(func(tag string) bool { ok, err := path.Match(p, tag); return ok && err == nil }) {
			return false
		}
	}
	for _, p := range s.Prefixes {
		if !has(func(tag string) bool { return strings.HasPrefix(tag, p) }) {
			return false
		}
	}
	switch {
	case is(s.TagStatus, types.TagStatusTagged):
		return len(i.Tags) > 0
	case is(s.TagStatus, types.TagStatusUntagged):
		return len(i.Tags) == 0
	default:
		return true
	}
}

// when says when the rule acts on an image.
func (r anyRule) when() string {
	s := r.Selection
	switch s.CountType {
	case "sinceImagePulled": // Lambda pulls an image once, at an update
		return report.Count(s.Number, "day") + " after its last pull"
	case "sinceImagePushed":
		return report.Count(s.Number, "day") + " after its push"
	case "imageCountMoreThan":
		return "when the rule has " + report.Count(s.Number, "newer image")
	default:
		return fmt.Sprintf("by %s %d", s.CountType, s.Number)
	}
}

// transitions names the live images that a lifecycle policy archives, now or later. An image belongs
// to the first rule that selects it, and to no other, as ECR has it.
func transitions(repository, policy string, images []Image, inUse map[string]string) (all []string) {
	var p struct {
		Rules []anyRule `json:"rules"`
	}
	if policy == "" || json.Unmarshal([]byte(policy), &p) != nil {
		return nil
	}
	slices.SortStableFunc(p.Rules, func(a, b anyRule) int { return cmp.Compare(a.Priority, b.Priority) })
	for _, i := range images {
		by := inUse[i.Digest]
		n := slices.IndexFunc(p.Rules, func(r anyRule) bool { return r.selects(i) })
		if by == "" || n < 0 || !p.Rules[n].archives() {
			continue
		}
		all = append(all, fmt.Sprintf("%s: %s runs %s, which rule %d of the lifecycle policy archives %s, so Lambda could not pull it again; put a rule before it that keeps *-live",
			repository, by, report.Digest(i.Digest), p.Rules[n].Priority, p.Rules[n].when()))
	}
	return all
}
