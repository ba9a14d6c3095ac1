package publish

import (
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/registry/referrer"
)

// Repository is what a repository holds of what a release needs to know.
type Repository struct {
	// Tags are the digests of those tags that were asked for and are there.
	Tags map[string]v1.Hash
	// Manifests and Blobs are those that were asked for and are there.
	Manifests, Blobs map[v1.Hash]bool
	// Attached is what is attached to the images, by digest.
	Attached map[v1.Hash][]referrer.Attached
}

// State is what the registries hold, by repository.
type State map[string]Repository

// Action is what is done for one image in one repository.
type Action string

// The actions.
const (
	Upload Action = "upload" // the repository has not the image
	Retag  Action = "retag"  // it has the image, but not under the commit's tag
	Skip   Action = "skip"   // it has the image under the commit's tag
)

// Step is what is done for one item.
type Step struct {
	Item
	Digest string `json:"digest"`
	Action Action `json:"action"`
	// Why says, in a few words, why that is to be done.
	Why string `json:"why"`
	// Blobs are sent; one that several images need is sent for the first.
	Blobs []Blob `json:"blobs,omitempty"`
	// Bytes is the sum of the blobs.
	Bytes int64 `json:"bytes"`
	// LatestFrom is what the latest tag names before; empty for nothing.
	LatestFrom string `json:"latestFrom,omitempty"`
	// MovesLatest is false when the latest tag names the image already.
	MovesLatest bool `json:"movesLatest"`
	// Replaces is the digest that the commit's tag is taken from, by force.
	Replaces string `json:"replaces,omitempty"`
	// Attach is what is attached to the image; what it has already is left out.
	Attach []Attachment `json:"attach,omitempty"`
}

// Blob is a layer, or a configuration, that is sent.
type Blob struct {
	Digest string `json:"digest"`
	Size   int64  `json:"size"` // in bytes
	Layer  bool   `json:"layer"`

	descriptor v1.Descriptor
}

// Plan is all that publishing will do.
type Plan struct {
	Commit string `json:"commit"`
	Hosts  Hosts  `json:"registries"`
	Steps  []Step `json:"steps"`
	// Bytes is what will be sent, of layers and configurations, and Layers how many
	// layers that are.
	Bytes  int64 `json:"bytes"`
	Layers int   `json:"layers"`
	// Attachments counts what is attached, and AttachedBytes is what is sent of it.
	Attachments   int   `json:"attachments"`
	AttachedBytes int64 `json:"attachedBytes"`
}

// NewPlan compares what is to be with what is. It fails when a commit's tag names
// something else, unless force is set: such a tag is for good.
func NewPlan(items []Item, images map[string]Image, state State, force bool) (*Plan, error) {
	p := &Plan{}
	var errs []error
	coming := map[string]bool{} // repository and digest of what an earlier step brings
	for _, item := range items {
		image, repository := images[item.Image], state[item.Repository]
		step := Step{Item: item, Digest: image.Digest.String()}
		tagged, isTagged := repository.Tags[item.CommitTag]
		switch {
		case isTagged && tagged == image.Digest:
			step.Action, step.Why = Skip, "published already"
		case isTagged && !force:
			errs = append(errs, fmt.Errorf("publish %s: %s in %s is %s already, not %s; a commit's tag does not change: publish a new commit, or use --force",
				item.Image, item.CommitTag, item.Repository, tagged, image.Digest))
		case repository.Manifests[image.Digest]:
			step.Action, step.Why = Retag, "unchanged, the repository has it"
		default:
			step.Action, step.Why = Upload, "the repository has it not"
		}
		if isTagged && tagged != image.Digest {
			step.Replaces = tagged.String()
		}
		if step.Action == Upload {
			step.send(image, repository, coming)
		}
		if latest, ok := repository.Tags[item.LatestTag]; ok {
			step.LatestFrom = latest.String()
		}
		step.MovesLatest = step.LatestFrom != step.Digest
		if err := step.attach(image, repository, coming); err != nil {
			errs = append(errs, err)
		}
		p.Attachments += len(step.Attach)
		for _, a := range step.Attach {
			p.AttachedBytes += a.Bytes
		}
		p.Steps = append(p.Steps, step)
		p.Bytes += step.Bytes
		for _, b := range step.Blobs {
			if b.Layer {
				p.Layers++
			}
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// send fills in the blobs that neither the repository has nor an earlier step
// brings.
func (s *Step) send(image Image, repository Repository, coming map[string]bool) {
	for n, d := range image.Blobs {
		key := s.Repository + "@" + d.Digest.String()
		if repository.Blobs[d.Digest] || coming[key] {
			continue
		}
		coming[key] = true
		s.Blobs = append(s.Blobs, Blob{Digest: d.Digest.String(), Size: d.Size, Layer: n < len(image.Blobs)-1, descriptor: d})
		s.Bytes += d.Size
	}
}
