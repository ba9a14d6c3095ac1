package retention

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"time"

	"lambdas.internal/ci/tool/publish/reference"
)

// Facts are what has to be known before anything is changed.
type Facts struct {
	// Functions are those that were asked for what they run, and Live is what they run.
	Functions []Function
	Live      []Live
	// Side is where the functions were asked. Elsewhere is what functions of other sides run:
	// see [Facts.FindElsewhere].
	Side      reference.Side
	Elsewhere []Live
	Records   Records
	// Expire are the names of removed functions whose images are to be deleted.
	Expire []string
	Now    time.Time
	// Keep is how many images of each name are kept; 0 for [Keep].
	Keep int
}

// With adds what is known of another region, for the repositories that all regions share.
func (f Facts) With(other Facts) Facts {
	f.Functions, f.Live = slices.Concat(f.Functions, other.Functions), slices.Concat(f.Live, other.Live)
	f.Elsewhere = slices.Concat(f.Elsewhere, other.Elsewhere)
	f.Records = f.Records.with(other.Records)
	return f
}

func (r Records) with(other Records) Records {
	both := Records{Shared: r.Shared || other.Shared, Kept: map[string]bool{}, Digests: map[string]bool{}}
	for _, one := range []Records{r, other} {
		maps.Copy(both.Kept, one.Kept)
		maps.Copy(both.Digests, one.Digests)
		both.Commits = append(both.Commits, one.Commits...)
	}
	return both
}

func (f Facts) keep() int { return cmp.Or(f.Keep, Keep) }

// Records say what a rollback can use.
type Records struct {
	// Kept are the tags of the release records that some side can use. If there are some, the
	// others are removed.
	Kept map[string]bool
	// Shared is true if a record is of another side, or of one that is not known.
	Shared bool
	// Digests are the images that these records name, and Commits their commits.
	Digests map[string]bool
	Commits []string
}

// recordTag matches the tag of a release record: see package history.
var recordTag = regexp.MustCompile(`^release-[0-9]{8}T[0-9]{6}\.[0-9]{3}Z-[0-9a-f]+(?:-[0-9]{12}-[a-z0-9-]+)?$`)

// IsRecord tells whether the tag is that of a release record.
func IsRecord(tag string) bool { return recordTag.MatchString(tag) }

// old returns the tags that no rollback can use: those of release records that are not read,
// and those that shield an image that no function runs and no record names. The shields of
// other accounts stay: what runs there is not seen from here. Those of other regions do not: ECR's
// replication has copied them, and it deletes none.
func (f Facts) old(images []Image, names Names) (tags []string) {
	used, known := map[string]bool{}, map[string]bool{}
	for _, l := range slices.Concat(f.Elsewhere, f.Live) {
		used[l.Digest] = used[l.Digest] || !f.copied(l.Side)
	}
	for _, name := range names.All {
		known[name] = true
	}
	for _, fn := range f.Functions {
		known[fn.Image] = true
	}
	for _, i := range images {
		for _, text := range i.Tags {
			t, ok := names.read(text, i.Digest)
			switch {
			case IsRecord(text) && len(f.Records.Kept) > 0 && !f.Records.Kept[text],
				ok && t.kind == shieldKind && (f.owns(t.side) || f.copied(t.side)) && known[t.name] && !used[i.Digest] && !f.Records.Digests[i.Digest]:
				tags = append(tags, text)
			}
		}
	}
	return tags
}

// owns tells whether a tag of the side is of functions that were asked.
func (f Facts) owns(side reference.Side) bool {
	return side == f.Side || side == reference.Side{} && !f.Records.Shared
}

// copied tells whether a tag of the side was copied from another region: Lambda takes an image only
// from a repository of its own region.
// https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
func (f Facts) copied(side reference.Side) bool { return copied(side, f.Side) }

func copied(side, own reference.Side) bool {
	return side.Region != "" && own.Region != "" && side.Region != own.Region
}

// inUse returns what runs each digest.
func (f Facts) inUse() map[string]string {
	by := map[string]string{}
	for _, l := range slices.Concat(f.Elsewhere, f.Live) {
		by[l.Digest] = l.Lambda
	}
	return by
}

// FindElsewhere returns what functions run that were not asked, by the tags of the images of
// the private repositories.
func (f Facts) FindElsewhere(images []Image) []Live {
	var all []Live
	for _, i := range images {
		for _, text := range i.Tags {
			if t, ok := (Names{}).read(text, i.Digest); ok && (t.kind == liveKind || t.kind == shieldKind) && !f.owns(t.side) {
				all = append(all, Live{Image: t.name, Digest: i.Digest, Lambda: text, Side: t.side})
			}
		}
	}
	return all
}
