package signature

import (
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
)

// withoutCT is a Sigstore whose certificates are in no log.
type withoutCT struct{ *ca.VirtualSigstore }

func (withoutCT) CTLogs() map[string]*root.TransparencyLog { return nil }

// mixed has the log of another.
type mixed struct {
	withoutCT
	other *ca.VirtualSigstore
}

func (m mixed) RekorLogs() map[string]*root.TransparencyLog { return m.other.RekorLogs() }
