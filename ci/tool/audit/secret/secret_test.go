package secret

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The credentials are in two parts, so that no scanner reports this file.
var (
	googleKey = "AIza" + "Sy7dK2mQ9xVb4LhT1nRw8cYpE6uJ0sGfZ3a"
	awsKey    = "AKIA" + "Q3EGRTXJ5ZLW2YMN"
	pem       = "-----BEGIN RSA PRIVATE" + " KEY-----\n" + strings.Repeat("MIIEowIBAAKCAQEAx7Vd9pQ2hT5kLm8nRwYb\n", 40) +
		"-----END RSA PRIVATE" + " KEY-----\n"
)

func TestFindings(t *testing.T) {
	s, err := New(t.TempDir())
	require.NoError(t, err)
	words := strings.Repeat("the quick brown fox jumps over it ", 2000)
	tests := map[string]struct {
		content string
		program bool
		rule    string
		at      string
	}{
		"a key in source":                     {`const key = "` + googleKey + `"`, false, "gcp-api-key", googleKey},
		"a key beside gitleaks:allow":         {`key = "` + awsKey + `" // gitleaks:allow`, false, "aws-access-token", awsKey},
		"a key alone in a program":            {"\x00\x01" + awsKey + "\x00\x02", true, "aws-access-token", awsKey},
		"a key between strings of a program":  {words + "Content" + googleKey + "TypeEncoding" + words, true, "gcp-api-key", googleKey},
		"a key where two windows meet":        {strings.Repeat("x", window-20) + googleKey + strings.Repeat("y", window), true, "gcp-api-key", googleKey},
		"a private key in a program":          {"\x00" + words + pem + words, true, "private-key", "-----BEGIN"},
		"a private key over a window's edge":  {words[:window-100] + pem + words, true, "private-key", "-----BEGIN"},
		"prose in source":                     {words, false, "", ""},
		"prose in a program":                  {words, true, "", ""},
		"Vault's short prefix in a program":   {"returns.newObjectWithManyLetters12345", true, "", ""},
		"a name far from a value in programs": {`token="` + "x7Qw9Zk2Lm4Np6Rt8Vb1" + `"`, true, "", ""},
		"a name beside a value in source":     {`token = "` + "x7Qw9Zk2Lm4Np6Rt8Vb1" + `"`, false, "generic-api-key", "x7Qw"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			content := []byte(test.content)
			found := s.Text(content)
			if test.program {
				var examined int
				found, examined = s.Program(content)
				assert.Positive(t, examined)
			}
			if test.rule == "" {
				assert.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			assert.Equal(t, test.rule, found[0].Rule)
			assert.LessOrEqual(t, found[0].Offset, strings.Index(test.content, test.at))
			assert.GreaterOrEqual(t, found[0].Offset, strings.Index(test.content, test.at)-10, "the match begins at the key or at its name")
			assert.NotContains(t, found[0].Masked+found[0].Description, test.at+"x", "the message does not repeat the key")
			assert.Contains(t, found[0].Masked, "****")
		})
	}
}

func TestRulesOfTheProject(t *testing.T) {
	content := []byte(`key = "` + googleKey + `"`)
	tests := map[string]struct {
		rules string
		found int
		fault string
	}{
		"allowed":                          {"[extend]\nuseDefault = true\n[[allowlists]]\nregexes = ['''AIzaSy7d.*''']\n", 0, ""},
		"only an addition":                 {"[extend]\nuseDefault = true\n[[rules]]\nid = \"mine\"\nregex = '''zzz'''\nkeywords = ['zzz']\n", 1, ""},
		"no rule at all":                   {"title = \"empty\"\n", 1, ""},
		"without useDefault":               {"[[rules]]\nid = \"mine\"\nregex = '''zzz'''\nkeywords = ['zzz']\n", 1, ""},
		"an allow list for a default rule": {"[[rules]]\nid = \"gcp-api-key\"\n[[rules.allowlists]]\nregexes = ['''AIzaSy7d.*''']\n[[rules]]\nid = \"generic-api-key\"\n[[rules.allowlists]]\nregexes = ['''AIzaSy7d.*''']\n", 0, ""},
		"allowed, in the older form":       {"[allowlist]\nregexes = ['''AIzaSy7d.*''']\n", 0, ""},
		"not TOML":                         {"[[rules\n", 0, ".gitleaks.toml: While parsing config: "},
		"a pattern that is none":           {"[[rules]]\nid = \"mine\"\nregex = '''('''\n", 0, ".gitleaks.toml: regexp: Compile(`(`)"},
		"a default rule that is off": {"[extend]\nuseDefault = true\ndisabledRules = [\"gcp-api-key\"]\n", 0,
			".gitleaks.toml: extend.disabledRules: the default rules are always used; allow the text itself, by [[allowlists]]"},
		"rules from elsewhere": {"[extend]\npath = \"other.toml\"\n", 0, ".gitleaks.toml: extend: rules from elsewhere are not read; write them here"},
		"a default rule that is another": {"[[rules]]\nid = \"gcp-api-key\"\nregex = '''zzz'''\n", 0,
			".gitleaks.toml: rules.gcp-api-key: is a default rule, which may have more [[rules.allowlists]], but no other change; give your rule another id"},
		"a rule of ours that is another": {"[[rules]]\nid = \"url-password\"\nentropy = 9\n", 0, ".gitleaks.toml: rules.url-password: is a default rule"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(root, RulesFile), []byte(test.rules), 0o644))
			s, err := New(root)
			if test.fault != "" {
				require.ErrorContains(t, err, test.fault)
				return
			}
			require.NoError(t, err)
			assert.Len(t, s.Text(content), test.found)
			assert.Equal(t, test.found == 0, len(s.Allowed()) > 0)
			other, err := New(t.TempDir())
			require.NoError(t, err)
			assert.NotEqual(t, other.Rules(), s.Rules())
		})
	}
}

