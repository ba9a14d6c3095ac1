package audit

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"slices"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/audit/fingerprint"
	"lambdas.internal/ci/tool/audit/secret"
	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/registry/limit"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// The surface of an image is all that is readable to who can pull it: the manifest, the
// configuration, and the files of the layers. What is pinned is left out: others published
// it. The binary is left out here too: its gates read it with its sources.

// maxFile and maxAfter limit what is read of a layer that is not pinned, in bytes: one file,
// and what follows the end of the archive.
const (
	maxFile  = 1 << 30
	maxAfter = 1 << 20
)

// seen is what the gates content and secrets found on a surface.
type seen struct {
	// Private and Secrets are the findings of the two gates.
	Private, Secrets []string
	// Pieces and Bytes count what was read.
	Pieces int
	Bytes  int64
}

func (s *seen) add(other seen) {
	s.Private, s.Secrets = append(s.Private, other.Private...), append(s.Secrets, other.Secrets...)
	s.Pieces, s.Bytes = s.Pieces+other.Pieces, s.Bytes+other.Bytes
}

// in returns the same with a place before each finding.
func (s seen) in(place string) seen {
	before := func(all []string) []string {
		all = slices.Clone(all) // another image may read them
		for n := range all {
			all[n] = place + all[n]
		}
		return all
	}
	s.Private, s.Secrets = before(s.Private), before(s.Secrets)
	return s
}

// join adds findings of a gate on the surface to the check of the same gate on the binary.
func (c Check) join(s seen, findings []string) Check {
	if !c.Applies {
		return c
	}
	c.Findings = append(c.Findings, findings...)
	c.Passed = len(c.Findings) == 0
	c.Examined += fmt.Sprintf(", %s MB of what is beside it", report.MB(s.Bytes))
	return c
}

// reader reads a surface with the rules of both gates.
type reader struct {
	scanner   *secret.Scanner
	published published
	// private is nil if the image is private.
	private *fingerprint.Fingerprint
}

// reader returns the reader of what is published of a public or private image.
func (in sources) reader(public bool) reader {
	r := reader{scanner: in.scanner, published: in.published}
	if public {
		r.private = in.fingerprint
	}
	return r
}

// look is the only place where the gates read a piece of a surface.
func (r reader) look(ctx context.Context, place string, content []byte) (seen, error) {
	s := seen{Pieces: 1, Bytes: int64(len(content))}
	if r.private != nil {
		s.Private = r.private.Find(place, content)
	}
	var found []secret.Finding
	if utf8.Valid(content) && !bytes.Contains(content, []byte{0}) {
		found = r.scanner.Text(content)
	} else {
		found, _ = r.scanner.Program(content)
	}
	found, err := withoutPublished(ctx, found, r.published)
	for _, x := range found {
		s.Secrets = append(s.Secrets, fmt.Sprintf("%s byte %d: %s (%s): %s", place, x.Offset, x.Rule, x.Masked, x.Description))
	}
	return s, err
}

