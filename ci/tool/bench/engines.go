package main

import (
	"context"
	"strings"
)

// engine is a subject whose caches are in a daemon, not in its state folder.
type engine interface {
	Subject
	// Empty deletes everything that the engine keeps, also for other projects.
	Empty(ctx context.Context) error
	answers(ctx context.Context) error
}

// findEngines returns the engines that answer. For each other one, it says why it is not
// measured.
func findEngines(ctx context.Context, daggerArgs string, say func(string)) []engine {
	var found []engine
	for _, e := range []engine{
		dagger{binary: "dagger", args: strings.Fields(daggerArgs)},
		buildkit{binary: "buildctl"},
	} {
		if err := e.answers(ctx); err != nil {
			reason, _, _ := strings.Cut(err.Error(), "\n")
			say(e.Name() + " is not measured: " + reason)
			continue
		}
		found = append(found, e)
	}
	return found
}

// engineSubjects returns the engines as subjects, for the cases of the real functions.
func (o options) engineSubjects() []Subject {
	var subjects []Subject
	for _, e := range o.engines {
		subjects = append(subjects, e)
	}
	return subjects
}

// idle returns the subject that measures what every call of Dagger takes.
func (o options) idle() []Subject {
	for _, e := range o.engines {
		if d, ok := e.(dagger); ok {
			return []Subject{idleDagger{d}}
		}
	}
	return nil
}

// emptied returns the engines for the cold case; none unless they may be emptied.
func (o options) emptied() []Subject {
	if !o.emptyEngines {
		return nil
	}
	return o.engineSubjects()
}

// scaled returns the engines for the cases of generated functions: only Dagger, because a
// hundred builds of Dockerfiles at once would measure the machine's memory.
func (o options) scaled() []Subject {
	for _, e := range o.engines {
		if d, ok := e.(dagger); ok {
			return []Subject{d}
		}
	}
	return nil
}
