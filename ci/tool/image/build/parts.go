package build

import (
	"context"
	"fmt"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/base"
	"lambdas.internal/ci/tool/image/ffmpeg"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Known returns the parts of images whose bytes are known here: what the lock file pins, as
// far as the cache has it, and what this program makes instead. With fetch, what the functions
// need of the pinned parts comes from its registry if the cache does not have it.
func (b *Builder) Known(ctx context.Context, functions []catalog.Function, fetch bool) (p image.Parts, err error) {
	made, _, err := base.Get(ctx, b.Cache, pin.Choice{Pin: image.Offline}, b.Platform)
	if err != nil {
		return p, err
	}
	p.Bases = []image.Base{made}
	o := pin.Options{Mirrors: b.Mirrors, Offline: b.Offline || !fetch}
	o.Cached = func(c pin.Choice) bool { return base.Cached(b.Cache, c, b.Platform) }
	from, err := pin.Choose(ctx, b.Lock.Base, o)
	if err != nil {
		return p, fmt.Errorf("choose the base: %w", err)
	}
	if from.Pin == image.Pinned {
		if made, _, err = base.Get(ctx, b.Cache, from, b.Platform); err != nil {
			return p, err
		}
		p.Bases = append(p.Bases, made)
	}
	unread := func(c pin.Choice) {
		if c.Reason != "" {
			p.Unread = append(p.Unread, "a pinned image could not be read: "+c.Reason)
		}
	}
	unread(from)
	o.Offline = o.Offline || !anyHeavy(functions)
	o.Cached = func(c pin.Choice) bool { return ffmpeg.Cached(b.Cache, c, b.Platform) }
	if from, err = pin.Choose(ctx, b.Lock.FFmpeg, o); err != nil {
		return p, fmt.Errorf("choose ffmpeg: %w", err)
	}
	if from.Pin == image.Pinned {
		if _, _, err = ffmpeg.Get(ctx, b.Cache, from, b.Lock.Static, b.Platform); err != nil {
			return p, err
		}
	}
	unread(from)
	p.FFmpeg = ffmpeg.Known(b.Cache, b.Lock, b.Platform)
	return p, nil
}
