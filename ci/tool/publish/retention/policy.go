// Package retention decides which images a repository keeps: the last ones of each
// function, and every image that a function runs. Private repositories get an ECR
// lifecycle policy; in public ones, prune deletes images.
package retention

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/catalog"
)

const (
	// Keep is how many images of each name are kept, unless ci/pipeline.json says another number.
	Keep = 5
	// untaggedDays is how many days an image without a tag is kept.
	untaggedDays = 1
	// shielded is more images than ever have such a tag, so a rule that keeps this many
	// expires none. ECR expires an image by one rule at most, by the first whose tags
	// match: so a rule that expires nothing protects the images it matches.
	// https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
	shielded = 9999
	// maxRules is how many rules a policy has at most.
	// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
	maxRules = 50
	// Ruled is how many names have a rule at most: three rules are for all names.
	Ruled = maxRules - 3
)

// policy is a lifecycle policy in the format of ECR.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
type policy struct {
	Rules []rule `json:"rules"`
}

type rule struct {
	Priority    int       `json:"rulePriority"`
	Description string    `json:"description"`
	Selection   selection `json:"selection"`
	Action      action    `json:"action"`
}

type selection struct {
	TagStatus string   `json:"tagStatus"`
	Patterns  []string `json:"tagPatternList,omitempty"`
	CountType string   `json:"countType"`
	Unit      string   `json:"countUnit,omitempty"`
	Number    int      `json:"countNumber"`
}

type action struct {
	Type string `json:"type"`
}

// Policy returns the lifecycle policy of the private repository of a variant, as
// indented JSON, and the names that it has no room for, because ECR accepts [maxRules]
// rules, or that are the beginning of another name: [Judge] decides about their images. ok is false if no function is of that variant.
//
// The first rules protect live and latest images: an image with such a tag belongs to
// that rule, so the rules of the commit tags cannot expire it. Then each image name has
// its own rule, because an image has to match all patterns of a rule. A name that is the
// beginning of another has none: the pattern todo-* also matches the tags of todo-async, and
// ECR has no exact patterns. So an image belongs to only one of these rules.
func Policy(functions []catalog.Function, v catalog.Variant, keep int, tags catalog.Tags) (text string, left []string, ok bool) {
	var p policy
	add := func(description string, s selection) {
		p.Rules = append(p.Rules, rule{
			Priority: len(p.Rules) + 1, Description: description, Selection: s, Action: action{Type: "expire"},
		})
	}
	tagged := func(pattern string, number int) selection {
		return selection{TagStatus: "tagged", Patterns: []string{pattern}, CountType: "imageCountMoreThan", Number: number}
	}
	add("shield what a function runs", tagged("*"+reference.LiveSuffix, shielded))
	add("shield what was published last", tagged("*"+tags.LatestEnd(), shielded))
	for _, f := range functions {
		switch {
		case f.Variant != v:
			continue
		case len(p.Rules) == 2+Ruled, begins(f, functions, v, tags):
			left = append(left, f.Image)
		default:
			add(fmt.Sprintf("keep the last %d of %s", keep, f.Image), tagged(tags.OfCommit(f.Image, "*"), keep))
		}
		ok = true
	}
	// Documents that are attached to an image have no tag either, but this rule does not
	// expire them: ECR deletes them within a day of their image.
	// https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
	add("expire what has no tag", selection{TagStatus: "untagged", CountType: "sinceImagePushed", Unit: "days", Number: untaggedDays})
	return indent(p), left, ok
}

// begins tells whether a pattern for the function's tags matches those of another one in the
// same repository.
func begins(f catalog.Function, functions []catalog.Function, v catalog.Variant, tags catalog.Tags) bool {
	return slices.ContainsFunc(functions, func(other catalog.Function) bool {
		return other.Variant == v && strings.HasPrefix(other.Image, tags.OfCommit(f.Image, ""))
	})
}

func indent(v any) string {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // cannot happen: it holds only strings and numbers
	}
	return string(data) + "\n"
}

// Normal returns a policy in the form that [Policy] prints, so that two can be compared.
// Text that is not JSON is returned unchanged.
func Normal(text string) string {
	var p policy
	if text == "" || json.Unmarshal([]byte(text), &p) != nil {
		return text
	}
	// A map keeps the fields that this program does not know.
	var all, known any
	again, err := json.Marshal(p)
	if err != nil || json.Unmarshal([]byte(text), &all) != nil || json.Unmarshal(again, &known) != nil {
		return text
	}
	if indent(all) != indent(known) {
		return indent(all)
	}
	slices.SortFunc(p.Rules, func(a, b rule) int { return a.Priority - b.Priority })
	return indent(p)
}
