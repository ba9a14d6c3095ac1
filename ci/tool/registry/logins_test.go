package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/report"
)

func dockerSettings(t *testing.T, content string) (file string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	file = filepath.Join(dir, "config.json")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

// What is wrong with Docker's settings says nothing about a registry: it is no reason to take
// another base, or to look for a login elsewhere.
func TestDockerSettingsThatAreWrong(t *testing.T) {
	host, count := server(t)
	for title, test := range map[string]struct{ settings, message, fix string }{
		"not JSON":            {`{"auths":`, "parsing config file", "; repair that file, or set DOCKER_CONFIG to another folder"},
		"another type":        {`{"auths":[]}`, "parsing config file", "; repair that file, or set DOCKER_CONFIG to another folder"},
		"a login not base64":  {`{"auths":{"` + host + `":{"auth":"§"}}}`, "parsing config file", "; repair that file, or set DOCKER_CONFIG to another folder"},
		"no helper":           {`{"credsStore":"gone"}`, `exec: "docker-credential-gone": executable file not found`, "; install or repair this credential helper, or take it out of credsStore and credHelpers in "},
		"no helper, one host": {`{"credHelpers":{"` + host + `":"gone"}}`, `exec: "docker-credential-gone": executable file not found`, "; install or repair this credential helper"},
	} {
		t.Run(title, func(t *testing.T) {
			file := dockerSettings(t, test.settings)
			_, digest := Digest(t.Context(), host+"/base:1")
			_, _, client := NewClient(Options{}).Digest(t.Context(), host+"/base", "1")
			_, image := Image(t.Context(), host+"/base:1", v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}, v1.Platform{})
			for _, err := range []error{digest, client, image} {
				require.ErrorContains(t, err, "read Docker's logins for "+host+": ")
				require.ErrorContains(t, err, test.message)
				require.ErrorContains(t, err, test.fix)
				require.ErrorContains(t, err, file)
				assert.NotContains(t, err.Error(), "\n")
				assert.False(t, Unreachable(err))
				assert.False(t, Passing(err))
			}
		})
	}
	assert.Zero(t, count.Load(), "the registry was not asked")
}

func TestAHelperThatFails(t *testing.T) {
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "docker-credential-locked"), []byte("#!/bin/sh\necho 'the keychain is\nlocked'\nexit 1\n"), 0o755))
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	dockerSettings(t, `{"credsStore":"locked"}`)
	_, err := Digest(t.Context(), "registry.invalid/base:1")
	require.ErrorContains(t, err, "the keychain is locked")
	require.ErrorContains(t, err, "; install or repair this credential helper")
	assert.NotContains(t, err.Error(), "\n")
}

// public is a registry that everybody may read, and that refuses a login that has expired. Its
// answers are those of ECR Public: the token server refuses, or the registry.
func public(t *testing.T, status int) (host string, with, without *atomic.Int64) {
	t.Helper()
	with, without = new(atomic.Int64), new(atomic.Int64)
	manifest := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:` +
		strings.Repeat("0", 64) + `","size":2},"layers":[]}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _, basic := r.BasicAuth()
		switch {
		case basic:
			with.Add(1)
			w.WriteHeader(status)
			fmt.Fprint(w, `{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate and try again."}]}`)
		case r.URL.Path == "/token":
			without.Add(1)
			fmt.Fprint(w, `{"token":"anyone"}`)
		case r.Header.Get("Authorization") != "Bearer anyone":
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			w.Header().Set("Content-Length", fmt.Sprint(len(manifest)))
			digest, _, _ := v1.SHA256(strings.NewReader(manifest))
			w.Header().Set("Docker-Content-Digest", digest.String())
			_, _ = io.WriteString(w, manifest)
		}
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), with, without
}

// A login for ECR Public ends after 12 hours, and Docker keeps it. Everybody may pull from there.
func TestALoginThatHasExpiredIsNotNeeded(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			host, with, without := public(t, status)
			dockerSettings(t, fmt.Sprintf(`{"auths":{%q:{"username":"AWS","password":"the-password-that-nobody-may-see"}}}`, host))
			var told bytes.Buffer
			ctx, done := report.NewProgress(&told).Start(t.Context(), "base")
			digest, err := Digest(ctx, host+"/base:1")
			require.NoError(t, err)
			refused := with.Load()
			_, err = Image(ctx, host+"/base:1", digest, v1.Platform{})
			require.NoError(t, err)
			done(nil)
			assert.Equal(t, refused, with.Load(), "it is not tried again")
			assert.EqualValues(t, 2, without.Load())
			assert.Equal(t, "ci: warning: "+host+" does not accept Docker's login, which may have expired; it is read without one; to end this: docker logout "+host+"\n", told.String())
		})
	}
}

// A registry that needs a login gets no better without one.
func TestALoginThatIsNeeded(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	dockerSettings(t, fmt.Sprintf(`{"auths":{%q:{"username":"me","password":"old"}}}`, host))
	_, err := Digest(t.Context(), host+"/base:1")
	require.ErrorContains(t, err, "the registry does not accept the login, or the login has no permission for this: log in again with docker login "+host)
	dockerSettings(t, `{}`)
	_, err = Digest(t.Context(), host+"/base:1")
	require.ErrorContains(t, err, "there is no login for "+host+": log in with docker login "+host)
}

