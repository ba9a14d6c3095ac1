package publish

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func TestItems(t *testing.T) {
	h := Hosts{Private: "123456789012.dkr.ecr.eu-central-1.amazonaws.com", Public: PublicHost + "/alias"}
	var got []string
	for _, i := range Items(registrytest.Functions(), h, "abc1234") {
		line := i.Repository + ":" + i.CommitTag + " " + i.LatestTag
		if i.DeployCopy {
			line += " copy"
		}
		got = append(got, line)
	}
	const private = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/lambda-private-"
	assert.Equal(t, []string{
		private + "light:api-abc1234 api-latest",
		"public.ecr.aws/alias/lambda-light:enhance-abc1234 enhance-latest",
		private + "light:enhance-abc1234 enhance-latest copy",
		private + "heavy:select-abc1234 select-latest",
		"public.ecr.aws/alias/lambda-heavy:thumb-abc1234 thumb-latest",
		private + "heavy:thumb-abc1234 thumb-latest copy",
		"public.ecr.aws/alias/lambda-heavy:video-abc1234 video-latest",
		private + "heavy:video-abc1234 video-latest copy",
	}, got)
}

func TestTheTableSaysForWhichPlatform(t *testing.T) {
	table := func(steps ...Step) string {
		r := Result{Plan: &Plan{Steps: steps}, DryRun: true}
		r.ReadLatest(func(repository string, digests []string) map[string]string {
			assert.Equal(t, "host/light", repository)
			return map[string]string{digests[0]: "linux/amd64"}
		})
		var out bytes.Buffer
		require.NoError(t, r.Table(&out))
		return out.String()
	}
	step := func(name, platform, latest string) Step {
		return Step{Item: Item{Image: name, Repository: "host/light"}, Digest: "sha256:" + name, Platform: platform, MovesLatest: latest != "", LatestFrom: latest}
	}
	same := table(step("api", "linux/amd64", ""), step("thumb", "linux/amd64", "sha256:before"))
	assert.NotContains(t, same, "FOR")
	assert.Regexp(t, `(?m)^thumb .* from sha256:before +sha256:thumb$`, same)
	assert.Contains(t, same, "\ndry run: 2 images for linux/amd64 in 1 repository under ")
	moved := table(step("api", "linux/arm64", "sha256:before"), step("thumb", "linux/amd64", ""))
	assert.Regexp(t, `(?m)^IMAGE .* DIGEST +FOR$`, moved)
	assert.Regexp(t, `(?m)^api .* from sha256:before for linux/amd64 +sha256:api +linux/arm64$`, moved)
	assert.Contains(t, moved, "\ndry run: 2 images in 1 repository under ")
}

// A namespace is part of the name that the APIs of ECR expect.
func TestRepositoryName(t *testing.T) {
	for hosts, want := range map[*Hosts][2]string{
		{}: {"lambda-private-light", "lambda-light"},
		{Private: "h", Public: "public.ecr.aws/alias"}:                         {"lambda-private-light", "lambda-light"},
		{Private: "h:1/team-a", Public: "public.ecr.aws/alias/team-a"}:         {"team-a/lambda-private-light", "team-a/lambda-light"},
		{Private: "h/org/team-a", Public: "127.0.0.1:1/alias/org/team-a"}:      {"org/team-a/lambda-private-light", "org/team-a/lambda-light"},
		{Private: "127.0.0.1:1", Public: "127.0.0.1:1" /* without an alias */}: {"lambda-private-light", "lambda-light"},
	} {
		assert.Equal(t, want[0], RepositoryName(catalog.Private, hosts.Repository(catalog.Private, catalog.Light)), hosts)
		assert.Equal(t, want[1], RepositoryName(catalog.Public, hosts.Repository(catalog.Public, catalog.Light)), hosts)
	}
}

func TestLoopback(t *testing.T) {
	tests := map[string]bool{
		"127.0.0.1:5000/a": true, "127.8.9.1/a": true, "localhost:5000/a": true, "localhost/a": true, "[::1]:5000/a": true,
		"public.ecr.aws/alias/a": false, "10.0.0.1:5000/a": false, "localhost.example.com/a": false, "127.0.0.1.example.com/a": false,
	}
	for host, loopback := range tests {
		assert.Equal(t, loopback, Loopback(host), host)
	}
}

func TestCheckPins(t *testing.T) {
	const host = "registry.example"
	all := func(why string) map[string]string {
		unpinned := map[string]string{}
		for _, f := range registrytest.Functions() {
			unpinned[f.Image] = ""
		}
		unpinned["select"] = why
		return unpinned
	}
	tests := map[string]struct {
		unpinned map[string]string
		host     string
		want     string
	}{
		"all as locked":               {all(""), host, ""},
		"one is not":                  {all(`its base is "offline", not the pinned one`), host, `publish select to registry.example/lambda-private-heavy: its base is "offline", not the pinned one; build it from`},
		"one is not, on this machine": {all("its base is another"), "127.0.0.1:5000", ""},
		"nobody has compared":         {nil, host, "publish api to registry.example/lambda-private-light: nobody has compared it with what is pinned"},
		"nobody has, on this machine": {nil, "localhost:5000", ""},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			items := Items(registrytest.Functions(), Hosts{Private: test.host, Public: test.host}, first)
			assert.Equal(t, test.host == host, NeedPins(items))
			err := CheckPins(items, test.unpinned)
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.want)
			}
		})
	}
}

func TestHosts(t *testing.T) {
	good := "127.0.0.1:5000"
	for host, fine := range map[string]bool{good: true, "public.ecr.aws/alias": true, "": false, "http://x": false, "a b": false, "x:y": false} {
		assert.Equal(t, fine, Hosts{Private: host, Public: good}.Check() == nil, "%q", host)
	}
}

func TestTheNameForLambda(t *testing.T) {
	for given, want := range map[string]string{
		"123456789012.dkr.ecr.eu-central-1.amazonaws.com/a":             "123456789012.dkr.ecr.eu-central-1.amazonaws.com/a",
		"123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/team/a":      "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/a",
		"123456789012.dkr-ecr.eu-central-1.on.aws/a":                    "123456789012.dkr.ecr.eu-central-1.amazonaws.com/a",
		"123456789012.dkr-ecr-fips.us-gov-west-1.on.aws/a":              "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com/a",
		"123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn/a": "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a",
		"123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov/a":               "123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov/a",
		"127.0.0.1:5000/a": "127.0.0.1:5000/a",
		"123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example/a": "123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example/a",
	} {
		assert.Equal(t, want, ForLambda(given))
	}
}
