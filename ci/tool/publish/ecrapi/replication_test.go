package ecrapi

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/publish/awsauth"
	"lambdas.internal/ci/tool/publish/reference"
)

const (
	home   = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
	second = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
)

func TestWhatIsReplicated(t *testing.T) {
	to := func(account string, regions ...string) (all []ecrtypes.ReplicationDestination) {
		for _, region := range regions {
			all = append(all, ecrtypes.ReplicationDestination{Region: aws.String(region), RegistryId: aws.String(account)})
		}
		return all
	}
	filter := func(kind ecrtypes.RepositoryFilterType, prefix string) ecrtypes.RepositoryFilter {
		return ecrtypes.RepositoryFilter{Filter: aws.String(prefix), FilterType: kind}
	}
	const own, prefix = "123456789012", ecrtypes.RepositoryFilterTypePrefixMatch
	for name, test := range map[string]struct {
		rules       []ecrtypes.ReplicationRule
		from, other string
		want        bool
	}{
		"no rule":               {nil, home + "/a", second + "/a", false},
		"all repositories":      {[]ecrtypes.ReplicationRule{{Destinations: to(own, "us-west-2", "us-east-1")}}, home + "/a", second + "/a", true},
		"to another region":     {[]ecrtypes.ReplicationRule{{Destinations: to(own, "us-west-2")}}, home + "/a", second + "/a", false},
		"to another account":    {[]ecrtypes.ReplicationRule{{Destinations: to("999999999999", "us-east-1")}}, home + "/a", second + "/a", false},
		"by a filter":           {[]ecrtypes.ReplicationRule{{Destinations: to(own, "us-east-1"), RepositoryFilters: []ecrtypes.RepositoryFilter{filter(prefix, "b"), filter(prefix, "team/a")}}}, home + "/team/api", second + "/team/api", true},
		"not by a filter":       {[]ecrtypes.ReplicationRule{{Destinations: to(own, "us-east-1"), RepositoryFilters: []ecrtypes.RepositoryFilter{filter(prefix, "api")}}}, home + "/team/api", second + "/team/api", false},
		"by the second rule":    {[]ecrtypes.ReplicationRule{{Destinations: to(own, "us-west-2")}, {Destinations: to(own, "us-east-1")}}, home + "/a", second + "/a", true},
		"a filter of a new day": {[]ecrtypes.ReplicationRule{{Destinations: to(own, "us-east-1"), RepositoryFilters: []ecrtypes.RepositoryFilter{filter("WILDCARD", "a")}}}, home + "/a", second + "/a", false},
		"another repository":    {[]ecrtypes.ReplicationRule{{Destinations: to(own, "us-east-1")}}, home + "/a", second + "/b", false},
		"the wrong way":         {[]ecrtypes.ReplicationRule{{Destinations: to(own, "eu-central-1")}}, second + "/a", home + "/a", false},
		"no registry of ECR":    {[]ecrtypes.ReplicationRule{{Destinations: to(own, "us-east-1")}}, home + "/a", "127.0.0.1:1/a", false},
	} {
		t.Run(name, func(t *testing.T) {
			from, ok := reference.ParseECR(home)
			require.True(t, ok)
			assert.Equal(t, test.want, Replication{from, test.rules}.Carries(test.from, test.other))
			assert.False(t, Replication{}.Carries(test.from, test.other), "nothing is known")
		})
	}
}

func TestWaitingForReplication(t *testing.T) {
	const digest = "sha256:1"
	for name, test := range map[string]struct {
		replication awsfake.Replication
		failure     awsfake.Failure
		before      bool // the image was pushed before the rules were set
		unseen      int
		looks       int // before the time has passed
		want        string
	}{
		"done":              {replication: awsfake.Replication{Rules: []awsfake.Rule{{Regions: []string{"us-east-1"}}}}},
		"done after looks":  {replication: awsfake.Replication{Rules: []awsfake.Rule{{Regions: []string{"us-east-1"}}}, Looks: 3}, looks: 9},
		"failed":            {replication: awsfake.Replication{Rules: []awsfake.Rule{{Regions: []string{"us-east-1"}}}, Broken: map[string]string{"us-east-1": "X"}}, want: "its replication is FAILED: X"},
		"too slow":          {replication: awsfake.Replication{Rules: []awsfake.Rule{{Regions: []string{"us-east-1"}}}, Looks: 9}, looks: 3, want: "its replication is IN_PROGRESS after the time of --replication-timeout"},
		"to another region": {replication: awsfake.Replication{Rules: []awsfake.Rule{{Regions: []string{"us-west-2"}}}}, looks: 9, unseen: 5, want: "ECR does not replicate it: it replicates what is pushed after that was set"},
		"from before":       {before: true, looks: 9, want: "ECR does not replicate it: it replicates what is pushed after that was set"},
		"not begun":         {before: true, unseen: 5, looks: 2, want: "its replication has not begun in time"},
		"denied":            {failure: awsfake.AccessDenied, looks: 9, want: "it is unknown how far its replication is: the caller needs ecr:DescribeImageReplicationStatus: compare its policy with docs/aws"},
		"refused":           {failure: awsfake.Failure{Status: 400, Code: "ValidationException", Message: "not now"}, looks: 9, want: "it is unknown how far its replication is: ValidationException: not now"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := awsfake.New(t)
			fake.Regional, fake.Replication = true, test.replication
			fake.Replication.Copy = func(string, string, string, []string) {}
			fake.Add(awsfake.Private, "a")
			if test.before {
				fake.Add(awsfake.Private, "a", awsfake.Image{Digest: digest})
			}
			s, err := awsauth.New(t.Context(), "")
			require.NoError(t, err)
			r := &Registry{Private: s.ECR, Public: s.Public, Hosts: reference.Hosts{Private: home, Copies: []string{second}}}
			pushed := digest
			if !test.before {
				pushed = fake.Push("a", "x-1")
			}
			if test.failure.Status != 0 {
				fake.Fail("ecr.DescribeImageReplicationStatus", test.failure)
			}

			got := r.Replicated(t.Context(), home+"/a", second+"/a", pushed, test.unseen, func(context.Context) error {
				if test.looks--; test.looks < 0 {
					return errors.New("the time has passed")
				}
				return nil
			})

			assert.Equal(t, test.want, got)
		})
	}
}
