//! The two functions, and what each needs of an account.

use std::path::{Path, PathBuf};
use std::time::Duration;

use postrider_bench::Failure;
use postrider_testkit::emulator::lambda::{Function, Setup};
use postrider_testkit::emulator::{Account, REGION, python};
use serde_json::{Value, json};

const SECRET: &str = "postrider";
const TABLE: &str = "orders";
pub const CONFIGURATION_SET: &str = "shop";
pub const DOMAIN: &str = "shop.example";
const SENDER: &str = "Example Shop <orders@shop.example>";

/// As the stack has it: longer than the mailer may take for a message and what follows.
const TIMEOUT: Duration = Duration::from_secs(120);

/// One of the functions that are compared.
pub enum Contender {
    /// Postrider's.
    Postrider {
        /// The built program.
        program: PathBuf,
    },
    /// The peer.
    Python {
        /// Where its files are.
        place: PathBuf,
    },
}

impl Contender {
    pub fn postrider(program: &Path) -> Self {
        Self::Postrider { program: program.to_owned() }
    }

    pub fn python(place: &Path) -> Self {
        Self::Python { place: place.to_owned() }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Postrider { .. } => "Postrider",
            Self::Python { .. } => "Python",
        }
    }

    /// Makes what it needs in an account.
    pub fn prepare(&self, account: &Account) -> Result<(), Failure> {
        match self {
            Self::Postrider { .. } => {
                create_table(account, &ledger_table())?;
                create_secret(account)
            }
            Self::Python { .. } => create_table(account, &peer_table()),
        }
    }

    /// The function in an account that is prepared.
    pub fn function(&self, account: &Account) -> Function {
        let setup = match self {
            Self::Postrider { program } => Setup::new(account, program)
                .handler("dispatch")
                .set("POSTRIDER__SERVER__SECRET", &format!("aws-secretsmanager:{SECRET}"))
                .set("POSTRIDER__LEDGER__KIND", "dynamodb")
                .set("POSTRIDER__LEDGER__TABLE", TABLE)
                .set("POSTRIDER__MAILER__KIND", "ses")
                .set("POSTRIDER__MAILER__SES__REGION", REGION)
                .set("POSTRIDER__MAILER__SES__CONFIGURATION_SET", CONFIGURATION_SET)
                .set("POSTRIDER__SENDER__FROM", SENDER),
            Self::Python { place } => Setup::new(account, &python())
                .argument(place.join("runtime.py"))
                .handler("dispatch.handler")
                .set("AWS_DEFAULT_REGION", REGION)
                .set("TABLE", TABLE)
                .set("CONFIGURATION_SET", CONFIGURATION_SET)
                .set("SENDER", SENDER),
        };
        setup.timeout(TIMEOUT).build()
    }
}

fn create_table(account: &Account, definition: &Value) -> Result<(), Failure> {
    account.call("dynamodb", "DynamoDB_20120810.CreateTable", definition)?;
    Ok(())
}

/// The installation's secret, which the peer does without.
fn create_secret(account: &Account) -> Result<(), Failure> {
    let secret =
        json!({ "Name": SECRET, "SecretString": "5a".repeat(32), "ClientRequestToken": "5a".repeat(16) });
    account.call("secretsmanager", "secretsmanager.CreateSecret", &secret)?;
    Ok(())
}

fn peer_table() -> Value {
    json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
    })
}

/// The ledger's table as `docs/` describes it: binary keys, four indexes of keys only.
fn ledger_table() -> Value {
    let key = |partition: &str, sort: &str| {
        json!([
            { "AttributeName": partition, "KeyType": "HASH" },
            { "AttributeName": sort, "KeyType": "RANGE" },
        ])
    };
    let index = |name: &str, partition: &str, sort: &str| {
        json!({
            "IndexName": name,
            "KeySchema": key(partition, sort),
            "Projection": { "ProjectionType": "KEYS_ONLY" },
        })
    };
    let attributes = ["pk", "sk", "o", "r", "t", "d", "i", "e"];
    json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": key("pk", "sk"),
        "AttributeDefinitions":
            attributes.map(|name| json!({ "AttributeName": name, "AttributeType": "B" })),
        "GlobalSecondaryIndexes": [
            index("order", "o", "i"),
            index("recipient", "r", "i"),
            index("time", "t", "i"),
            index("due", "d", "e"),
        ],
    })
}
