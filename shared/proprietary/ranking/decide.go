package ranking

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Judgement is what a model says of one candidate.
type Judgement struct {
	// Score from 0 to 100.
	Score int `json:"score"`
	// Keep tells whether it belongs into the selection.
	Keep   bool   `json:"keep"`
	Reason string `json:"reason"`
}

// Verdict is what became of one candidate.
type Verdict struct {
	Key string `json:"key"`
	// Scene is the number of its scene, from 0.
	Scene    int  `json:"scene"`
	Selected bool `json:"selected"`
	// Score from 0 to 100.
	Score    int      `json:"score"`
	Measures Measures `json:"measures"`
	Reason   string   `json:"reason"`
	// DuplicateOf is the key of the better shot of the same.
	DuplicateOf string `json:"duplicateOf,omitempty"`
}

const (
	// modelWeight is how much the model's score counts beside the measured one.
	modelWeight = 0.7
	// usable is the measured score below which a photo is too blurred or too dark.
	usable = 0.25
	// perScene is the most that measures alone select of one scene: half of it, and
	// no more than a post can show of one place.
	perScene = 4
)

// Decide makes the verdicts, best first, from the candidates with their scenes and
// duplicates. Judgements come by the number of the candidate; without any, the
// measures alone decide.
func Decide(candidates []Candidate, scenes, duplicates []int, judgements map[int]Judgement) []Verdict {
	verdicts := make([]Verdict, len(candidates))
	for i, c := range candidates {
		v := Verdict{Key: c.Key, Scene: scenes[i], Measures: c.Measures, Score: percent(c.Measures.Score())}
		judgement, judged := judgements[i]
		switch {
		case duplicates[i] >= 0:
			v.DuplicateOf = candidates[duplicates[i]].Key
			v.Reason = "a better shot shows the same"
		case judged:
			v.Score = percent(modelWeight*float64(judgement.Score)/100 + (1-modelWeight)*c.Measures.Score())
			v.Selected, v.Reason = judgement.Keep, judgement.Reason
		case judgements != nil:
			v.Reason = "not among the technically best of its scene"
		}
		verdicts[i] = v
	}
	if judgements == nil {
		selectByMeasures(verdicts)
	}
	slices.SortStableFunc(verdicts, func(a, b Verdict) int {
		if a.Selected != b.Selected {
			if a.Selected {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.Score, a.Score)
	})
	return verdicts
}

// selectByMeasures takes the better half of each scene, at least one and at most
// four, but nothing unusable.
func selectByMeasures(verdicts []Verdict) {
	byScene := map[int][]int{}
	for i, v := range verdicts {
		if v.DuplicateOf == "" {
			byScene[v.Scene] = append(byScene[v.Scene], i)
		}
	}
	for _, members := range byScene {
		slices.SortStableFunc(members, func(a, b int) int { return cmp.Compare(verdicts[b].Score, verdicts[a].Score) })
		quota := min(perScene, (len(members)+1)/2)
		for place, i := range members {
			v := &verdicts[i]
			quality := fmt.Sprintf("sharpness %d, exposure %d of 100", percent(v.Measures.Sharpness), percent(v.Measures.Exposure))
			switch {
			case v.Measures.Score() < usable:
				v.Reason = "too blurred or badly exposed: " + quality
			case place < quota:
				v.Selected, v.Reason = true, "among the best of its scene: "+quality
			default:
				v.Reason = "others of its scene are better: " + quality
			}
		}
	}
}

// Shortlist returns at most limit candidates that are no duplicates, for a model to
// judge: in turn the best of each scene, then the second best, and so on; in the
// order of the candidates.
func Shortlist(candidates []Candidate, scenes, duplicates []int, limit int) []int {
	var order []int
	for i := range candidates {
		if duplicates[i] < 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(candidates[b].Measures.Score(), candidates[a].Measures.Score())
	})
	place, seen := map[int]int{}, map[int]int{}
	for _, i := range order {
		place[i] = seen[scenes[i]]
		seen[scenes[i]]++
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(place[a], place[b]) })
	short := order[:min(limit, len(order))]
	slices.Sort(short)
	return short
}

func percent(v float64) int { return int(math.Round(100 * min(max(v, 0), 1))) }
