package deploy

import "strings"

// RegionError is an error in one of several regions. Each line of it names the region.
type RegionError struct {
	Region string
	Err    error
}

func (e *RegionError) Error() string {
	var b strings.Builder
	for line := range strings.Lines(e.Err.Error()) {
		b.WriteString(e.Region + ": " + line)
	}
	return b.String()
}

func (e *RegionError) Unwrap() error { return e.Err }

// InRegion names the region in an error, if there are several: without a name the error stays as
// it is.
func InRegion(region string, err error) error {
	if region == "" || err == nil {
		return err
	}
	return &RegionError{region, err}
}
