// Command video-lambda makes a clip ready for social feeds.
package main

import "lambdas.internal/shared/lambdaboot"

func main() { lambdaboot.Start("video", Build) }
