//go:build !steps

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/devstage"
	"lambdas.internal/ci/tool/deploy/lambdaapi"
	"lambdas.internal/ci/tool/deploy/logsapi"
	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/run/watch"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// logPause is the time between two readings of a log.
var logPause = logsapi.Pause

// remoteDev is a function that runs at the stage of a developer.
type remoteDev struct {
	cmd        *cobra.Command
	load       func() (*build.Builder, []catalog.Function, error)
	of         catalog.Function
	stage      *devstage.Stage
	target     *target
	repository string
	layout     string
	log        *logsapi.Client

	started time.Time
	tags    []string // that were pushed and are left
	pushed  int
	digest  string // of the image that runs

	mu      sync.Mutex
	version string
}

// run runs the function at its stage until Ctrl-C, and puts back what was before.
func (f *stageFlags) run(ctx context.Context, a *app, cmd *cobra.Command, flags *buildFlags) (err error) {
	c, selected, err := a.selected([]string{f.name})
	if err != nil {
		return err
	}
	place, err := devstage.Find(c, selected[0], f.suffix, f.alias)
	if err != nil {
		return usageError{err}
	}
	of := selected[0]
	at := targetFlags{region: f.region, account: f.account, hosts: reference.Hosts{Private: f.registry}}
	if err := at.check(); err != nil {
		return err
	}
	session, err := at.login(ctx)
	if err != nil {
		return err
	}
	opened, err := devstage.Open(ctx, lambdaapi.New(session.Config), place, pace)
	if errors.Is(err, deploy.ErrMissing) {
		return fmt.Errorf("%w; make the function once, like %s but with its own name and data: aws lambda create-function --function-name %s --package-type Image --role ROLE --code ImageUri=IMAGE", err, of.Lambda, place.Function)
	}
	if err != nil {
		return err
	}
	private := of
	private.Registry = catalog.Private // its public copy is none of a developer
	t, err := at.open(ctx, c, []catalog.Function{private})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	dir, err := os.MkdirTemp("", "lambdas-dev-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := cmd.Flags().Set("platform", platformOf(opened.Before())); err != nil {
		return err
	}
	r := &remoteDev{
		cmd: cmd, load: a.reader(cmd, flags, []string{f.name}), of: of, stage: opened, target: t, version: opened.Version(),
		repository: t.hosts.Repository(catalog.Private, of.Variant), layout: filepath.Join(dir, "layout"), started: time.Now(), log: logsapi.New(session.Config, logPause),
	}
	return r.run(ctx)
}

// platformOf is the platform of what a function runs.
func platformOf(f deploy.Function) string {
	for _, p := range platforms {
		_, architecture, _ := strings.Cut(p, "/")
		if deploy.Architecture(architecture) == f.Architecture {
			return p
		}
	}
	return platforms[0]
}

func (r *remoteDev) say(format string, args ...any) {
	fmt.Fprintf(r.cmd.ErrOrStderr(), "dev | %s\n", fmt.Sprintf(format, args...))
}

func (r *remoteDev) run(ctx context.Context) (err error) {
	b, functions, err := r.load()
	if err != nil {
		return err
	}
	kept := b.Cache.Path()
	w, err := watch.New(func(dir string) bool { return dir == kept })
	if err != nil {
		return err
	}
	folders, err := gobuild.Folders(b.Catalog, functions)
	if err == nil {
		err = w.Follow(folders)
	}
	if err != nil {
		return errors.Join(err, w.Close())
	}
	r.say("%s runs %s; if this is killed, put that back: %s", r.stage.Place, r.stage.Before().Image, strings.Join(r.stage.Recovery(), "; "))
	changed := make(chan struct{}, 1)
	ctx, stop := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer func() {
		stop()
		err = errors.Join(err, w.Close(), r.back())
		background.Wait()
	}()
	background.Go(func() {
		w.Run(func() {
			select {
			case changed <- struct{}{}:
			default: // noted already
			}
		}, func(err error) { r.say("%v", err) })
	})
	background.Go(func() { r.tail(ctx) })
	if err := r.refresh(ctx, b, functions); err != nil {
		return err
	}
	for {
		r.say("save a source of %s to update %s; press Ctrl-C to put back what was before", r.of.Image, r.stage.Place)
		if !next(ctx, changed) {
			return nil
		}
		b, functions, err := r.load()
		if err == nil {
			err = r.refresh(ctx, b, functions)
		}
		if err != nil && ctx.Err() == nil {
			r.say("%v", err)
		}
	}
}

