//go:build !linux

package coldstart

import "errors"

type read map[string][]int

var errKernel = errors.New("this kernel does not tell which pages of a file are in memory; run this command on Linux")

func forget(string) error { return errKernel }

func cached(string) (read, error) { return nil, errKernel }
