//! The `postrider` program: configuration, wiring and commands.

mod backup_file;
mod budget;
pub mod cli;
mod client;
pub mod commands;
mod connection;
pub mod engine;
mod feedback;
mod ingest;
mod interrupted;
mod ledger;
mod logging;
mod mirror;
mod output;
pub mod reload;
pub mod runtime;
mod secret_file;
mod server_file;
pub mod webhooks;
