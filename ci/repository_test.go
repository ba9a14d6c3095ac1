package main

import (
	"testing"

	"lambdas.internal/ci/internal/dagger"
)

func TestGitIsWhereTheRepositorySays(t *testing.T) {
	const pass = `.git is a file here, as in a linked work tree, and the engine does not see the folder that it names; pass --git "$(git rev-parse --git-common-dir)"`
	const file = "gitdir: /home/dana/lambdas/.git/worktrees/linked\n"
	for name, c := range map[string]struct {
		is         string // as session.dotGit
		git        bool
		allowDirty bool
		mounted    string // where git is
		err        string
	}{
		"a folder":                              {},
		"a folder, and git":                     {git: true},
		"a file":                                {is: file, err: pass},
		"a file, nothing is checked":            {is: file, allowDirty: true, err: pass},
		"a file, and git":                       {is: file, git: true, mounted: "/home/dana/lambdas/.git"},
		"a file with a relative path, and git":  {is: "gitdir: ../main/.git/worktrees/linked\n", git: true, mounted: "/main/.git"},
		"a file that names all of git, and git": {is: "gitdir: /home/dana/separate.git\n", git: true, mounted: "/home/dana/separate.git"},
		"no .git":                               {is: missing, err: errNoRepository.Error()},
		"no .git, and git":                      {is: missing, git: true, err: errNoRepository.Error()},
		"no .git, nothing is checked":           {is: missing, allowDirty: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, inputs)
			s.dotGit = c.is
			m := module(t, options{})
			repository := given[dagger.Directory](t, "repository")
			var git *dagger.Directory
			if c.git {
				git = given[dagger.Directory](t, "git")
			}
			_, published := m.Publish(t.Context(), source(t), repository, "abc1234", nil, false, false, false, false, false, "", nil, nil, c.allowDirty, git, false)
			_, planned := m.Plan(t.Context(), source(t), repository, "abc1234", nil, "", c.allowDirty, git, false, false)
			for _, err := range []error{published, planned} {
				if err != nil && err.Error() != c.err || err == nil && c.err != "" {
					t.Errorf("%v, not %s", err, c.err)
				}
			}
			ran := false
			execs(s, func(before []call, args []any) {
				if args[1] != "publish" && args[1] != "plan" {
					return
				}
				ran = true
				at := mounts(s, before)
				for path, source := range at {
					if (source == "git") != (path == c.mounted) {
						t.Errorf("%v sees %s at %v", args, source, path)
					}
				}
				if c.mounted != "" && at[c.mounted] != "git" {
					t.Errorf("%v does not see %s", args, c.mounted)
				}
			})
			if ran != (c.err == "") {
				t.Errorf("ran: %t", ran)
			}
		})
	}
}
