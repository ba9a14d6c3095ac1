package lambdaboot

import (
	"math"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMemoryLimitFollowsTheFunction(t *testing.T) {
	for name, test := range map[string]struct {
		size, own string
		want      int64
	}{
		"smallest":           {"128", "", 96 << 20},
		"large":              {"10240", "", 10208 << 20},
		"not in Lambda":      {"", "", math.MaxInt64},
		"no number":          {"much", "", math.MaxInt64},
		"too small for it":   {"32", "", math.MaxInt64},
		"a limit of its own": {"128", "64MiB", math.MaxInt64},
	} {
		t.Run(name, func(t *testing.T) {
			before := debug.SetMemoryLimit(math.MaxInt64)
			defer debug.SetMemoryLimit(before)
			t.Setenv(memoryVariable, test.size)
			t.Setenv("GOMEMLIMIT", test.own)
			limitMemory()
			assert.Equal(t, test.want, debug.SetMemoryLimit(-1))
		})
	}
}
