package audit

import (
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func TestBudget(t *testing.T) {
	heavy := map[string]string{image.LabelFFmpeg: "npm"}
	const mb = 1_000_000
	for name, c := range map[string]struct {
		megabytes float64
		labels    map[string]string
		layers    []int64
		examined  string
		finding   string
	}{
		"below": {60, nil, []int64{40 * mb, 4 * mb}, "44.0 of 60.0 MB: base 40.0 + binary 4.0; the budget: room", ""},
		"at it": {44, nil, []int64{40 * mb, 4 * mb}, "44.0 of 44.0 MB: base 40.0 + binary 4.0; the budget: room", ""},
		"a base of several layers, and ffmpeg": {200, heavy, []int64{10 * mb, 20 * mb, 10 * mb, 120 * mb, 4 * mb},
			"164.0 of 200.0 MB: base 40.0 + ffmpeg 120.0 + binary 4.0; the budget: room", ""},
		"a byte more": {44, nil, []int64{40 * mb, 4*mb + 1}, "44.0 of 44.0 MB: base 40.0 + binary 4.0; the budget: room",
			"the image is 44.0 MB (base 40.0 + binary 4.0), 1 byte more than its budget of 44.0 MB (room); make it smaller, or raise `budget` in functions/f/image.json and say why"},
		"much more": {150.5, heavy, []int64{40 * mb, 120 * mb, 4 * mb}, "164.0 of 150.5 MB: base 40.0 + ffmpeg 120.0 + binary 4.0; the budget: room",
			"the image is 164.0 MB (base 40.0 + ffmpeg 120.0 + binary 4.0), 13.5 MB more than its budget of 150.5 MB (room); make it smaller, or raise `budget` in functions/f/image.json and say why"},
		"nothing to examine": {44, nil, nil, "0.0 of 44.0 MB: ; the budget: room", "nothing was examined (0.0 of 44.0 MB: ; the budget: room): cannot check"},
	} {
		t.Run(name, func(t *testing.T) {
			f := catalog.Function{Folder: "functions/f", Image: "f", Budget: catalog.Budget{Megabytes: c.megabytes, Reason: "room"}}
			i := ImageFacts{Config: v1.ConfigFile{Config: v1.Config{Labels: c.labels}}}
			for _, size := range c.layers {
				i.Manifest.Layers = append(i.Manifest.Layers, v1.Descriptor{Size: size})
			}

			got := CheckBudget(f, i)

			want := Check{Image: "f", Gate: Budget, Applies: true, Passed: c.finding == "", Examined: c.examined}
			if c.finding != "" {
				want.Findings = []string{c.finding}
			}
			assert.Equal(t, want, got)
		})
	}
}

func TestAnImageWithoutABudget(t *testing.T) {
	got := CheckBudget(catalog.Function{Folder: "functions/f", Image: "f"}, ImageFacts{})

	assert.Equal(t, Check{Image: "f", Gate: Budget, Passed: true, Examined: "not applicable: functions/f/image.json has no budget"}, got)
}
