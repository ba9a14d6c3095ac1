// Package table reads and writes the records of the DynamoDB table that all functions
// share. Every record belongs to a session: its partition key is SESSION#{id}, its sort
// key says what kind of record it is, and it expires 24 hours after it is written.
package table

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lambdas.internal/shared/awsenv"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/settings"
)

// Lifetime of every record. DynamoDB may take days to delete an expired record, so
// readers check the time too.
const Lifetime = 24 * time.Hour

// Attributes that every record has.
const (
	PartitionKey = "pk"
	SortKey      = "sk"
	// ExpiresAt is the table's TTL attribute, in Unix seconds.
	ExpiresAt = "expiresAt"
)

// Table is the table that DYNAMO_TABLE_NAME names.
type Table struct {
	client *dynamodb.Client
	name   string
}

// Key names a record.
type Key struct {
	Session string
	// Sort is the sort key, for instance "JOB#1".
	Sort string
}

// Update says how a record changes. Expression and Condition are in DynamoDB's syntax;
// Names and Values give the values of their placeholders.
type Update struct {
	Expression string
	Condition  string
	Names      map[string]string
	Values     map[string]any
}

// New returns the table that the environment names.
func New() (*Table, error) {
	client, err := NewClient()
	if err != nil {
		return nil, err
	}
	return &Table{client: client, name: settings.Optional(settings.SessionsTable, settings.DefaultSessionsTable)}, nil
}

// NewClient returns a DynamoDB client with the region and credentials of the environment.
func NewClient() (*dynamodb.Client, error) {
	cfg, err := awsenv.Config("DYNAMODB")
	if err != nil {
		return nil, err
	}
	return dynamodb.NewFromConfig(cfg), nil
}

// Create writes a new record with the fields of v (tags dynamodbav). If the record
// exists already, the error is a fault.Conflict.
func (t *Table) Create(ctx context.Context, key Key, v any) error {
	item, err := attributevalue.MarshalMap(v)
	if err != nil {
		return fault.New(fault.Internal, "create %s in %s: %w", key.Sort, t.name, err)
	}
	for name, value := range key.attributes() {
		item[name] = value
	}
	_, err = t.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.name, Item: item, ConditionExpression: aws.String("attribute_not_exists(" + PartitionKey + ")"),
	})
	return t.classify("create", key, err)
}

// Read decodes a record into v. If the record does not exist or has expired, the error
// is a fault.NotFound.
func (t *Table) Read(ctx context.Context, key Key, v any) error {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: key.attributes(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return t.classify("read", key, err)
	}
	if out.Item == nil || expired(out.Item) {
		return fault.New(fault.NotFound, "%sno such record, or it has expired", fault.Detail(fmt.Sprintf("read %s of session %s in %s: ", key.Sort, key.Session, t.name)))
	}
	if err := attributevalue.UnmarshalMap(out.Item, v); err != nil {
		return fault.New(fault.Internal, "read %s in %s: %w", key.Sort, t.name, err)
	}
	return nil
}

// List decodes all records of the session whose sort key starts with prefix into the
// slice that v points to, in the order of the sort key. It leaves out expired records.
func (t *Table) List(ctx context.Context, session, prefix string, v any) error {
	key := Key{Session: session, Sort: prefix}
	pages := dynamodb.NewQueryPaginator(t.client, t.query(key))
	var items []map[string]types.AttributeValue
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return t.classify("list", key, err)
		}
		items = append(items, page.Items...)
	}
	return t.decode(key, items, v)
}

// Page is List for at most limit records before the sort key in before, or the last ones
// if that is empty. The last comes first. More tells whether others follow.
func (t *Table) Page(ctx context.Context, session, prefix, before string, limit int, v any) (more bool, err error) {
	key := Key{Session: session, Sort: prefix}
	query := t.query(key)
	query.ScanIndexForward, query.Limit = aws.Bool(false), aws.Int32(int32(limit))
	if before != "" {
		query.ExclusiveStartKey = Key{Session: session, Sort: before}.attributes()
	}
	page, err := t.client.Query(ctx, query)
	if err != nil {
		return false, t.classify("list", key, err)
	}
	return page.LastEvaluatedKey != nil, t.decode(key, page.Items, v)
}

// query asks for the records of a session whose sort key starts with that of key.
func (t *Table) query(key Key) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		TableName: &t.name, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:   aws.String("#p = :p AND begins_with(#s, :s)"),
		ExpressionAttributeNames: map[string]string{"#p": PartitionKey, "#s": SortKey},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":p": key.attributes()[PartitionKey], ":s": key.attributes()[SortKey],
		},
	}
}

// decode decodes the records that have not expired into the slice that v points to.
func (t *Table) decode(key Key, items []map[string]types.AttributeValue, v any) error {
	if err := attributevalue.UnmarshalListOfMaps(slices.DeleteFunc(items, expired), v); err != nil {
		return fault.New(fault.Internal, "list %s in %s: %w", key.Sort, t.name, err)
	}
	return nil
}

// Update changes a record, or creates it if the condition allows that. If the condition
// does not hold, the error is a fault.Conflict.
func (t *Table) Update(ctx context.Context, key Key, u Update) error {
	values := map[string]types.AttributeValue{}
	for name, v := range u.Values {
		value, err := attributevalue.Marshal(v)
		if err != nil {
			return fault.New(fault.Internal, "update %s in %s: %w", key.Sort, t.name, err)
		}
		values[name] = value
	}
	input := &dynamodb.UpdateItemInput{TableName: &t.name, Key: key.attributes(), UpdateExpression: &u.Expression}
	if len(values) > 0 {
		input.ExpressionAttributeValues = values
	}
	if len(u.Names) > 0 {
		input.ExpressionAttributeNames = u.Names
	}
	if u.Condition != "" {
		input.ConditionExpression = &u.Condition
	}
	_, err := t.client.UpdateItem(ctx, input)
	return t.classify("update", key, err)
}

func (k Key) attributes() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		PartitionKey: &types.AttributeValueMemberS{Value: "SESSION#" + k.Session},
		SortKey:      &types.AttributeValueMemberS{Value: k.Sort},
	}
}

func expired(item map[string]types.AttributeValue) bool {
	var record struct {
		ExpiresAt int64 `dynamodbav:"expiresAt"`
	}
	if err := attributevalue.UnmarshalMap(item, &record); err != nil {
		return true
	}
	return record.ExpiresAt <= time.Now().Unix()
}

// classify gives a DynamoDB error its kind: a condition that does not hold, a wrong
// set-up of the table or the account, or a temporary failure.
func (t *Table) classify(op string, key Key, err error) error {
	if err == nil {
		return nil
	}
	kind := fault.Transient
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		kind = fault.Conflict
	} else if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok || awsenv.Denied(err) {
		kind = fault.Configuration
	} else if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		kind = fault.DeadlineExceeded
	} else if _, ok := errors.AsType[*types.ProvisionedThroughputExceededException](err); ok {
		kind = fault.Transient
	} else if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.HTTPStatusCode() == http.StatusBadRequest {
		kind = fault.Internal // DynamoDB does not understand or allow the request
	}
	return fault.New(kind, "%s%w", fault.Detail(fmt.Sprintf("%s %s of session %s in table %s: ", op, key.Sort, key.Session, t.name)), err)
}
