package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/internal/testkit"
)

// TestThisRepositoryCommandReference holds docs/COMMANDS.md against the program; -update writes it.
func TestThisRepositoryCommandReference(t *testing.T) {
	t.Setenv("CI_CACHE", "") // it would be shown as a default
	root := newRoot()
	for _, cmd := range root.Commands() {
		assert.NotEmpty(t, cmd.Example, "%s: has no example", cmd.Name())
		assert.Regexp(t, `^[A-Z][^\n]*[^.\n]$`, cmd.Short, "%s: begins with a capital, ends without a full stop, and is one line", cmd.Name())
	}
	testkit.Golden(t, "../"+repository+"/docs/COMMANDS.md", []byte(commandReference(root)))
}

// reference is the program's help as one page.
func commandReference(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands of `bin/ci`\n\nMade from the program itself: `make update` writes this page, and a test fails when it is not\nwhat the program says.\n\n")
	b.WriteString(prose(strings.TrimPrefix(root.Long, root.Short+".\n\n")))
	for _, group := range root.Groups() {
		fmt.Fprintf(&b, "%s\n\n| command | does |\n| --- | --- |\n", group.Title)
		for _, cmd := range root.Commands() {
			if cmd.GroupID == group.ID {
				fmt.Fprintf(&b, "| [`%s`](#binci-%s) | %s |\n", cmd.Name(), cmd.Name(), cell(cmd.Short))
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("## Flags of every command\n\n")
	flags(&b, root.PersistentFlags())
	for _, cmd := range root.Commands() {
		if cmd.GroupID == "" {
			continue // help
		}
		fmt.Fprintf(&b, "## bin/ci %s\n\n", cmd.Name())
		long := cmd.Long
		if long == "" {
			long = cmd.Short + "."
		}
		b.WriteString(prose(long))
		if _, arguments, ok := strings.Cut(cmd.Use, " "); ok {
			fmt.Fprintf(&b, "Arguments: `%s`.\n\n", arguments)
		}
		flags(&b, cmd.LocalFlags())
		var examples strings.Builder
		for line := range strings.Lines(cmd.Example) {
			examples.WriteString(strings.TrimPrefix(line, "  "))
		}
		fmt.Fprintf(&b, "```\n%s\n```\n\n", strings.TrimRight(examples.String(), "\n"))
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// prose is a help text as Markdown: what is indented there is a block here.
func prose(text string) string {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.HasPrefix(paragraph, "  ") {
			fmt.Fprintf(&b, "```\n%s\n```\n\n", paragraph)
			continue
		}
		fmt.Fprintf(&b, "%s\n\n", escaped(paragraph))
	}
	return b.String()
}

var escape = strings.NewReplacer("*", `\*`, "_", `\_`, "<", `\<`, "[", `\[`)

func escaped(text string) string { return escape.Replace(text) }

// cell is text in a table.
func cell(text string) string { return strings.ReplaceAll(escaped(text), "|", `\|`) }

func flags(b *strings.Builder, set *pflag.FlagSet) {
	var rows []string
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if value != "" {
			name += " " + value
		}
		if d := f.DefValue; d != "" && d != "false" && d != "[]" && d != "0" {
			usage += " (default: " + d + ")"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", name, cell(usage)))
	})
	if len(rows) > 0 {
		fmt.Fprintf(b, "| flag | meaning |\n| --- | --- |\n%s\n", strings.Join(rows, ""))
	}
}
