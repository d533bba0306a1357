use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use postrider_testkit::emulator::{Account, Fault, FaultKind, Refusal};
use serde_json::{Value, json};

/// A table with an index that holds only keys, and one that holds everything.
struct Table(Account);

impl Table {
    fn new() -> Self {
        let table = Self(Account::new());
        let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
        let index = |name: &str, attribute: &str, projection: &str| {
            json!({
                "IndexName": name,
                "KeySchema": [key(attribute, "HASH")],
                "Projection": { "ProjectionType": projection },
            })
        };
        let attributes = ["pk", "sk", "due", "orderId"];
        let created = table.call(
            "CreateTable",
            json!({
                "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
                "AttributeDefinitions":
                    attributes.map(|name| json!({ "AttributeName": name, "AttributeType": "S" })),
                "GlobalSecondaryIndexes": [index("by-due", "due", "KEYS_ONLY"), index("by-order", "orderId", "ALL")],
            }),
        );
        created.unwrap();
        table
    }

    fn call(&self, action: &str, mut body: Value) -> Result<Value, Refusal> {
        body["TableName"] = "ledger".into();
        self.0.call("dynamodb", &format!("DynamoDB_20120810.{action}"), &body)
    }

    /// What a call consumed: of the table, and of its indexes by name.
    fn consumed(&self, action: &str, mut body: Value) -> (f64, Value) {
        body["ReturnConsumedCapacity"] = "INDEXES".into();
        let answer = self.call(action, body).unwrap();
        let consumed = match &answer["ConsumedCapacity"] {
            Value::Array(tables) => tables[0].clone(),
            one => one.clone(),
        };
        let indexes = consumed["GlobalSecondaryIndexes"].as_object().cloned().unwrap_or_default();
        let units =
            indexes.into_iter().map(|(name, used)| (name, used["CapacityUnits"].as_f64().unwrap().into()));
        (consumed["Table"]["CapacityUnits"].as_f64().unwrap(), Value::Object(units.collect()))
    }

    fn update(&self, expression: &str, values: &Value) -> (f64, Value) {
        let body =
            json!({ "Key": key("a"), "UpdateExpression": expression, "ExpressionAttributeValues": values });
        self.consumed("UpdateItem", body)
    }
}

fn key(id: &str) -> Value {
    json!({ "pk": { "S": id }, "sk": { "S": "1" } })
}

fn item(id: &str, more: &[(&str, &str)]) -> Value {
    let mut item = key(id);
    for (name, value) in more {
        item[*name] = json!({ "S": value });
    }
    item
}

#[test]
fn a_write_costs_a_unit_a_kilobyte_and_again_for_each_index_it_changes() {
    let table = Table::new();
    let kilobytes = |count: usize| "x".repeat(1024 * count);
    assert_eq!(table.consumed("PutItem", json!({ "Item": item("a", &[]) })), (1.0, json!({})));
    let due = table.update("SET due = :v", &json!({ ":v": { "S": "1" } }));
    assert_eq!(due, (1.0, json!({ "by-due": 1.0 })), "an entry appears");
    let moved = table.update("SET due = :v", &json!({ ":v": { "S": "2" } }));
    assert_eq!(moved, (1.0, json!({ "by-due": 2.0 })), "an entry moves to another key");
    let body = table.update("SET body = :v", &json!({ ":v": { "S": kilobytes(2) } }));
    assert_eq!(body, (3.0, json!({})), "the larger of before and after, and no index holds it");
    let ordered = table.update("SET orderId = :v REMOVE due", &json!({ ":v": { "S": "7" } }));
    assert_eq!(ordered, (3.0, json!({ "by-due": 1.0, "by-order": 3.0 })));
    let deleted = table.consumed("DeleteItem", json!({ "Key": key("a") }));
    assert_eq!(deleted, (3.0, json!({ "by-order": 3.0 })));
    assert_eq!(table.consumed("DeleteItem", json!({ "Key": key("a") })), (1.0, json!({})), "not there");
}

#[test]
fn a_transaction_costs_twice_and_its_indexes_once() {
    let table = Table::new();
    let put = |id: &str| json!({ "Put": { "TableName": "ledger", "Item": item(id, &[("due", "1")]) } });
    let check = json!({ "ConditionCheck": {
        "TableName": "ledger", "Key": key("z"), "ConditionExpression": "attribute_not_exists(pk)",
    } });
    let transaction = json!({ "TransactItems": [put("a"), put("b"), check] });
    assert_eq!(table.consumed("TransactWriteItems", transaction), (6.0, json!({ "by-due": 2.0 })));
    assert_eq!(table.0.counters().index_write_units("ledger", "by-due").to_string(), "2");
}

#[test]
fn a_refused_condition_is_charged_as_the_item_that_is_there() {
    let table = Table::new();
    table.call("PutItem", json!({ "Item": item("a", &[("body", &"x".repeat(2000))]) })).unwrap();
    table.0.clear_counters();
    let body = json!({ "Item": item("a", &[]), "ConditionExpression": "attribute_not_exists(pk)" });
    assert_eq!(table.call("PutItem", body).unwrap_err().code, "ConditionalCheckFailedException");
    assert!((table.0.counters().write_units("ledger") - 2.0).abs() < f64::EPSILON);
}

