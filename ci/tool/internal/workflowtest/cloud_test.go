//go:build workflows

package workflowtest

import (
	"bufio"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/lambdafake"
	"lambdas.internal/ci/tool/registry/localregistry"
)

const region = lambdafake.Region

// cloud is AWS and the public registries by their real names, behind a proxy for HTTPS.
type cloud struct {
	aws    *awsfake.AWS
	lambda *lambdafake.Fake
	// proxy is for HTTPS_PROXY, and roots a file for SSL_CERT_FILE.
	proxy, roots string

	registries map[string]http.Handler // by name

	mu    sync.Mutex
	hosts []string // that were asked for
	gone  []string // that do not answer
	real  []string // that are not the cloud's
}

// down makes a host refuse connections.
func (c *cloud) down(host string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = append(c.gone, host)
}

// places are the names that the cloud answers. Every other one is reached as it is.
var places = regexp.MustCompile(`(\.amazonaws\.com|\.aws|^public\.ecr\.aws|\.docker\.io|^docker\.io|^api\.osv\.dev|^vuln\.go\.dev):443$`)

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{aws: awsfake.Handler(), lambda: lambdafake.Handler(), registries: map[string]http.Handler{}}
	for _, name := range []string{private, "public.ecr.aws", "index.docker.io"} {
		c.registries[name] = localregistry.Handler(t.TempDir())
	}
	certificate, authority := certificates(t)
	c.roots = filepath.Join(t.TempDir(), "roots.pem")
	roots := append(systemRoots(t), authority...)
	require.NoError(t, os.WriteFile(c.roots, roots, 0o600))

	inside := httptest.NewUnstartedServer(c)
	inside.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	inside.StartTLS()
	t.Cleanup(inside.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := r.Host
		host := strings.TrimSuffix(to, ":443")
		if places.MatchString(to) && !slices.Contains(c.real, host) {
			c.mu.Lock()
			c.hosts = append(c.hosts, host)
			to = inside.Listener.Addr().String()
			if slices.Contains(c.gone, host) {
				to = "127.0.0.1:1" // nobody listens
			}
			c.mu.Unlock()
		}
		tunnel(w, r, to)
	}))
	t.Cleanup(proxy.Close)
	c.proxy = proxy.URL
	return c
}

// private is the name of the account's registry.
const private = awsfake.Account + ".dkr.ecr." + region + ".amazonaws.com"

// asked returns the names of AWS's own services that were asked for since the last call.
func (c *cloud) asked() (services []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, host := range c.hosts {
		if strings.HasSuffix(host, ".amazonaws.com") {
			services = append(services, host)
		}
	}
	c.hosts = nil
	return services
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := strings.TrimSuffix(r.Host, ":443")
	switch images := c.registries[host]; {
	case images != nil:
		if r.Method == http.MethodPut && (c.aws.Pushed(awsfake.Private, "", w, r) || c.aws.Pushed(awsfake.Public, awsfake.Alias+"/", w, r)) {
			return
		}
		images.ServeHTTP(w, r)
	case host == "auth.docker.io" || host == "docker.io":
		http.NotFound(w, r)
	case host == "api.osv.dev":
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"vulns":[{"id":"OSV-2020-1","affected":[{"package":{"ecosystem":"OSS-Fuzz","name":"ffmpeg"},"versions":["n4.0"]}]}]}`)
	case host == "vuln.go.dev":
		content, ok := vulnerabilities[strings.TrimSuffix(r.URL.Path, ".gz")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		compressed := gzip.NewWriter(w)
		io.WriteString(compressed, content)
		compressed.Close()
	case strings.HasPrefix(host, "lambda.") && (strings.HasSuffix(r.URL.Path, "/versions") || r.URL.Query().Get("Qualifier") != ""):
		name := strings.Split(strings.TrimPrefix(r.URL.Path, "/2015-03-31/functions/"), "/")[0]
		_, digest, _ := strings.Cut(c.lambda.Image(name), "@")
		c.aws.Run(name, "$LATEST", digest)
		c.aws.ServeHTTP(w, r)
	case strings.HasPrefix(host, "lambda."), strings.HasPrefix(host, "monitoring."):
		c.lambda.ServeHTTP(w, r)
	default:
		c.aws.ServeHTTP(w, r)
	}
}

// vulnerabilities is a database of Go's format that knows one module, which nobody uses.
// https://go.dev/security/vuln/database#api
var vulnerabilities = map[string]string{
	"/index/db.json":      `{"modified":"2026-11-01T00:00:00Z"}`,
	"/index/modules.json": `[{"path":"example.org/none","vulns":[{"id":"GO-2020-0001","modified":"2026-11-01T00:00:00Z"}]}]`,
}

// transport reaches the cloud by the names of AWS.
func (c *cloud) transport(t *testing.T) http.RoundTripper {
	t.Helper()
	proxy, err := url.Parse(c.proxy)
	require.NoError(t, err)
	roots, err := os.ReadFile(c.roots)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(roots))
	all := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(all.CloseIdleConnections)
	return all
}

// tunnel connects the client of a CONNECT request with an address.
func tunnel(w http.ResponseWriter, r *http.Request, to string) {
	if r.Method != http.MethodConnect {
		http.Error(w, "this proxy is for HTTPS", http.StatusMethodNotAllowed)
		return
	}
	there, err := net.DialTimeout("tcp", to, 10*time.Second)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = there.Close()
		return
	}
	_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	go copyAndClose(there, buffered.Reader)
	copyAndClose(here, bufio.NewReader(there))
}

func copyAndClose(to net.Conn, from io.Reader) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
}

// certificates returns a certificate for every name that the cloud answers, and the authority
// that signed it, as PEM.
func certificates(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "stand-in for AWS"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		DNSNames: []string{
			private, "*.amazonaws.com", "*." + region + ".amazonaws.com", "*.us-east-1.amazonaws.com", "api.ecr." + region + ".amazonaws.com",
			"api.ecr-public.us-east-1.amazonaws.com", "public.ecr.aws", "*.docker.io", "api.osv.dev", "vuln.go.dev",
		},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// systemRoots are the authorities of this machine, at the places where Go looks for them.
func systemRoots(t *testing.T) []byte {
	t.Helper()
	for _, file := range []string{os.Getenv("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"} {
		data, err := os.ReadFile(file)
		if !errors.Is(err, os.ErrNotExist) {
			require.NoError(t, err)
			return append(data, '\n')
		}
	}
	require.Fail(t, "no certificates of authorities on this machine; install ca-certificates")
	return nil
}
