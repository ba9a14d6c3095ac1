package dev

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Running says what runs where, for people and as JSON.
type Running struct {
	URL       string            `json:"url"`
	Functions []RunningFunction `json:"functions"`
	// Debugger is the address of the debugger; "" without one.
	Debugger string `json:"debugger,omitempty"`
}

// RunningFunction is where a function can be called.
type RunningFunction struct {
	Image   string   `json:"image"`
	URL     string   `json:"url"`
	Lambdas []string `json:"lambdas"`
	// Error says why the function cannot be built.
	Error string `json:"error,omitempty"`
}

// Running says what the session runs, served at url.
func (s *Session) Running(url string, d *Debugger) Running {
	r := Running{URL: url}
	for _, f := range s.all() {
		one := RunningFunction{Image: f.image, URL: url + "/" + f.image + "/", Lambdas: f.names()}
		f.mu.Lock()
		if f.failed != nil {
			one.Error = f.failed.Message
		}
		f.mu.Unlock()
		r.Functions = append(r.Functions, one)
	}
	if d != nil {
		r.Debugger = d.Address
	}
	return r
}

// Print prints it for people.
func (r Running) Print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range r.Functions {
		state := ""
		if f.Error != "" {
			state = "\tcannot be built; save it when it is corrected"
		}
		fmt.Fprintf(table, "%s\t%s\t%s%s\n", f.Image, f.URL, strings.Join(f.Lambdas, ", "), state)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(r.Functions) > 0 {
		name := r.Functions[0].Image
		fmt.Fprintf(w, "\nsend an event   bin/ci invoke --name %s --emulator %s/%s --event http\n", name, r.URL, name)
		fmt.Fprintf(w, "or              aws lambda invoke --endpoint-url %s --function-name %s /dev/stdout\n", r.URL, name)
	}
	if r.Debugger != "" {
		_, port, _ := strings.Cut(r.Debugger, ":")
		fmt.Fprintf(w, "debug           dlv connect %s; in VS Code a configuration with\n"+
			"                \"type\": \"go\", \"request\": \"attach\", \"mode\": \"remote\", \"host\": \"127.0.0.1\", \"port\": %s\n", r.Debugger, port)
	}
	_, err := fmt.Fprintln(w, "save a source and call again; press Ctrl-C to stop")
	return err
}
