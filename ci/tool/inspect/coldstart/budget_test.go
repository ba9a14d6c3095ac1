package coldstart

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/workspace/catalog"
)

func TestJudge(t *testing.T) {
	for name, test := range map[string]struct {
		budget catalog.Budget
		says   string
	}{
		"none":           {catalog.Budget{}, ""},
		"of size alone":  {catalog.Budget{Megabytes: 1}, ""},
		"kept exactly":   {catalog.Budget{InitMs: 10, Blocks: 20}, ""},
		"a block more":   {catalog.Budget{InitMs: 10, Blocks: 19}, "blocks: 20 blocks are read before its first request for an event, and its budget is 19"},
		"too late":       {catalog.Budget{InitMs: 9.5, Blocks: 20}, "initMs: its first request for an event is 10.0 ms after that of hello, and its budget is 9.5"},
		"blocks, late":   {catalog.Budget{Blocks: 1}, "blocks: 20 blocks are read before its first request for an event, and its budget is 1"},
		"time, not many": {catalog.Budget{InitMs: 1}, "initMs: its first request for an event is 10.0 ms after that of hello, and its budget is 1.0"},
	} {
		t.Run(name, func(t *testing.T) {
			test.budget.Reason = "people wait"
			r := &Report{Hello: Image{Init: Phase{FastestMs: 9, Blocks: 12}}, Images: []Image{{Image: "api", Init: Phase{FastestMs: 19, Blocks: 20}}}}
			r.Judge([]catalog.Function{{Image: "api", Folder: "functions/api", Budget: test.budget}, {Image: "other", Budget: catalog.Budget{Blocks: 1}}})
			if test.says == "" {
				require.NoError(t, r.Err())
				return
			}
			field, says, _ := strings.Cut(test.says, ": ")
			assert.EqualError(t, r.Err(), "cold start of api: "+says+" (people wait); start less, or raise `budget."+field+"` in functions/api/image.json and say why")
		})
	}
}
