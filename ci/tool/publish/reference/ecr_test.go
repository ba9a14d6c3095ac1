package reference_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// A namespace is part of the name that the APIs of ECR expect.
func TestRepositoryName(t *testing.T) {
	for hosts, want := range map[*reference.Hosts][2]string{
		{}: {"lambda-private-light", "lambda-light"},
		{Private: "h", Public: "public.ecr.aws/alias"}:                         {"lambda-private-light", "lambda-light"},
		{Private: "h:1/team-a", Public: "public.ecr.aws/alias/team-a"}:         {"team-a/lambda-private-light", "team-a/lambda-light"},
		{Private: "h/org/team-a", Public: "127.0.0.1:1/alias/org/team-a"}:      {"org/team-a/lambda-private-light", "org/team-a/lambda-light"},
		{Private: "127.0.0.1:1", Public: "127.0.0.1:1" /* without an alias */}: {"lambda-private-light", "lambda-light"},
	} {
		assert.Equal(t, want[0], reference.RepositoryName(catalog.Private, hosts.Repository(catalog.Private, catalog.Light)), hosts)
		assert.Equal(t, want[1], reference.RepositoryName(catalog.Public, hosts.Repository(catalog.Public, catalog.Light)), hosts)
	}
}

func TestLoopback(t *testing.T) {
	tests := map[string]bool{
		"127.0.0.1:5000/a": true, "127.8.9.1/a": true, "localhost:5000/a": true, "localhost/a": true, "[::1]:5000/a": true,
		"public.ecr.aws/alias/a": false, "10.0.0.1:5000/a": false, "localhost.example.com/a": false, "127.0.0.1.example.com/a": false,
	}
	for host, loopback := range tests {
		assert.Equal(t, loopback, reference.Loopback(host), host)
	}
}

func TestHosts(t *testing.T) {
	good := "127.0.0.1:5000"
	for host, fine := range map[string]bool{good: true, "public.ecr.aws/alias": true, "": false, "http://x": false, "a b": false, "x:y": false} {
		assert.Equal(t, fine, reference.Hosts{Private: host, Public: good}.Check() == nil, "%q", host)
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
		assert.Equal(t, want, reference.ForLambda(given))
	}
}
