package main

import (
	"context"
	"strings"
)

// engine is a subject whose caches are not below its state.
type engine interface {
	Subject
	// Empty deletes all that the engine keeps, for other projects too.
	Empty(ctx context.Context) error
	answers(ctx context.Context) error
}

// findEngines returns the engines that answer here. For one that does not, it
// tells why it will be missing in the tables.
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

// engineSubjects returns those who take part in the cases of the real functions.
func (o options) engineSubjects() []Subject {
	var subjects []Subject
	for _, e := range o.engines {
		subjects = append(subjects, e)
	}
	return subjects
}

// idle returns who measures what every call of an engine takes.
func (o options) idle() []Subject {
	for _, e := range o.engines {
		if d, ok := e.(dagger); ok {
			return []Subject{idleDagger{d}}
		}
	}
	return nil
}

// emptied returns the engines whose cold case may be measured.
func (o options) emptied() []Subject {
	if !o.emptyEngines {
		return nil
	}
	return o.engineSubjects()
}

// scaled returns the engines for generated functions: Dagger. A hundred builds of
// Dockerfiles at once would measure the machine's memory.
func (o options) scaled() []Subject {
	for _, e := range o.engines {
		if d, ok := e.(dagger); ok {
			return []Subject{d}
		}
	}
	return nil
}
