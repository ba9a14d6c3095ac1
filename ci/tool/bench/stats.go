package main

import "slices"

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
