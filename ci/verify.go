package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Verify builds a commit again and compares it with what is published under it, layer by layer.
//
// +cache="never"
func (m *Ci) Verify(
	ctx context.Context,
	// Repository with its history, which has the commit.
	//
	// +defaultPath="/"
	// +ignore=["bin", "dist", ".cache", "**/*.tar"]
	repository *dagger.Directory,
	// Commit to build again, and to find in the registries.
	commit string,
	// Names of the images to compare (default: all).
	//
	// +optional
	only []string,
	// Folder of the repository, if .git is a file, as in a linked work tree: "$(git rev-parse --git-common-dir)".
	//
	// +optional
	git *dagger.Directory,
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
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	in, err := withRepository(ctx, m.step(m.golang(), repository), repository, git, true)
	if err != nil {
		return "", err
	}
	in, signed := trust{key, trustedRoot, certificateIdentity, certificateIdentityRegexp, certificateOidcIssuer}.with(in)
	args := slices.Concat([]string{"verify", "--commit", commit}, optional("--base", m.BaseRef), optional("--ffmpeg", m.FFmpegRef),
		named(only), signed, m.private(), m.public(), flags(map[string]bool{"--json": asJSON}))
	return output(ctx, m.run(m.aws(in), m.platformArgs(args...)...))
}
