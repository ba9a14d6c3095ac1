package base

import (
	"encoding/pem"
	"fmt"
	"io/fs"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/crypto/x509roots/fallback/bundle"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
)

// StaticName is the name of the static base in labels and tables.
const StaticName = "static"

// static returns the static base: only the files that a static Go binary needs.
func static(c *cache.Cache, platform v1.Platform) (image.Base, bool, error) {
	l, reused, err := layer.Keep(c, staticFiles(), "static base: CA roots, users, /tmp")
	if err != nil {
		return image.Base{}, false, fmt.Errorf("make the static base: %w", err)
	}
	return image.Base{
		Name: StaticName,
		Pin:  image.Offline,
		Config: v1.ConfigFile{
			OS:           platform.OS,
			Architecture: platform.Architecture,
			Config: v1.Config{
				// The same as in AWS's base images.
				Env: []string{
					"PATH=/usr/local/bin:/usr/bin:/bin",
					"LANG=C.UTF-8",
					"TZ=:/etc/localtime",
					"LAMBDA_TASK_ROOT=/var/task",
					"LAMBDA_RUNTIME_DIR=/var/runtime",
				},
				WorkingDir: "/var/task",
			},
			RootFS:  v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{l.DiffID}},
			History: []v1.History{{CreatedBy: l.Comment}},
		},
		Layers: []layer.Layer{l},
	}, reused, nil
}

func staticFiles() []layer.File {
	return []layer.File{
		layer.Text("etc/passwd", 0o644, "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"),
		layer.Text("etc/group", 0o644, "root:x:0:\nnobody:x:65534:\n"),
		layer.Text("etc/nsswitch.conf", 0o644, "hosts: files dns\n"),
		layer.Text("etc/ssl/certs/ca-certificates.crt", 0o644, roots()),
		layer.Directory("root", 0o700),
		layer.Directory("tmp", 0o777|fs.ModeSticky),
		layer.Directory("var/task", 0o755),
	}
}

// roots returns the root certificates that programs trust, as PEM, without those that
// have a constraint, which a PEM file cannot express.
func roots() string {
	var b strings.Builder
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			// Writing to a strings.Builder does not fail.
			_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
		}
	}
	return b.String()
}
