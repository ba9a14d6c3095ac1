// Command enhance-lambda has a photo edited by Gemini as the caller instructs.
package main

import "lambdas.internal/shared/lambdaboot"

func main() { lambdaboot.Start("enhance", Build) }
