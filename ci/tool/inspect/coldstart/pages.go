package coldstart

import "maps"

// pages are the numbers of the blocks of each file that were read, by path from the root.
type pages map[string]map[int]bool

func (found pages) add(name string, block int) {
	if found[name] == nil {
		found[name] = map[int]bool{}
	}
	found[name][block] = true
}

// with returns these pages and those of files that were read and never mapped.
func (found pages) with(cached pages) pages {
	all := pages{}
	for _, from := range []pages{cached, found} { // where both have a file, the mapped pages count
		maps.Copy(all, from)
	}
	return all
}

// count returns how many blocks there are.
func (found pages) count() (n int) {
	for _, blocks := range found {
		n += len(blocks)
	}
	return n
}
