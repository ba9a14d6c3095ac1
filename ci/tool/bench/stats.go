package main

import "slices"

// Spread describes repeated measurements of one thing.
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

// ratios returns the spread of a[i]/b[i]. Measurements of one repetition are
// divided by each other, as they had the machine in the same state: the median
// of such ratios is steadier than the ratio of the medians.
func ratios(a, b []float64) Spread {
	quotients := make([]float64, min(len(a), len(b)))
	for i := range quotients {
		quotients[i] = a[i] / b[i]
	}
	return spread(quotients)
}
