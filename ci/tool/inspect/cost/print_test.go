package cost_test

import (
	"bytes"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/inspect/cost"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// fiveImages is a report on images as large as they are in AWS.
func fiveImages(t *testing.T) *cost.Report {
	t.Helper()
	prices, err := cost.ReadPrices()
	require.NoError(t, err)
	images, variants := map[string]cost.Image{}, map[string]catalog.Variant{}
	functions := registrytest.Functions()
	for n, f := range functions {
		layers := []v1.Descriptor{testkit.Layer("base", 40_000_000)}
		if f.Variant == catalog.Heavy {
			layers = append(layers, testkit.Layer("ffmpeg", 55_000_000))
		}
		m := testkit.Manifest(append(layers, testkit.Layer(f.Image, int64(4+n)*1_000_000))...)
		images[f.Image], err = cost.ReadManifest(f.Image, f.Variant, f.Image, m)
		require.NoError(t, err)
		variants[f.Image] = f.Variant
	}
	r := cost.New(cost.Model(reference.Items(functions, reference.Hosts{}, ""), images, variants, 5), prices)
	r.Source, r.Versions, r.Offline = "dist", 5, []string{"api"}
	return r
}

func TestPrint(t *testing.T) {
	r := fiveImages(t)
	for golden, write := range map[string]func(io.Writer) error{
		"cost.golden":      func(w io.Writer) error { return r.Print(w, false) },
		"cost.md.golden":   func(w io.Writer) error { return r.Print(w, true) },
		"cost.json.golden": func(w io.Writer) error { return report.JSON(w, r) },
	} {
		t.Run(golden, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, write(&out))
			testkit.Golden(t, golden, out.Bytes())
		})
	}
}