#[test]
fn a_query_is_charged_for_what_it_read_and_not_for_what_it_shows() {
    let table = Table::new();
    let large = "x".repeat(5000);
    table.call("PutItem", json!({ "Item": item("a", &[("body", &large), ("due", "1")]) })).unwrap();
    let query = json!({
        "KeyConditionExpression": "pk = :pk",
        "FilterExpression": "body = :none",
        "ConsistentRead": true,
        "ExpressionAttributeValues": { ":pk": { "S": "a" }, ":none": { "S": "" } },
    });
    assert_eq!(table.consumed("Query", query).0.to_string(), "2");
    let by_due = json!({
        "IndexName": "by-due",
        "KeyConditionExpression": "due = :due",
        "ExpressionAttributeValues": { ":due": { "S": "1" } },
    });
    assert_eq!(
        table.consumed("Query", by_due),
        (0.0, json!({ "by-due": 0.5 })),
        "keys only, and maybe stale"
    );
    assert_eq!(table.consumed("GetItem", json!({ "Key": key("a") })).0.to_string(), "1");
    assert_eq!(table.consumed("GetItem", json!({ "Key": key("b") })).0.to_string(), "0.5");
}

#[test]
fn of_many_who_put_the_same_item_at_once_one_succeeds() {
    let table = std::sync::Arc::new(Table::new());
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let table = std::sync::Arc::clone(&table);
            let body = json!({ "Item": item("a", &[]), "ConditionExpression": "attribute_not_exists(pk)" });
            std::thread::spawn(move || table.call("PutItem", body).is_ok())
        })
        .collect();
    assert_eq!(writers.into_iter().map(|writer| writer.join().unwrap()).filter(|won| *won).count(), 1);
}

#[test]
fn binary_sort_keys_are_in_the_order_of_their_bytes() {
    let account = Account::new();
    let call = |action: &str, mut body: Value| {
        body["TableName"] = "ledger".into();
        account.call("dynamodb", &format!("DynamoDB_20120810.{action}"), &body).unwrap()
    };
    let names = ["pk", "sk"];
    call(
        "CreateTable",
        json!({
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }, { "AttributeName": "sk", "KeyType": "RANGE" }],
            "AttributeDefinitions": names.map(|name| json!({ "AttributeName": name, "AttributeType": "B" })),
        }),
    );
    let binary = |bytes: &[u8]| json!({ "B": BASE64_STANDARD.encode(bytes) });
    // In base64 the first is 0AA=, the others +QA= and AQ==.
    let keys: [&[u8]; 3] = [&[0xd0, 0x00], &[0xf9, 0x00], &[0x01]];
    for key in keys {
        call("PutItem", json!({ "Item": { "pk": binary(b"p"), "sk": binary(key) } }));
    }
    let query = |condition: &str, value: &[u8]| -> Vec<Vec<u8>> {
        let answer = call(
            "Query",
            json!({
                "KeyConditionExpression": format!("pk = :pk AND {condition}"),
                "ExpressionAttributeValues": { ":pk": binary(b"p"), ":sk": binary(value) },
            }),
        );
        let items = answer["Items"].as_array().unwrap().iter();
        items.map(|item| BASE64_STANDARD.decode(item["sk"]["B"].as_str().unwrap()).unwrap()).collect()
    };
    assert_eq!(query("sk >= :sk", &[0x00]), [vec![0x01], vec![0xd0, 0x00], vec![0xf9, 0x00]]);
    assert_eq!(query("sk > :sk", &[0xd0, 0x00]), [vec![0xf9, 0x00]]);
    assert_eq!(query("begins_with(sk, :sk)", &[0xd0]), [vec![0xd0, 0x00]]);
    let item = json!({ "Item": { "pk": binary(b"q"), "sk": binary(&[7; 1000]) }, "ReturnConsumedCapacity": "TOTAL" });
    assert_eq!(call("PutItem", item)["ConsumedCapacity"]["CapacityUnits"], 1.0, "bytes count as they are");
}

#[test]
fn a_transaction_asked_for_twice_under_one_token_happens_once() {
    let table = Table::new();
    let transaction = |id: &str| {
        json!({
            "ClientRequestToken": "token-1",
            "TransactItems": [{ "Put": {
                "TableName": "ledger", "Item": item(id, &[]), "ConditionExpression": "attribute_not_exists(pk)",
            } }],
        })
    };
    table.0.fail(&Fault::next("dynamodb", "TransactWriteItems", FaultKind::ErrorAfter));
    assert_eq!(table.call("TransactWriteItems", transaction("a")).unwrap_err().status, 500);
    table.call("TransactWriteItems", transaction("a")).unwrap();
    let other = table.call("TransactWriteItems", transaction("b")).unwrap_err();
    assert_eq!(other.code, "IdempotentParameterMismatchException");
    let mut untold = transaction("a");
    untold["ClientRequestToken"] = "token-2".into();
    assert_eq!(table.call("TransactWriteItems", untold).unwrap_err().code, "TransactionCanceledException");
    let counters = table.0.counters();
    assert_eq!(
        (counters.write_units("ledger"), counters.read_units("ledger")),
        (4.0, 2.0),
        "a replay is a read"
    );
}
