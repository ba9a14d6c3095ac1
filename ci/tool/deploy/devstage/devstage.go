// Package devstage runs an image at AWS for one developer: in a function of their own, or at an
// alias of their own, and puts back what was there before.
package devstage

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Lambda is the client of AWS Lambda.
type Lambda interface {
	deploy.Lambda
	// DeleteVersion deletes a version of a function, which has no alias.
	DeleteVersion(ctx context.Context, name, version string) error
}

// Place is where a developer's code runs.
type Place struct {
	Function string
	// Alias is the developer's alias; "" if the whole function is theirs.
	Alias string
}

// word matches a suffix, or an alias of a developer.
var word = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,30}$`)

// Find returns the place that a suffix or an alias names. It refuses one that is, or may be,
// what users call.
func Find(c *catalog.Catalog, f catalog.Function, suffix, alias string) (Place, error) {
	if suffix != "" {
		p := Place{Function: f.Lambda + "-" + suffix}
		switch {
		case !word.MatchString(suffix):
			return p, fmt.Errorf("--suffix: %q is not a name for a stage; use up to 31 letters, digits, - and _, and begin with a letter", suffix)
		case !catalog.IsLambda(p.Function):
			return p, fmt.Errorf("--suffix: %s has more than the 64 characters of a function's name; pass a shorter one", p.Function)
		}
		for _, other := range c.Functions {
			if slices.Contains(other.Names(), p.Function) {
				return p, fmt.Errorf("--suffix: %s is the function of %s, which deploy updates; pass another suffix", p.Function, other.Folder)
			}
		}
		return p, nil
	}
	p := Place{Function: f.Lambda, Alias: alias}
	if !word.MatchString(alias) {
		return p, fmt.Errorf("--alias: %q is not a name for a stage; use up to 31 letters, digits, - and _, and begin with a letter", alias)
	}
	if len(c.Pipeline.Environments) == 0 {
		return p, fmt.Errorf("--alias: %s names no environment, so nothing says which alias of %s is live; name them there, or pass --suffix", catalog.PipelineFile, f.Lambda)
	}
	for name, e := range c.Pipeline.Environments {
		switch e.Alias {
		case "":
			return p, fmt.Errorf("--alias: the environment %s in %s has no alias, so its users may call the code that an alias changes for a moment; pass --suffix", name, catalog.PipelineFile)
		case alias:
			return p, fmt.Errorf("--alias: %s is the alias of the environment %s, which users call; pass one that is yours alone", alias, name)
		}
	}
	return p, nil
}

func (p Place) String() string {
	if p.Alias == "" {
		return p.Function
	}
	return p.Function + ":" + p.Alias
}

// Stage is a place, and what ran there before.
type Stage struct {
	Place
	lambda Lambda
	pace   deploy.Pace
	before deploy.Function
	// alias is that of before; nil if it did not exist.
	alias *deploy.Alias
	// mark is the description of the versions that this stage makes. versions are those that
	// are left, and led all to which it made the alias lead.
	mark     string
	versions []string
	led      []string
	ran      string // the image that this stage put there last
}

// Open reads what runs at the place. It changes nothing.
func Open(ctx context.Context, l Lambda, p Place, pace deploy.Pace) (*Stage, error) {
	s := &Stage{Place: p, lambda: l, pace: pace, mark: fmt.Sprintf("bin/ci dev --remote, for %s since %s", p.Alias, time.Now().UTC().Format(time.RFC3339Nano))}
	var err error
	if s.before, err = s.settle(ctx); err != nil {
		return nil, fmt.Errorf("read %s: %w", p.Function, err)
	}
	if s.before.Instances || s.before.Durable {
		return nil, fmt.Errorf("%s runs on Lambda Managed Instances, or durably: then calls go to a version, which this command does not make; use a function that does not", p.Function)
	}
	if s.before.Digest == "" {
		return nil, fmt.Errorf("%s runs no image, so it cannot be put back; make a function of package type Image", p.Function)
	}
	if p.Alias == "" {
		return s, nil
	}
	a, err := l.Alias(ctx, p.Function, p.Alias)
	if err == nil {
		s.alias = &a
	} else if !errors.Is(err, deploy.ErrMissing) {
		return nil, err
	}
	return s, nil
}

// Before is what the function was.
func (s *Stage) Before() deploy.Function { return s.before }

// Version is the version that callers of the place get.
func (s *Stage) Version() string {
	if n := len(s.led); n > 0 {
		return s.led[n-1]
	}
	return "$LATEST"
}

// Recovery are the command lines that put back what was before, for a person.
func (s *Stage) Recovery() []string {
	lines := []string{fmt.Sprintf("aws lambda update-function-code --function-name %s --image-uri %s", s.Function, s.before.Image)}
	switch {
	case s.Alias == "":
	case s.alias == nil:
		lines = append(lines, fmt.Sprintf("aws lambda delete-alias --function-name %s --name %s", s.Function, s.Alias))
	default:
		lines = append(lines, fmt.Sprintf("aws lambda update-alias --function-name %s --name %s --function-version %s", s.Function, s.Alias, s.alias.Version))
	}
	return lines
}

// settle waits until Lambda has finished all changes of the function, and returns it.
func (s *Stage) settle(ctx context.Context) (deploy.Function, error) {
	return deploy.NewReleaser(s.lambda, nil, deploy.Options{Pace: s.pace}).Settle(ctx, s.Function, "")
}

// Put makes the place run an image, repository@digest, and waits until it does.
func (s *Stage) Put(ctx context.Context, image string) error {
	f, err := s.update(ctx, image)
	if err == nil && s.Alias != "" {
		err = s.lead(ctx, f)
	}
	if err != nil {
		return fmt.Errorf("make %s run %s: %w", s.Place, image, err)
	}
	return nil
}

// lead makes the alias lead to a version of the image, and puts back the code that is not a
// version's: others may call it. The version of before is deleted.
func (s *Stage) lead(ctx context.Context, f deploy.Function) error {
	version, err := s.publish(ctx, f)
	if _, back := s.update(ctx, s.before.Image); err != nil || back != nil {
		return errors.Join(err, back)
	}
	if err := s.point(ctx, deploy.Alias{Name: s.Alias, Version: version}); err != nil {
		return err
	}
	for len(s.versions) > 1 {
		if err := s.lambda.DeleteVersion(ctx, s.Function, s.versions[0]); err != nil {
			return err
		}
		s.versions = s.versions[1:]
	}
	return nil
}

// publish makes a version. Lambda makes none if the code is that of its last version, which
// then is not of this stage.
func (s *Stage) publish(ctx context.Context, f deploy.Function) (version string, err error) {
	if version, err = s.lambda.Publish(ctx, s.Function, f.Revision, s.mark); err != nil {
		return "", err
	}
	made, err := s.lambda.Function(ctx, s.Function, version)
	if err == nil && made.Description == s.mark && !slices.Contains(s.versions, version) {
		s.versions = append(s.versions, version)
	}
	s.led = append(s.led, version)
	return version, err
}

// point makes the alias lead to a version, whatever it led to before.
func (s *Stage) point(ctx context.Context, to deploy.Alias) error {
	now, err := s.lambda.Alias(ctx, s.Function, s.Alias)
	if errors.Is(err, deploy.ErrMissing) {
		return s.lambda.CreateAlias(ctx, s.Function, to)
	}
	if err != nil {
		return err
	}
	to.Revision = now.Revision
	return s.lambda.UpdateAlias(ctx, s.Function, to)
}

// attempts is how often an update is tried that meets another one.
const attempts = 5

// update changes the code of the function, and waits. It leaves alone what somebody else has
// changed since this stage did.
func (s *Stage) update(ctx context.Context, image string) (f deploy.Function, err error) {
	digest := deploy.DigestOf(image)
	for range attempts {
		if f, err = s.settle(ctx); err != nil {
			return f, err
		}
		if f.Digest == digest && f.Failed() == "" {
			return f, nil
		}
		if f.Digest != s.before.Digest && f.Digest != deploy.DigestOf(s.ran) {
			return f, fmt.Errorf("it runs %s, which this command did not put there: somebody else has updated it, and it is left as it is", f.Image)
		}
		if err = s.lambda.Update(ctx, deploy.Update{Function: s.Function, URI: image, Revision: f.Revision}); err == nil {
			if digest != s.before.Digest {
				s.ran = image
			}
			if f, err = s.settle(ctx); err == nil && f.Failed() != "" {
				err = errors.New(f.Failed())
			}
			return f, err
		}
		if !errors.Is(err, deploy.ErrConflict) && !errors.Is(err, deploy.ErrPassing) && !errors.Is(err, deploy.ErrRevision) {
			return f, err
		}
		select {
		case <-time.After(s.pace.Poll):
		case <-ctx.Done():
			return f, context.Cause(ctx)
		}
	}
	return f, err
}

// Back puts back what was before.
func (s *Stage) Back(ctx context.Context) error {
	var errs []error
	if s.ran != "" {
		_, err := s.update(ctx, s.before.Image)
		errs = append(errs, err)
	}
	if len(s.led) > 0 {
		err := s.aliasBack(ctx)
		errs = append(errs, err)
		for _, version := range s.versions {
			if err != nil { // the alias may lead there
				break
			}
			errs = append(errs, s.lambda.DeleteVersion(ctx, s.Function, version))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("put back what was before at %s: %w; type: %s", s.Place, err, strings.Join(s.Recovery(), "; "))
	}
	return nil
}

func (s *Stage) aliasBack(ctx context.Context) error {
	now, err := s.lambda.Alias(ctx, s.Function, s.Alias)
	switch {
	case errors.Is(err, deploy.ErrMissing) && s.alias == nil:
		return nil
	case err != nil:
		return err
	case !slices.Contains(s.led, now.Version):
		return nil // somebody else has moved it
	case s.alias == nil:
		return s.lambda.DeleteAlias(ctx, s.Function, s.Alias)
	default:
		return s.point(ctx, *s.alias)
	}
}
