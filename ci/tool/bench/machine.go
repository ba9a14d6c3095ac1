//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"lambdas.internal/ci/tool/report"
)

// Machine describes where and when the times were measured.
type Machine struct {
	Time      time.Time `json:"time"`
	OS        string    `json:"os"`
	CPU       string    `json:"cpu,omitempty"`
	Cores     int       `json:"cores"`
	Go        string    `json:"go"`
	Ko        string    `json:"ko"`
	LoadStart string    `json:"loadStart,omitempty"` // load average of the minute before the run
	LoadEnd   string    `json:"loadEnd,omitempty"`   // and of its last minute
}

func thisMachine(ctx context.Context, toolchain, koBinary string) Machine {
	return Machine{
		Time: time.Now().UTC().Truncate(time.Second), OS: runtime.GOOS + "/" + runtime.GOARCH,
		CPU: cpu(), Cores: runtime.NumCPU(), Go: toolchain,
		Ko: version(ctx, koBinary), LoadStart: load(),
	}
}

func (m Machine) String() string {
	s := fmt.Sprintf("%s, %s", m.OS, report.Count(m.Cores, "core"))
	if m.CPU != "" {
		s += " (" + m.CPU + ")"
	}
	s += fmt.Sprintf(", %s, ko %s, %s", m.Go, m.Ko, m.Time.Format("2006-01-02 15:04 MST"))
	if m.LoadStart != "" {
		s += fmt.Sprintf(", load %s before and %s after", m.LoadStart, m.LoadEnd)
	}
	return s
}

func version(ctx context.Context, koBinary string) string {
	out, err := exec.CommandContext(ctx, koBinary, "version").Output()
	if err != nil {
		return "of unknown version"
	}
	return strings.TrimSpace(string(out))
}

// load returns the load average of the last minute; empty on systems other than Linux.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(data), " ")
	return first
}

// cpu returns the model of the processor; empty on systems other than Linux.
func cpu() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
