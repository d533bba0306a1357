//! Making the table, for development and tests. Elsewhere the deployment's template makes it.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType, TableStatus,
    TimeToLiveSpecification,
};

use super::client;
use crate::schema::{TableDefinition, definition};

/// How often the table is asked whether it is there, and how long it is waited for between.
const ASKED_MAX: u32 = 60;
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// Why the table was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The service refused.
    #[error("the table {table} cannot be created: {reason}")]
    Refused {
        /// The table.
        table: String,
        /// What the service says.
        reason: String,
    },
    /// It took too long.
    #[error("the table {table} was created and is not active yet; wait, then look at its status")]
    NotActive {
        /// The table.
        table: String,
    },
}

/// Makes the table `name` as [`definition`] describes it, with its stream and its clearing away by time, and waits until
/// it can be used. One that is there already is left as it is.
///
/// # Errors
/// [`CreateError`]; what was made until then stays.
pub async fn create_table(
    sdk: &SdkConfig,
    name: &str,
    endpoint_url: Option<&str>,
) -> Result<(), CreateError> {
    let client = client(sdk, endpoint_url);
    let definition = definition();
    let refused = |reason: String| CreateError::Refused { table: name.to_owned(), reason };
    let request = request(&client, name, &definition).map_err(|error| refused(error.to_string()))?;
    match request.send().await {
        Ok(_) => {}
        Err(SdkError::ServiceError(context)) if context.err().is_resource_in_use_exception() => return Ok(()),
        Err(error) => return Err(refused(DisplayErrorContext(error).to_string())),
    }
    wait_until_active(&client, name).await?;
    let ttl =
        TimeToLiveSpecification::builder().enabled(true).attribute_name(definition.ttl_attribute).build();
    let ttl = ttl.map_err(|error| refused(error.to_string()))?;
    let request = client.update_time_to_live().table_name(name).time_to_live_specification(ttl);
    request.send().await.map_err(|error| refused(DisplayErrorContext(error).to_string()))?;
    Ok(())
}

fn request(
    client: &Client,
    name: &str,
    definition: &TableDefinition,
) -> Result<
    aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder,
    aws_sdk_dynamodb::error::BuildError,
> {
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::from(definition.stream_view))
        .build()?;
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::from(definition.billing_mode))
        .stream_specification(stream)
        .set_key_schema(Some(key_schema(definition.key)?));
    for attribute in &definition.attributes {
        request = request.attribute_definitions(
            AttributeDefinition::builder()
                .attribute_name(*attribute)
                .attribute_type(ScalarAttributeType::B)
                .build()?,
        );
    }
    for index in &definition.indexes {
        request = request.global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(index.name)
                .set_key_schema(Some(key_schema(index.key)?))
                .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
                .build()?,
        );
    }
    Ok(request)
}

fn key_schema(
    [partition, sort]: [&str; 2],
) -> Result<Vec<KeySchemaElement>, aws_sdk_dynamodb::error::BuildError> {
    let element = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    Ok(vec![element(partition, KeyType::Hash)?, element(sort, KeyType::Range)?])
}

async fn wait_until_active(client: &Client, name: &str) -> Result<(), CreateError> {
    for _ in 0..ASKED_MAX {
        let described = client.describe_table().table_name(name).send().await;
        let status = described.ok().and_then(|answer| answer.table).and_then(|table| table.table_status);
        if status == Some(TableStatus::Active) {
            return Ok(());
        }
        tokio::time::sleep(ASKED_EVERY).await;
    }
    Err(CreateError::NotActive { table: name.to_owned() })
}
