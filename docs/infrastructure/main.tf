# The functions, each with the image that `bin/ci images --published --format tfvars` names.
#
#   bin/ci images --published --commit abc1234 --format tfvars > docs/infrastructure/images.auto.tfvars
#   terraform -chdir=docs/infrastructure apply

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "lambda_images" {
  description = "The image and the architecture of each function, by its name in AWS."
  type = map(object({
    image_uri    = string
    architecture = string
  }))
}

variable "settings" {
  description = "What is particular to a function: memory in MB, time in seconds, variables."
  type = map(object({
    memory_size = optional(number, 512)
    timeout     = optional(number, 30)
    environment = optional(map(string), {})
  }))
  default = {
    AiSocialMediaApiHandler         = {}
    AiSocialMediaThumbnailProcessor = { memory_size = 1024, timeout = 60 }
    AiSocialMediaVideoProcessor     = { memory_size = 3008, timeout = 900 }
  }
}

resource "aws_iam_role" "function" {
  for_each = var.lambda_images
  name     = "${each.key}-role"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "logs" {
  for_each   = var.lambda_images
  role       = aws_iam_role.function[each.key].name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_lambda_function" "function" {
  for_each      = var.lambda_images
  function_name = each.key
  role          = aws_iam_role.function[each.key].arn
  package_type  = "Image"
  image_uri     = each.value.image_uri
  architectures = [each.value.architecture]
  memory_size   = try(var.settings[each.key].memory_size, 512)
  timeout       = try(var.settings[each.key].timeout, 30)

  environment {
    variables = try(var.settings[each.key].environment, {})
  }

  # bin/ci deploy moves the image. Without this line, the next apply would put back the
  # image of the last tfvars.
  lifecycle {
    ignore_changes = [image_uri]
  }
}

output "functions" {
  description = "The functions and their roles."
  value       = { for name, f in aws_lambda_function.function : name => f.arn }
}
