package main

import "testing"

func TestTheLockedBuilder(t *testing.T) {
	for lock, want := range map[string]string{
		`{"builder": {"reference": "docker.io/library/golang:1", "digest": "sha256:1"}}`:                                                      "docker.io/library/golang:1@sha256:1",
		`{"builder": {"reference": "docker.io/library/golang:1"}}`:                                                                            "docker.io/library/golang:1",
		`{"builder": {"reference": "docker.io/library/golang:1", "digest": "sha256:1"}, "mirrors": {"docker.io": "127.0.0.1:5000/hub"}}`:      "127.0.0.1:5000/hub/library/golang:1@sha256:1",
		`{"builder": {"reference": "docker.io/library/golang:1", "digest": "sha256:1"}, "mirrors": {"public.ecr.aws": "127.0.0.1:5000/aws"}}`: "docker.io/library/golang:1@sha256:1",
	} {
		got, err := lockedBuilder([]byte(lock))
		if err != nil || got != want {
			t.Errorf("%s gives %q, %v, not %q", lock, got, err, want)
		}
	}
}
