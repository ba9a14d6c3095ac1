//go:build unix

package main

import "fmt"

// Target is a limit from the design: a subject takes at most Limit seconds, or at most
// Limit times as long as another measurement.
type Target struct {
	Case, Subject string
	// AgainstCase and Against are the case and subject of the other measurement; both
	// are empty for a limit in seconds.
	AgainstCase, Against string
	// Besides is another measurement of the case that the subject may take in addition; empty for none.
	Besides string
	Limit   float64
}

// targets are the limits from the design's section on speed.
var targets = []Target{
	{Case: caseSame, Subject: nameTool, Limit: 0.3},
	{Case: caseSave, Subject: nameDev, Limit: 2},
	{Case: caseSaveShared, Subject: nameDev, Limit: 4},
	{Case: caseEdit, Subject: nameTool, AgainstCase: caseEdit, Against: nameGo, Limit: 1.8},
	{Case: caseEdit, Subject: nameTool, AgainstCase: caseEdit, Against: nameGoOne, Limit: 1.8},
	{Case: caseEdit, Subject: nameTool, AgainstCase: caseEdit, Against: nameKo, Limit: 0.4},
	{Case: caseCold, Subject: nameTool, AgainstCase: caseCold, Against: nameGo, Limit: 1.2},
	{Case: caseCold, Subject: nameToolKept, AgainstCase: caseCold, Against: nameGo, Limit: 1.2},
	{Case: caseSame, Subject: nameDagger, AgainstCase: caseSame, Against: nameIdleDagger, Limit: 1.4},
	{Case: caseEdit, Subject: nameDagger, AgainstCase: caseEdit, Against: nameBuildKit, Limit: 0.9},
	{Case: caseEdit, Subject: nameDagger, AgainstCase: caseEdit, Against: nameGo, Besides: nameIdleDagger, Limit: 1.5},
	{Case: caseShared, Subject: nameDagger, AgainstCase: caseShared, Against: nameBuildKit, Limit: 0.7},
	{Case: caseCold, Subject: nameDagger, AgainstCase: caseCold, Against: nameBuildKit, Limit: 0.55},
	{Case: caseEditOf(100), Subject: nameDagger, AgainstCase: caseEditOf(5), Against: nameDagger, Limit: 1.3},
	// The time depends on what changed, not on the number of functions: with twenty times
	// the functions, the same edit may take twice as long.
	{Case: caseEditOf(100), Subject: nameTool, AgainstCase: caseEditOf(5), Against: nameTool, Limit: 2},
	{Case: caseEditOf(100), Subject: nameTool, AgainstCase: caseEditOf(100), Against: nameGo, Limit: 1.8},
}

// Verdict says whether a target was met.
type Verdict struct {
	Target   string  `json:"target"`
	Limit    float64 `json:"limit"`
	Measured float64 `json:"measured"`
	Unit     string  `json:"unit"` // "s" or "x"
	Met      bool    `json:"met"`
}

// judge compares the results with the targets. It leaves out targets whose cases were not
// measured.
func judge(results []Result, targets []Target) []Verdict {
	var verdicts []Verdict
	for _, t := range targets {
		own, ok := lookup(results, t.Case, t.Subject)
		if !ok {
			continue
		}
		v := Verdict{Limit: t.Limit}
		if t.Against == "" {
			v.Unit, v.Measured = "s", spread(own.Seconds).Median
			v.Target = fmt.Sprintf("%s: %s at most %.1f s", t.Case, t.Subject, t.Limit)
		} else {
			other, ok := lookup(results, t.AgainstCase, t.Against)
			if !ok {
				continue
			}
			seconds, besides := own.Seconds, ""
			if t.Besides != "" {
				row, ok := lookup(results, t.Case, t.Besides)
				if !ok {
					continue
				}
				seconds, besides = without(own.Seconds, row.Seconds), t.Besides+" + "
			}
			v.Unit, v.Measured = "x", ratios(seconds, other.Seconds).Median
			v.Target = fmt.Sprintf("%s: %s at most %s%gx %s", t.Case, t.Subject, besides, t.Limit, t.Against)
			if t.AgainstCase != t.Case {
				v.Target += " with " + t.AgainstCase
			}
		}
		v.Met = v.Measured <= t.Limit
		verdicts = append(verdicts, v)
	}
	return verdicts
}
