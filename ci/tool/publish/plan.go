package publish

import (
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry/referrer"
)

// Repository is the state of a repository, as far as publishing needs to know it.
type Repository struct {
	// Tags has the digests of those tags of the items that exist.
	Tags map[string]v1.Hash
	// Manifests and Blobs are those of the images that are in the repository.
	Manifests, Blobs map[v1.Hash]bool
	// Attached are the documents that are attached to the images, by digest.
	Attached map[v1.Hash][]referrer.Attached
}

// State is what is in the registries, by repository.
type State map[string]Repository

// Action is what is done for one image in one repository.
type Action string

// The actions.
const (
	Upload Action = "upload" // the image is not in the repository
	Retag  Action = "retag"  // the image is there, but without the commit tag
	Skip   Action = "skip"   // the image is there, with the commit tag
	// ECR copies the image from another region. Only what does not come by itself is sent, see
	// [Publisher.Replicated].
	Replicate Action = "replicate"
)

// Step is what is done for one item.
type Step struct {
	reference.Item
	Digest string `json:"digest"`
	// Platform is what the image is for.
	Platform string `json:"platform"`
	Action   Action `json:"action"`
	// Why gives the reason in a few words.
	Why string `json:"why"`
	// Blobs are sent. A blob of several images is sent with the first of them.
	Blobs []Blob `json:"blobs,omitempty"`
	// Bytes is the sum of the blobs.
	Bytes int64 `json:"bytes"`
	// LatestFrom is the digest that the latest tag named before; empty if there was no tag.
	LatestFrom string `json:"latestFrom,omitempty"`
	// LatestFor is what that image is for; "" if nobody asked.
	LatestFor string `json:"latestFromPlatform,omitempty"`
	// MovesLatest is false if the latest tag names the image already.
	MovesLatest bool `json:"movesLatest"`
	// Replaces is the digest that the commit tag named until --force moved it.
	Replaces string `json:"replaces,omitempty"`
	// Attach are the documents to attach, without those that are attached already.
	Attach []Attachment `json:"attach,omitempty"`

	latest   v1.Hash             // LatestFrom
	attached []referrer.Attached // to the image, before this publish
}

// Blob is a layer or a configuration that is sent.
type Blob struct {
	Digest string `json:"digest"`
	Size   int64  `json:"size"` // in bytes
	Layer  bool   `json:"layer"`

	descriptor v1.Descriptor
}

// Plan is everything that publishing will do.
type Plan struct {
	Commit string          `json:"commit"`
	Hosts  reference.Hosts `json:"registries"`
	Steps  []Step          `json:"steps"`
	// Latest says whether the latest tags move; nil if nobody asked.
	Latest *Latest `json:"latest,omitempty"`
	// Bytes is the size of the layers and configurations that will be sent, and Layers
	// the number of these layers.
	Bytes  int64 `json:"bytes"`
	Layers int   `json:"layers"`
	// Attachments is the number of documents to attach, and AttachedBytes their size.
	Attachments   int   `json:"attachments"`
	AttachedBytes int64 `json:"attachedBytes"`

	force  bool
	orders Orders
	done   map[string]bool // the commits of which nothing was to come, see [Publisher.done]
}

// NewPlan compares the images with what is in the registries. It fails if a commit tag
// names another image already, because a commit tag never changes; with force it does.
func NewPlan(items []reference.Item, images map[string]Image, state State, force bool) (*Plan, error) {
	p := &Plan{force: force}
	var errs []error
	planned := map[string]bool{} // repository@digest of the blobs that earlier steps send
	for _, item := range items {
		image, repository := images[item.Image], state[item.Repository]
		step := Step{Item: item, Digest: image.Digest.String(), Platform: image.Platform, attached: repository.Attached[image.Digest]}
		tagged, isTagged := repository.Tags[item.CommitTag]
		switch {
		case isTagged && tagged == image.Digest:
			step.Action, step.Why = Skip, "published already"
		case isTagged && !force:
			errs = append(errs, fmt.Errorf("publish %s: tag %s in %s names %s already, not %s; %w: publish a new commit, or use --force",
				item.Image, item.CommitTag, item.Repository, tagged, image.Digest, errTaken))
		case repository.Manifests[image.Digest]:
			step.Action, step.Why = Retag, "unchanged, in the repository already"
		case item.From != "":
			step.Action, step.Why = Replicate, "ECR copies it from "+reference.RegionOf(item.From)
		default:
			step.Action, step.Why = Upload, "not in the repository yet"
		}
		if isTagged && tagged != image.Digest {
			step.Replaces = tagged.String()
		}
		if step.Action == Upload {
			step.send(image, repository, planned)
		}
		if latest, ok := repository.Tags[item.LatestTag]; ok {
			step.latest, step.LatestFrom = latest, latest.String()
		}
		step.MovesLatest = step.LatestFrom != step.Digest
		if step.Action != Replicate { // which brings the documents too, perhaps
			if err := step.attach(image, repository, planned); err != nil {
				errs = append(errs, err)
			}
		}
		p.Steps = append(p.Steps, step)
		p.count(step)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// count adds what a step sends.
func (p *Plan) count(s Step) {
	p.Attachments += len(s.Attach)
	for _, a := range s.Attach {
		p.AttachedBytes += a.Bytes
	}
	p.Bytes += s.Bytes
	for _, b := range s.Blobs {
		if b.Layer {
			p.Layers++
		}
	}
}

// ReadLatest fills in for which platforms the images are that the latest tags name. read tells it
// of images of a repository, by digest.
func (p *Plan) ReadLatest(read func(repository string, digests []string) map[string]string) {
	digests := map[string][]string{}
	for _, s := range p.Steps {
		if s.LatestFrom != "" && s.MovesLatest {
			digests[s.Repository] = append(digests[s.Repository], s.LatestFrom)
		}
	}
	for repository, some := range digests {
		found := read(repository, some)
		for n, s := range p.Steps {
			if s.Repository == repository && s.LatestFrom != "" && s.MovesLatest {
				p.Steps[n].LatestFor = found[s.LatestFrom]
			}
		}
	}
}

// send adds the blobs that are not in the repository and that no earlier step sends.
func (s *Step) send(image Image, repository Repository, planned map[string]bool) {
	for n, d := range image.Blobs {
		key := s.Repository + "@" + d.Digest.String()
		if repository.Blobs[d.Digest] || planned[key] {
			continue
		}
		planned[key] = true
		s.Blobs = append(s.Blobs, Blob{Digest: d.Digest.String(), Size: d.Size, Layer: n < len(image.Blobs)-1, descriptor: d})
		s.Bytes += d.Size
	}
}
