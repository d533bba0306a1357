//! The DynamoDB ledger keeps the contract, over the AWS SDK and an emulator, with a table for each case.

#![expect(clippy::expect_used, reason = "a contract that cannot be set up has failed")]

use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use postrider_aws::http_client::{Roots, http_client};
use postrider_dynamodb::sdk::{SdkTable, create_table};
use postrider_dynamodb::{DynamoConfig, DynamoLedger};
use postrider_testkit::contract::Subject;
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::emulator::{Account, REGION, endpoint, unique};
use postrider_testkit::random::SeededRandom;

fn sdk(account: &Account) -> SdkConfig {
    let credentials = Credentials::new(account.number(), "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client(Roots::BuiltIn))
        .build()
}

async fn open_in_emulator() -> DynamoLedger {
    let table = unique("contract");
    let (sdk, endpoint) = (sdk(&Account::new()), endpoint());
    create_table(&sdk, &table, Some(endpoint)).await.expect("a table can be created");
    // The emulator answers some two hundred requests a second, and the cases ask much at once: one shard, and patience.
    let config = DynamoConfig { shards: 1, ..DynamoConfig::new(&*table) };
    let table = SdkTable::with_patience(&sdk, table, Some(endpoint), Duration::from_secs(60));
    let random = Arc::new(SeededRandom::new(17));
    let opened = DynamoLedger::over(Arc::new(table), &config, recipient_rules(), random).await;
    opened.expect("an empty table opens")
}

fn open() -> Subject {
    let opened = open_in_emulator();
    Subject::alone(tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(opened)))
}

postrider_testkit::ledger_contract!(crate::open);
