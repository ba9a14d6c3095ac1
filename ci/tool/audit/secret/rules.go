package secret

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/viper"
	"github.com/zricethezav/gitleaks/v8/config"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// RulesFile is the file, relative to the workspace root, with a project's own rules and
// allow lists, in the format of gitleaks. The default rules are used too.
const RulesFile = ".gitleaks.toml"

//go:embed rules.toml
var ourRules string

// rules are those of gitleaks, ours and those of a project.
type rules struct {
	config.Config
	source string
	// allowed are the project's allow lists, in words.
	allowed []string
}

// readRules reads the rules of the project in root.
func readRules(root string) (r rules, err error) {
	defer func() {
		// gitleaks panics on a pattern that is none.
		if p := recover(); p != nil {
			err = catalog.Problem{File: RulesFile, Fix: fmt.Sprint(p)}
		}
	}()
	project := ""
	if data, err := catalog.ReadFile(root, RulesFile); err == nil {
		project = string(data)
	} else if !errors.Is(err, os.ErrNotExist) {
		return r, fmt.Errorf("read the rules for secrets: %w", err)
	}
	defaults, err := parse(config.DefaultConfig)
	if err != nil {
		return r, err
	}
	ours, err := parse(ourRules)
	if err != nil {
		return r, err
	}
	own, err := parse(project)
	if err != nil {
		return r, catalog.Problem{File: RulesFile, Fix: strings.Join(strings.Fields(err.Error()), " ")}
	}
	if r.allowed, err = check(own, defaults, ours); err != nil {
		return r, err
	}
	r.source = config.DefaultConfig + ourRules + project
	// Translate could extend the default rules too, but only twice in one process.
	r.Config, err = join(defaults, ours, own).Translate()
	if err != nil {
		return r, catalog.Problem{File: RulesFile, Fix: err.Error()}
	}
	return r, nil
}

// join returns the rules of all. A rule that is there already gets more allow lists.
func join(all ...config.ViperConfig) *config.ViperConfig {
	var joined config.ViperConfig
	at := map[string]int{}
	for _, c := range all {
		for _, r := range c.Rules {
			if n, ok := at[r.ID]; ok {
				joined.Rules[n].Allowlists = append(joined.Rules[n].Allowlists, r.Allowlists...)
				continue
			}
			at[r.ID] = len(joined.Rules)
			joined.Rules = append(joined.Rules, r)
		}
		joined.Allowlists = append(joined.Allowlists, c.Allowlists...)
	}
	return &joined
}

func parse(text string) (config.ViperConfig, error) {
	var raw config.ViperConfig
	v := viper.New()
	v.SetConfigType("toml")
	if err := v.ReadConfig(strings.NewReader(text)); err != nil {
		return raw, err
	}
	if err := v.Unmarshal(&raw); err != nil {
		return raw, err
	}
	if old := raw.AllowList; old != nil { //nolint:staticcheck // projects have this older form
		raw.Allowlists = append(raw.Allowlists, old)
	}
	for n := range raw.Rules {
		if old := raw.Rules[n].AllowList; old != nil {
			raw.Rules[n].Allowlists = append(raw.Rules[n].Allowlists, old)
			raw.Rules[n].AllowList = nil
		}
	}
	return raw, nil
}

// check refuses what would make the other rules weaker. It returns the allow lists.
func check(own config.ViperConfig, others ...config.ViperConfig) (allowed []string, err error) {
	problem := func(field, fix string) ([]string, error) {
		return nil, catalog.Problem{File: RulesFile, Field: field, Fix: fix}
	}
	if len(own.Extend.DisabledRules) > 0 {
		return problem("extend.disabledRules", "the default rules are always used; allow the text itself, by [[allowlists]]")
	}
	if own.Extend.Path != "" || own.Extend.URL != "" {
		return problem("extend", "rules from elsewhere are not read; write them here")
	}
	taken := map[string]bool{}
	for _, o := range others {
		for _, r := range o.Rules {
			taken[r.ID] = true
		}
	}
	for _, r := range own.Rules {
		changes := r.Regex != "" || r.Path != "" || r.Entropy != 0 || r.SecretGroup != 0 || len(r.Keywords) > 0 || len(r.Required) > 0 || r.SkipReport
		if taken[r.ID] && changes {
			return problem("rules."+r.ID, "is a default rule, which may have more [[rules.allowlists]], but no other change; give your rule another id")
		}
		for _, a := range r.Allowlists {
			allowed = append(allowed, r.ID+" ("+words(a.Description)+")")
		}
	}
	for _, a := range own.Allowlists {
		allowed = append(allowed, words(a.Description))
	}
	return allowed, nil
}

func words(description string) string {
	if description == "" {
		return "without a description"
	}
	return description
}

// The rules that find any value beside a name such as "token".
var (
	namesAndValues = []string{nameAndValue, "environment-password", "assigned-password"}
	// settings are those for files of settings: in Go, a name is often beside a value.
	settings = []string{"assigned-password"}
)

const nameAndValue = "generic-api-key"

// without returns the rules without some of them.
func without(c config.Config, ids []string) config.Config {
	c.Rules = maps.Clone(c.Rules)
	for _, id := range ids {
		delete(c.Rules, id)
	}
	return c
}

// distinctive is the minimum length of the keywords of a rule that is used without word
// boundaries: the "s." of Vault's tokens is in every program.
const distinctive = 3

// unbounded returns the rules without the word boundaries that they require, and without
// those that need a name beside a value.
func unbounded(c config.Config) config.Config {
	c = without(c, namesAndValues)
	for id, r := range c.Rules {
		weak := slices.ContainsFunc(r.Keywords, func(k string) bool { return len(k) < distinctive })
		if r.Regex == nil || weak {
			continue
		}
		source := r.Regex.String()
		flags := ""
		if rest, ok := strings.CutPrefix(source, "(?i)"); ok {
			flags, source = "(?i)", rest
		}
		rest, ok := strings.CutPrefix(source, `\b`)
		if !ok {
			continue
		}
		for _, end := range []string{`\b`, `(?:[\x60'"\s;]|\\[nr]|$)`, `(?:[\x60'"\s;]|\\[nr]|$|\b)`} {
			rest = strings.TrimSuffix(rest, end)
		}
		if free, err := regexp.Compile(flags + rest); err == nil {
			r.Regex = free
			c.Rules[id] = r
		}
	}
	return c
}

var (
	uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	// sum is a digest by MD5, SHA-1 or SHA-256, such as the name of a commit.
	sum = regexp.MustCompile(`^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$`)
	// named is the name before a value.
	named = regexp.MustCompile(`(?i)([\w.-]+)["'\]]*\s*(?::=|=>|=|:|,)?[\s"'(]*$`)
	// telling are parts of the names of credentials.
	telling = regexp.MustCompile(`(?i)api|secret|passw|auth|access|priv|cred|session|bearer|(?:^|[_.-])token|(?:access|refresh|id)token`)
)

// identifier is true for a value that names something, beside a name that says so: a UUID
// as clientToken, the digest of a key.
func identifier(match, value string) bool {
	if !uuid.MatchString(value) && !sum.MatchString(value) {
		return false
	}
	before, _, _ := strings.Cut(match, value)
	name := named.FindStringSubmatch(before)
	return name != nil && !telling.MatchString(name[1])
}
