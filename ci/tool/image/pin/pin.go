// Package pin decides which image a build starts from: the one that the lock
// file pins, the one that the user names, or none because no registry is in
// reach.
package pin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Static is what a user names instead of a reference to have the tool's own
// base, or the ffmpeg of the npm registry.
const Static = "static"

// remembered is how long the answer to "what does this tag name" is believed,
// so that a run right after another does not ask, or wait, again.
const remembered = 2 * time.Minute

// Choice is where an image is taken from.
type Choice struct {
	// Name is what images say they come from: the locked reference if the digest
	// is the locked one, wherever it is pulled from, else Reference.
	Name string
	// Reference is what to pull, with or without a digest; empty when Pin is
	// image.Offline.
	Reference string
	// Digest names the index or manifest.
	Digest v1.Hash
	Pin    image.Pin
	// Reason says why no registry is used, when that was not asked for.
	Reason string
}

// Options say what the user wants.
type Options struct {
	// Explicit is a reference, with or without a digest, or Static. It wins.
	Explicit string
	// Offline forbids to ask a registry; a locked image is used if Cached has it.
	Offline bool
	// Cached tells whether what is made from the choice is on this machine.
	Cached func(Choice) bool
}

// Choose decides for one image of the lock file. A registry that is out of
// reach is no error, unless the user named it: the choice is then image.Offline
// and says why.
func Choose(ctx context.Context, c *cache.Cache, locked lock.Image, o Options) (Choice, error) {
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
	if exact, ok := ref.(name.Digest); ok {
		digest, err := v1.NewHash(exact.DigestStr())
		if err != nil {
			return Choice{}, fmt.Errorf("read the reference %q: %w", reference, err)
		}
		if choice := choose(locked, reference, digest); o.Cached(choice) {
			return choice, nil
		}
	}
	if o.Offline {
		return offline(o, reference, errors.New("it is not in the cache, and --offline is set"))
	}
	digest, err := ask(ctx, c, reference)
	switch {
	case ctx.Err() != nil:
		return Choice{}, ctx.Err()
	case registry.Unreachable(err):
		return offline(o, reference, err)
	case err != nil:
		return Choice{}, err
	}
	return choose(locked, reference, digest), nil
}

// choose returns the choice of a digest that is known.
func choose(locked lock.Image, reference string, digest v1.Hash) Choice {
	choice := Choice{Reference: reference, Digest: digest}
	if digest.String() == locked.Digest {
		choice.Name, choice.Pin = locked.Reference, image.Pinned
	} else {
		choice.Name, _, _ = strings.Cut(reference, "@")
		choice.Pin = image.Unpinned
	}
	return choice
}

// offline returns the choice when no registry can be asked.
func offline(o Options, reference string, why error) (Choice, error) {
	switch {
	case o.Explicit != "":
		return Choice{}, fmt.Errorf("use %s: %w", reference, why)
	case o.Offline: // as the user wants it, so there is nothing to explain
		return Choice{Pin: image.Offline}, nil
	default:
		return Choice{Pin: image.Offline, Reason: why.Error()}, nil
	}
}

// answer is what a registry said, or why it could not be asked.
type answer struct {
	Digest      string `json:"digest,omitempty"`
	Unreachable string `json:"unreachable,omitempty"`
}

// ask asks the registry, or remembers what it answered a moment ago.
func ask(ctx context.Context, c *cache.Cache, reference string) (v1.Hash, error) {
	key := cache.Key("tag", reference)
	var a answer
	if age, ok := c.Load(key, &a); ok && age >= 0 && age < remembered {
		if a.Unreachable != "" {
			return v1.Hash{}, errors.New(a.Unreachable)
		}
		return v1.NewHash(a.Digest)
	}
	digest, err := registry.Digest(ctx, reference)
	switch {
	case ctx.Err() != nil: // which says nothing about the registry
		return v1.Hash{}, ctx.Err()
	case registry.Unreachable(err):
		a = answer{Unreachable: err.Error()}
	case err != nil:
		return v1.Hash{}, err
	default:
		a = answer{Digest: digest.String()}
	}
	return digest, errors.Join(err, c.Save(key, a))
}
