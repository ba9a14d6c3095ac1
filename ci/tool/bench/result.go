//go:build unix

package main

import (
	"slices"
)

// Result is the result of one case.
type Result struct {
	Case string `json:"case"`
	Rows []Row  `json:"subjects"`
}

// Row is the result of one subject in one case.
type Row struct {
	Times
	Took Spread `json:"took"`
	Used Spread `json:"used"` // processor time
	// Ratios are the times divided by those of each reference in the case.
	Ratios map[string]Spread `json:"ratios"`
}

// references are the subjects with which all others are compared.
var references = []string{nameGo, nameKo, nameBuildKit}

func newResult(name string, times []Times) Result {
	r := Result{Case: name}
	for _, t := range times {
		row := Row{Times: t, Took: spread(t.Seconds), Used: spread(t.CPU), Ratios: map[string]Spread{}}
		for _, ref := range references {
			if other, ok := find(times, ref); ok && ref != t.Subject {
				row.Ratios[ref] = ratios(t.Seconds, other.Seconds)
			}
		}
		r.Rows = append(r.Rows, row)
	}
	return r
}

func find(times []Times, subject string) (Times, bool) {
	for _, t := range times {
		if t.Subject == subject {
			return t, true
		}
	}
	return Times{}, false
}

// lookup returns the times of a subject in a case, if it was measured.
func lookup(results []Result, name, subject string) (Times, bool) {
	for _, row := range rowsOf(results, name) {
		if row.Subject == subject {
			return row.Times, true
		}
	}
	return Times{}, false
}

// Spread summarises repeated measurements.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// spread returns the spread of values; of none it is zero.
func spread(values []float64) Spread {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return Spread{}
	}
	return Spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1]}
}

// without returns a[i]-b[i].
func without(a, b []float64) []float64 {
	rest := make([]float64, min(len(a), len(b)))
	for i := range rest {
		rest[i] = a[i] - b[i]
	}
	return rest
}

// ratios returns the spread of a[i]/b[i]. It divides measurements of the same repetition,
// for which the machine was in the same state: the median of these ratios varies less
// than the ratio of the medians.
func ratios(a, b []float64) Spread {
	quotients := make([]float64, min(len(a), len(b)))
	for i := range quotients {
		quotients[i] = a[i] / b[i]
	}
	return spread(quotients)
}
