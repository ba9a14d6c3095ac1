package awsauth

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
)

// realAWS returns a session whose services have AWS's own names, and are the stand-in.
func realAWS(t *testing.T) (*awsfake.AWS, *Session) {
	t.Helper()
	aws := awsfake.New(t)
	t.Setenv("AWS_ENDPOINT_URL", "")
	s, err := New(t.Context(), "", routed(t, aws))
	require.NoError(t, err)
	return aws, s
}

// routed brings every request, to whatever name, to the stand-in.
func routed(t *testing.T, aws *awsfake.AWS) config.LoadOptionsFunc {
	t.Helper()
	to, err := url.Parse(aws.URL)
	require.NoError(t, err)
	plain := awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
		tr.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", to.Host)
		}
	})
	return config.WithHTTPClient(plain)
}

// dockerLogin makes Docker's logins those of the file.
func dockerLogin(t *testing.T, content string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(content), 0o600))
	t.Setenv("DOCKER_CONFIG", dir)
}

// listener is a registry that asks for a login and writes down what it gets.
type listener struct {
	host      string
	challenge string
	mu        sync.Mutex
	got       []string
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, r.Header["Authorization"]...)
	w.Header().Set("WWW-Authenticate", l.challenge)
	w.WriteHeader(http.StatusUnauthorized)
}

func newListener(t *testing.T) *listener {
	t.Helper()
	l := &listener{challenge: `Basic realm="x"`}
	s := httptest.NewServer(l)
	t.Cleanup(s.Close)
	l.host = s.Listener.Addr().String()
	return l
}

func client(h reference.Hosts, s *Session, transport http.RoundTripper) *registry.Client {
	return registry.NewClient(registry.Options{
		Keychain: s.Keychain(h), Transport: transport, Retry: &registry.Retry{Attempts: 1, First: time.Millisecond, Longest: time.Millisecond},
	})
}

// What any program on this machine could do: listen, and wait for a token of AWS.
func TestAListenerOnThisMachineGetsNoTokenOfAWS(t *testing.T) {
	dockerLogin(t, `{}`)
	aws, s := realAWS(t)
	_, err := s.Account(t.Context())
	require.NoError(t, err)
	for title, hosts := range map[string]func(host string) reference.Hosts{
		"private": func(host string) reference.Hosts {
			return reference.Hosts{Private: host + "/x", Public: "public.ecr.aws/alias"}
		},
		"public": func(host string) reference.Hosts {
			return reference.Hosts{Private: "123456789012.dkr.ecr.eu-central-1.amazonaws.com", Public: host + "/x"}
		},
	} {
		t.Run(title, func(t *testing.T) {
			l := newListener(t)
			_, _, err := client(hosts(l.host), s, nil).Digest(t.Context(), l.host+"/x/y", "z")
			require.Error(t, err)
			assert.Empty(t, l.got)
			assert.Empty(t, aws.Passwords(), "AWS was not even asked")
		})
	}
}

