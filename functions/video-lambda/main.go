// Command video-lambda converts a video into a clip for social feeds.
package main

import "lambdas.internal/shared/lambdaboot"

func main() { lambdaboot.Start("video", Build) }
