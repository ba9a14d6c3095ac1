//go:build steps

package main

import "github.com/spf13/cobra"

func verbs(*app) []*cobra.Command { return nil }
