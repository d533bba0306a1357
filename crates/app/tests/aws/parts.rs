//! What a server of one test stands on: an account of the emulator, and a folder.

use std::path::Path;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use postrider_aws::http_client::{Roots, http_client};
use postrider_dynamodb::sdk::create_table;
use postrider_testkit::emulator::{Account, Delivery, Queue, REGION, Topic, endpoint};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::common::{Serving, code, run, text};

const TABLE: &str = "ledger";
const CONFIGURATION_SET: &str = "shop";
/// Receives after which the queue gives a message up.
const RECEIVES_MAX: u32 = 2;

/// Where notifications are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ledger {
    Sqlite,
    DynamoDb,
}

/// How events come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingest {
    Http,
    Sqs,
}

/// Who hands messages on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mailer {
    Outbox,
    Ses,
}

pub struct World {
    account: Account,
    directory: TempDir,
    ledger: Ledger,
    ingest: Ingest,
    mailer: Mailer,
    orders: Topic,
    queue: Queue,
    dead: Queue,
    reports: Queue,
}

impl World {
    pub fn new(ledger: Ledger, ingest: Ingest, mailer: Mailer) -> Self {
        let account = Account::new();
        let dead = account.create_queue("orders-dead", &[]);
        let queue = account.create_queue("orders", &[("VisibilityTimeout", "1")]);
        queue.redrive_to(&dead, RECEIVES_MAX);
        let orders = account.create_topic("orders");
        orders.subscribe(&queue, Delivery::Raw);
        let reports = account.create_queue("reports", &[]);
        let topic = account.create_topic("reports");
        topic.subscribe(&reports, Delivery::Enveloped);
        account.verify_identity("shop.example");
        account.create_configuration_set(CONFIGURATION_SET, &topic);
        if ledger == Ledger::DynamoDb {
            let sdk = sdk(&account);
            let made = create_table(&sdk, TABLE, Some(endpoint()));
            Runtime::new().unwrap().block_on(made).unwrap();
        }
        let directory = TempDir::new().unwrap();
        Self { account, directory, ledger, ingest, mailer, orders, queue, dead, reports }
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn serve(&self) -> Serving {
        self.serve_with(&[])
    }

    /// A server on these parts, with settings beside those that name them.
    pub fn serve_with(&self, more: &[(&str, &str)]) -> Serving {
        let environment = self.account.environment();
        let mut settings: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        settings.push(("POSTRIDER__SENDER__FROM", "Shop <orders@shop.example>"));
        if self.ledger == Ledger::DynamoDb {
            settings.extend([("POSTRIDER__LEDGER__KIND", "dynamodb"), ("POSTRIDER__LEDGER__TABLE", TABLE)]);
        }
        if self.ingest == Ingest::Sqs {
            settings.extend([
                ("POSTRIDER__INGEST__KIND", "sqs"),
                ("POSTRIDER__INGEST__SQS_QUEUE_URL", self.queue.url()),
                ("POSTRIDER__INGEST__SQS_REGION", REGION),
            ]);
        }
        if self.mailer == Mailer::Ses {
            settings.extend([
                ("POSTRIDER__MAILER__KIND", "ses"),
                ("POSTRIDER__MAILER__SES__CONFIGURATION_SET", CONFIGURATION_SET),
                ("POSTRIDER__FEEDBACK__SQS_QUEUE_URL", self.reports.url()),
                ("POSTRIDER__FEEDBACK__SQS_REGION", REGION),
            ]);
        }
        settings.extend(more);
        Serving::start_with(self.directory(), &settings)
    }

    /// Brings an event the way events come in here.
    pub fn bring(&self, event: &str) {
        match self.ingest {
            Ingest::Sqs => {
                self.orders.publish(event, &[]).unwrap();
            }
            Ingest::Http => {
                std::fs::write(self.directory().join("event.json"), event).unwrap();
                let output = run(self.directory(), &["send", "event.json"]);
                assert_eq!(code(&output), 0, "{}", text(&output.stderr));
            }
        }
    }

    /// Whether nothing waits in the queue of events.
    pub fn is_taken(&self) -> bool {
        self.queue.depth() == (0, 0)
    }

    /// Messages that were handed on.
    pub fn left(&self) -> usize {
        match self.mailer {
            Mailer::Ses => self.account.sent().len(),
            Mailer::Outbox => {
                let captured = std::fs::read_dir(self.directory().join("postrider-data/outbox"));
                captured.map_or(0, Iterator::count)
            }
        }
    }

    /// Messages that the queue of events has given up, and that can be put back.
    pub fn dead_letters(&self) -> u64 {
        self.dead.depth().0
    }

    /// Puts them back.
    pub fn redrive(&self) {
        self.dead.start_move_task();
    }
}

fn sdk(account: &Account) -> SdkConfig {
    let credentials = Credentials::new(account.number(), "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client(Roots::BuiltIn))
        .build()
}
