// Command selection-lambda selects the best photos and clips of a trip.
package main

import "lambdas.internal/shared/lambdaboot"

func main() { lambdaboot.Start("selection", Build) }