func TestWhichHostGetsWhichToken(t *testing.T) {
	const private, public = "ecr.GetAuthorizationToken", "ecrpublic.GetAuthorizationToken"
	const account = "123456789012"
	tests := map[string]struct {
		hosts reference.Hosts
		at    string // the registry that is asked, with its path
		token string // the call that gave it, or ""
	}{
		"private":                    {reference.Hosts{Private: account + ".dkr.ecr.eu-central-1.amazonaws.com"}, account + ".dkr.ecr.eu-central-1.amazonaws.com", private},
		"private with a path":        {reference.Hosts{Private: account + ".dkr.ecr.eu-central-1.amazonaws.com/p"}, account + ".dkr.ecr.eu-central-1.amazonaws.com/p", private},
		"another path":               {reference.Hosts{Private: account + ".dkr.ecr.eu-central-1.amazonaws.com/p"}, account + ".dkr.ecr.eu-central-1.amazonaws.com/q", ""},
		"FIPS":                       {reference.Hosts{Private: account + ".dkr.ecr-fips.eu-central-1.amazonaws.com"}, account + ".dkr.ecr-fips.eu-central-1.amazonaws.com", private},
		"dual-stack":                 {reference.Hosts{Private: account + ".dkr-ecr.eu-central-1.on.aws"}, account + ".dkr-ecr.eu-central-1.on.aws", private},
		"China":                      {reference.Hosts{Private: account + ".dkr.ecr.eu-central-1.amazonaws.com.cn"}, account + ".dkr.ecr.eu-central-1.amazonaws.com.cn", private},
		"iso":                        {reference.Hosts{Private: account + ".dkr.ecr.eu-central-1.c2s.ic.gov"}, account + ".dkr.ecr.eu-central-1.c2s.ic.gov", private},
		"another account":            {reference.Hosts{Private: "999999999999.dkr.ecr.eu-central-1.amazonaws.com"}, "999999999999.dkr.ecr.eu-central-1.amazonaws.com", private},
		"a lookalike":                {reference.Hosts{Private: account + ".dkr.ecr.eu-central-1.amazonaws.com.evil.example"}, account + ".dkr.ecr.eu-central-1.amazonaws.com.evil.example", ""},
		"a lookalike in front":       {reference.Hosts{Private: "evil.example." + account + ".dkr.ecr.eu-central-1.amazonaws.com"}, "evil.example." + account + ".dkr.ecr.eu-central-1.amazonaws.com", ""},
		"no dots":                    {reference.Hosts{Private: account + ".dkr.ecr.eu-central-1.amazonawsxcom"}, account + ".dkr.ecr.eu-central-1.amazonawsxcom", ""},
		"region with a dot":          {reference.Hosts{Private: account + ".dkr.ecr.evil.example.amazonaws.com"}, account + ".dkr.ecr.evil.example.amazonaws.com", ""},
		"not an account":             {reference.Hosts{Private: "bucket.dkr.ecr.eu-central-1.amazonaws.com"}, "bucket.dkr.ecr.eu-central-1.amazonaws.com", ""},
		"another service":            {reference.Hosts{Private: "bucket.s3.eu-central-1.amazonaws.com"}, "bucket.s3.eu-central-1.amazonaws.com", ""},
		"a port":                     {reference.Hosts{Private: account + ".dkr.ecr.eu-central-1.amazonaws.com:8443"}, account + ".dkr.ecr.eu-central-1.amazonaws.com:8443", ""},
		"private named public":       {reference.Hosts{Private: "public.ecr.aws/alias"}, "public.ecr.aws/alias", ""},
		"any other host":             {reference.Hosts{Private: "registry.example"}, "registry.example", ""},
		"a host in the network":      {reference.Hosts{Private: "10.0.0.1:5000"}, "10.0.0.1:5000", ""},
		"localhost":                  {reference.Hosts{Private: "localhost:5000"}, "localhost:5000", ""},
		"IPv6":                       {reference.Hosts{Private: "[::1]:5000"}, "[::1]:5000", ""},
		"public":                     {reference.Hosts{Public: "public.ecr.aws/alias"}, "public.ecr.aws/alias", public},
		"public, dual-stack":         {reference.Hosts{Public: "ecr-public.aws.com/alias"}, "ecr-public.aws.com/alias", public},
		"public, dual-stack, not so": {reference.Hosts{Public: "ecr-public.aws.com.evil.example/alias"}, "ecr-public.aws.com.evil.example/alias", ""},
		"public dual-stack, private": {reference.Hosts{Private: "ecr-public.aws.com/alias"}, "ecr-public.aws.com/alias", ""},
		"public, another alias":      {reference.Hosts{Public: "public.ecr.aws/alias"}, "public.ecr.aws/aliased", ""},
		"public, a lookalike":        {reference.Hosts{Public: "public.ecr.aws.evil.example/alias"}, "public.ecr.aws.evil.example/alias", ""},
		"public, a port":             {reference.Hosts{Public: "public.ecr.aws:8443/alias"}, "public.ecr.aws:8443/alias", ""},
		"public named private":       {reference.Hosts{Public: account + ".dkr.ecr.eu-central-1.amazonaws.com"}, account + ".dkr.ecr.eu-central-1.amazonaws.com", ""},
		"public, any other host":     {reference.Hosts{Public: "registry.example/alias"}, "registry.example/alias", ""},
		"public, this machine":       {reference.Hosts{Public: "127.0.0.1:5000/alias"}, "127.0.0.1:5000/alias", ""},
		"private below public":       {reference.Hosts{Public: "public.ecr.aws", Private: "public.ecr.aws/alias"}, "public.ecr.aws/alias", ""},
		"Docker's login, private":    {reference.Hosts{Private: "docker.example/x"}, "docker.example/x", "docker"},
		"Docker's login, public":     {reference.Hosts{Public: "docker.example/x"}, "docker.example/x", "docker"},
		"Docker's login, loopback":   {reference.Hosts{Private: "127.0.0.1:7601/x"}, "127.0.0.1:7601/x", "docker"},
		"Docker's login, not named":  {reference.Hosts{}, "docker.example/x", "docker"},
		"Docker's login, other path": {reference.Hosts{Public: "public.ecr.aws/alias"}, "public.ecr.aws/alias2", ""},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			dockerLogin(t, `{"auths":{"docker.example":{"username":"me","password":"docker"},"127.0.0.1:7601":{"username":"me","password":"docker"}}}`)
			aws, s := realAWS(t)
			assert.Equal(t, test.token, given(t, aws, s, test.hosts, test.at))
		})
	}
}

