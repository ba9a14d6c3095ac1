package invoke

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// ErrForeign is returned for an architecture whose programs this machine cannot run.
var ErrForeign = errors.New("this machine, " + runtime.GOOS + "/" + runtime.GOARCH + ", cannot run its programs")

// exits are the instructions that end a program with status 0, by architecture.
var exits = map[string]struct {
	machine elf.Machine
	code    []byte
}{
	"amd64": {elf.EM_X86_64, []byte{
		0x31, 0xff, // xor edi, edi
		0xb8, 0x3c, 0, 0, 0, // mov eax, 60 (exit)
		0x0f, 0x05, // syscall
	}},
	"arm64": {elf.EM_AARCH64, []byte{
		0x00, 0x00, 0x80, 0xd2, // mov x0, 0
		0xa8, 0x0b, 0x80, 0xd2, // mov x8, 93 (exit)
		0x01, 0x00, 0x00, 0xd4, // svc 0
	}},
}

// Runs returns ErrForeign if this machine cannot run Linux programs of the architecture. It
// starts one: a machine with QEMU can run those of others too.
func Runs(architecture string) error {
	if runtime.GOOS == "linux" && runtime.GOARCH == architecture {
		return nil
	}
	if err := try(architecture, func(file string) *exec.Cmd { return exec.Command(file) }); errors.Is(err, syscall.ENOEXEC) {
		return fmt.Errorf("linux/%s: %w", architecture, ErrForeign)
	}
	return nil // another error says nothing about the architecture
}

// try runs the smallest program of the architecture by a command.
func try(architecture string, command func(file string) *exec.Cmd) error {
	dir, err := os.MkdirTemp("", "ci-platform-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "exit")
	if err := os.WriteFile(file, smallest(architecture), 0o700); err != nil {
		return err
	}
	return command(file).Run()
}

// smallest returns a program of one segment, which is the whole file.
func smallest(architecture string) []byte {
	const address, head = 0x400000, 64 + 56 // the sizes of the two headers
	exit := exits[architecture]
	size := uint64(head + len(exit.code))
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(exit.machine), Version: uint32(elf.EV_CURRENT),
		Entry: address + head, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64,
	}
	copy(h.Ident[:], elf.ELFMAG+string([]byte{byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)}))
	segment := elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: address, Paddr: address, Filesz: size, Memsz: size, Align: 0x10000,
	}
	var b bytes.Buffer
	for _, part := range []any{h, segment, exit.code} {
		_ = binary.Write(&b, binary.LittleEndian, part) // a buffer takes all
	}
	return b.Bytes()
}
