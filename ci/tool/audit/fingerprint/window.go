package fingerprint

// A window is a run of symbols by which content is recognised. Its length depends on the
// kind of symbol. Two windows are the same if their hashes are: of a hundred million
// different ones, one pair in ten million has the same hash.

// symbol is one unit of content, such as a byte, a letter, or a token.
type symbol uint64

// stream yields the symbols of content, each with its offset in bytes.
type stream func(yield func(s symbol, offset int))

// kind is how content becomes symbols.
type kind struct {
	// name says what was recognised, in the plural or as a mass noun.
	name string
	// length is how many symbols make a window.
	length int
	// variety is how many different symbols a window must have: lines of dashes, padding
	// and tables of one value are in every program.
	variety int
}

// place is where private content stands.
type place struct {
	file   int32 // index
	offset int32 // in bytes
}

// table has the windows of one kind.
type table struct {
	kind
	windows map[uint64]place
	// filter has a bit for each hash: most windows of a program end here.
	filter []uint64
}

const filterBits = 20

func newTable(k kind) *table {
	return &table{kind: k, windows: map[uint64]place{}, filter: make([]uint64, 1<<filterBits/64)}
}

// prime is an odd factor with well distributed bits (Knuth, TAOCP 3, 6.4: 2^64 divided by
// the golden ratio).
const prime = 0x9E3779B97F4A7C15

// roll calls visit for each window of the stream with its hash, its first symbol's offset
// and its last one's. It has looked at the whole stream when it returns.
func (t *table) roll(content stream, visit func(hash uint64, first, last int, window []symbol)) {
	leaving := uint64(1)
	for range t.length {
		leaving *= prime
	}
	// Each symbol stands twice in the ring, so that a window is always one piece of it.
	ring, at := make([]symbol, 2*t.length), make([]int, t.length)
	var sum uint64
	n := 0
	content(func(s symbol, offset int) {
		slot := n % t.length
		mixed := mix(s)
		sum = sum*prime + mixed
		if n >= t.length {
			sum -= leaving * mix(ring[slot])
		}
		ring[slot], ring[slot+t.length], at[slot] = s, s, offset
		n++
		if n >= t.length {
			next := n % t.length
			visit(sum, at[next], offset, ring[next:next+t.length])
		}
	})
}

// mix spreads the bits of a symbol (the finalizer of SplitMix64).
func mix(s symbol) uint64 {
	x := uint64(s) + prime
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	return x ^ x>>27
}

// add recognises the windows of private content.
func (t *table) add(file int32, content stream) (added int) {
	different := map[symbol]bool{}
	t.roll(content, func(hash uint64, first, _ int, window []symbol) {
		if _, there := t.windows[hash]; there {
			return
		}
		clear(different)
		for _, s := range window {
			different[s] = true
		}
		if len(different) < t.variety {
			return
		}
		t.windows[hash] = place{file, int32(first)}
		bit := hash >> (64 - filterBits)
		t.filter[bit/64] |= 1 << (bit % 64)
		added++
	})
	return added
}

// has returns where the window with this hash stands.
func (t *table) has(hash uint64) (place, bool) {
	bit := hash >> (64 - filterBits)
	if t.filter[bit/64]&(1<<(bit%64)) == 0 {
		return place{}, false
	}
	p, ok := t.windows[hash]
	return p, ok
}

// run is a piece of content that windows of one private file cover.
type run struct {
	place
	first, last int // offsets of its first and last symbol
}

// find returns the runs of private content in the stream.
func (t *table) find(content stream) []run {
	var runs []run
	open := false // whether the last window was private
	t.roll(content, func(hash uint64, first, last int, _ []symbol) {
		p, ok := t.has(hash)
		if ok && open && runs[len(runs)-1].file == p.file {
			runs[len(runs)-1].last = last
		} else if ok {
			runs = append(runs, run{p, first, last})
		}
		open = ok
	})
	return runs
}

// known returns the windows of the stream that are in the table.
func (t *table) known(content stream) []uint64 {
	var all []uint64
	t.roll(content, func(hash uint64, _, _ int, _ []symbol) {
		if _, ok := t.has(hash); ok {
			all = append(all, hash)
		}
	})
	return all
}