// document reads a JSON document: as it is, and the texts in it without their escapes.
func (r reader) document(ctx context.Context, place string, raw []byte) (seen, error) {
	s, err := r.look(ctx, place, raw)
	if err != nil || !bytes.Contains(raw, []byte(`\`)) {
		return s, err // nothing is escaped
	}
	var texts bytes.Buffer
	for d := json.NewDecoder(bytes.NewReader(raw)); ; {
		token, err := d.Token()
		if err != nil {
			break // the end, or no JSON; it was read as it is
		}
		if text, ok := token.(string); ok {
			fmt.Fprintln(&texts, text)
		}
	}
	unescaped, err := r.look(ctx, place+" (its texts)", texts.Bytes())
	s.add(unescaped)
	return s, err
}

// surface reads the surface of an image.
func (a *Auditor) surface(ctx context.Context, f catalog.Function, i ImageFacts, binary layer.Layer, in sources, dir string) (seen, error) {
	r := in.reader(f.Registry == catalog.Public)
	s, err := r.document(ctx, "the configuration", i.RawConfig)
	if err != nil {
		return seen{}, err
	}
	manifest, err := r.document(ctx, "the manifest", i.RawManifest)
	if err != nil {
		return seen{}, err
	}
	s.add(manifest)
	for n, l := range i.Manifest.Layers {
		fromTop := len(i.Manifest.Layers) - n
		switch {
		case i.ClaimErr != nil:
		case fromTop == 1 && l.Digest == binary.Digest:
			continue
		case fromTop == len(i.Claim.Layers()) && i.Claim.FFmpeg != nil && i.Claim.FFmpegPin != "":
			continue
		case fromTop > len(i.Claim.Layers()) && i.Claim.BasePin != "":
			continue
		}
		found, err := a.layerSurface(ctx, blob(dir, l.Digest), l.Digest.String(), in.reader(true))
		if err != nil {
			return seen{}, fmt.Errorf("read layer %s: %w", l.Digest, err)
		}
		s.add(found.in(fmt.Sprintf("layer %d ", n+1)))
	}
	return s, nil
}

// layerSurface reads every file of a layer by the rules of both gates, whatever image it is
// of, unless it was read before and nothing was found.
func (a *Auditor) layerSurface(ctx context.Context, file, digest string, r reader) (seen, error) {
	program, err := cache.Program()
	if err != nil {
		return seen{}, err
	}
	key := cache.Key("surface 1", program, digest, r.scanner.Rules(), r.private.Digest(), r.published.key)
	found, err, _ := a.once.Do(key, func() (any, error) {
		var s seen
		if _, ok := a.cache.Load(key, &s); ok {
			return s, nil
		}
		f, err := os.Open(file)
		if err != nil {
			return s, err
		}
		defer f.Close()
		var pieces []*seen
		var g errgroup.Group
		g.SetLimit(runtime.GOMAXPROCS(0)) // each holds a file in memory
		err = readFiles(ctx, f, limit.Unpacked, func(name string, content []byte) error {
			piece := new(seen)
			pieces = append(pieces, piece)
			g.Go(func() (err error) {
				*piece, err = r.look(ctx, name, content)
				return err
			})
			return context.Cause(ctx)
		})
		if looked := g.Wait(); looked != nil {
			return s, looked
		}
		if ctx.Err() != nil {
			return s, context.Cause(ctx)
		}
		for _, piece := range pieces {
			s.add(*piece)
		}
		var unreadable format
		if errors.As(err, &unreadable) { // what cannot be read is no reason to pass
			s.Private, s.Secrets = append(s.Private, unreadable.Error()), append(s.Secrets, unreadable.Error())
			return s, nil
		}
		if err != nil || len(s.Private)+len(s.Secrets) > 0 {
			return s, err
		}
		return s, a.cache.Save(key, s)
	})
	s, _ := found.(seen)
	return s, err
}

// format is a problem of the format of a layer.
type format struct{ error }

// readFiles calls visit with every file of a compressed layer, and with all that is beside
// their content: names, attributes, comments, padding. That it unpacks to more than most
// bytes is a problem of its format.
func readFiles(ctx context.Context, r io.Reader, most int64, visit func(name string, content []byte) error) error {
	source := bufio.NewReader(&faultReader{r: r})
	zr, err := gzip.NewReader(source)
	if err != nil {
		return asFormat(err)
	}
	zr.Multistream(false)
	var beside bytes.Buffer
	fmt.Fprintf(&beside, "%s\n%s\n%s\n", zr.Name, zr.Comment, zr.Extra)
	archive := &tap{Reader: limit.Reader(ctx, zr, most), to: &beside}
	for tr := tar.NewReader(archive); ; {
		archive.open = true
		h, err := tr.Next()
		archive.open = false
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return asFormat(err)
		}
		if h.Size > maxFile {
			return format{fmt.Errorf("%s has %d bytes, too many to read", report.Line(h.Name), h.Size)}
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			return asFormat(err)
		}
		if len(content) == 0 {
			continue
		}
		if err := visit(report.Line(path.Clean("/"+h.Name)), content); err != nil {
			return err
		}
	}
	archive.open = true
	n, err := io.Copy(io.Discard, io.LimitReader(archive, maxAfter+1))
	switch {
	case err != nil:
		return asFormat(err)
	case n > maxAfter:
		return format{errors.New("more follows the end of the archive than padding")}
	}
	switch _, err := source.ReadByte(); {
	case err == nil:
		return format{errors.New("more follows the end of its gzip stream")}
	case !errors.Is(err, io.EOF):
		return asFormat(err)
	}
	return visit("(names and attributes)", beside.Bytes())
}

// asFormat is an error of the format, unless the reader failed.
func asFormat(err error) error {
	var fault readFault
	if errors.As(err, &fault) {
		return fault.error
	}
	return format{fmt.Errorf("not a gzip-compressed tar: %w", err)}
}

// tap copies what is read while it is open.
type tap struct {
	io.Reader
	to   *bytes.Buffer
	open bool
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if t.open {
		t.to.Write(p[:n])
	}
	return n, err
}
