package main

// rest are the commands that the program of the steps does not hold: it shows them in
// its help, and compiles the whole program when one is first used. A test compares
// them with the whole program.
var rest = []struct{ use, short string }{
	{"audit", "Check that nothing private is public and that Lambda accepts the images"},
	{"vulncheck", "Name the functions to redeploy because of a known vulnerability"},
	{"diff FROM [TO]", "Compare the images of two commits: sizes, Go packages, versions"},
	{"cost", "Measure how much the images store in the registries, and what that costs"},
	{"coldstart", "Measure the cold start of each image: time, memory, blocks that are read"},
	{"sbom", "Show what an image is made of: Go modules, ffmpeg, base"},
	{"plan", "Say what publish and deploy would do for each function, and why"},
	{"publish", "Build, audit and push the images, then move their latest tags"},
	{"verify", "Build a commit again and compare it with what is published"},
	{"provenance", "Show how a published image was made: commit, dependencies, builder"},
	{"registry", "Serve what publish --local published, until interrupted"},
	{"retention", "Keep the last images of each name, and all live images"},
	{"deploy", "Make the Lambda functions run a published commit, all or none"},
	{"rollback", "Make the Lambda functions run an earlier release, all or none"},
	{"status", "Show what every Lambda function runs, since when, and the problems"},
	{"iam", "Print the IAM policy of a role that runs commands at AWS"},
	{"report", "Write a page about a release: images, what changed and why, who deployed it"},
	{"init", "Make a repository of Go Lambda functions ready for this program"},
	{"new NAME", "Make the folder of a new function"},
	{"rename NAME NEW", "Give the image of a function another name"},
	{"remove NAME", "Take a function out of the workspace"},
}
