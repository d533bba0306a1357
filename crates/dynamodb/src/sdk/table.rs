//! The calls.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, KeysAndAttributes, Put, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, Select, TransactWriteItem,
};

use super::SdkTable;
use super::attributes::{
    binary, item_attributes, key_attributes, number, position_attributes, read_entry, read_item,
    read_position,
};
use super::errors::{classify, of_code};
use super::{attributes::Attributes, consumed};
use crate::meter::{Consumed, Meter};
use crate::schema::attributes::VERSION;
use crate::schema::{PARTITION_KEY, SORT_KEY};
use crate::table::{
    Change, Condition, Consistency, Entry, Index, Item, Key, Page, Position, Query, Refusal, Table,
    TableError, Write, Written,
};

const COUNT: ReturnConsumedCapacity = ReturnConsumedCapacity::Indexes;
const SHOW_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

#[async_trait]
impl Table for SdkTable {
    fn name(&self) -> &str {
        &self.name
    }

    fn meter(&self) -> &Meter {
        &self.meter
    }

    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key_attributes(key)))
            .consistent_read(consistency == Consistency::Strong)
            .return_consumed_capacity(COUNT)
            .send()
            .await
            .map_err(|error| self.failed(&error))?;
        self.meter.add(&consumed::read(answer.consumed_capacity()));
        answer.item.map(read_item).transpose()
    }

    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<(Vec<Item>, Vec<Key>), TableError> {
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys.iter().map(key_attributes).collect()))
            .consistent_read(consistency == Consistency::Strong)
            .build()
            .map_err(|_| of_code("ValidationException", 400))?;
        let answer = self
            .client
            .batch_get_item()
            .request_items(&self.name, wanted)
            .return_consumed_capacity(COUNT)
            .send()
            .await
            .map_err(|error| self.failed(&error))?;
        self.meter.add(&consumed::read(answer.consumed_capacity()));
        let mut items = Vec::with_capacity(keys.len());
        for attributes in answer.responses.unwrap_or_default().into_values().flatten() {
            items.push(read_item(attributes)?);
        }
        let mut left = Vec::new();
        for attributes in answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|keys| keys.keys)
        {
            left.extend(read_position(None, Some(attributes))?.map(|position| position.key));
        }
        Ok((items, left))
    }

    async fn write(&self, write: &Write) -> Result<Written, TableError> {
        let key = write.change.key();
        let (expression, names, values) = expression(write.condition);
        match &write.change {
            Change::Put(item) => {
                let request = self
                    .client
                    .put_item()
                    .table_name(&self.name)
                    .set_item(Some(item_attributes(item)))
                    .set_condition_expression(expression)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(SHOW_OLD)
                    .return_consumed_capacity(COUNT);
                match request.send().await {
                    Ok(answer) => self.done(answer.consumed_capacity()),
                    Err(error) => match error.as_service_error() {
                        Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                            self.refused(key, failed.item.clone())
                        }
                        _ => Err(self.failed(&error)),
                    },
                }
            }
            Change::Delete(key) => {
                let request = self
                    .client
                    .delete_item()
                    .table_name(&self.name)
                    .set_key(Some(key_attributes(key)))
                    .set_condition_expression(expression)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(SHOW_OLD)
                    .return_consumed_capacity(COUNT);
                match request.send().await {
                    Ok(answer) => self.done(answer.consumed_capacity()),
                    Err(error) => match error.as_service_error() {
                        Some(DeleteItemError::ConditionalCheckFailedException(failed)) => {
                            self.refused(key, failed.item.clone())
                        }
                        _ => Err(self.failed(&error)),
                    },
                }
            }
        }
    }

    async fn transact(&self, writes: &[Write], token: &str) -> Result<Written, TableError> {
        let items = writes.iter().map(|write| self.transact_item(write)).collect::<Result<Vec<_>, _>>()?;
        let request = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .client_request_token(token)
            .return_consumed_capacity(COUNT);
        match request.send().await {
            Ok(answer) => self.done(answer.consumed_capacity()),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                    self.meter.add(&Consumed { requests: 1, ..Consumed::default() });
                    canceled_because(writes, canceled.cancellation_reasons())
                }
                _ => Err(self.failed(&error)),
            },
        }
    }

    async fn query(&self, query: &Query) -> Result<Page<Item>, TableError> {
        let request = self.walk(None, query).consistent_read(true);
        let answer = request.send().await.map_err(|error| self.failed(&error))?;
        self.meter.add(&consumed::read(answer.consumed_capacity()));
        let found = answer.items.unwrap_or_default().into_iter().map(read_item);
        Ok(Page {
            found: found.collect::<Result<_, _>>()?,
            next: read_position(None, answer.last_evaluated_key)?,
        })
    }

    async fn query_index(&self, index: Index, query: &Query) -> Result<Page<Entry>, TableError> {
        let request = self.walk(Some(index), query);
        let answer = request.send().await.map_err(|error| self.failed(&error))?;
        self.meter.add(&consumed::read(answer.consumed_capacity()));
        let found = answer.items.unwrap_or_default().into_iter().map(|item| read_entry(index, item));
        Ok(Page {
            found: found.collect::<Result<_, _>>()?,
            next: read_position(Some(index), answer.last_evaluated_key)?,
        })
    }

    async fn count_index(
        &self,
        index: Index,
        query: &Query,
    ) -> Result<(usize, Option<Position>), TableError> {
        let request = self.walk(Some(index), query).select(Select::Count);
        let answer = request.send().await.map_err(|error| self.failed(&error))?;
        self.meter.add(&consumed::read(answer.consumed_capacity()));
        let count = usize::try_from(answer.count()).unwrap_or_default();
        Ok((count, read_position(Some(index), answer.last_evaluated_key)?))
    }
}