// given returns the call that gave the password for a registry: of AWS, "docker", or "".
func given(t *testing.T, aws *awsfake.AWS, s *Session, hosts reference.Hosts, at string) string {
	t.Helper()
	repo, err := name.NewRepository(at + "/lambda-light")
	require.NoError(t, err)
	auth, err := s.Keychain(hosts).Resolve(repo)
	require.NoError(t, err)
	login, err := auth.Authorization()
	require.NoError(t, err)
	if len(aws.Passwords()) == 0 {
		assert.Empty(t, aws.Calls(""))
		return login.Password
	}
	assert.Equal(t, aws.Passwords()[0], login.Password)
	return aws.Calls("")[0].Operation
}

// A stand-in for one service of AWS gives tokens for that service's registry alone.
func TestStandInsGiveTokensForThisMachine(t *testing.T) {
	const private, public = "ecr.GetAuthorizationToken", "ecrpublic.GetAuthorizationToken"
	hosts := reference.Hosts{Private: "127.0.0.1:1", Public: "127.0.0.1:1/public"}
	far := "http://stand-in.example"
	file := filepath.Join(t.TempDir(), "config")
	tests := map[string]struct {
		set             func(url string) map[string]string
		private, public string
	}{
		"all":       {func(url string) map[string]string { return map[string]string{"AWS_ENDPOINT_URL": url} }, private, public},
		"none":      {func(string) map[string]string { return map[string]string{"AWS_ENDPOINT_URL": ""} }, "", ""},
		"elsewhere": {func(string) map[string]string { return map[string]string{"AWS_ENDPOINT_URL": far} }, "", ""},
		"ECR": {func(url string) map[string]string {
			return map[string]string{"AWS_ENDPOINT_URL": far, "AWS_ENDPOINT_URL_ECR": url}
		}, private, ""},
		"ECR Public": {func(url string) map[string]string {
			return map[string]string{"AWS_ENDPOINT_URL": far, "AWS_ENDPOINT_URL_ECR_PUBLIC": url}
		}, "", public},
		"all but ECR": {func(url string) map[string]string {
			return map[string]string{"AWS_ENDPOINT_URL": url, "AWS_ENDPOINT_URL_ECR": far}
		}, "", public},
		"a lookalike": {func(string) map[string]string {
			return map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1.example"}
		}, "", ""},
		"told not to": {func(url string) map[string]string {
			return map[string]string{"AWS_ENDPOINT_URL_ECR": url, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_ENDPOINT_URL": ""}
		}, "", ""},
		"in the file": {func(url string) map[string]string {
			require.NoError(t, os.WriteFile(file, []byte("[default]\nservices = here\n[services here]\necr =\n  endpoint_url = "+url+"\n"), 0o600))
			return map[string]string{"AWS_CONFIG_FILE": file, "AWS_ENDPOINT_URL": "unset"}
		}, private, ""},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			dockerLogin(t, `{}`)
			for tier, want := range map[string]string{"": test.private, "/public": test.public} {
				aws := awsfake.New(t)
				for key, value := range test.set(aws.URL) {
					t.Setenv(key, value)
					if value == "unset" {
						require.NoError(t, os.Unsetenv(key))
					}
				}
				s, err := New(t.Context(), "")
				require.NoError(t, err)
				assert.Equal(t, want, given(t, aws, s, hosts, hosts.Private+tier), tier)
			}
		})
	}
}

// Lambda takes images from its own region only, and the repositories are looked for there.
func TestAnotherRegion(t *testing.T) {
	aws, s := realAWS(t)
	for _, host := range []string{"123456789012.dkr.ecr.us-west-2.amazonaws.com", "123456789012.dkr-ecr.us-west-2.on.aws"} {
		_, _, err := client(reference.Hosts{Private: host}, s, nil).Digest(t.Context(), host+"/x", "y")
		require.EqualError(t, err, "look up y in "+host+"/x: log in to "+host+": it is in us-west-2, and the AWS region is eu-central-1; pass --region us-west-2")
	}
	_, err := s.Runs(reference.Hosts{Private: "123456789012.dkr.ecr.us-west-2.amazonaws.com/x", Public: "public.ecr.aws/alias"})
	require.EqualError(t, err, "use the private registry 123456789012.dkr.ecr.us-west-2.amazonaws.com/x: it is in us-west-2, and the AWS region is eu-central-1; pass --region us-west-2")
	assert.Empty(t, aws.Passwords())
}

