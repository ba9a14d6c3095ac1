package deploy_test

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/internal/lambdafake"
	"lambdas.internal/ci/tool/publish/reference"
)

// What Lambda would refuse is reported before anything is changed.
func TestImagesThatLambdaDoesNotTake(t *testing.T) {
	for name, c := range map[string]struct {
		repository string
		change     func(*v1.Manifest, *v1.ConfigFile)
		want       string
	}{
		"another region": {"123456789012.dkr.ecr.us-east-1.amazonaws.com/x", nil,
			"the function is in eu-central-1 and the repository in us-east-1; Lambda accepts images only from the region of the function: pass --region eu-central-1"},
		"a FIPS endpoint of another region": {"123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/x", nil,
			"the function is in eu-central-1 and the repository in us-east-1; Lambda accepts images only from the region of the function: pass --region eu-central-1"},
		"a lookalike": {"123456789012.dkr.ecr.eu-central-1.amazonaws.com.example/x", nil,
			"Lambda accepts images only from a private ECR repository, not from 123456789012.dkr.ecr.eu-central-1.amazonaws.com.example/x; publish the image to one"},
		"ECR Public": {"public.ecr.aws/alias/x", nil,
			"Lambda accepts images only from a private ECR repository, not from public.ecr.aws/alias/x; publish the image to one"},
		"an index": {repository, func(m *v1.Manifest, _ *v1.ConfigFile) { m.MediaType = types.OCIImageIndex },
			`is a "application/vnd.oci.image.index.v1+json"; Lambda accepts one plain image manifest`},
		"zstd": {repository, func(m *v1.Manifest, _ *v1.ConfigFile) { m.Layers[0].MediaType = types.OCILayerZStd },
			"is application/vnd.oci.image.layer.v1.tar+zstd; Lambda accepts gzip"},
		"11 GB": {repository, func(m *v1.Manifest, _ *v1.ConfigFile) { m.Layers[0].Size = 11 << 30 },
			"the layers of the image have more than 10737418240 bytes with layer 1; Lambda accepts no more"},
		"windows": {repository, func(_ *v1.Manifest, c *v1.ConfigFile) { c.OS = "windows" },
			"the image is for windows/amd64; Lambda runs linux/amd64 and linux/arm64"},
		"arm64": {repository, func(_ *v1.Manifest, c *v1.ConfigFile) { c.Architecture = "arm64" },
			"the function is for x86_64 and the image for arm64; publish it for the function, under another commit or with --force: bin/ci publish --platform linux/amd64"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.targets[2].Repository = c.repository
			w.targets[2].Digest = w.images.add(t, c.repository, name, c.change)

			_, err := w.release(t.Context(), t)

			require.ErrorContains(t, err, "Select (select): ")
			require.ErrorContains(t, err, c.want)
			assert.True(t, strings.HasSuffix(err.Error(), "\nno function was changed"))
			assert.Empty(t, w.aws.Calls(update))
		})
	}
}

// Everything that prevents a release is reported at once.
func TestPreflightTellsAll(t *testing.T) {
	w := newWorld(t)
	w.aws.Remove("Api")
	w.aws.Change("Thumb", func(f *lambdafake.Function) { f.PackageType = "Zip" })

	_, err := w.release(t.Context(), t)

	require.EqualError(t, err, "Api (api): the function does not exist; create it once, with package type Image, or correct `lambda` in its image.json: "+
		"GetFunction Api: ResourceNotFoundException: Function not found: arn:aws:lambda:eu-central-1:123456789012:function:Api\n"+
		"Thumb (thumb): the function's package type is Zip, which cannot be changed; delete the function and create it again with package type Image\n"+
		"no function was changed")
}

// A deployment repairs a function whose image was deleted. A warning says that it cannot
// be rolled back.
func TestTheImageThatRunsIsGone(t *testing.T) {
	w := newWorld(t)
	w.images.remove(w.old[1])
	w.aws.Change("Enhance", func(f *lambdafake.Function) { f.State, f.Reason = "Failed", "The image was deleted" })
	r := w.releaser(t)

	p, err := r.Preflight(t.Context(), w.targets)
	require.NoError(t, err)
	for _, planned := range p.Results() {
		assert.Equal(t, deploy.Planned, planned.State, planned.Image)
	}
	assert.Equal(t, "the image that it runs, "+deploy.Short(w.old[1])+", is gone from "+repository+": it cannot be rolled back if the release fails", p.Results()[1].Warning)
	_, err = r.Run(t.Context(), p)

	require.NoError(t, err)
	assert.Equal(t, w.new, w.running())
	require.NoError(t, r.MarkLive(t.Context(), p.Results()))
	for n, image := range images {
		digest, ok, err := w.images.Digest(t.Context(), repository, reference.LiveTag(image, w.o.Side))
		require.NoError(t, err)
		assert.True(t, ok)
		assert.Equal(t, w.new[n], digest.String())
	}
}

// The whole output of a release that could not roll back two functions.
func TestTheStoryOfAMixture(t *testing.T) {
	w := newWorld(t)
	w.o.Parallel = 1
	w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
		switch {
		case c.Operation != update || c.DryRun:
			return lambdafake.Reply{}
		case c.Function == "Thumb":
			return lambdafake.Reply{Fail: "InvalidImage: no entrypoint"}
		case c.Function == "Enhance" && c.Count > 1:
			return denied
		default:
			return lambdafake.Reply{}
		}
	}
	w.aws.Change("Thumb", func(f *lambdafake.Function) { f.State = "Active" })

	_, err := w.release(t.Context(), t)

	require.EqualError(t, err, "deploy thumb (Thumb): LastUpdateStatus is Failed: InvalidImage: no entrypoint\n"+
		"2 functions could NOT be rolled back:\n"+
		"Enhance (enhance), which ran "+deploy.Short(w.old[1])+": UpdateFunctionCode Enhance: AccessDeniedException: as the test wants\n"+
		"  type: aws lambda update-function-code --region eu-central-1 --function-name Enhance --image-uri "+repository+"@"+w.old[1]+"\n"+
		"Thumb (thumb), which ran "+deploy.Short(w.old[3])+": it was rolled back 3 times; LastUpdateStatus is Failed: InvalidImage: no entrypoint\n"+
		"  type: aws lambda update-function-code --region eu-central-1 --function-name Thumb --image-uri "+repository+"@"+w.old[3])
}

// Lambda knows a repository by one name only, whatever name the registry is used by.
func TestTheNameThatLambdaGets(t *testing.T) {
	for _, host := range []string{"123456789012.dkr.ecr-fips.eu-central-1.amazonaws.com", "123456789012.dkr-ecr.eu-central-1.on.aws"} {
		t.Run(host, func(t *testing.T) {
			w := newWorld(t)
			named := host + "/team-a/lambda-private-light"
			w.targets[2].Repository = named
			w.targets[2].Digest = w.images.add(t, named, "new", nil)
			w.aws.HasImage = func(uri string) bool {
				return w.images.has(strings.Replace(uri, "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team-a", host+"/team-a", 1))
			}

			_, err := w.release(t.Context(), t)

			require.NoError(t, err)
			for _, call := range w.aws.Calls(update) {
				if call.Function == w.targets[2].Lambda {
					assert.Equal(t, "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team-a/lambda-private-light@"+w.targets[2].Digest, call.URI)
				}
			}
		})
	}
}
