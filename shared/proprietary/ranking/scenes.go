package ranking

import (
	"cmp"
	"slices"
	"time"
)

// Candidate is a photo or clip that may be selected.
type Candidate struct {
	Key string
	// Taken is the zero time when it is unknown.
	Taken time.Time
	// Clip is true for a video. Its Measures are those of one frame.
	Clip     bool
	Measures Measures
}

const (
	// After longGap without a photo a new scene begins; after shortGap it begins only if
	// the pictures differ too. People take most photos of a place within a few minutes.
	longGap  = 20 * time.Minute
	shortGap = 3 * time.Minute
	// The hashes of two pictures of one place differ in at most sameView of their 64 bits,
	// those of two shots of one moment in at most sameShot. Unrelated pictures differ in
	// about 32 bits, burst shots in fewer than 10 (Zauner, "Implementation and Benchmarking
	// of Perceptual Image Hash Functions", 2010).
	sameView = 20
	sameShot = 8
)

// Scenes returns the scene of each candidate, numbered from 0 in the order of the
// candidates. Candidates with a time are grouped by gaps and by similarity. A candidate
// without a time joins the scene of the most similar picture, or begins a new scene if no
// picture is similar.
func Scenes(candidates []Candidate) []int {
	var timed, untimed []int
	for i, c := range candidates {
		if c.Taken.IsZero() {
			untimed = append(untimed, i)
		} else {
			timed = append(timed, i)
		}
	}
	slices.SortStableFunc(timed, func(a, b int) int { return candidates[a].Taken.Compare(candidates[b].Taken) })
	scenes := make([]int, len(candidates))
	next := 0
	for n, i := range timed {
		if n > 0 && newScene(candidates[timed[n-1]], candidates[i]) {
			next++
		}
		scenes[i] = next
	}
	placed := timed
	if len(timed) > 0 {
		next++
	}
	for _, i := range untimed {
		nearest := nearest(candidates, placed, i)
		if nearest >= 0 && Distance(candidates[nearest].Measures, candidates[i].Measures) <= sameView {
			scenes[i] = scenes[nearest]
		} else {
			scenes[i] = next
			next++
		}
		placed = append(placed, i)
	}
	return renumber(scenes)
}

func newScene(before, after Candidate) bool {
	gap := after.Taken.Sub(before.Taken)
	return gap > longGap || gap > shortGap && Distance(before.Measures, after.Measures) > sameView
}

func nearest(candidates []Candidate, among []int, i int) int {
	best := -1
	for _, j := range among {
		if best < 0 || Distance(candidates[j].Measures, candidates[i].Measures) < Distance(candidates[best].Measures, candidates[i].Measures) {
			best = j
		}
	}
	return best
}

func renumber(scenes []int) []int {
	numbers := map[int]int{}
	for i, scene := range scenes {
		number, ok := numbers[scene]
		if !ok {
			number = len(numbers)
			numbers[scene] = number
		}
		scenes[i] = number
	}
	return scenes
}

// Duplicates returns for each candidate the number of the better one in its scene that
// shows the same view, or -1. A clip is never a duplicate of a photo.
func Duplicates(candidates []Candidate, scenes []int) []int {
	order := make([]int, len(candidates))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(candidates[b].Measures.Score(), candidates[a].Measures.Score())
	})
	duplicates := make([]int, len(candidates))
	var kept []int
	for _, i := range order {
		duplicates[i] = -1
		for _, j := range kept {
			if scenes[i] == scenes[j] && candidates[i].Clip == candidates[j].Clip && Distance(candidates[i].Measures, candidates[j].Measures) <= sameShot {
				duplicates[i] = j
				break
			}
		}
		if duplicates[i] < 0 {
			kept = append(kept, i)
		}
	}
	return duplicates
}
