package sizediff

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"debug/gosym"
	"errors"
	"fmt"
	"net/url"
	"runtime/debug"
)

// Binary is what the file of a Go program says about the program.
type Binary struct {
	// Size is the size of the file in bytes, and Code that of the functions in it. The
	// rest is data: constants, embedded files, types, and tables for the runtime.
	Size, Code int64
	// Packages is the size of the functions by import path, in bytes. An inlined function
	// counts as part of its callers.
	Packages map[string]int64
	// Toolchain is the version of Go that compiled it, and Modules the versions by module
	// path.
	Toolchain string
	Modules   map[string]string
}

// Generated is the name for functions without a package: those that the compiler or the
// linker made, and some in assembly.
const Generated = "(generated)"

// ReadBinary reads a program for Linux. It does not need the symbol table, which the linker
// flag -s leaves out. It reads the table of functions (.gopclntab) that the Go runtime uses
// to print stacks, and that every program has.
func ReadBinary(program []byte) (*Binary, error) {
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return nil, fmt.Errorf("read the build information of the program: %w", err)
	}
	b := &Binary{Size: int64(len(program)), Packages: map[string]int64{}, Toolchain: info.GoVersion, Modules: map[string]string{}}
	for _, dep := range info.Deps {
		b.Modules[dep.Path] = version(dep)
	}
	functions, err := functions(program)
	if err != nil {
		return nil, fmt.Errorf("read the functions of the program: %w", err)
	}
	for _, f := range functions {
		size := int64(f.End - f.Entry)
		b.Packages[packageOf(f.Sym)] += size
		b.Code += size
	}
	return b, nil
}

// functions returns the functions of a program.
func functions(program []byte) ([]gosym.Func, error) {
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return nil, err
	}
	text := file.Section(".text")
	table := file.Section(".gopclntab")
	if table == nil {
		table = file.Section(".data.rel.ro.gopclntab") // of a position-independent program
	}
	if text == nil || table == nil {
		return nil, errors.New("it has no table of functions (.gopclntab)")
	}
	data, err := table.Data()
	if err != nil {
		return nil, err
	}
	symbols, err := gosym.NewTable(nil, gosym.NewLineTable(data, text.Addr))
	if err != nil {
		return nil, err
	}
	if len(symbols.Funcs) == 0 {
		return nil, errors.New("its table of functions (.gopclntab) is empty")
	}
	return symbols.Funcs, nil
}

// packageOf returns the import path of the package that the function belongs to.
func packageOf(s *gosym.Sym) string {
	name := s.PackageName()
	if name == "" {
		return Generated
	}
	// The linker escapes dots of the last element, as %2e.
	if path, err := url.PathUnescape(name); err == nil {
		return path
	}
	return name
}

// version returns the version of a module; "(devel)" for a module in a folder.
func version(m *debug.Module) string {
	switch r := m.Replace; {
	case r == nil:
		return m.Version
	case r.Version == "" || r.Version == "(devel)":
		return "(devel)"
	case r.Path != m.Path:
		return r.Path + "@" + r.Version
	default:
		return r.Version
	}
}
