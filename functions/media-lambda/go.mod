module lambdas.internal/functions/media-lambda

go 1.26.1

replace lambdas.internal/shared => ../../shared

require lambdas.internal/shared v0.0.0

require (
	github.com/aws/aws-lambda-go v1.55.1 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
)
