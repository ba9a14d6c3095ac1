package publish

import (
	"fmt"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report/regionerr"
)

// failed is the error of an item: what could not be done, in which region.
func failed(i reference.Item, verb string, err error) error {
	if err == nil {
		return nil
	}
	return regionerr.Mark(reference.RegionOf(i.Repository), fmt.Errorf("%s %s: %w", verb, i.Image, err))
}
