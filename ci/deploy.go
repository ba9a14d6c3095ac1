package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Deploy makes all Lambda functions run a published commit, and rolls all back if one fails.
//
// +cache="never"
func (m *Ci) Deploy(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Published commit to deploy, 7 to 40 hexadecimal digits.
	commit string,
	// Names of the images whose functions are deployed (default: all).
	//
	// +optional
	only []string,
	// Publish a version of each function, and lead all calls of this alias to it.
	//
	// +optional
	alias string,
	// Share of the alias' calls that the new versions get first, such as 10%; needs an alias.
	//
	// +optional
	canary string,
	// How long the canary is watched, such as 10m (default: 5m).
	//
	// +optional
	bake string,
	// Name of a CloudWatch alarm that must be OK at the end of the canary.
	//
	// +optional
	alarm string,
	// Call every updated function with its test event; an error rolls the release back.
	//
	// +optional
	smoke bool,
	// Make functions that do not exist, from image.json; needs a role.
	//
	// +optional
	create bool,
	// Role of the functions that are made, such as arn:aws:iam::123456789012:role/lambda.
	//
	// +optional
	role string,
	// Deploy a commit also if it comes before the one that runs.
	//
	// +optional
	allowOlder bool,
	// With several regions: if one fails, roll back those that are done too.
	//
	// +optional
	allRegionsOrNone bool,
	// Refuse images whose documents are not signed by the key or the identity.
	//
	// +optional
	requireSigned bool,
	// Accept signatures of this public key, in PEM, such as ./cosign.pub.
	//
	// +optional
	key *dagger.File,
	// Accept keyless signatures of this identity, such as https://github.com/OWNER/NAME/.github/workflows/main.yml@refs/heads/main.
	//
	// +optional
	certificateIdentity string,
	// Accept keyless signatures of identities that match this expression as a whole.
	//
	// +optional
	certificateIdentityRegexp string,
	// Who vouches for the identity, such as https://token.actions.githubusercontent.com.
	//
	// +optional
	certificateOidcIssuer string,
	// Trusted root of a private Sigstore (default: that of public Sigstore).
	//
	// +optional
	trustedRoot *dagger.File,
	// Check everything and change nothing.
	//
	// +optional
	dryRun bool,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	in, signed := trust{key, trustedRoot, certificateIdentity, certificateIdentityRegexp, certificateOidcIssuer}.with(m.step(m.golang(), source))
	return output(ctx, m.run(m.aws(in), slices.Concat(
		[]string{"deploy", "--commit", commit}, m.private(), named(only), optional("--alias", alias), signed,
		optional("--canary", canary), optional("--bake", bake), optional("--alarm", alarm), optional("--role", role),
		flags(map[string]bool{"--smoke": smoke, "--create": create, "--require-signed": requireSigned, "--allow-older": allowOlder, "--all-regions-or-none": allRegionsOrNone, "--dry-run": dryRun, "--json": asJSON}))...))
}

// Rollback makes all Lambda functions run an earlier release again, or changes none.
//
// +cache="never"
func (m *Ci) Rollback(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Commit of the release to go back to (default: the release before, or the last one if functions
	// are not as it left them).
	//
	// +optional
	to string,
	// Publish a version of each function, and move this alias to it.
	//
	// +optional
	alias string,
	// Call every updated function with its test event; an error reverses the rollback.
	//
	// +optional
	smoke bool,
	// Check everything and change nothing.
	//
	// +optional
	dryRun bool,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	return m.act(ctx, source, slices.Concat(
		[]string{"rollback"}, optional("--to", to), m.private(), optional("--alias", alias),
		flags(map[string]bool{"--smoke": smoke, "--dry-run": dryRun, "--json": asJSON}))...)
}

// Status shows what every Lambda function runs, since when, and problems.
//
// +cache="never"
func (m *Ci) Status(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	return m.act(ctx, source, slices.Concat([]string{"status"}, m.private(), flags(map[string]bool{"--json": asJSON}))...)
}
