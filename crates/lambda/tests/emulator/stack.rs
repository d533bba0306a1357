//! Everything the deployment's template would make, in an account of its own.

use std::path::Path;
use std::time::Duration;

use postrider_dynamodb::schema::definition;
use postrider_testkit::api::gateway::payload;
use postrider_testkit::emulator::lambda::{EventSource, Function, Outcome, Setup};
use postrider_testkit::emulator::{Account, Delivery, Queue, Topic};
use serde_json::{Value, json};

/// How long a queue may take to become empty; far more than it needs on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(240);
/// The table's name.
pub const TABLE: &str = "ledger";
const CONFIGURATION_SET: &str = "postrider";
const SENDER: &str = "orders@shop.example";

/// Topics, queues, table, secret and mail identity.
pub struct Stack {
    /// The account they are in.
    pub account: Account,
    /// Where the shop publishes.
    pub orders: Topic,
    /// What `dispatch` reads.
    pub order_queue: Queue,
    /// What it could not take.
    pub order_dead_letters: Queue,
    /// What `feedback` reads.
    pub feedback_queue: Queue,
    secret: String,
}

impl Stack {
    /// A new one, whose queues get what is published as `delivery` says and hand it out again after `visibility_secs`.
    pub fn new(delivery: Delivery, visibility_secs: u32) -> Self {
        let account = Account::new();
        let visibility = visibility_secs.to_string();
        let visibility = [("VisibilityTimeout", visibility.as_str())];
        let order_dead_letters = account.create_queue("orders-dead", &[]);
        let order_queue = account.create_queue("orders", &visibility);
        order_queue.redrive_to(&order_dead_letters, 3);
        let orders = account.create_topic("test-order-confirmations");
        orders.subscribe(&order_queue, delivery);
        let feedback_queue = account.create_queue("feedback", &visibility);
        let reports = account.create_topic("feedback");
        reports.subscribe(&feedback_queue, delivery);
        account.verify_identity("shop.example");
        account.create_configuration_set(CONFIGURATION_SET, &reports);
        create_table(&account);
        let secret = json!({ "Name": "postrider", "SecretString": "0123456789abcdef".repeat(4) });
        let secret = account.call("secretsmanager", "secretsmanager.CreateSecret", &secret).unwrap();
        let secret = format!("aws-secretsmanager:{}", secret["ARN"].as_str().unwrap());
        Self { account, orders, order_queue, order_dead_letters, feedback_queue, secret }
    }

    /// The function `role` with what the template gives each, still to be changed.
    pub fn setup(&self, role: &str) -> Setup {
        let settings = [
            ("LEDGER__KIND", "dynamodb"),
            ("LEDGER__TABLE", TABLE),
            ("MAILER__KIND", "ses"),
            ("MAILER__SES__CONFIGURATION_SET", CONFIGURATION_SET),
            ("SENDER__FROM", SENDER),
            ("SERVER__SECRET", &self.secret),
            ("METRICS__NAMESPACE", "Postrider/test"),
            // What is to be tried again is due at once: these tests wait for nobody's clock.
            ("RETRY__BASE_DELAY_MS", "1"),
            ("RETRY__MAX_DELAY_MS", "1"),
        ];
        let program = Path::new(env!("CARGO_BIN_EXE_bootstrap"));
        let setup = Setup::new(&self.account, program).handler(role).timeout(Duration::from_secs(120));
        settings
            .into_iter()
            .fold(setup, |setup, (name, value)| setup.set(&format!("POSTRIDER__{name}"), value))
    }

    /// The function `role`.
    pub fn function(&self, role: &str) -> Function {
        self.setup(role).build()
    }

    /// Has `dispatch` deal with every order that waits.
    pub fn drain_orders(&self, dispatch: &[Function]) {
        let _ = EventSource::new(&self.order_queue).drain(dispatch, PATIENCE);
    }

    /// Has `feedback` deal with every report that waits.
    pub fn drain_reports(&self, feedback: &[Function]) {
        let _ = EventSource::new(&self.feedback_queue).drain(feedback, PATIENCE);
    }
}

fn create_table(account: &Account) {
    let definition = definition();
    let keys = |[partition, sort]: [&str; 2]| {
        json!([
            { "AttributeName": partition, "KeyType": "HASH" },
            { "AttributeName": sort, "KeyType": "RANGE" },
        ])
    };
    let attributes: Vec<Value> = definition
        .attributes
        .iter()
        .map(|name| json!({ "AttributeName": name, "AttributeType": "B" }))
        .collect();
    let indexes: Vec<Value> = definition
        .indexes
        .iter()
        .map(|index| {
            json!({
                "IndexName": index.name,
                "KeySchema": keys(index.key),
                "Projection": { "ProjectionType": "KEYS_ONLY" },
            })
        })
        .collect();
    let table = json!({
        "TableName": TABLE,
        "AttributeDefinitions": attributes,
        "KeySchema": keys(definition.key),
        "GlobalSecondaryIndexes": indexes,
        "BillingMode": definition.billing_mode,
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": definition.stream_view },
    });
    account.call("dynamodb", "DynamoDB_20120810.CreateTable", &table).unwrap();
}

/// The API as an HTTP API of API Gateway asks it, by somebody whom IAM has let in.
pub struct Api(Function);

impl Api {
    /// The API of `stack`.
    pub fn of(stack: &Stack) -> Self {
        Self::over(stack.function("api"))
    }

    /// The API that this function is.
    pub fn over(function: Function) -> Self {
        Self(function)
    }

    /// Asks and tells the status and the JSON of the answer.
    pub fn ask(&self, method: &str, path: &str, query: &str, body: Option<&Value>) -> (u16, Value) {
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let body = body.map(Value::to_string).unwrap_or_default();
        let event = payload(method, &target, &[], body.as_bytes());
        let answer = match self.0.invoke(&event) {
            Outcome::Answered(answer) => answer,
            other => panic!("{method} {path}: {other:?}\n{}", self.0.log().join("\n")),
        };
        let status = u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap();
        let body = answer["body"].as_str().unwrap_or_default();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    /// The one notification about an order, with its timeline.
    pub fn about(&self, order_id: &str) -> Value {
        let (status, page) = self.ask("GET", "/v1/notifications", &format!("orderId={order_id}"), None);
        assert_eq!((status, page["data"].as_array().unwrap().len()), (200, 1), "{order_id}: {page:#}");
        let id = page["data"][0]["id"].as_str().unwrap();
        let (status, shown) = self.ask("GET", &format!("/v1/notifications/{id}"), "", None);
        assert_eq!(status, 200, "{shown:#}");
        shown
    }

    /// Every notification, page by page.
    pub fn all(&self) -> Vec<Value> {
        let mut found = Vec::new();
        let mut after = String::new();
        for _ in 0..1_000 {
            let (status, page) = self.ask("GET", "/v1/notifications", &format!("limit=100{after}"), None);
            assert_eq!(status, 200, "{page:#}");
            found.extend(page["data"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next"].as_str() else { return found };
            after = format!("&after={next}");
        }
        panic!("the listing does not end");
    }
}
