package reference_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/reference"
)

const commit = "abc1234"

func TestItems(t *testing.T) {
	h := reference.Hosts{Private: "123456789012.dkr.ecr.eu-central-1.amazonaws.com", Public: reference.PublicHost + "/alias"}
	var got []string
	for _, i := range reference.Items(registrytest.Functions(), h, commit) {
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

func TestItemsOfRegions(t *testing.T) {
	h := reference.Hosts{Private: "a.test", Public: "p.test", Copies: []string{"b.test", "c.test"}}
	two := registrytest.Functions()[1:3]
	var repositories []string
	for _, i := range reference.Items(two, h, commit) { // enhance is public, select private
		repositories = append(repositories, i.Where())
	}
	assert.Equal(t, []string{"p.test/lambda-light", "a.test/lambda-private-light (deploy copy)", "b.test/lambda-private-light (deploy copy)", "c.test/lambda-private-light (deploy copy)",
		"a.test/lambda-private-heavy", "b.test/lambda-private-heavy", "c.test/lambda-private-heavy"}, repositories)
	assert.Len(t, reference.PrivateItems(two, h, commit), 2, "Lambda of one region")
	assert.Equal(t, []string{"a.test/lambda-private-light", "a.test/lambda-private-heavy"}, reference.PrivateRepositories(two, h))
	assert.Equal(t, []reference.Hosts{{Private: "a.test", Public: "p.test"}, {Private: "b.test", Public: "p.test"}, {Private: "c.test", Public: "p.test"}}, h.Regions())
}
