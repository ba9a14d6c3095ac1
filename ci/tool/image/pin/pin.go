// Package pin decides which base image, or which image with ffmpeg, a build uses: the
// one that the lock file pins (names by digest), the one that the user names, or none
// because no registry can be reached.
package pin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Static is the word that a user passes instead of a reference to get the static base,
// or the ffmpeg from the npm registry.
const Static = "static"

// Choice says where an image comes from.
type Choice struct {
	// Name is the reference for the label of the image: the one in the lock file if the
	// digest is the one in the lock file, else Reference.
	Name string
	// Reference is the image to pull, with or without a digest; empty if Pin is
	// image.Offline.
	Reference string
	// Digest is the digest of the index or manifest.
	Digest v1.Hash
	Pin    image.Pin
	// Reason says why no registry is used, unless the user asked for that.
	Reason string
}

// Options say what the user wants.
type Options struct {
	// Explicit is a reference, with or without a digest, or Static. It is used instead
	// of the lock file.
	Explicit string
	// Mirrors says from where to pull instead.
	Mirrors lock.Mirrors
	// Offline forbids requests to a registry; a locked image is used if it is cached.
	Offline bool
	// Cached tells whether this machine has what is made from the choice.
	Cached func(Choice) bool
}

// Choose decides for one image of the lock file. If the registry cannot be reached, the
// choice is image.Offline and says why; if the user named the image, it is an error. What a
// registry answered is not remembered; only a digest whose image is cached is not asked for.
func Choose(ctx context.Context, locked lock.Image, o Options) (Choice, error) {
	if o.Explicit == Static {
		return Choice{Pin: image.Offline}, nil
	}
	reference := o.Explicit
	if reference == "" {
		reference = locked.Pinned()
	}
	ref, err := name.ParseReference(reference)
	if err != nil {
		return Choice{}, fmt.Errorf("read the reference %q: %w", reference, err)
	}
	location, mirrored := o.Mirrors.Of(reference)
	if exact, ok := ref.(name.Digest); ok {
		digest, err := v1.NewHash(exact.DigestStr())
		if err != nil {
			return Choice{}, fmt.Errorf("read the reference %q: %w", reference, err)
		}
		if choice := choose(locked, reference, location, digest); o.Cached(choice) {
			return choice, nil
		}
	}
	if o.Offline {
		return offline(o, reference, errors.New("it is not in the cache, and --offline is set"))
	}
	ask := registry.Digest
	if o.Explicit == "" && !mirrored { // otherwise a registry that is out of reach is an error
		ask = unlessSilent
	}
	digest, err := ask(ctx, location)
	switch {
	case ctx.Err() != nil:
		return Choice{}, ctx.Err()
	case registry.Unreachable(err) && mirrored:
		return Choice{}, fmt.Errorf("use the mirror of %s: %w", reference, err)
	case registry.Unreachable(err):
		return offline(o, reference, err)
	case err != nil:
		return Choice{}, explain(ctx, locked, reference, location, err)
	}
	return choose(locked, reference, location, digest), nil
}

// choose returns the choice for a known digest.
func choose(locked lock.Image, reference, location string, digest v1.Hash) Choice {
	choice := Choice{Reference: location, Digest: digest}
	if digest.String() == locked.Digest {
		choice.Name, choice.Pin = locked.Reference, image.Pinned
	} else {
		choice.Name, _, _ = strings.Cut(reference, "@")
		choice.Pin = image.Unpinned
	}
	return choice
}

// explain says what to do about a registry that answered without the image.
func explain(ctx context.Context, locked lock.Image, reference, location string, err error) error {
	pulled := reference
	if location != reference {
		pulled += " (from " + location + ")"
	}
	switch {
	case registry.RateLimited(err):
		return registry.Later(fmt.Sprintf("%s: the registry limits pulls (429 Too Many Requests); log in (%s), name a mirror in %s, or run the same command again in a minute", pulled, logIn(location), lock.File))
	case registry.Passing(err):
		return fmt.Errorf("%w; run the same command again in a minute, name a mirror in %s, or pass --offline", err, lock.File)
	case !registry.NotFound(err):
		return err
	case reference != locked.Pinned() || locked.Digest == "":
		return fmt.Errorf("%s does not exist in its registry; check the name", pulled)
	}
	tag, _, _ := strings.Cut(location, "@")
	now, err := registry.Digest(ctx, tag)
	switch {
	case registry.NotFound(err):
		return fmt.Errorf("%s is gone from its registry, and so is the tag; name another image in %s, then run: bin/ci lock", pulled, lock.File)
	case err != nil:
		return fmt.Errorf("%s is gone from its registry (what its tag names now is unknown: %w); run: bin/ci lock", pulled, err)
	case now.String() == locked.Digest:
		return registry.Later(pulled + ": the registry has the tag but not the image; run the same command again, or: bin/ci lock")
	}
	return fmt.Errorf("%s is gone from its registry; the tag names %s now; to use that: bin/ci lock, then commit %s", pulled, now, lock.File)
}

// logIn is the command that logs in to the registry of an image.
func logIn(location string) string {
	host, _, _ := strings.Cut(location, "/")
	switch host {
	case "public.ecr.aws":
		return "aws ecr-public get-login-password --region us-east-1 | docker login --username AWS --password-stdin " + host
	case "docker.io":
		return "docker login"
	default:
		return "docker login " + host
	}
}

// offline returns the choice if no registry can be asked.
func offline(o Options, reference string, why error) (Choice, error) {
	switch {
	case o.Explicit != "":
		return Choice{}, fmt.Errorf("use %s: %w", reference, why)
	case o.Offline: // the user asked for it, so no reason is needed
		return Choice{Pin: image.Offline}, nil
	default:
		return Choice{Pin: image.Offline, Reason: why.Error()}, nil
	}
}