// A registry that is busy or broken is asked again, also for the image itself.
func TestABusyRegistryIsAskedAgain(t *testing.T) {
	dockerSettings(t, `{}`)
	before := pullRetry
	t.Cleanup(func() { pullRetry = before })
	pullRetry.First, pullRetry.Longest = time.Millisecond, time.Millisecond
	for _, status := range []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			busy := func(w http.ResponseWriter) { w.WriteHeader(status) }
			host, count := server(t, busy, busy, busy, busy, busy)
			_, err := Digest(t.Context(), host+"/base:1")
			require.ErrorContains(t, err, "gave up after 4 attempts")
			assert.EqualValues(t, 4, count.Load())
			assert.False(t, Unreachable(err))
			assert.True(t, Passing(err))
			host, count = server(t, busy, busy)
			_, err = Digest(t.Context(), host+"/base:1")
			assert.True(t, NotFound(err), err)
			assert.EqualValues(t, 3, count.Load())
		})
	}
}

func TestWhatIsNoWayToARegistry(t *testing.T) {
	dockerSettings(t, `{}`)
	before := pullRetry
	t.Cleanup(func() { pullRetry = before })
	pullRetry.First, pullRetry.Longest = time.Millisecond, time.Millisecond
	tcp := func(serve func(net.Conn)) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				serve(c)
			}
		}()
		return l.Addr().String()
	}
	for title, test := range map[string]struct {
		host        string
		unreachable bool
		passing     bool
		message     string
	}{
		"an unknown name": {"registry.invalid", true, false, ""},
		"nothing listens": {"127.0.0.1:1", true, true, "connection refused"},
		"it hangs up":     {tcp(func(c net.Conn) { c.Close() }), false, true, "gave up after 4 attempts"},
		"it does not speak HTTP": {tcp(func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1<<10)) // the answer comes after the request
			_, _ = io.WriteString(c, "220 mail\r\n")
			c.Close()
		}), false, false, "malformed HTTP"},
	} {
		t.Run(title, func(t *testing.T) {
			_, err := Digest(t.Context(), test.host+"/base:1")
			require.ErrorContains(t, err, test.message)
			assert.Equal(t, test.unreachable, Unreachable(err), err)
			assert.Equal(t, test.passing, Passing(err), err)
			_, _, err = NewClient(Options{Retry: &Retry{Attempts: 4, First: time.Millisecond, Longest: time.Millisecond}}).Digest(t.Context(), test.host+"/base", "1")
			assert.Equal(t, test.unreachable, strings.HasSuffix(err.Error(), "; check the network, the proxy and the name of the registry"), err)
		})
	}
}

// over makes pulls use the transport.
func over(t *testing.T, transport *http.Transport) {
	before := network
	t.Cleanup(func() { network = before })
	network = func() http.RoundTripper { return telling(transport) }
}

// A registry whose certificate nobody here knows may be another.
func TestAnUnknownCertificate(t *testing.T) {
	dockerSettings(t, `{}`)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	over(t, &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.Listener.Addr().String())
	}})
	_, err := Digest(t.Context(), "public.ecr.aws/base:1")
	require.ErrorContains(t, err, "failed to verify certificate")
	require.ErrorContains(t, err, "; check the name of the registry; if a proxy here signs its own certificates, name the file with its CA in SSL_CERT_FILE")
	assert.False(t, Unreachable(err))
	assert.False(t, Passing(err))
}

// A proxy that makes no connection is no way to a registry. Its answer is not the registry's.
func TestAProxyThatRefuses(t *testing.T) {
	dockerSettings(t, `{}`)
	for _, status := range []int{http.StatusForbidden, http.StatusProxyAuthRequired, http.StatusBadGateway} {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(proxy.Close)
		at, err := url.Parse(proxy.URL)
		require.NoError(t, err)
		over(t, &http.Transport{Proxy: http.ProxyURL(at)})
		_, err = Digest(t.Context(), "public.ecr.aws/base:1")
		require.ErrorContains(t, err, fmt.Sprintf("the proxy %s answers: %d ", at.Host, status))
		assert.True(t, Unreachable(err))
	}
	for title, proxy := range map[string]*url.URL{
		"no proxy is there":       {Scheme: "http", Host: "127.0.0.1:1"},
		"no SOCKS proxy is there": {Scheme: "socks5", Host: "127.0.0.1:1"},
		"a SOCKS proxy refuses":   {Scheme: "socks5", Host: socks(t)},
	} {
		over(t, &http.Transport{Proxy: http.ProxyURL(proxy)})
		_, err := Digest(t.Context(), "public.ecr.aws/base:1")
		require.Error(t, err)
		assert.True(t, Unreachable(err), "%s: %v", title, err)
	}
}

// socks is a SOCKS proxy that allows no connection (RFC 1928).
func socks(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			question := make([]byte, 512)
			_, _ = c.Read(question)
			_, _ = c.Write([]byte{5, 0})
			_, _ = c.Read(question)
			_, _ = c.Write([]byte{5, 2, 0, 1, 0, 0, 0, 0, 0, 0})
			c.Close()
		}
	}()
	return l.Addr().String()
}
