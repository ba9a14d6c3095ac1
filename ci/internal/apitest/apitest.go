// Package apitest opens a listener at the address where the generated client looks for
// its session, so that tests of the module run without an engine.
//
// The client reads the address when its package initialises. This package initialises
// earlier: of all packages whose imports are ready, Go takes the first by path.
package apitest

import (
	"net"
	"os"
	"strconv"
)

// Token is the password that the client presents.
const Token = "loopback"

// Listener accepts the client's connections.
var Listener = listen()

func listen() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	for name, value := range map[string]string{
		"DAGGER_SESSION_PORT":  strconv.Itoa(l.Addr().(*net.TCPAddr).Port),
		"DAGGER_SESSION_TOKEN": Token,
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	return l
}
