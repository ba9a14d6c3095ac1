package main

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
	for _, r := range results {
		if r.Case != name {
			continue
		}
		for _, row := range r.Rows {
			if row.Subject == subject {
				return row.Times, true
			}
		}
	}
	return Times{}, false
}
