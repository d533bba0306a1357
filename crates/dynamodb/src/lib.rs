//! The ledger in one DynamoDB table.
//!
//! Notifications are items whose key is made of their business key, so that duplicates collide; every step reads what it
//! is about, lets the domain decide, and writes back on condition that nobody else has written since. docs/dynamodb.md
//! draws every key, index and access pattern.

mod calls;
mod codec;
mod config;
mod context;
pub mod fake;
mod gathering;
mod keys;
mod ledger;
pub mod meter;
mod opening;
mod ports;
mod queries;
mod record;
mod remembered;
pub mod schema;
pub mod sdk;
mod steps;
pub mod table;
mod together;
mod turns;
mod webhooks;
mod work;

pub use config::{Ahead, DynamoConfig, PayloadPolicy, SHARDS};
pub use ledger::DynamoLedger;
pub use opening::OpenError;