func TestWhichRegistriesAWSRuns(t *testing.T) {
	_, s := realAWS(t)
	const private, public = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/x", "public.ecr.aws/alias"
	for given, want := range map[*reference.Hosts]reference.Hosts{
		{Private: private, Public: public}:             {Private: private, Public: public},
		{Private: "127.0.0.1:1/x", Public: public}:     {Public: public},
		{Private: private, Public: "registry.example"}: {Private: private},
	} {
		got, err := s.Runs(*given)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

// A registry says where its token server is; that of ECR Public is on the same host.
func TestATokenOfAWSGoesToNoTokenServerElsewhere(t *testing.T) {
	const host = "public.ecr.aws"
	for realm, want := range map[string]bool{
		"https://" + host + "/token/":              true,
		"https://evil.example/token/":              false,
		"https://" + host + ".evil.example/token/": false,
		"https://" + host + "@evil.example/token/": false,
		"https://" + host + ":8443/token/":         false,
	} {
		t.Run(realm, func(t *testing.T) {
			aws, s := realAWS(t)
			l := &listener{challenge: `Bearer realm="` + realm + `",service="` + host + `"`}
			server := httptest.NewTLSServer(l)
			defer server.Close()
			network := &http.Transport{
				TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
				DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
				},
			}
			_, _, err := client(reference.Hosts{Public: host + "/alias"}, s, network).Digest(t.Context(), host+"/alias/x", "y")
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "nobody-may-see")
			assert.Len(t, aws.Passwords(), 1)
			assert.Equal(t, want, len(l.got) > 0, err)
			assert.Equal(t, want, !strings.Contains(err.Error(), "is not sent to"), err)
		})
	}
}

func TestCheckHosts(t *testing.T) {
	const private = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
	tests := map[string]struct {
		hosts reference.Hosts
		err   string
	}{
		"the defaults":          {reference.Hosts{Private: private, Public: "public.ecr.aws/alias"}, ""},
		"this machine":          {reference.Hosts{Private: "127.0.0.1:1", Public: "127.0.0.1:1/public"}, ""},
		"any registry":          {reference.Hosts{Private: "Registry.example:5000/X", Public: "public.ecr.aws.example"}, ""},
		"private is public":     {reference.Hosts{Private: "public.ecr.aws/alias"}, `--private-registry: "public.ecr.aws/alias" is ECR Public, where everyone can read; pass ACCOUNT.dkr.ecr.REGION.amazonaws.com, or leave it out for your account's`},
		"public is private":     {reference.Hosts{Public: private}, `--public-registry: "` + private + `" is a private registry of ECR; pass public.ecr.aws/ALIAS, or leave it out for your account's`},
		"public is private too": {reference.Hosts{Public: "123456789012.dkr-ecr.eu-central-1.on.aws/x"}, `is a private registry of ECR`},
		"private is dual-stack": {reference.Hosts{Private: "ecr-public.aws.com/alias"}, `--private-registry: "ecr-public.aws.com/alias" is ECR Public, where everyone can read`},
		"no alias":              {reference.Hosts{Public: "public.ecr.aws"}, `--public-registry: "public.ecr.aws" is without the alias of an account; write public.ecr.aws/ALIAS, or leave it out for your account's`},
		"both private":          {reference.Hosts{Private: private, Public: private}, `--public-registry: `},
		"both public":           {reference.Hosts{Private: "public.ecr.aws/a", Public: "public.ecr.aws/a"}, `--private-registry: `},
		"capitals":              {reference.Hosts{Private: "Public.ECR.aws/alias"}, `--private-registry: "Public.ECR.aws" is a name of AWS in another spelling; write public.ecr.aws`},
		"a dot at the end":      {reference.Hosts{Private: private + "./x"}, `--private-registry: "` + private + `." is a name of AWS in another spelling; write ` + private},
		"a port":                {reference.Hosts{Public: "public.ecr.aws:443/alias"}, `--public-registry: "public.ecr.aws:443" is a name of AWS in another spelling; write public.ecr.aws`},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			err := CheckHosts(test.hosts)
			if test.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.err)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}
