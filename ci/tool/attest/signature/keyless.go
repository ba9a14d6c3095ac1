package signature

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/sigstore/sigstore-go/pkg/tuf"
)

// The variables with an OIDC token, or with where a job of GitHub Actions gets one.
// https://docs.github.com/en/actions/reference/security/oidc
const (
	tokenVariable   = "SIGSTORE_ID_TOKEN"
	requestVariable = "ACTIONS_ID_TOKEN_REQUEST_URL"
	bearerVariable  = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
	// audience is whom the token is for.
	audience = "sigstore"
)

// retries is how often a request to Sigstore is sent again.
const retries = 3

// identityToken returns the OIDC token that says which run this is.
func identityToken(ctx context.Context) (string, error) {
	if token := os.Getenv(tokenVariable); token != "" {
		return token, nil
	}
	address, bearer := os.Getenv(requestVariable), os.Getenv(bearerVariable)
	if address == "" || bearer == "" {
		return "", errors.New("--sign keyless: this run has no identity; in GitHub Actions, give the job the permission id-token: write, elsewhere set " + tokenVariable + ", or pass a key")
	}
	at, err := url.Parse(address)
	if err != nil {
		return "", errors.New("ask GitHub for the identity of this run: " + requestVariable + " is no address")
	}
	query := at.Query()
	query.Set("audience", audience)
	at.RawQuery = query.Encode()
	for try := 1; ; try++ {
		token, again, err := requestToken(ctx, at.String(), bearer)
		if err == nil || !again || try > retries {
			return token, err
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(time.Duration(try) * time.Second):
		}
	}
}

// requestToken asks for the token once, and tells whether to ask again. No error has the bearer's
// token, and none has the address, which names the run.
func requestToken(ctx context.Context, address, bearer string) (token string, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", false, errors.New("ask GitHub for the identity of this run: " + requestVariable + " is no address")
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	response, err := http.DefaultClient.Do(request)
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	if err != nil {
		return "", true, fmt.Errorf("ask GitHub for the identity of this run: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests,
			fmt.Errorf("ask GitHub for the identity of this run: it answers %s", response.Status)
	}
	var answer struct {
		Value string `json:"value"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&answer); err != nil || answer.Value == "" {
		return "", false, errors.New("ask GitHub for the identity of this run: its answer has no token")
	}
	return answer.Value, false, nil
}

// signingConfig reads the addresses of the services, from a file or from public Sigstore.
func signingConfig(ctx context.Context, file string) (*root.SigningConfig, error) {
	if file != "" {
		c, err := root.NewSigningConfigFromPath(file)
		if err != nil {
			return nil, fmt.Errorf("read the signing configuration %s: %w", file, err)
		}
		return c, nil
	}
	c, err := root.FetchSigningConfigWithOptions(tuf.DefaultOptions().WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("fetch the signing configuration of public Sigstore: %w; for another instance, pass --signing-config", err)
	}
	return c, nil
}

// use chooses the services for a signature at the time. One that tells the time is needed: the
// certificate is valid for minutes, and the signature is checked later.
func use(o *sign.BundleOptions, c *root.SigningConfig, at time.Time) error {
	fulcio, err := root.SelectService(c.FulcioCertificateAuthorityURLs(), sign.FulcioAPIVersions, at)
	if err != nil {
		return fmt.Errorf("choose who gives the certificate: %w", err)
	}
	o.CertificateProvider = sign.NewFulcio(&sign.FulcioOptions{BaseURL: fulcio.URL, Retries: retries})
	logs, err := selected(c.RekorLogURLs(), c.RekorLogURLsConfig(), sign.RekorAPIVersions, at)
	if err != nil {
		return fmt.Errorf("choose the log: %w", err)
	}
	for _, s := range logs {
		o.TransparencyLogs = append(o.TransparencyLogs, sign.NewRekor(&sign.RekorOptions{BaseURL: s.URL, Retries: retries, Version: s.MajorAPIVersion}))
	}
	clocks, err := selected(c.TimestampAuthorityURLs(), c.TimestampAuthorityURLsConfig(), sign.TimestampAuthorityAPIVersions, at)
	if err != nil {
		return fmt.Errorf("choose who tells the time: %w", err)
	}
	for _, s := range clocks {
		o.TimestampAuthorities = append(o.TimestampAuthorities, sign.NewTimestampAuthority(&sign.TimestampAuthorityOptions{URL: s.URL, Retries: retries}))
	}
	if len(logs)+len(clocks) == 0 {
		return errors.New("the signing configuration has neither a log nor a timestamp authority, so nobody can tell later when the signature was made")
	}
	return nil
}

// selected returns the services that are in use at the time; none if the configuration has none.
func selected(all []root.Service, how root.ServiceConfiguration, versions []uint32, at time.Time) ([]root.Service, error) {
	if len(all) == 0 {
		return nil, nil
	}
	return root.SelectServices(all, how, versions, at)
}
