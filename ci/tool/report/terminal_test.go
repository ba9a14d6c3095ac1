package report

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// environment is that of a person at a terminal.
func environment(t *testing.T) {
	for name, value := range map[string]string{"TERM": "xterm-256color", "NO_COLOR": "", "CI": ""} {
		t.Setenv(name, value)
	}
}

func TestOnTerminal(t *testing.T) {
	read, pipe, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	defer pipe.Close()
	for name, c := range map[string]struct {
		file *os.File
		env  map[string]string
		live bool
	}{
		"a terminal":                          {nil, nil, true},
		"a pipe":                              {pipe, nil, false},
		"a terminal that has no cursor":       {nil, map[string]string{"TERM": "dumb"}, false},
		"a terminal of which nothing is said": {nil, map[string]string{"TERM": ""}, false},
		"a terminal, with NO_COLOR":           {nil, map[string]string{"NO_COLOR": "1"}, false},
		"a terminal in CI":                    {nil, map[string]string{"CI": "true"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			file := c.file
			if file == nil {
				file = newScreen(t, 80, 24).File
			}

			w := OnTerminal(file)

			if c.live {
				assert.IsType(t, &Terminal{}, w)
			} else {
				assert.NotSame(t, file, w)
				assert.Same(t, w, Printable(w), "nothing that moves a cursor gets through")
			}
		})
	}
}

