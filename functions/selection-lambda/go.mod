module lambdas.internal/functions/selection-lambda

go 1.26.1

replace lambdas.internal/shared => ../../shared

require lambdas.internal/shared v0.0.0
