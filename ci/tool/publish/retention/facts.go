package retention

import (
	"regexp"
	"time"
)

// Facts are what has to be known before anything is changed.
type Facts struct {
	// Functions are those that were asked for what they run, and Live is what they run.
	Functions []Function
	Live      []Live
	Records   Records
	// Expire are the names of removed functions whose images are to be deleted.
	Expire []string
	Now    time.Time
}

// Records say what a rollback can use.
type Records struct {
	// Oldest is the tag of the oldest release record that is read; those before it are
	// removed. It is empty if there are no more than are read.
	Oldest string
	// Digests are the images that these records name, and Commits their commits.
	Digests map[string]bool
	Commits []string
}

// recordTag matches the tag of a release record: see package history.
var recordTag = regexp.MustCompile(`^release-[0-9]{8}T[0-9]{6}\.[0-9]{3}Z-[0-9a-f]+$`)

// IsRecord tells whether the tag is that of a release record.
func IsRecord(tag string) bool { return recordTag.MatchString(tag) }

// old returns the tags that no rollback can use: those of release records that are not read,
// and those that shield an image that no function runs and no record names.
func (f Facts) old(images []Image, names []string) (tags []string) {
	used, known := inUse(f.Live), map[string]bool{}
	for _, name := range names {
		known[name] = true
	}
	for _, fn := range f.Functions {
		known[fn.Image] = true
	}
	for _, i := range images {
		for _, text := range i.Tags {
			t, ok := read(text, i.Digest)
			switch {
			case IsRecord(text) && text < f.Records.Oldest,
				ok && t.kind == shieldKind && known[t.name] && used[i.Digest] == "" && !f.Records.Digests[i.Digest]:
				tags = append(tags, text)
			}
		}
	}
	return tags
}
