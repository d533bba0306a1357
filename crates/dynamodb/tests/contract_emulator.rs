//! The DynamoDB ledger keeps the contract, over the AWS SDK and an emulator, with a table for each case.

#![expect(clippy::expect_used, reason = "a contract that cannot be set up has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use postrider_dynamodb::sdk::create_table;
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::Subject;
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::random::SeededRandom;

fn endpoint() -> String {
    std::env::var("POSTRIDER_TEST_EMULATOR").expect(
        "POSTRIDER_TEST_EMULATOR names the emulator's URL, such as http://127.0.0.1:5000; start moto_server and set it",
    )
}

fn sdk() -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

async fn open_in_emulator() -> DynamoLedger {
    static TABLES: AtomicU64 = AtomicU64::new(0);
    let number = TABLES.fetch_add(1, Ordering::Relaxed);
    let table = format!("contract-{}-{number}", std::process::id());
    let (sdk, endpoint) = (sdk(), endpoint());
    create_table(&sdk, &table, Some(&endpoint)).await.expect("a table can be created");
    let config = DynamoConfig { endpoint_url: Some(endpoint), ..DynamoConfig::new(table) };
    let random = Arc::new(SeededRandom::new(u64::from(std::process::id()) << 32 | number));
    DynamoLedger::open(&sdk, config, recipient_rules(), random).await.expect("an empty table opens")
}

fn open() -> Subject {
    let opened = open_in_emulator();
    Subject::alone(tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(opened)))
}

postrider_testkit::ledger_contract!(crate::open);
