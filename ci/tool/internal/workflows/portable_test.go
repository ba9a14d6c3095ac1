package workflows

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/internal/testkit"
)

// gnuOnly is what the bash 3.2 and the BSD tools of macOS do not have, by what to write instead.
var gnuOnly = map[string]*regexp.Regexp{
	"shasum -a 256, where sha256sum is missing": regexp.MustCompile(`^[^;]*\bsha256sum -`),
	"getconf _NPROCESSORS_ONLN":                 regexp.MustCompile(`\bnproc\b`),
	"base64 --decode":                           regexp.MustCompile(`\bbase64 -d\b`),
	"sed into a new file":                       regexp.MustCompile(`\bsed (-[a-zA-Z]+ )*-[a-zA-Z]*i`),
	"pwd -P":                                    regexp.MustCompile(`\breadlink -f|\brealpath\b`),
	"wc -c, or ls":                              regexp.MustCompile(`\bstat -[cf]`),
	"another way to tell the time":              regexp.MustCompile(`\bdate (-d|--date|-I)`),
	"grep -E":                                   regexp.MustCompile(`\bgrep -[a-zA-Z]*P`),
	"sort, of numbers":                          regexp.MustCompile(`\bsort -[a-zA-Z]*V`),
	"find -exec {} +":                           regexp.MustCompile(`\bxargs -[a-zA-Z0-9]*r|\bfind\b.*-printf`),
	"cp -R":                                     regexp.MustCompile(`\bcp -[a-zA-Z]*a`),
	"find a way without timeout":                regexp.MustCompile(`(^|[;&|(]) *timeout `),
	`${a[@]+"${a[@]}"}`:                         regexp.MustCompile(`(^|[^+])"\$\{\w+\[@\]\}"`),
	"an if, not an associative array":           regexp.MustCompile(`\bdeclare -A|\bmapfile\b|\breadarray\b`),
	"awk: sed writes a t for a tab":             regexp.MustCompile(`\bsed (-\S+ )*'[^']*\\t`),
	"dirname of one name":                       regexp.MustCompile(`\bdirname \{\} \+`),
	"paste with the - of its input":             regexp.MustCompile(`\bpaste -sd\S*\)`),
	"tr, to change the case":                    regexp.MustCompile(`\$\{\w+(,,|\^\^)\}`),
}

// notPortable returns what to write instead of what a line of a script has.
func notPortable(line string) (instead []string) {
	for better, bad := range gnuOnly {
		if bad.MatchString(line) {
			instead = append(instead, better)
		}
	}
	return instead
}

// The make targets and scripts that people and the runners of macOS use.
func TestScriptsRunOnMacOS(t *testing.T) {
	lines := regexp.MustCompile(`(?m)^.*$`)
	for _, file := range []string{"Makefile", ".github/install", ".github/provide", ".github/summarize", ".github/markdown", ".github/comment", ".github/propose", ".github/release", ".github/report"} {
		for n, line := range lines.FindAllString(string(testkit.Source(t, root, file)), -1) {
			assert.Empty(t, notPortable(line), "%s:%d: %s", file, n+1, line)
		}
	}
}

func TestNotPortable(t *testing.T) {
	for _, line := range []string{
		"sha256sum -c SUMS", "make -j$(nproc)", `base64 -d <<<"$A"`, "sed -i s/a/b/ f", "sed -E -i.bak s/a/b/ f", "cd $(readlink -f x)", "stat -c %s f",
		"date -d yesterday", "grep -oP x", "sort -uV", "xargs -0r rm", "find . -printf %s", "cp -a x y", "make || timeout 5 x", `gh release "${flags[@]}"`, "declare -A a", "echo ${x,,}", `sed -E 's/:.*## /\t/'`, "find . -exec dirname {} +", "$(paste -sd:)",
	} {
		assert.Len(t, notPortable(line), 1, line)
	}
	for _, line := range []string{
		`sum() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }`, "base64 --decode", "sed -E s/i/j/", "sort -z | xargs -0 cksum",
		"go test -timeout 30m", `x ${flags[@]+"${flags[@]}"}`, `printf '\n%s "$@"\n'`,
	} {
		assert.Empty(t, notPortable(line), line)
	}
}
