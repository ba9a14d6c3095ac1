package catalog

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
)

// Budget limits the size of an image. The zero value is no limit.
type Budget struct {
	// Megabytes is the largest size of the compressed layers, in 10^6 bytes.
	Megabytes float64 `json:"megabytes"`
	// Reason says in a few words why this is the limit.
	Reason string `json:"reason"`
}

// Bytes returns the budget in bytes.
func (b Budget) Bytes() int64 { return int64(math.Round(b.Megabytes * 1e6)) }

// budgetField is the optional key of image.json that holds the budget.
const budgetField = "budget"

var budgetFields = []string{"megabytes", "reason"}

// maxMegabytes is the size of the largest image that Lambda accepts, unpacked.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxMegabytes = 10_000

// decodeBudget returns the budget in the value of the field.
func decodeBudget(value json.RawMessage, bad func(field, format string, args ...any)) Budget {
	var raw map[string]json.RawMessage
	if json.Unmarshal(value, &raw) != nil || raw == nil {
		bad(budgetField, `must be an object such as {"megabytes": 80, "reason": "why this much"}, not %s`, oneLine(value))
		return Budget{}
	}
	within := func(field, format string, args ...any) { bad(budgetField+"."+field, format, args...) }
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		if !slices.Contains(budgetFields, key) {
			within(printable(key), "is not a field of %s%s; the fields are %s", budgetField, suggest(key, budgetFields), strings.Join(budgetFields, ", "))
		}
	}
	for _, key := range repeated(value, budgetFields) {
		within(key, "appears twice; keep one")
	}
	var b Budget
	switch number, ok := raw["megabytes"]; {
	case !ok:
		within("megabytes", "is missing")
	case bytes.Equal(number, []byte("null")) || json.Unmarshal(number, &b.Megabytes) != nil || b.Megabytes <= 0 || b.Megabytes > maxMegabytes:
		within("megabytes", "must be a number above 0 and at most %d, not %s", maxMegabytes, oneLine(number))
	}
	b.Reason = decodeText(budgetField+".reason", raw["reason"], bad)
	checkLine(budgetField+".reason", b.Reason, bad)
	return b
}
