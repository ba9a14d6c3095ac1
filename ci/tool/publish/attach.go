package publish

import (
	"context"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Attachment is a document that is attached to an image.
type Attachment struct {
	Type string `json:"type"`
	// Bytes is how much is sent for it.
	Bytes int64 `json:"bytes"`

	artifact referrer.Artifact
	blobs    []referrer.Blob // those that are not in the repository yet
}

// attachedTo lists what is attached to the image of an item, of those types that this
// publish attaches.
func (p *Publisher) attachedTo(ctx context.Context, item reference.Item, image Image) ([]referrer.Attached, error) {
	if len(image.Attach[item.Tier]) == 0 {
		return nil, nil
	}
	var types []string
	for _, a := range image.Attach[item.Tier] {
		types = append(types, a.Type)
	}
	attached, err := referrer.List(ctx, p.registry, item.Repository, image.Digest, types...)
	return attached, failed(item, "publish", err)
}

// unattached returns the documents of the registry that are not attached to the image yet.
func unattached(image Image, tier catalog.Registry, repository Repository) ([]referrer.Artifact, error) {
	var all []referrer.Artifact
	for _, a := range image.Attach[tier] {
		has, err := referrer.Has(repository.Attached[image.Digest], a, image.Subject())
		if err != nil {
			return nil, err
		}
		if !has {
			all = append(all, a)
		}
	}
	return all, nil
}

// attach adds the documents to attach to the step, with those of their blobs that are
// not in the repository and that no earlier step sends.
func (s *Step) attach(image Image, repository Repository, planned map[string]bool) error {
	artifacts, err := unattached(image, s.Tier, repository)
	for _, a := range artifacts {
		attachment := Attachment{Type: a.Type, artifact: a}
		for _, b := range a.Blobs() {
			key := s.Repository + "@" + b.Digest.String()
			if repository.Blobs[b.Digest] || planned[key] {
				continue
			}
			planned[key] = true
			attachment.blobs = append(attachment.blobs, b)
			attachment.Bytes += b.Size
		}
		s.Attach = append(s.Attach, attachment)
	}
	return err
}

// attach attaches the documents of the steps: first all blobs, because images of one
// repository share some, then the documents of each image.
func (p *Publisher) attach(ctx context.Context, steps []Step, images map[string]Image) error {
	type job struct {
		step Step
		blob referrer.Blob
	}
	var jobs []job
	for _, s := range steps {
		for _, a := range s.Attach {
			for _, b := range a.blobs {
				jobs = append(jobs, job{s, b})
			}
		}
	}
	err := p.told(ctx, "sent", len(jobs), "documents", func(ctx context.Context, n int) error {
		j := jobs[n]
		d, err := p.registry.PutBytes(ctx, j.step.Repository, j.blob.Content, j.blob.MediaType)
		if err != nil {
			return failed(j.step.Item, "publish", err)
		}
		p.attached.Add(d.Size)
		return nil
	})
	if err != nil {
		return err
	}
	return p.told(ctx, "attached the documents of", len(steps), "images", func(ctx context.Context, n int) error {
		s := steps[n]
		var artifacts []referrer.Artifact
		for _, a := range s.Attach {
			artifacts = append(artifacts, a.artifact)
		}
		if len(artifacts) == 0 {
			return nil
		}
		return failed(s.Item, "publish", referrer.Attach(ctx, p.registry, s.Repository, images[s.Image].Subject(), artifacts))
	})
}
