package awstest

import (
	"net"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/settings"
	"lambdas.internal/shared/table"
)

// StartDynamoDB starts a DynamoDB server with the sessions table and returns the
// table. It sets the test's environment so that clients and functions use the server.
func StartDynamoDB(t testing.TB) *table.Table {
	t.Helper()
	program := Find(t, "DYNALITE", ".cache/npm/node_modules/.bin/dynalite")
	address := freeAddress(t)
	url := "http://" + address
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	start(t, url, program, "--host", host, "--port", port, "--createTableMs", "0")
	environment(t)
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
	t.Setenv(settings.SessionsTable, settings.DefaultSessionsTable)
	client, err := table.NewClient()
	require.NoError(t, err)
	_, err = client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:   aws.String(settings.DefaultSessionsTable),
		BillingMode: types.BillingModePayPerRequest,
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String(table.PartitionKey), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(table.SortKey), KeyType: types.KeyTypeRange},
		},
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(table.PartitionKey), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(table.SortKey), AttributeType: types.ScalarAttributeTypeS},
		},
	})
	require.NoError(t, err)
	err = dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay = 10 * time.Millisecond
	}).Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(settings.DefaultSessionsTable)}, readyLimit)
	require.NoError(t, err)
	store, err := table.New()
	require.NoError(t, err)
	return store
}
