package main

import (
	"slices"
	"strings"
	"testing"
)

// execs calls f for every command that the session was asked to run, with the calls that
// made its container before.
func execs(s *session, f func(before []call, args []any)) {
	for _, id := range s.received {
		calls := s.calls(id)
		for n, c := range calls {
			if c.name == "withExec" {
				f(calls[:n], c.args["args"].([]any))
			}
		}
	}
}

// mounts returns the sources that are mounted before a command, by path.
func mounts(s *session, before []call) map[any]string {
	found := map[any]string{}
	for _, c := range before {
		switch c.name {
		case "withMountedCache":
			found[c.args["path"]] = "cache " + s.calls(c.args["cache"].(string))[0].args["key"].(string)
		case "withMountedDirectory", "withDirectory", "withMountedFile", "withFile":
			if path, ok := c.args["path"]; ok && c.args["source"] != nil {
				found[path] = c.args["source"].(string)
			}
		}
	}
	return found
}

func TestCommandsHaveTheirCachesInVolumes(t *testing.T) {
	for _, volumes := range []string{"lambdas", "release"} {
		for _, i := range invocations {
			i.volumes = volumes
			s := i.made(t)
			execs(s, func(before []call, args []any) {
				at := mounts(s, before)
				want := map[string]string{"/go/pkg/mod": "cache " + volumes + "-go-mod", "/root/.cache/go-build": "cache " + volumes + "-go-build"}
				if args[0] == "ci" {
					want["/cache"] = "cache " + volumes + "-ci"
				}
				for path, volume := range want {
					if at[path] != volume {
						t.Errorf("%s: %v runs with %q at %s, not %q", i.name, args, at[path], path, volume)
					}
				}
			})
		}
	}
}

// A step that does not need the code sees only files that an edit of code does not change.
func TestTheProgramWorksOnWhatItNeeds(t *testing.T) {
	described := []any{"go.work", "**/go.mod", "**/image.json", "ci/pipeline.json", "ci/images.lock.json"}
	for _, i := range invocations {
		s := i.made(t)
		execs(s, func(before []call, args []any) {
			if args[0] != "ci" {
				return
			}
			made := s.calls(mounts(s, before)["/src"])
			all := !slices.Contains([]any{"list", "base", "ffmpeg-layer", "image"}, args[1])
			whole := "source"
			switch args[1] {
			case "publish", "plan": // with its history, and with what is built
				if len(made) != 2 || made[1].name != "withDirectory" || made[1].args["path"] != "/" || made[1].args["source"] != whole {
					t.Errorf("%s: %v sees %v", i.name, args, made)
				}
				whole, made = "repository", made[:1]
			case "verify", "report":
				whole = "repository"
			}
			if made[0].args["id"] != whole || all != (len(made) == 1) {
				t.Errorf("%s: %v sees %v", i.name, args, made)
			}
			if include, _ := made[len(made)-1].args["include"].([]any); !all && !slices.Equal(include, described) {
				t.Errorf("%s: %v sees %v", i.name, args, include)
			}
			if !slices.ContainsFunc(before, func(c call) bool { return c.name == "withWorkdir" && c.args["path"] == "/src" }) {
				t.Errorf("%s: %v does not run in /src", i.name, args)
			}
		})
	}
}

// An edit of a function must not compile the program again, and must not fetch modules
// again.
func TestProgramAndModulesDoNotDependOnTheFunctions(t *testing.T) {
	s := invocation{call: func(t *testing.T, m *Ci) (any, error) { return m.BuildAll(t.Context(), source(t), nil, false) }}.made(t)
	seen := 0
	execs(s, func(before []call, args []any) {
		if args[0] != "go" && args[0] != "sh" {
			return
		}
		seen++
		for path, source := range mounts(s, before) {
			filtered := false
			if o, ok := s.objects[source]; ok && o.query != nil {
				for _, c := range s.calls(source) {
					include, _ := c.args["include"].([]any)
					filtered = filtered || c.name == "filter" && slices.Equal(include, []any{"go.work", "go.work.sum", "**/go.mod", "**/go.sum"})
				}
			}
			if source == "source" || strings.HasPrefix(path.(string), "/src") && !filtered {
				t.Errorf("%v sees the functions' sources at %v", args, path)
			}
		}
	})
	if seen == 0 {
		t.Error("neither the program is compiled nor modules are fetched")
	}
}

func TestPlatformIsCompiledForNotRunOn(t *testing.T) {
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		for _, i := range invocations {
			i.platform = platform
			s := i.made(t)
			execs(s, func(before []call, args []any) {
				if n := slices.Index(args, any("--platform")); n >= 0 && args[n+1] != platform {
					t.Errorf("%s: %v for %s", i.name, args, platform)
				}
				if before[0].name == "container" && before[0].args["platform"] != nil {
					t.Errorf("%s: %v would run on %v", i.name, args, before[0].args["platform"])
				}
			})
			for _, id := range s.received {
				calls := s.calls(id)
				if slices.ContainsFunc(calls, func(c call) bool { return c.name == "import" }) && calls[0].args["platform"] != platform {
					t.Errorf("%s: imported for %v, not %s", i.name, calls[0].args["platform"], platform)
				}
			}
		}
	}
}
