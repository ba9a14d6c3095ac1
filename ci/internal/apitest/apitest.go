// Package apitest puts a listener where the generated client looks for its
// session, so that tests of the module run without an engine.
//
// The client reads the address while packages initialise. This one is earlier:
// of packages whose imports are ready, Go initialises the first by path.
package apitest

import (
	"net"
	"os"
	"strconv"
)

// Token is the password that the client presents.
const Token = "loopback"

// Listener takes the client's connections.
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
