package signature

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	sigstore "github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/aws"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

// PasswordVariable has the password of an encrypted key file, as for cosign.
const PasswordVariable = "COSIGN_PASSWORD"

// kms is how the name of a key in AWS KMS begins.
const kms = aws.ReferenceScheme

// key is a signing key; its methods are those of a Keypair of sigstore-go.
type key struct {
	sigstore.Signer
	public    crypto.PublicKey
	algorithm sigstore.AlgorithmDetails
	hint      string
}

// privateKey returns the key of a PEM file, or that of AWS KMS.
func privateKey(ctx context.Context, name string) (*key, error) {
	if strings.HasPrefix(name, kms) {
		s, err := inKMS(ctx, name)
		if err != nil {
			return nil, err
		}
		return newKey(ctx, name, s)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	secret, err := cryptoutils.UnmarshalPEMToPrivateKey(raw, password)
	if err != nil {
		return nil, fmt.Errorf("read the signing key %s: %w; pass a private key in PEM, as of `cosign generate-key-pair` or `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`", name, err)
	}
	s, err := sigstore.LoadDefaultSigner(secret)
	if err != nil {
		return nil, fmt.Errorf("use the signing key %s: %w", name, err)
	}
	return newKey(ctx, name, s)
}

// password is that of an encrypted key.
func password(bool) ([]byte, error) {
	if value, ok := os.LookupEnv(PasswordVariable); ok {
		return []byte(value), nil
	}
	return nil, errors.New("it is encrypted; put its password into the variable " + PasswordVariable)
}

func inKMS(ctx context.Context, name string) (*aws.SignerVerifier, error) {
	if err := aws.ValidReference(name); err != nil {
		return nil, fmt.Errorf("%q names no key of AWS KMS; pass awskms:///alias/NAME or awskms:///ARN", name)
	}
	s, err := aws.LoadSignerVerifier(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("use %s: %w", name, err)
	}
	if err := signs(ctx, s); err != nil {
		return nil, fmt.Errorf("use %s: %w", name, err)
	}
	return s, nil
}

// signs fails if a key in AWS KMS is not one that signs. The library panics then.
func signs(ctx context.Context, s *aws.SignerVerifier) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("it is a key that does not sign; pass one with the usage SIGN_VERIFY")
		}
	}()
	_, _, err = s.CryptoSigner(ctx, nil)
	return err
}

func newKey(ctx context.Context, name string, s sigstore.Signer) (*key, error) {
	k := &key{Signer: s}
	var err error
	if k.public, err = s.PublicKey(options.WithContext(ctx)); err != nil {
		return nil, fmt.Errorf("read the public key of %s: %w", name, err)
	}
	if k.algorithm, err = sigstore.GetDefaultAlgorithmDetails(k.public); err != nil {
		return nil, fmt.Errorf("use the signing key %s: %w", name, err)
	}
	k.hint, err = fingerprint(k.public)
	return k, err
}

// fingerprint names a public key, as Sigstore does.
func fingerprint(public crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("read a public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}

func (k *key) GetHashAlgorithm() protocommon.HashAlgorithm { return k.algorithm.GetProtoHashType() }
func (k *key) GetSigningAlgorithm() protocommon.PublicKeyDetails {
	return k.algorithm.GetSignatureAlgorithm()
}
func (k *key) GetHint() []byte                { return []byte(k.hint) }
func (k *key) GetPublicKey() crypto.PublicKey { return k.public }

func (k *key) GetKeyAlgorithm() string {
	return map[sigstore.PublicKeyType]string{sigstore.ECDSA: "ECDSA", sigstore.RSA: "RSA", sigstore.ED25519: "ED25519"}[k.algorithm.GetKeyType()]
}

func (k *key) GetPublicKeyPem() (string, error) {
	text, err := cryptoutils.MarshalPublicKeyToPEM(k.public)
	return string(text), err
}

func (k *key) SignData(ctx context.Context, data []byte) (signed, digest []byte, err error) {
	signed, err = k.SignMessage(bytes.NewReader(data), options.WithContext(ctx))
	if h := k.algorithm.GetHashType(); h != 0 && err == nil {
		hash := h.New()
		hash.Write(data)
		digest = hash.Sum(nil)
	}
	return signed, digest, err
}

// publicKey returns the verifier of a public key in a PEM file, or of a key in AWS KMS, and its
// fingerprint.
func publicKey(ctx context.Context, name string) (sigstore.Verifier, string, error) {
	public, err := readPublic(ctx, name)
	if err != nil {
		return nil, "", err
	}
	verifier, err := sigstore.LoadDefaultVerifier(public)
	if err != nil {
		return nil, "", fmt.Errorf("use the public key %s: %w", name, err)
	}
	hint, err := fingerprint(public)
	return verifier, hint, err
}

func readPublic(ctx context.Context, name string) (crypto.PublicKey, error) {
	if strings.HasPrefix(name, kms) {
		s, err := inKMS(ctx, name)
		if err != nil {
			return nil, err
		}
		public, err := s.PublicKey(options.WithContext(ctx))
		if err != nil {
			return nil, fmt.Errorf("read the public key of %s: %w", name, err)
		}
		return public, nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	public, err := cryptoutils.UnmarshalPEMToPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("read the public key %s: %w; pass a public key in PEM, as cosign.pub", name, err)
	}
	return public, nil
}
