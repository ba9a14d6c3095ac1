package main

import (
	"os"
	"regexp"
	"testing"
)

func TestDynaliteIsThatOfTheMakefile(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^DYNALITE_VERSION +:= ` + regexp.QuoteMeta(dynalite) + "$").Match(makefile) {
		t.Errorf("the Makefile has another DYNALITE_VERSION than %s", dynalite)
	}
}
