package coldstart

import (
	"cmp"
	"slices"
	"time"

	"lambdas.internal/ci/tool/image"
)

// Phase is what an image costs until the first request for an event, or until the first
// answer: medians of all starts.
type Phase struct {
	Ms float64 `json:"ms"`
	// FastestMs is the time of the fastest start, on which other work of the machine has the
	// least effect.
	FastestMs float64 `json:"fastestMs"`
	// MemoryBytes is what the function has in memory.
	MemoryBytes int64 `json:"memoryBytes"`
	// ToolsBytes is the most memory that one process had that the function started, such as
	// ffmpeg.
	ToolsBytes int64 `json:"toolsBytes,omitempty"`
	// Blocks are the blocks of the image that were read.
	Blocks int `json:"blocks"`
	// Files has the number of blocks that were read of each file.
	Files map[string]int `json:"files"`
	// Connections are those that the function has open, besides that to the Runtime API.
	Connections int `json:"connections"`
	// NewBlocks are those of them that no image had at the commit of --since.
	NewBlocks *int `json:"newBlocks,omitempty"`
}

// Layer is what was read of a layer until the first answer.
type Layer struct {
	Kind   image.Kind `json:"kind"`
	Blocks int        `json:"blocks"` // all that it has
	New    *int       `json:"new,omitempty"`
	Read   int        `json:"read"`
}

// Image is one line of the report.
type Image struct {
	Image       string `json:"image"`
	BinaryBytes int64  `json:"binaryBytes"`
	// Blocks are all that the image has.
	Blocks    int   `json:"blocks"`
	NewBlocks *int  `json:"newBlocks,omitempty"`
	Init      Phase `json:"init"`
	Answer    Phase `json:"answer"`
	// Failed is the type of error that the function answered with.
	Failed string  `json:"failed,omitempty"`
	Layers []Layer `json:"layers"`
}

// Report is the result of a run.
type Report struct {
	Platform string `json:"platform"`
	// Starts is how often each image was started.
	Starts int `json:"starts"`
	// Since is what the blocks are compared with.
	Since string `json:"since,omitempty"`
	// Hello is the least that a function in Go costs on this machine.
	Hello  Image   `json:"hello"`
	Images []Image `json:"images"`
	// SharedBlocks are those that more than one image has.
	SharedBlocks int `json:"sharedBlocks"`
	// OverBudget says which images are over the budget of their functions.
	OverBudget []string `json:"overBudget,omitempty"`
	// Missing says what could not be measured here, and how it can be.
	Missing []string `json:"missing,omitempty"`
}

// What could not be measured.
const (
	unconfined = "not run as root: each function saw this machine's files beside those of its image, and only the image's were counted; run it as root, or with dagger call coldstart"
	warm       = "the files of the images were in memory all the time, so the times are those of a warm start: the temporary folder is in memory, or its file system does not let go of them; set TMPDIR to a folder on a disk"
)

// New makes the report. The first subject is the one that the others are compared with; known
// are the blocks of an earlier release, nil if there is none to compare with.
func New(subjects []Subject, starts [][]Start, known Set) *Report {
	r := &Report{Starts: len(starts[0])}
	holders := map[Block]int{}
	for n, s := range subjects {
		line := summarize(s, starts[n], known)
		if n == 0 {
			r.Hello = line
			continue
		}
		r.Images = append(r.Images, line)
		for b := range s.Files.Blocks(allLayers) {
			holders[b]++
		}
	}
	for _, images := range holders {
		if images > 1 {
			r.SharedBlocks++
		}
	}
	all := slices.Concat(starts...)
	if slices.ContainsFunc(all, func(s Start) bool { return !s.confined }) {
		r.Missing = append(r.Missing, unconfined)
	}
	if slices.ContainsFunc(all, func(s Start) bool { return s.warm }) {
		r.Missing = append(r.Missing, warm)
	}
	return r
}

// summarize makes the line of an image from its starts.
func summarize(s Subject, starts []Start, known Set) Image {
	every := s.Files.Blocks(allLayers)
	i := Image{
		BinaryBytes: s.Files[image.BootstrapPath].Bytes,
		Image:       s.Image, Blocks: len(every), NewBlocks: missing(known, every), Failed: starts[0].failed,
		Init:   s.phase(starts, known, func(s Start) phase { return s.init }),
		Answer: s.phase(starts, known, func(s Start) phase { return s.answer }),
	}
	seen := s.blocks(typical(starts).answer.read)
	for n, kind := range s.Layers {
		own := s.Files.Blocks(n)
		i.Layers = append(i.Layers, Layer{Kind: kind, Blocks: len(own), New: missing(known, own), Read: len(own) - seen.Missing(own)})
	}
	return i
}

func (s Subject) phase(starts []Start, known Set, of func(Start) phase) Phase {
	p := Phase{
		Ms:          milliseconds(median(starts, func(s Start) time.Duration { return of(s).took })),
		FastestMs:   milliseconds(of(slices.MinFunc(starts, func(a, b Start) int { return cmp.Compare(of(a).took, of(b).took) })).took),
		MemoryBytes: median(starts, func(s Start) int64 { return of(s).memory }),
		ToolsBytes:  median(starts, func(s Start) int64 { return of(s).tools }),
	}
	seen := s.blocks(of(typical(starts)).read)
	p.Blocks, p.NewBlocks = len(seen), missing(known, seen)
	p.Files = map[string]int{}
	for name, blocks := range of(typical(starts)).read {
		if _, ok := s.Files[name]; ok {
			p.Files[name] = len(blocks)
		}
	}
	for _, one := range starts {
		p.Connections = max(p.Connections, of(one).connections)
	}
	return p
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// typical returns the start that read the median number of blocks.
func typical(starts []Start) Start {
	sorted := slices.SortedFunc(slices.Values(starts), func(a, b Start) int { return cmp.Compare(a.answer.read.count(), b.answer.read.count()) })
	return sorted[len(sorted)/2]
}

// blocks returns the blocks of the image that were read. What the function wrote is not of
// the image.
func (s Subject) blocks(of pages) Set {
	all := Set{}
	for name, numbers := range of {
		for n := range numbers {
			if file := s.Files[name]; n < len(file.Blocks) {
				all[file.Blocks[n]] = true
			}
		}
	}
	return all
}

// missing returns how many blocks are new, or nil if nothing is known to compare with.
func missing(known, blocks Set) *int {
	if known == nil {
		return nil
	}
	return new(known.Missing(blocks))
}

// median returns the median of a value; of two, the smaller.
func median[T cmp.Ordered](starts []Start, of func(Start) T) T {
	var all []T
	for _, s := range starts {
		all = append(all, of(s))
	}
	slices.Sort(all)
	return all[(len(all)-1)/2]
}
