package lambdafake

import (
	"fmt"
	"net/http"
	"regexp"
)

// In returns the stand-in of a region: with functions, alarms and answers of its own, at the same
// URL. The region is that of the signature of a call; calls of a region that In was never asked
// for are those of f.
func (f *Fake) In(region string) *Fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	if region == f.region {
		return f
	}
	if f.others[region] == nil {
		other := Handler()
		other.URL, other.Account, other.region = f.URL, f.Account, region
		f.others[region] = other
	}
	return f.others[region]
}

// scope finds the region of a signature.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
var scope = regexp.MustCompile(`Credential=[^/]*/[0-9]*/([^/]*)/`)

// of returns the stand-in of the region that a request is signed for.
func (f *Fake) of(r *http.Request) *Fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	if found := scope.FindStringSubmatch(r.Header.Get("Authorization")); found != nil && f.others[found[1]] != nil {
		return f.others[found[1]]
	}
	return f
}

// refuseRegion answers as a region that the account has not enabled.
func refuseRegion(w http.ResponseWriter, r *http.Request) {
	const message = "The security token included in the request is invalid"
	if r.Header.Get("X-Amz-Target") != "" {
		refuse(w, http.StatusBadRequest, "UnrecognizedClientException", message)
		return
	}
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>%s</Message></Error></ErrorResponse>", message)
}
