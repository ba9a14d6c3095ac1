package lambdaboot

import (
	"os"
	"runtime/debug"
	"strconv"
)

const (
	// memoryVariable holds the function's memory in megabytes (Lambda developer guide,
	// "Defined runtime environment variables").
	memoryVariable = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
	// besideHeap in megabytes is what Go's limit does not count: the program itself, and
	// what Lambda needs beside it.
	besideHeap = 32
)

// limitMemory has Go collect garbage before the function has more memory than Lambda gives
// it: Lambda ends a function that has more. A limit in the environment stays as it is.
// Programs that a function starts have a limit of their own.
func limitMemory() {
	megabytes, err := strconv.ParseInt(os.Getenv(memoryVariable), 10, 64)
	if err != nil || megabytes < 2*besideHeap || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetMemoryLimit((megabytes - besideHeap) << 20)
}