func TestPrintableRuns(t *testing.T) {
	content := []byte("\x00short\x00long enough to matter\x00\nwith\tspace and\r\n\xffx")
	var runs []string
	for _, r := range printable(content) {
		assert.True(t, bytes.Contains(content, r))
		runs = append(runs, string(r))
	}
	assert.Equal(t, []string{"long enough to matter", "\nwith\tspace and\r\n"}, runs)
}

func TestWhatIsWrittenInAnotherWay(t *testing.T) {
	s, err := New(t.TempDir())
	require.NoError(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(edKey)
	require.NoError(t, err)
	sec1, err := x509.MarshalECPrivateKey(ecKey)
	require.NoError(t, err)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err = w.Write([]byte(strings.Repeat("some words before it\n", 20) + "key: " + awsKey + "\n"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	in := func(file string) string { return "\x01\x02more" + file + "more\x00" }
	for name, test := range map[string]struct{ content, rule string }{
		"a key as base64":             {"x: " + base64.StdEncoding.EncodeToString([]byte("key "+awsKey)), "aws-access-token"},
		"a key as hex":                {hex.EncodeToString([]byte("key " + googleKey)), "gcp-api-key"},
		"a key as gzip":               {in(zipped.String()), "aws-access-token"},
		"PKCS #1":                     {in(string(x509.MarshalPKCS1PrivateKey(rsaKey))), "private-key-der"},
		"PKCS #8":                     {in(string(pkcs8)), "private-key-der"},
		"SEC 1":                       {in(string(sec1)), "private-key-der"},
		"PKCS #8 as base64":           {base64.StdEncoding.EncodeToString(pkcs8), "private-key-der"},
		"a .netrc":                    {"machine example.com\n  login me\n  password blue\n", "netrc-password"},
		"a .netrc on one line":        {"default login me password blue\n", "netrc-password"},
		"a URL with a password":       {"see https://" + "user:password@example.com/x", "url-password"},
		"a database's URL":            {"dsn = postgres://" + "app:hunter2@db.internal:5432/x", "url-password"},
		"a password without a user":   {"redis://:" + "hunter2@cache:6379", "url-password"},
		"a variable":                  {"HOST=x\nDB_PASSWORD=" + "hunter2\n", "environment-password"},
		"a variable in JSON":          {`{"Env":["DB_PASSWORD=` + `hunter2"]}`, "environment-password"},
		"a setting":                   {"db:\n  password: hunter" + "2\n", "assigned-password"},
		"a setting in JSON":           {`{"password": "hunter` + `2"}`, "assigned-password"},
		"a token beside a digest":     {`auth_token = "` + "3a52ce780950d4d969792a2559cd519d7ee8c727" + `"`, "generic-api-key"},
		"a secret that is a UUID":     {`client_secret = "` + "7c2f8a52-93de-4c44-a4f4-6ea7a1c8b3d5" + `"`, "assigned-password"},
		"a digest as the key of what": {`key = "` + "3a52ce780950d4d969792a2559cd519d7ee8c727" + `"`, ""},
		"a UUID as clientToken":       {`clientToken: "` + "7c2f8a52-93de-4c44-a4f4-6ea7a1c8b3d5" + `"`, ""},
		"a place for a password":      {"https://" + "user:${PASSWORD}@example.com and https://%s:%s@example.com", ""},
		"a variable without a value":  {"DB_PASSWORD=\nDB_PASSWORD=${SECRET}\nDB_PASSWORD=<yours>\n", ""},
		"a type":                      {`{"password": "string"}`, ""},
		"a host with a port":          {"https://example.com:8080/a@b", ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := s.Text([]byte(test.content))
			var rules []string
			for _, f := range found {
				rules = append(rules, f.Rule)
				assert.GreaterOrEqual(t, f.Offset, 0)
				assert.NotContains(t, f.Masked+f.Description, "hunter2")
			}
			if test.rule == "" {
				assert.Empty(t, rules)
				return
			}
			assert.Contains(t, rules, test.rule)
		})
	}
	assert.Empty(t, s.Source([]byte("x := T{\n\tpassword: someVariable,\n}\n")), "Go, whose names are beside values")
	assert.NotEmpty(t, s.Source([]byte("const x = \"DB_PASSWORD="+"hunter2\"\n")))
	found, _ := s.Program([]byte(in(string(pkcs8))))
	assert.Len(t, found, 1)
}
