// Command thumbnail-lambda makes a small JPEG of a photo or video in S3.
package main

import "lambdas.internal/shared/lambdaboot"

func main() { lambdaboot.Start("thumbnail", Build) }