impl SdkTable {
    fn failed<E>(&self, error: &SdkError<E, aws_sdk_dynamodb::config::http::HttpResponse>) -> TableError
    where
        E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
    {
        self.meter.add(&Consumed { requests: 1, ..Consumed::default() });
        classify(error)
    }

    fn done<'a>(
        &self,
        capacities: impl IntoIterator<Item = &'a aws_sdk_dynamodb::types::ConsumedCapacity>,
    ) -> Result<Written, TableError> {
        self.meter.add(&consumed::written(capacities));
        Ok(Written::Done)
    }

    /// A condition that did not hold. The service does not say what finding that out used: it is a write of the item
    /// that is there.
    fn refused(&self, key: &Key, found: Option<Attributes>) -> Result<Written, TableError> {
        let found = found.filter(|item| !item.is_empty()).map(read_item).transpose()?.map(Box::new);
        let units = found.as_ref().map_or(1, |item| item.size().div_ceil(1024).max(1) as u64);
        self.meter.add(&Consumed { requests: 1, table_write_units: units, ..Consumed::default() });
        Ok(Written::Refused(vec![Refusal { key: key.clone(), found }]))
    }

    fn transact_item(&self, write: &Write) -> Result<TransactWriteItem, TableError> {
        let invalid = |_| of_code("ValidationException", 400);
        let (expression, names, values) = expression(write.condition);
        Ok(match &write.change {
            Change::Put(item) => {
                let put = Put::builder()
                    .table_name(&self.name)
                    .set_item(Some(item_attributes(item)))
                    .set_condition_expression(expression)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(SHOW_OLD);
                TransactWriteItem::builder().put(put.build().map_err(invalid)?).build()
            }
            Change::Delete(key) => {
                let delete = Delete::builder()
                    .table_name(&self.name)
                    .set_key(Some(key_attributes(key)))
                    .set_condition_expression(expression)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(SHOW_OLD);
                TransactWriteItem::builder().delete(delete.build().map_err(invalid)?).build()
            }
        })
    }

    fn walk(&self, index: Option<Index>, query: &Query) -> QueryFluentBuilder {
        let (partition, sort) = match index {
            Some(index) => (index.partition_attribute(), index.sort_attribute()),
            None => (PARTITION_KEY, SORT_KEY),
        };
        let mut request = self
            .client
            .query()
            .table_name(&self.name)
            .set_index_name(index.map(|index| index.name().to_owned()))
            .expression_attribute_names("#p", partition)
            .expression_attribute_values(":p", binary(&query.partition))
            .scan_index_forward(query.forward)
            .limit(i32::try_from(query.limit.max(1)).unwrap_or(i32::MAX))
            .return_consumed_capacity(COUNT);
        if query.from.is_some() || query.to.is_some() {
            request = request.expression_attribute_names("#s", sort);
        }
        if let Some(from) = &query.from {
            request = request.expression_attribute_values(":f", binary(from));
        }
        if let Some(to) = &query.to {
            request = request.expression_attribute_values(":t", binary(to));
        }
        let expression = match (&query.from, &query.to) {
            (None, None) => "#p = :p",
            (Some(_), None) => "#p = :p AND #s >= :f",
            (None, Some(_)) => "#p = :p AND #s <= :t",
            (Some(_), Some(_)) => "#p = :p AND #s BETWEEN :f AND :t",
        };
        let after = query.after.as_ref();
        request
            .key_condition_expression(expression)
            .set_exclusive_start_key(after.map(|after| position_attributes(index, &query.partition, after)))
    }
}

type Names = Option<HashMap<String, String>>;
type Values = Option<HashMap<String, AttributeValue>>;

/// A condition as the service reads it.
fn expression(condition: Condition) -> (Option<String>, Names, Values) {
    let names = |attribute: &str| Some(HashMap::from([("#a".to_owned(), attribute.to_owned())]));
    match condition {
        Condition::None => (None, None, None),
        Condition::Absent => (Some("attribute_not_exists(#a)".to_owned()), names(PARTITION_KEY), None),
        Condition::Version(version) => (
            Some("#a = :v".to_owned()),
            names(VERSION),
            Some(HashMap::from([(":v".to_owned(), number(version))])),
        ),
    }
}

/// Why a transaction was canceled: conditions, if no reason is graver.
fn canceled_because(writes: &[Write], reasons: &[CancellationReason]) -> Result<Written, TableError> {
    let mut refusals = Vec::new();
    for (write, reason) in writes.iter().zip(reasons) {
        match reason.code() {
            None | Some("None") => {}
            Some("ConditionalCheckFailed") => {
                let found = reason.item().filter(|item| !item.is_empty()).cloned();
                let found = found.map(read_item).transpose()?.map(Box::new);
                refusals.push(Refusal { key: write.change.key().clone(), found });
            }
            Some(code) => return Err(of_code(code, 400)),
        }
    }
    if refusals.is_empty() {
        Err(of_code("TransactionConflict", 400))
    } else {
        Ok(Written::Refused(refusals))
    }
}
