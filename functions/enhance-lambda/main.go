// Command enhance-lambda edits a photo with Google's Gemini, as the caller instructs.
package main

import "lambdas.internal/shared/lambdaboot"

func main() { lambdaboot.Start("enhance", Build) }
