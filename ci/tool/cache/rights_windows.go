package cache

import "errors"

// errWindows is for what this program cannot find out there, so that it trusts nothing.
var errWindows = errors.New("the rights of a folder on Windows are unknown; use WSL")

func mayWrite(string) error { return errWindows }

func private(string, bool) error { return errWindows }
