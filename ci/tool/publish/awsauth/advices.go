package awsauth

// row is the advice about errors.
type row struct {
	advice string
	// codes are those of errors, with the service if another one means something else by it.
	codes []string
	// passes is true if the same call may succeed later.
	passes bool
}

// notOurs is the advice about errors of calls that this program does not make.
const notOurs = "bin/ci makes no call that AWS answers so: check AWS_ENDPOINT_URL, or report this line"

// advices has every error of the API models of ECR, ECR Public, Lambda and STS; a test compares
// them with the SDK's types/errors.go. What the codes mean is said there.
var advices = []row{
	{again, []string{
		"InternalFailure", "InternalError", "InternalServerError", "ServiceUnavailable", "ServiceUnavailableException", "ServerException", "ServiceException",
		"RequestLimitExceeded", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException", "TooManyRequestsException",
		"lambda.EC2ThrottledException", "lambda.ResourceConflictException", "lambda.ResourceInUseException", "lambda.ResourceNotReadyException",
		"lambda.SnapStartNotReadyException", "lambda.SnapStartTimeoutException", "lambda.CodeArtifactUserPendingException", "lambda.ENINotReadyException", "lambda.PreconditionFailedException", "IDPCommunicationError",
	}, true},
	{"the organization that the account belongs to forbids it: ask whoever manages that", []string{"ecr.BlockedByOrganizationPolicyException"}, false},
	{"the account is not signed up for this service: finish that in the AWS console", []string{"OptInRequired", "SubscriptionRequiredException"}, false},
	{"create the repository with bin/ci publish --create-repositories, or check --region and the flags that name the registries", []string{"RepositoryNotFoundException"}, false},
	{"the account has no registry at ECR Public yet: its first repository makes one, with bin/ci publish --create-repositories", []string{"ecr-public.RegistryNotFoundException"}, false},
	{"ECR Public does not do this in this region; pass --public-registry with another registry, or --only with private functions", []string{"ecr-public.UnsupportedCommandException"}, false},
	{"the image is gone: publish its commit again", []string{"ImageNotFoundException", "LayersNotFoundException", "ecr.LayerInaccessibleException", "ReferencedImagesNotFoundException"}, false},
	{"the image is archived: restore it in ECR, or publish its commit again", []string{"ecr.ImageArchivedException"}, false},
	{"it is there already: run the same command again", []string{"RepositoryAlreadyExistsException", "ImageAlreadyExistsException", "LayerAlreadyExistsException"}, true},
	{"the repository lets no tag move: bin/ci publish --dry-run says how to change that", []string{"ImageTagAlreadyExistsException"}, false},
	{"this is a limit of the account: `bin/ci retention` removes tags and images that nothing needs; others can be raised in Service Quotas", []string{"LimitExceededException"}, false},
	{"the KMS key of the repository must be enabled, and its policy must allow the caller to use it", []string{"ecr.KmsException"}, false},
	{"AWS does not accept a name or value in this request: check image.json, --region and the flags that name the registries",
		[]string{"InvalidParameterException", "InvalidTagParameterException", "ecr.ValidationException", "ValidationError", "InvalidParameterValue"}, false},
	{"AWS received other bytes than were sent: run the same command again; if it fails again, a proxy changes them",
		[]string{"EmptyUploadException", "ImageDigestDoesNotMatchException", "InvalidLayerException", "InvalidLayerPartException", "LayerPartTooSmallException", "UploadNotFoundException"}, true},

	{"the function, version or alias does not exist in this region: check `lambda` in image.json, --alias and --region", []string{"lambda.ResourceNotFoundException"}, false},
	{"Lambda does not accept a value in this request: check `lambda` in image.json, and --alias", []string{"lambda.InvalidParameterValueException"}, false},
	{"the function is asynchronous only, or synchronous only: an image cannot change that", []string{"lambda.ModeNotSupportedException"}, false},
	{"Lambda must prepare the function's code anew: deploy the commit again", []string{"lambda.CodeArtifactUserDeletedException", "lambda.CodeArtifactUserFailedException"}, false},
	{"this is a limit of the account: delete what nothing uses, or raise the limit in Service Quotas",
		[]string{"lambda.AliasLimitExceededException", "lambda.ServiceQuotaExceededException"}, false},
	{"the account stores as much code of functions as it may: delete old versions, or raise the limit in Service Quotas", []string{"lambda.CodeStorageExceededException"}, false},
	{"the function has a code signing configuration, which images cannot have: take it off the function",
		[]string{"lambda.CodeSigningConfigNotFoundException", "lambda.CodeVerificationFailedException", "lambda.InvalidCodeSignatureException"}, false},
	{"the function's VPC is at fault, not its image: check its subnets, security groups and role in Lambda, then run the same command again",
		[]string{"lambda.EC2AccessDeniedException", "lambda.EC2UnexpectedException", "lambda.ENILimitReachedException", "lambda.InvalidSecurityGroupIDException", "lambda.InvalidSubnetIDException", "lambda.SubnetIPAddressLimitReachedException"}, false},
	{"the function's file system is at fault, not its image: check it in Lambda, then run the same command again",
		[]string{"lambda.EFSIOException", "lambda.EFSMountConnectivityException", "lambda.EFSMountFailureException", "lambda.EFSMountTimeoutException",
			"lambda.S3FilesMountConnectivityException", "lambda.S3FilesMountFailureException", "lambda.S3FilesMountTimeoutException"}, false},
	{"the KMS key of the function's environment is at fault: it must be enabled, and its policy must allow the function's role to decrypt",
		[]string{"lambda.KMSAccessDeniedException", "lambda.KMSDisabledException", "lambda.KMSInvalidStateException", "lambda.KMSNotFoundException"}, false},
	{"the event is too large: Lambda takes at most 6 MB", []string{"lambda.RequestTooLargeException", "lambda.SerializedRequestEntityTooLargeException"}, false},
	{"the event must be JSON", []string{"lambda.InvalidRequestContentException", "lambda.UnsupportedMediaTypeException"}, false},
	{"the function calls itself through other services, so Lambda stopped it: mend that first", []string{"lambda.RecursiveInvocationException"}, false},
	{"the function failed while it was restored: its log in CloudWatch says how", []string{"lambda.SnapStartException", "lambda.SnapStartRegenerationFailureException"}, false},

	{"the token of the job is not accepted: run the job again, since a token lives for minutes, and compare the role's trust policy with docs/aws",
		[]string{"IDPRejectedClaim", "InvalidIdentityToken", "sts.ExpiredTradeInTokenException"}, false},
	{"STS is not active in this region: activate it in the account settings of IAM, or pass another --region", []string{"sts.RegionDisabledException"}, false},

	{notOurs, []string{
		"ecr.ExclusionAlreadyExistsException", "ecr.ExclusionNotFoundException", "ecr.ImageStorageClassUpdateNotSupportedException",
		"ecr.LifecyclePolicyNotFoundException", "ecr.LifecyclePolicyPreviewInProgressException", "ecr.LifecyclePolicyPreviewNotFoundException",
		"ecr.PullThroughCacheRuleAlreadyExistsException", "ecr.PullThroughCacheRuleNotFoundException", "ecr.RegistryPolicyNotFoundException",
		"RepositoryNotEmptyException", "RepositoryPolicyNotFoundException", "ecr-public.RepositoryCatalogDataNotFoundException", "ecr.ScanNotFoundException",
		"ecr.ReplicationBackfillInProgressException", "ecr.ReplicationBackfillInvalidStatusException", "ecr.ReplicationBackfillNotFoundException",
		"ecr.SecretNotFoundException", "ecr.SigningConfigurationNotFoundException", "ecr.TemplateAlreadyExistsException", "ecr.TemplateNotFoundException",
		"TooManyTagsException", "ecr.UnableToAccessSecretException", "ecr.UnableToDecryptSecretValueException", "ecr.UnableToGetUpstreamImageException",
		"ecr.UnableToGetUpstreamLayerException", "ecr.UnableToListUpstreamImageReferrersException", "ecr.UnsupportedImageTypeException", "ecr.UnsupportedUpstreamRegistryException",
		"lambda.CallbackTimeoutException", "lambda.CapacityProviderLimitExceededException", "lambda.DurableExecutionAlreadyStartedException",
		"lambda.FunctionVersionsPerCapacityProviderLimitExceededException", "lambda.InvalidRuntimeException", "lambda.InvalidZipFileException",
		"lambda.NoPublishedVersionException", "lambda.PolicyLengthExceededException", "lambda.PublicPolicyException",
		"lambda.RuntimeAliasDeletedException", "lambda.RuntimeVersionDeletedException", "lambda.ProvisionedConcurrencyConfigNotFoundException",
		"sts.InvalidAuthorizationMessageException", "sts.JWTPayloadSizeExceededException", "MalformedPolicyDocument",
		"sts.OutboundWebIdentityFederationDisabledException", "PackedPolicyTooLarge", "sts.SessionDurationEscalationException",
	}, false},
}