func TestTerminal(t *testing.T) {
	const name = "compile 5 functions with go1.26.8 for linux/amd64"
	for what, c := range map[string]struct {
		width, height int
		run           func(s *screen, w *Terminal, p *Progress)
		want          []string
	}{
		"a short step shows nothing": {80, 24, func(_ *screen, _ *Terminal, p *Progress) {
			done := p.Step(name)
			time.Sleep(900 * time.Millisecond)
			done(nil)
		}, []string{"|"}},
		"a step": {80, 24, func(s *screen, _ *Terminal, p *Progress) {
			done := p.Step(name)
			time.Sleep(2100 * time.Millisecond)
			s.now()
			time.Sleep(29400 * time.Millisecond)
			s.now()
			done(nil)
		}, []string{"… " + name + "  2 s\n|", "… " + name + "  31 s\n|", "✓ " + name + "  32 s\n|"}},
		"a narrow terminal": {40, 24, func(s *screen, _ *Terminal, p *Progress) {
			ctx, done := p.Start(t.Context(), name)
			time.Sleep(1500 * time.Millisecond)
			s.now()
			Counting(ctx, "sent", 2809e6, Bytes)
			Add(ctx, 1e9)
			time.Sleep(9 * time.Second)
			s.now()
			done(nil)
		}, []string{"… compile 5 functions with go1.26…  1 s\n|", "… compile 5 functions…, 17 s left  10 s\n|", "✓ compile 5 functions with go1.2…  10 s\n|"}},
		"a terminal hardly there": {4, 2, func(s *screen, _ *Terminal, p *Progress) {
			one, two := p.Step(name), p.Step(name)
			time.Sleep(1500 * time.Millisecond)
			s.now()
			one(nil)
			two(nil)
		}, []string{"…  \n|", "…  \n…  \n|"}},
		"steps side by side, one of which fails": {80, 24, func(s *screen, _ *Terminal, p *Progress) {
			compile := p.Step("compile")
			time.Sleep(10 * time.Millisecond)
			ctx, base := p.Start(t.Context(), "base")
			time.Sleep(10 * time.Millisecond)
			ffmpeg := p.Step("ffmpeg layer")
			Counting(ctx, "received", 40e6, Bytes)
			Add(ctx, 10e6)
			time.Sleep(3300 * time.Millisecond)
			s.now()
			base(errors.New("no"))
			s.now()
			time.Sleep(10 * time.Second)
			compile(nil)
			s.now()
			ffmpeg(nil)
		}, []string{
			"… compile  3 s\n… base: received 10.0 of 40.0 MB, 10 s left  3 s\n… ffmpeg layer  3 s\n|",
			"✗ base  3.31 s\n… compile  3 s\n… ffmpeg layer  3 s\n|",
			"✗ base  3.31 s\n✓ compile  13 s\n… ffmpeg layer  13 s\n|",
			"✗ base  3.31 s\n✓ compile  13 s\n✓ ffmpeg layer  13 s\n|"}},
		"more steps than the terminal has lines": {80, 4, func(s *screen, _ *Terminal, p *Progress) {
			var all []func(error)
			for n := range 6 {
				all = append(all, p.Step(fmt.Sprint("step ", n)))
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(1500 * time.Millisecond)
			s.now()
			for _, done := range all {
				done(nil)
			}
		}, []string{"… step 0  1 s\n… step 1  1 s\n… step 2  1 s\n|",
			"✓ step 0  1.56 s\n✓ step 1  1.55 s\n✓ step 2  1.54 s\n✓ step 3  1.53 s\n✓ step 4  1.52 s\n✓ step 5  1.51 s\n|"}},
		"what others write stays above": {80, 24, func(s *screen, w *Terminal, p *Progress) {
			done := p.Step("publish")
			time.Sleep(1500 * time.Millisecond)
			p.Line("… interrupted")
			s.now()
			fmt.Fprint(w, "ci: war")
			time.Sleep(3 * time.Second)
			s.now()
			fmt.Fprint(w, "ning\nci: more\n")
			s.now()
			done(nil)
		}, []string{"… interrupted\n… publish  1 s\n|", "… interrupted\nci: war|",
			"… interrupted\nci: warning\nci: more\n… publish  4 s\n|", "… interrupted\nci: warning\nci: more\n✓ publish  4.50 s\n|"}},
		"an interrupt": {80, 24, func(s *screen, w *Terminal, p *Progress) {
			done := p.Step("publish")
			time.Sleep(1500 * time.Millisecond)
			s.interrupt(t)
			s.now()
			done(errors.New("interrupted"))
			fmt.Fprintln(w, "ci: interrupted; nothing was changed")
		}, []string{"… publish  1 s\n^C|", "✗ publish  1.50 s\nci: interrupted; nothing was changed\n|"}},
		"a terminal that becomes narrow": {80, 24, func(s *screen, _ *Terminal, p *Progress) {
			done := p.Step(name)
			time.Sleep(1500 * time.Millisecond)
			_ = pty.Setsize(s.File, &pty.Winsize{Cols: 20, Rows: 24})
			time.Sleep(time.Second)
			s.now()
			done(nil)
		}, []string{"… compile 5 f…  2 s\n|", "✓ compile …  2.50 s\n|"}},
		"a terminal that becomes low": {80, 24, func(s *screen, _ *Terminal, p *Progress) {
			one := p.Step("one")
			time.Sleep(10 * time.Millisecond)
			two := p.Step("two")
			time.Sleep(1500 * time.Millisecond)
			_ = pty.Setsize(s.File, &pty.Winsize{Cols: 80, Rows: 2})
			time.Sleep(time.Second)
			s.now()
			one(nil)
			two(nil)
		}, []string{"… one  2 s\n|", "✓ one  2.51 s\n✓ two  2.50 s\n|"}},
		"a terminal that knows no size": {0, 0, func(s *screen, _ *Terminal, p *Progress) {
			s.width, s.height = 80, 24
			done := p.Step(name)
			time.Sleep(1500 * time.Millisecond)
			s.now()
			done(nil)
		}, []string{"… " + name + "  1 s\n|", "✓ " + name + "  1.50 s\n|"}},
	} {
		t.Run(what, func(t *testing.T) {
			environment(t)
			s := newScreen(t, c.width, c.height)
			w := OnTerminal(s.File).(*Terminal)

			synctest.Test(t, func(*testing.T) { c.run(s, w, NewProgress(w)) })

			assert.Equal(t, c.want, s.seen(t))
		})
	}
}

// However many steps run, a terminal is updated at most five times a second, and only
// when something on it changes.
func TestTerminalIsCalm(t *testing.T) {
	for name, c := range map[string]struct {
		bytes       int64
		least, most int
	}{
		"nothing but the seconds change": {0, 25, 75},
		"bytes arrive":                   {1e6, 100, 155},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t)
			s := newScreen(t, 80, 24)
			w := OnTerminal(s.File).(*Terminal)
			synctest.Test(t, func(t *testing.T) {
				p := NewProgress(w)
				var all sync.WaitGroup
				for n := range 5 {
					all.Go(func() {
						time.Sleep(time.Duration(n) * 7 * time.Millisecond)
						ctx, done := p.Start(t.Context(), "step")
						Counting(ctx, "sent", 3000*c.bytes, Bytes)
						for range 3000 {
							time.Sleep(10 * time.Millisecond)
							Add(ctx, c.bytes)
						}
						done(nil)
					})
				}
				all.Wait()
			})
			updates := strings.Count(s.bytes(), "A\r")
			assert.GreaterOrEqual(t, updates, c.least)
			assert.LessOrEqual(t, updates, c.most)
		})
	}
}
