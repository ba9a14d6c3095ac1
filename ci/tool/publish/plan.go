package publish

import (
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
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
	Item
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
	Commit string `json:"commit"`
	Hosts  Hosts  `json:"registries"`
	Steps  []Step `json:"steps"`
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
func NewPlan(items []Item, images map[string]Image, state State, force bool) (*Plan, error) {
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
			step.Action, step.Why = Replicate, "ECR copies it from "+RegionOf(item.From)
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

// Result is what a publish did, or in a dry run would do.
type Result struct {
	*Plan
	// DryRun is set when nothing was done.
	DryRun bool `json:"dryRun,omitempty"`
	// Created are the repositories that did not exist.
	Created []Created `json:"createdRepositories,omitempty"`
	// Gates is how many gates the images passed.
	Gates int `json:"gatesPassed"`
	// Signer is who signed the documents; "" if nobody did.
	Signer  string   `json:"signer,omitempty"`
	Outcome *Outcome `json:"outcome,omitempty"`
	// Signatures are those that ECR makes itself.
	Signatures []Signature `json:"signatures,omitempty"`
	Seconds    float64     `json:"seconds"`
}

// Created is a repository that did not exist.
type Created struct {
	Repository string           `json:"repository"`
	Tier       catalog.Registry `json:"registry"`
	// Region is that of a private repository, if there are several.
	Region string `json:"region,omitempty"`
	// By is who creates it, if publish does not.
	By string `json:"by,omitempty"`
}

func (c Created) line(dryRun bool) string {
	name := fmt.Sprintf("%s (%s)", c.Repository, c.Tier)
	if c.Region != "" {
		name = fmt.Sprintf("%s (%s, %s)", c.Repository, c.Tier, c.Region)
	}
	switch {
	case c.By != "" && dryRun:
		return fmt.Sprintf("repository is missing: %s; %s creates it", name, c.By)
	case c.By != "":
		return fmt.Sprintf("repository %s: created by %s", name, c.By)
	case dryRun:
		return "repository is missing (--create-repositories creates it): " + name
	default:
		return "created repository " + name
	}
}

// Table prints what was done, or would be, for each image in each repository.
func (r *Result) Table(w io.Writer) error {
	var rows [][]string
	var platforms []string
	for _, s := range r.Steps {
		rows, platforms = append(rows, s.cells()), append(platforms, s.Platform)
	}
	header, rows, of := report.For([]string{"IMAGE", "REPOSITORY", "TAG", "ACTION", "LAYERS", "MB", "LATEST", "DIGEST"}, rows, platforms)
	if err := report.Table(w, header, rows); err != nil {
		return err
	}
	for _, c := range r.Created {
		fmt.Fprintln(w, c.line(r.DryRun))
	}
	printSignatures(w, r.Signatures)
	_, err := fmt.Fprintln(w, r.summary(of))
	return err
}

func (s Step) cells() []string {
	layers := 0
	for _, b := range s.Blobs {
		if b.Layer {
			layers++
		}
	}
	latest := "stays"
	switch {
	case s.MovesLatest && s.LatestFrom == "":
		latest = "new"
	case s.MovesLatest:
		latest = "from " + report.Digest(s.LatestFrom)
		if s.LatestFor != "" && s.LatestFor != s.Platform {
			latest = "from " + report.DigestFor(s.LatestFrom, s.LatestFor)
		}
	}
	action := string(s.Action) + ": " + s.Why
	if s.Replaces != "" {
		action += ", replaces " + report.Digest(s.Replaces)
	}
	return []string{s.Image, s.Where(), s.CommitTag, action, fmt.Sprint(layers), report.MB(s.Bytes), latest, report.Digest(s.Digest)}
}

// summary says what was done in all; of is for which platform the images are, if for one.
func (r *Result) summary(of string) string {
	images := map[string]bool{}
	repositories := map[string]bool{}
	moved := 0
	for _, s := range r.Steps {
		images[s.Image], repositories[s.Repository] = true, true
		if s.MovesLatest {
			moved++
		}
	}
	head := fmt.Sprintf("%s%s in %s under %s", report.Count(len(images), "image"), of, report.Count(len(repositories), "repository", "repositories"),
		report.Count(2*len(r.Steps), "tag"))
	layers, documents := report.Count(r.Layers, "layer"), report.Count(r.Attachments, "document")
	if r.DryRun {
		text := fmt.Sprintf("dry run: %s; would send %s, %d bytes, attach %s, %d bytes, and move %s; %s passed",
			head, layers, r.Bytes, documents, r.AttachedBytes, report.Count(moved, "latest tag"), report.Count(r.Gates, "gate"))
		return text + r.signed() + r.stays()
	}
	text := fmt.Sprintf("%s; sent %s, %d bytes, attached %s, %d bytes, moved %s; %s passed, %s",
		head, layers, r.Outcome.Sent, documents, r.Outcome.Attached, report.Count(len(r.Outcome.Moved), "latest tag"),
		report.Count(r.Gates, "gate"), report.Seconds(r.Seconds))
	if by := r.Outcome.SupersededBy; by != "" {
		text += fmt.Sprintf("\ncommit %s was published at the same time; the latest tags name its images", by)
	}
	return text + r.signed() + r.stays()
}

// signed is a line that says who signed the documents, if somebody did.
func (r *Result) signed() string {
	switch {
	case r.Signer == "":
		return ""
	case r.DryRun:
		return "\nthe documents would be signed by " + r.Signer
	}
	return "\nthe documents are signed by " + r.Signer
}

// stays is a line that says why the latest tags stay, if they do.
func (p *Plan) stays() string {
	if p.Latest == nil || p.Latest.Moves {
		return ""
	}
	return "\n" + p.Latest.String()
}
