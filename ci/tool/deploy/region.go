package deploy

import "strings"

// regional is an error in one of several regions.
type regional struct {
	error
	region string
}

func (e regional) Error() string {
	var b strings.Builder
	for line := range strings.Lines(e.error.Error()) {
		b.WriteString(e.region + ": " + line)
	}
	return b.String()
}

func (e regional) Unwrap() error { return e.error }

// InRegion names the region in each line of an error, if there are several regions: without a name
// the error stays as it is. [publish.InRegion] only marks an error, whose text names the registry.
func InRegion(region string, err error) error {
	if region == "" || err == nil {
		return err
	}
	return regional{err, region}
}
