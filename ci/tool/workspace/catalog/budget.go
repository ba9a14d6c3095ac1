package catalog

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
)

// Budget limits the size of an image and its cold start. The zero value is no limit.
type Budget struct {
	// Megabytes is the largest size of the compressed layers, in 10^6 bytes.
	Megabytes float64 `json:"megabytes"`
	// InitMs is how many milliseconds longer than a program that does nothing the function
	// may take until it asks for its first event; 0 is no limit.
	InitMs float64 `json:"initMs,omitempty"`
	// Blocks is how many blocks of 512 KiB of the image may be read until then; 0 is no limit.
	Blocks int `json:"blocks,omitempty"`
	// Reason says in a few words why this is the limit.
	Reason string `json:"reason"`
}

// Bytes returns the budget in bytes.
func (b Budget) Bytes() int64 { return int64(math.Round(b.Megabytes * 1e6)) }

// budgetField is the optional key of image.json that holds the budget.
const budgetField = "budget"

var budgetFields = []string{"megabytes", "initMs", "blocks", "reason"}

const (
	// maxInitMs is the longest init phase.
	// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
	maxInitMs = 10_000
	// maxBlocks is how many blocks the largest image has.
	maxBlocks = maxMegabytes * 2
)

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
	if number, ok := raw["initMs"]; ok && (bytes.Equal(number, []byte("null")) || json.Unmarshal(number, &b.InitMs) != nil || b.InitMs <= 0 || b.InitMs > maxInitMs) {
		within("initMs", "must be a number above 0 and at most %d, not %s", maxInitMs, oneLine(number))
	}
	if number, ok := raw["blocks"]; ok && (bytes.Equal(number, []byte("null")) || json.Unmarshal(number, &b.Blocks) != nil || b.Blocks <= 0 || b.Blocks > maxBlocks) {
		within("blocks", "must be a whole number above 0 and at most %d, not %s", maxBlocks, oneLine(number))
	}
	b.Reason = decodeText(budgetField+".reason", raw["reason"], bad)
	checkLine(budgetField+".reason", b.Reason, bad)
	return b
}
