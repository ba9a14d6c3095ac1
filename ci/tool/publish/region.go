package publish

import (
	"errors"
	"fmt"
	"slices"
)

// regional is the error of one region.
type regional struct {
	error
	region string
}

func (r regional) Unwrap() error { return r.error }

// InRegion marks an error as one of a region; of none, if the region is "".
func InRegion(region string, err error) error {
	if err == nil || region == "" {
		return err
	}
	return regional{err, region}
}

// FailedIn returns the regions that an error is of, in the order in which it names them.
func FailedIn(err error) (regions []string) {
	add := func(region string) {
		if !slices.Contains(regions, region) {
			regions = append(regions, region)
		}
	}
	for ; err != nil; err = errors.Unwrap(err) {
		switch e := any(err).(type) {
		case regional:
			add(e.region)
		case interface{ Unwrap() []error }:
			for _, one := range e.Unwrap() {
				for _, region := range FailedIn(one) {
					add(region)
				}
			}
		}
	}
	return regions
}

// failed is the error of an item: what could not be done, in which region.
func (i Item) failed(verb string, err error) error {
	if err == nil {
		return nil
	}
	return InRegion(RegionOf(i.Repository), fmt.Errorf("%s %s: %w", verb, i.Image, err))
}
