package history

import (
	"regexp"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/publish/reference"
)

// regionOf finds the region in the name of a private registry of ECR.
var regionOf = regexp.MustCompile(`^[0-9]{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.`)

// Side returns where the functions of the release run. A record from before the side was
// written has the ARN of the caller, which has the account, and Lambda accepts only images
// of its own region, which the name of the registry has. What they do not have is empty.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
// https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
func (r Release) Side() reference.Side {
	if r.Account != "" {
		return reference.Side{Account: r.Account, Region: r.Region}
	}
	var s reference.Side
	if parts := strings.SplitN(r.Who, ":", 6); len(parts) == 6 && parts[0] == "arn" {
		s.Account = parts[4]
	}
	for _, f := range r.Functions {
		if m := regionOf.FindStringSubmatch(f.Repository); m != nil {
			s.Region = m[1]
		}
	}
	return s
}

// Is tells whether the release is of the side, as far as the record says.
func (r Release) Is(side reference.Side) bool {
	own := r.Side()
	return own.Account == side.Account && (own.Region == side.Region || own.Region == "")
}

// Of returns the releases of a side.
func (h Releases) Of(side reference.Side) Releases {
	return h.of(side, slices.ContainsFunc(h, func(r Release) bool { return r.Account != "" }))
}

// of returns the last releases of a side. A side without any has those of nobody, as long as no
// side is known.
func (h Releases) of(side reference.Side, known bool) Releases {
	own := slices.DeleteFunc(slices.Clone(h), func(r Release) bool { return !r.Is(side) })
	known = known || slices.ContainsFunc(h, func(r Release) bool { return r.Side().Account != "" })
	if len(own) == 0 && !known {
		own = h
	}
	slices.SortStableFunc(own, func(a, b Release) int { return a.Time.Compare(b.Time) })
	return own[max(0, len(own)-DefaultRecent):]
}

// Recent returns the releases that some side can use: the last of each.
func (h Releases) Recent() Releases {
	var sides []reference.Side
	for _, r := range h {
		if s := r.Side(); !slices.Contains(sides, s) {
			sides = append(sides, s)
		}
	}
	return slices.DeleteFunc(slices.Clone(h), func(r Release) bool {
		return !slices.ContainsFunc(sides, func(s reference.Side) bool {
			return slices.ContainsFunc(h.Of(s), func(o Release) bool { return o.Tag() == r.Tag() })
		})
	})
}
