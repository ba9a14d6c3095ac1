package main

import (
	"context"
	"slices"
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
func findEngines(ctx context.Context, daggerArgs string, say func(string)) []Subject {
	var found []Subject
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

// idle returns the subject that measures what every call of Dagger takes.
func (o options) idle() []Subject {
	var idle []Subject
	for _, d := range o.scaled() {
		idle = append(idle, idleDagger{d.(dagger)})
	}
	return idle
}

// emptied returns the engines for the cold case; none unless they may be emptied.
func (o options) emptied() []Subject {
	if !o.emptyEngines {
		return nil
	}
	return o.engines
}

// scaled returns the engines for the cases of generated functions: only Dagger, because a
// hundred builds of Dockerfiles at once would measure the machine's memory.
func (o options) scaled() []Subject {
	return slices.DeleteFunc(slices.Clone(o.engines), func(s Subject) bool { return s.Name() != nameDagger })
}
