package publish

import (
	"errors"
	"fmt"
	"slices"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/lock"
)

// CheckPins fails if an image for a registry that is not on this machine has a base or an
// ffmpeg other than the one that the lock file pins. unpinned says of each image why that is
// so; "" if it has what is pinned. An image of which it says nothing is not pinned.
func CheckPins(items []reference.Item, unpinned map[string]string) error {
	var errs []error
	seen := map[string]bool{}
	for _, item := range items {
		if reference.Loopback(item.Repository) || seen[item.Image] {
			continue
		}
		seen[item.Image] = true
		why, known := unpinned[item.Image]
		if !known {
			why = "nobody has compared it with what is pinned"
		}
		if why != "" {
			errs = append(errs, fmt.Errorf("publish %s to %s: %s; build it from the images that %s pins (`bin/ci lock` refreshes the file), or publish with --local",
				item.Image, item.Repository, why, lock.File))
		}
	}
	return errors.Join(errs...)
}

// NeedPins tells whether an item goes to a registry that is not on this machine.
func NeedPins(items []reference.Item) bool {
	return slices.ContainsFunc(items, func(i reference.Item) bool { return !reference.Loopback(i.Repository) })
}