// next waits for a save, and until no more follow; false says that ctx has ended.
func next(ctx context.Context, changed <-chan struct{}) bool {
	select {
	case <-changed:
	case <-ctx.Done():
		return false
	}
	for {
		select {
		case <-changed:
		case <-time.After(50 * time.Millisecond):
			return true
		}
	}
}

// refresh builds the image, and makes the stage run it if it is another one. Code that does not
// compile is said, and is no error: what runs goes on.
func (r *remoteDev) refresh(ctx context.Context, b *build.Builder, functions []catalog.Function) error {
	start := time.Now()
	made, err := b.All(ctx, functions, r.layout)
	if err != nil {
		return err
	}
	if failed := made.Failed(); len(failed) > 0 {
		r.say("%v", failed[0])
		return nil
	}
	if made.Images[0].Digest == r.digest {
		return nil
	}
	images, err := publish.ReadImages(r.layout, functions, b.Cache)
	if err != nil {
		return err
	}
	image := images[r.of.Image]
	tag := r.tag()
	if err := publish.Push(ctx, r.target.registry, r.repository, tag, image); err != nil {
		return err
	}
	r.tags = append(r.tags, tag)
	if err := r.stage.Put(ctx, reference.ForLambda(r.repository)+"@"+image.Digest.String()); err != nil {
		return err
	}
	r.digest = image.Digest.String()
	r.mu.Lock()
	r.version = r.stage.Version()
	r.mu.Unlock()
	r.say("%s runs %s, %s after the save", r.stage.Place, report.DigestFor(r.digest, image.Platform), report.Duration(time.Since(start)))
	return r.untag(ctx, 1)
}

// tag is a tag that no other image gets. Its end protects the image: no lifecycle policy of ours
// deletes what runs.
func (r *remoteDev) tag() string {
	r.pushed++
	name := r.stage.Alias
	if name == "" {
		name = strings.TrimPrefix(r.stage.Function, r.of.Lambda+"-")
	}
	return fmt.Sprintf("%s-dev-%s-%d-%d%s", r.of.Image, strings.ReplaceAll(strings.ToLower(name), "_", "-"), r.started.Unix(), r.pushed, reference.LiveSuffix)
}

// untag removes the tags of before, but for the last ones. At ECR, an image without a tag is
// deleted.
func (r *remoteDev) untag(ctx context.Context, leave int) error {
	for len(r.tags) > leave {
		if err := r.target.registry.Untag(ctx, r.repository, r.tags[0]); err != nil {
			return err
		}
		r.tags = r.tags[1:]
	}
	return nil
}

// back puts back what was before, also after an interrupt.
func (r *remoteDev) back() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.cmd.Context()), pace.Revert)
	defer cancel()
	r.say("putting back what was before; a second Ctrl-C leaves it as it is")
	if err := r.stage.Back(ctx); err != nil {
		return storyError{err, exitFailed}
	}
	r.say("%s runs %s again", r.stage.Function, r.stage.Before().Image)
	if err := r.untag(ctx, 0); err != nil {
		return storyError{err, exitFailed}
	}
	return nil
}

// tail shows the log of what runs at the stage.
func (r *remoteDev) tail(ctx context.Context) {
	group := cmp.Or(r.stage.Before().LogGroup, logsapi.Group(r.stage.Function))
	lines := report.NewSources(r.cmd.ErrOrStderr(), len(r.of.Image)).Writer(r.of.Image)
	err := r.log.Tail(ctx, group, r.now, r.started, func(text string) { fmt.Fprintln(lines, text) })
	if err != nil && ctx.Err() == nil {
		r.say("the log is not shown: %v", err)
	}
}

// now is the version that runs.
func (r *remoteDev) now() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.version
}
