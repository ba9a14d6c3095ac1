package coldstart

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseArea(t *testing.T) {
	for name, test := range map[string]struct {
		line string
		want area
	}{
		"of a program":      {"00400000-0063c000 r-xp 00001000 fe:00 1234 /root/var/runtime/bootstrap", area{0x400000, 0x63c000, 0x1000, "/root/var/runtime/bootstrap"}},
		"a name with space": {"7f0000000000-7f0000001000 r--p 00000000 fe:00 1 /root/a b", area{0x7f0000000000, 0x7f0000001000, 0, "/root/a b"}},
		"no file":           {"c000000000-c000400000 rw-p 00000000 00:00 0", area{}},
		"not in a folder":   {"7ffd0000-7ffe0000 rw-p 00000000 00:00 0 [stack]", area{}},
		"not such a line":   {"x-y rw-p z 00:00 0 /root/a", area{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := parseArea(test.line)
			assert.Equal(t, test.want != area{}, ok)
			if ok {
				assert.Equal(t, test.want, got)
			}
		})
	}
}
