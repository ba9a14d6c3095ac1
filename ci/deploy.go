package main

import (
	"context"
	"slices"
)

// Deploy makes the Lambda functions run a published commit, all or none: one failure puts the others back.
//
// +cache="never"
func (m *Ci) Deploy(
	ctx context.Context,
	// Published commit, 7 to 40 hexadecimal digits.
	commit string,
	// Images whose functions are deployed, by name; all when none is named.
	//
	// +optional
	only []string,
	// Publish a version of each function and make this alias name it.
	//
	// +optional
	alias string,
	// Call every updated function with its test event; an error undoes the release.
	//
	// +optional
	smoke bool,
	// Look at everything, and change nothing.
	//
	// +optional
	dryRun bool,
) (string, error) {
	return m.act(ctx, slices.Concat(
		[]string{"deploy", "--commit", commit}, m.private(), named(only), optional("--alias", alias),
		flags(map[string]bool{"--smoke": smoke, "--dry-run": dryRun}))...)
}

// Rollback makes the Lambda functions run an earlier release, all or none.
//
// +cache="never"
func (m *Ci) Rollback(
	ctx context.Context,
	// Commit of the release to go back to; the one before when none is given.
	//
	// +optional
	to string,
	// Publish a version of each function and make this alias name it.
	//
	// +optional
	alias string,
	// Call every updated function with its test event; an error undoes the rollback.
	//
	// +optional
	smoke bool,
	// Look at everything, and change nothing.
	//
	// +optional
	dryRun bool,
) (string, error) {
	return m.act(ctx, slices.Concat(
		[]string{"rollback"}, optional("--to", to), m.private(), optional("--alias", alias),
		flags(map[string]bool{"--smoke": smoke, "--dry-run": dryRun}))...)
}

// Status shows what every Lambda function runs, since when, and what is amiss.
//
// +cache="never"
func (m *Ci) Status(ctx context.Context) (string, error) {
	return m.act(ctx, append([]string{"status"}, m.private()...)...)
}
