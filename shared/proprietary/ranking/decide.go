package ranking

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Judgement is what a model says about one candidate.
type Judgement struct {
	// Score from 0 to 100.
	Score int `json:"score"`
	// Keep is true when the candidate belongs in the selection.
	Keep   bool   `json:"keep"`
	Reason string `json:"reason"`
}

// Verdict is the result for one candidate.
type Verdict struct {
	Key string `json:"key"`
	// Scene is the number of its scene, from 0; -1 for media that could not be read.
	Scene    int  `json:"scene"`
	Selected bool `json:"selected"`
	// Score from 0 to 100.
	Score    int      `json:"score"`
	Measures Measures `json:"measures"`
	Reason   string   `json:"reason"`
	// DuplicateOf is the key of the better shot of the same view.
	DuplicateOf string `json:"duplicateOf,omitempty"`
}

const (
	// modelWeight is the share of the model's score; the measured score has the rest.
	modelWeight = 0.7
	// usable is the measured score below which a photo is too blurred or too dark.
	usable = 0.25
	// perScene is how many candidates of one scene the measures alone may select: more
	// would be too many views of one place in a post.
	perScene = 4
)

// Decide returns the verdicts on the candidates: selected ones first, and best first.
// Scenes and duplicates come from Scenes and Duplicates. The key of a judgement is the
// number of the candidate. If judgements is nil, the measures alone decide.
func Decide(candidates []Candidate, scenes, duplicates []int, judgements map[int]Judgement) []Verdict {
	verdicts := make([]Verdict, len(candidates))
	for i, c := range candidates {
		v := Verdict{Key: c.Key, Scene: scenes[i], Measures: c.Measures, Score: percent(c.Measures.Score())}
		judgement, judged := judgements[i]
		switch {
		case duplicates[i] >= 0:
			v.DuplicateOf = candidates[duplicates[i]].Key
			v.Reason = "a better shot shows the same view"
		case judged:
			v.Score = percent(modelWeight*float64(judgement.Score)/100 + (1-modelWeight)*c.Measures.Score())
			v.Selected, v.Reason = judgement.Keep, judgement.Reason
		case judgements != nil:
			v.Reason = "not among the technically best in its scene"
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

// selectByMeasures selects the better half of each scene, at least one and at most four
// candidates, but none that is unusable.
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
				v.Selected, v.Reason = true, "among the best in its scene: "+quality
			default:
				v.Reason = "others in its scene are better: " + quality
			}
		}
	}
}

// Shortlist returns the numbers of at most limit candidates for a model to judge, in the
// order of the candidates. It leaves out duplicates. It takes the best of each scene
// first, then the second best of each, and so on.
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
