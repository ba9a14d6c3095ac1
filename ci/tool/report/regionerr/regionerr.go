// Package regionerr says in which of several regions something failed.
package regionerr

import (
	"errors"
	"slices"
	"strings"
)

// failure is an error in one region.
type failure struct {
	error
	region string
}

func (f failure) Unwrap() error { return f.error }

// named is a failure whose text says in which region it was.
type named struct{ failure }

func (n named) Error() string {
	var b strings.Builder
	for line := range strings.Lines(n.error.Error()) {
		b.WriteString(n.region + ": " + line)
	}
	return b.String()
}

// Mark makes an error one of a region, and leaves its text as it is; with no region, "", it
// leaves the error as it is.
func Mark(region string, err error) error {
	if err == nil || region == "" {
		return err
	}
	return failure{err, region}
}

// Name makes an error one of a region, and begins each line of its text with the region; with
// no region, "", it leaves the error as it is.
func Name(region string, err error) error {
	if err == nil || region == "" {
		return err
	}
	return named{failure{err, region}}
}

// Of returns the regions that an error is of, in the order in which it names them.
func Of(err error) (regions []string) {
	add := func(region string) {
		if !slices.Contains(regions, region) {
			regions = append(regions, region)
		}
	}
	for ; err != nil; err = errors.Unwrap(err) {
		switch e := any(err).(type) {
		case failure:
			add(e.region)
		case named:
			add(e.region)
		case interface{ Unwrap() []error }:
			for _, one := range e.Unwrap() {
				for _, region := range Of(one) {
					add(region)
				}
			}
		}
	}
	return regions
}
