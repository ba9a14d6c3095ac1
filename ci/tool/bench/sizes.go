//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/report"
)

// bothPlatforms are what an image can be for.
var bothPlatforms = []string{"linux/amd64", "linux/arm64"}

// Size is the size of the image of one function, by platform.
type Size struct {
	Image string `json:"image"`
	// Bytes are the compressed layers, and Binary those of the function's program.
	Bytes  map[string]int64 `json:"bytes"`
	Binary map[string]int64 `json:"binary"`
}

// imageSizes builds the images for both platforms, as the tool does without an image registry.
func (o options) imageSizes(ctx context.Context, scratch string) ([]Size, error) {
	o.progress("image sizes for " + strings.Join(bothPlatforms, " and "))
	made, err := exec.CommandContext(ctx, o.tool, "build-all", "--root", o.root, "--out", filepath.Join(scratch, "sizes"),
		"--cache", o.downloads, "--base", "static", "--ffmpeg", "static", "--platform", strings.Join(bothPlatforms, ","), "--json").Output()
	if err != nil {
		return nil, fmt.Errorf("build the images for %s: %w", strings.Join(bothPlatforms, " and "), err)
	}
	var r build.Report
	if err := json.Unmarshal(made, &r); err != nil {
		return nil, fmt.Errorf("read what was built: %w", err)
	}
	return sizesOf(r), nil
}

func sizesOf(r build.Report) (all []Size) {
	for _, row := range r.Images {
		n := slices.IndexFunc(all, func(s Size) bool { return s.Image == row.Image })
		if n < 0 {
			n, all = len(all), append(all, Size{row.Image, map[string]int64{}, map[string]int64{}})
		}
		all[n].Bytes[row.Platform] = row.Size
		all[n].Binary[row.Platform] = row.Layers[len(row.Layers)-1].Size
	}
	return all
}

// sizeTable has a row for each image: what it takes for each platform, and of that its program.
func sizeTable(all []Size) (header []string, rows [][]string) {
	header = append(header, "IMAGE")
	for _, p := range bothPlatforms {
		header = append(header, p+", MB", "PROGRAM, MB")
	}
	header = append(header, "RATIO")
	for _, s := range all {
		row := []string{s.Image}
		for _, p := range bothPlatforms {
			row = append(row, report.MB(s.Bytes[p]), report.MB(s.Binary[p]))
		}
		rows = append(rows, append(row, fmt.Sprintf("%.2f", float64(s.Bytes[bothPlatforms[1]])/float64(s.Bytes[bothPlatforms[0]]))))
	}
	return header, rows
}
