// Command media-lambda is the HTTP API for sessions, uploads, jobs and their results.
// With -listen it serves the same routes on a local port.
package main

import (
	"flag"
	"os"

	"lambdas.internal/shared/lambdaboot"
)

func main() {
	listen := flag.String("listen", "", "serve plain HTTP on this `address`, for instance localhost:8080, instead of Lambda events")
	flag.Parse()
	if *listen != "" {
		os.Exit(serve(*listen))
	}
	lambdaboot.Start("api", Build)
}
