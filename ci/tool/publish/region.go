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
	var all interface{ Unwrap() []error }
	for ; err != nil; err = errors.Unwrap(err) {
		if r, ok := err.(regional); ok && !slices.Contains(regions, r.region) {
			regions = append(regions, r.region)
		}
		if all, _ = err.(interface{ Unwrap() []error }); all != nil {
			for _, one := range all.Unwrap() {
				for _, region := range FailedIn(one) {
					if !slices.Contains(regions, region) {
						regions = append(regions, region)
					}
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
