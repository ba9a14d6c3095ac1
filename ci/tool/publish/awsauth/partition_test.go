package awsauth

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/publish/reference"
)

// The registry of each partition is one that ECR's token may go to.
func TestPrivateHost(t *testing.T) {
	for region, want := range map[string]struct {
		domain string
		public bool
	}{
		"eu-central-1":    {"amazonaws.com", true},
		"us-gov-west-1":   {"amazonaws.com", false},
		"cn-north-1":      {"amazonaws.com.cn", false},
		"us-iso-east-1":   {"c2s.ic.gov", false},
		"us-isob-east-1":  {"sc2s.sgov.gov", false},
		"eu-isoe-west-1":  {"cloud.adc-e.uk", false},
		"us-isof-south-1": {"csp.hci.ic.gov", false},
		"eusc-de-east-1":  {"amazonaws.eu", false},
		"region":          {"amazonaws.com", true}, // not known yet
		"bad region":      {"amazonaws.com", true},
	} {
		t.Run(region, func(t *testing.T) {
			host := PrivateHost("123456789012", region)
			assert.Equal(t, "123456789012.dkr.ecr."+region+"."+want.domain, host)
			assert.Equal(t, want.public, HasPublic(region))
			assert.Equal(t, region != "bad region", Names(reference.Hosts{Private: host + "/team-a"}))
			if region != "bad region" {
				assert.Equal(t, region, reference.RegionOf(host+"/team-a"))
			}
		})
	}
	assert.True(t, Names(reference.Hosts{Private: "127.0.0.1:1", Public: "public.ecr.aws/alias"}))
	assert.False(t, Names(reference.Hosts{Private: "127.0.0.1:1", Public: "public.ecr.aws.example/alias"}))
}

func TestRegionsOfOnePartition(t *testing.T) {
	for other, regions := range map[string][]string{
		"":               {"eu-central-1", "us-east-1", "ap-southeast-2"},
		"cn-north-1":     {"eu-central-1", "us-east-1", "cn-north-1"},
		"us-gov-west-1":  {"us-east-1", "us-gov-west-1"},
		"us-isob-east-1": {"us-iso-east-1", "us-isob-east-1"},
	} {
		assert.Equal(t, other, OtherPartition(regions))
	}
}
