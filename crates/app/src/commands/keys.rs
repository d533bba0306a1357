//! `postrider keys`: who may ask the server, and for what.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Failure;
use crate::cli::GlobalOptions;
use crate::client;
use crate::connection::{Connection, query_value};
use crate::output::Output;
use crate::runtime::{Parts, Types, make_data_dir};
use crate::server_file::reachable;
use postrider_environment::config::{LedgerSettings, Settings};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make one and show it, this once; with the first, every request begins to need one
    Create(CreateOptions),
    /// List them, oldest first, without their secrets
    List,
    /// Make one good for nothing, at once and for good
    Revoke {
        /// Its id, `key_…`, as `keys list` shows it
        id: String,
    },
}

/// A key to be made.
#[derive(Debug, Args)]
pub struct CreateOptions {
    /// A name for people, such as the system that will use it
    name: Option<String>,
    /// What its holder may do: `send` events and messages, `read` everything, `manage` everything
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', default_value = "send,read,manage")]
    scopes: Vec<String>,
}

/// Makes, lists or revokes keys.
///
/// # Errors
/// If there is nobody to ask or a request is refused.
pub async fn run(global: &GlobalOptions, command: KeysCommand) -> Result<(), Failure> {
    let settings = global.settings()?;
    let connection = open(&settings, global.server.as_deref(), &command).await?;
    let output = global.output();
    let result = match command {
        KeysCommand::Create(options) => create(&connection, &options, output).await,
        KeysCommand::List => list(&connection, output).await,
        KeysCommand::Revoke { id } => revoke(&connection, &id, output).await,
    };
    connection.close().await;
    result
}

/// A server that is to listen on other addresses needs a key before it has ever started, so making one makes the ledger as
/// well.
async fn open(
    settings: &Settings,
    server: Option<&str>,
    command: &KeysCommand,
) -> Result<Connection, Failure> {
    let is_new = matches!(settings.ledger, LedgerSettings::Sqlite) && !settings.ledger_path.exists();
    let may_make = is_new && server.is_none() && matches!(command, KeysCommand::Create(_));
    // A server that runs on another data directory at this address is meant before a new one.
    if may_make && client::instance_at(&reachable(settings.listen).to_string()).await.is_none() {
        make_data_dir(settings).map_err(|error| Failure::because(&error))?;
        let parts = Parts::open(settings, Types::Unused).await.map_err(|error| Failure::because(&error))?;
        return Ok(Connection::Ledger(Box::new(parts)));
    }
    Connection::open(settings, server, Types::Unused).await
}

async fn create(connection: &Connection, options: &CreateOptions, output: Output) -> Result<(), Failure> {
    let scopes: Vec<&str> =
        options.scopes.iter().map(|scope| scope.trim()).filter(|scope| !scope.is_empty()).collect();
    let body = json!({ "name": options.name, "scopes": scopes });
    let made = connection.post("/v1/keys", &[], body.to_string()).await?.success()?;
    let text = format!(
        "{}\n\nKeep it now: it is not shown again, and nobody can read it from the ledger.\n{}",
        made["key"].as_str().unwrap_or_default(),
        describe(&made)
    );
    output.show(&made, &text);
    Ok(())
}

async fn list(connection: &Connection, output: Output) -> Result<(), Failure> {
    let answer = connection.get("/v1/keys").await?.success()?;
    let keys = answer["data"].as_array().into_iter().flatten();
    let text: String = keys.map(|key| describe(key) + "\n").collect();
    let none = "there was never an API key: everybody on the server's machine may send and read";
    output.show(&answer, if text.is_empty() { none } else { &text });
    Ok(())
}

fn describe(key: &Value) -> String {
    let field = |name: &str| key[name].as_str().unwrap_or_default();
    let scopes: Vec<&str> =
        key["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let revoked = key["revokedAt"].as_str().map(|at| format!("  revoked {at}")).unwrap_or_default();
    format!("{}  {:<16} {}  {}{revoked}", field("id"), scopes.join(","), field("createdAt"), field("name"))
}

async fn revoke(connection: &Connection, id: &str, output: Output) -> Result<(), Failure> {
    connection.delete(&format!("/v1/keys/{}", query_value(id))).await?.success()?;
    let text = format!("{id} is revoked: whoever shows it is answered 401 from now on");
    output.show(&json!({ "id": id, "revoked": true }), &text);
    Ok(())
}
