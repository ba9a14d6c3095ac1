// Package retention decides which images a repository keeps: the last few of each
// name, and whatever is live, whatever else may be said of it.
package retention

import (
	"encoding/json"
	"fmt"
	"slices"

	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/workspace/catalog"
)

const (
	// Keep is how many images of each name are kept.
	Keep = 5
	// untaggedDays is how many days an image without a tag is kept.
	untaggedDays = 1
	// shielded is more images than ever carry such a tag, so that a rule which
	// keeps so many expires none. An image is expired by at most one rule, and the
	// first that its tags match decides: that is how a rule shields.
	// https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
	shielded = 9999
)

// policy is a lifecycle policy as ECR wants it.
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
// indented JSON; ok is false when no function has it.
//
// The first rules shield live and latest images: an image that carries such a tag
// belongs to that rule, and the rules of commits cannot expire it. Then each name
// has a rule of its own, since patterns within one rule are all to match. A name is
// never a prefix of another, so an image belongs to one of them.
func Policy(functions []catalog.Function, v catalog.Variant) (text string, ok bool) {
	var p policy
	add := func(description string, s selection) {
		p.Rules = append(p.Rules, rule{
			Priority: len(p.Rules) + 1, Description: description, Selection: s, Action: action{Type: "expire"},
		})
	}
	tagged := func(pattern string, number int) selection {
		return selection{TagStatus: "tagged", Patterns: []string{pattern}, CountType: "imageCountMoreThan", Number: number}
	}
	add("shield what a function runs", tagged("*"+publish.LiveSuffix, shielded))
	add("shield what was published last", tagged("*"+publish.LatestSuffix, shielded))
	for _, f := range functions {
		if f.Variant == v {
			ok = true
			add(fmt.Sprintf("keep the last %d of %s", Keep, f.Image), tagged(f.Image+"-*", Keep))
		}
	}
	// What is attached to an image has no tag either; ECR deletes it within a day of its
	// image, not before.
	// https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
	add("expire what has no tag", selection{TagStatus: "untagged", CountType: "sinceImagePushed", Unit: "days", Number: untaggedDays})
	return indent(p), ok
}

func indent(v any) string {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // strings and numbers are always JSON
	}
	return string(data) + "\n"
}

// Normal returns a policy as [Policy] would print it, so that two can be compared;
// one that is no JSON is returned as it is.
func Normal(text string) string {
	var p policy
	if text == "" || json.Unmarshal([]byte(text), &p) != nil {
		return text
	}
	// A field that this program does not know must not be lost in a comparison.
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
