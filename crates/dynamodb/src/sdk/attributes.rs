//! Items as attribute maps, and back.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::schema::attributes::{BODY, LABEL, TOKEN, VERSION};
use crate::schema::{PARTITION_KEY, SORT_KEY, TTL_ATTRIBUTE};
use crate::table::{Due, Entry, Index, Indexed, Item, Key, Position, TableError};

pub(super) type Attributes = HashMap<String, AttributeValue>;

/// A binary attribute.
pub(super) fn binary(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// A number.
pub(super) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The two attributes of a key.
pub(super) fn key_attributes(key: &Key) -> Attributes {
    HashMap::from([(PARTITION_KEY.to_owned(), binary(&key.pk)), (SORT_KEY.to_owned(), binary(&key.sk))])
}

/// Every attribute of an item.
pub(super) fn item_attributes(item: &Item) -> Attributes {
    let mut attributes = key_attributes(&item.key);
    let mut set = |name: &str, value: AttributeValue| {
        attributes.insert(name.to_owned(), value);
    };
    set(VERSION, number(item.version));
    set(TOKEN, binary(&item.token));
    set(BODY, binary(&item.body));
    if let Some(label) = &item.label {
        set(LABEL, AttributeValue::S(label.clone().into_owned()));
    }
    if let Some(at) = item.expires_at {
        set(TTL_ATTRIBUTE, number(at));
    }
    let indexed = &item.indexed;
    for (index, partition) in
        [(Index::Order, &indexed.order), (Index::Recipient, &indexed.recipient), (Index::Time, &indexed.time)]
    {
        if let Some(partition) = partition {
            set(index.partition_attribute(), binary(partition));
        }
    }
    if let Some(sort) = &indexed.sort {
        set(Index::Time.sort_attribute(), binary(sort));
    }
    if let Some(due) = &indexed.due {
        set(Index::Due.partition_attribute(), binary(&due.partition));
        set(Index::Due.sort_attribute(), binary(&due.sort));
    }
    attributes
}

/// The item that `attributes` are.
pub(super) fn read_item(mut attributes: Attributes) -> Result<Item, TableError> {
    let key = read_key(&mut attributes)?;
    let mut reader = Reader { key, attributes: &mut attributes };
    let version = reader.number(VERSION)?.ok_or_else(|| reader.wrong(VERSION))?;
    let token = reader.bytes(TOKEN)?.and_then(|bytes| bytes.try_into().ok());
    let token = token.ok_or_else(|| reader.wrong(TOKEN))?;
    let body = reader.bytes(BODY)?.ok_or_else(|| reader.wrong(BODY))?;
    let label = match reader.attributes.remove(LABEL) {
        Some(AttributeValue::S(text)) => Some(Cow::Owned(text)),
        _ => None,
    };
    let due =
        match (reader.bytes(Index::Due.partition_attribute())?, reader.bytes(Index::Due.sort_attribute())?) {
            (Some(partition), Some(sort)) => Some(Due { partition, sort }),
            _ => None,
        };
    let indexed = Indexed {
        order: reader.bytes(Index::Order.partition_attribute())?,
        recipient: reader.bytes(Index::Recipient.partition_attribute())?,
        time: reader.bytes(Index::Time.partition_attribute())?,
        sort: reader.bytes(Index::Time.sort_attribute())?,
        due,
    };
    let expires_at = reader.number(TTL_ATTRIBUTE)?;
    Ok(Item { key: reader.key, version, token, indexed, label, expires_at, body })
}

/// What an index tells about an item.
pub(super) fn read_entry(index: Index, mut attributes: Attributes) -> Result<Entry, TableError> {
    let key = read_key(&mut attributes)?;
    let mut reader = Reader { key, attributes: &mut attributes };
    let name = index.sort_attribute();
    let sort = reader.bytes(name)?.ok_or_else(|| reader.wrong(name))?;
    Ok(Entry { key: reader.key, sort })
}

/// Where a page of `index`, or of the table itself, ended.
pub(super) fn read_position(
    index: Option<Index>,
    attributes: Option<Attributes>,
) -> Result<Option<Position>, TableError> {
    let Some(mut attributes) = attributes.filter(|attributes| !attributes.is_empty()) else {
        return Ok(None);
    };
    Ok(Some(match index {
        Some(index) => {
            let Entry { key, sort } = read_entry(index, attributes)?;
            Position { sort, key }
        }
        None => {
            let key = read_key(&mut attributes)?;
            Position { sort: key.sk.clone(), key }
        }
    }))
}

/// The start key of a page.
pub(super) fn position_attributes(index: Option<Index>, partition: &[u8], position: &Position) -> Attributes {
    let mut attributes = key_attributes(&position.key);
    if let Some(index) = index {
        attributes.insert(index.partition_attribute().to_owned(), binary(partition));
        attributes.insert(index.sort_attribute().to_owned(), binary(&position.sort));
    }
    attributes
}

fn read_key(attributes: &mut Attributes) -> Result<Key, TableError> {
    let mut part = |name: &str| match attributes.remove(name) {
        Some(AttributeValue::B(bytes)) => Ok(bytes.into_inner()),
        _ => Err(TableError::Unreadable {
            key: "?".to_owned(),
            what: format!("its key attribute {name} is missing or not binary"),
        }),
    };
    Ok(Key { pk: part(PARTITION_KEY)?, sk: part(SORT_KEY)? })
}

/// Takes attributes out of an item whose key is known already.
struct Reader<'a> {
    key: Key,
    attributes: &'a mut Attributes,
}

impl Reader<'_> {
    fn wrong(&self, name: &str) -> TableError {
        let what = format!("its attribute {name} is missing or of another kind");
        TableError::Unreadable { key: self.key.to_string(), what }
    }

    fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, TableError> {
        match self.attributes.remove(name) {
            None => Ok(None),
            Some(AttributeValue::B(bytes)) => Ok(Some(bytes.into_inner())),
            Some(_) => Err(self.wrong(name)),
        }
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>, TableError> {
        match self.attributes.remove(name) {
            None => Ok(None),
            Some(AttributeValue::N(text)) => text.parse().map(Some).map_err(|_| self.wrong(name)),
            Some(_) => Err(self.wrong(name)),
        }
    }
}
