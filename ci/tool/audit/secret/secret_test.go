package secret

import (
	"bytes"
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
		"allowed":          {"[extend]\nuseDefault = true\n[[allowlists]]\nregexes = ['''AIzaSy7d.*''']\n", 0, ""},
		"only an addition": {"[extend]\nuseDefault = true\n[[rules]]\nid = \"mine\"\nregex = '''zzz'''\nkeywords = ['zzz']\n", 1, ""},
		"no rule at all":   {"title = \"empty\"\n", 0, "it has no rule"},
		"not TOML":         {"[[rules\n", 0, "read .gitleaks.toml: "},
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
