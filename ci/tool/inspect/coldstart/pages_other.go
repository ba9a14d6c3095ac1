//go:build !linux

package coldstart

import "errors"

var errKernel = errors.New("this kernel does not tell which pages of a file are in memory; run this command on Linux")

func forget(string) error { return errKernel }

func (pages) mapped(int, string) error { return errKernel }

func cached(string) (pages, error) { return nil, errKernel }
