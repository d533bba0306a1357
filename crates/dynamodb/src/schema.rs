//! What the table looks like, as data: whatever creates or describes it can be held to this.

use crate::table::Index;

/// The attribute that is the table's partition key, binary.
pub const PARTITION_KEY: &str = "pk";
/// The attribute that is the table's sort key, binary.
pub const SORT_KEY: &str = "sk";
/// The attribute by which the service clears items away.
pub const TTL_ATTRIBUTE: &str = "x";

/// The names of the other attributes; see [`crate::table::Item`].
pub(crate) mod attributes {
    pub(crate) const VERSION: &str = "v";
    pub(crate) const TOKEN: &str = "w";
    pub(crate) const LABEL: &str = "s";
    pub(crate) const BODY: &str = "b";
}

/// A table's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDefinition {
    /// Every key attribute; all are binary.
    pub attributes: Vec<&'static str>,
    /// Partition key and sort key.
    pub key: [&'static str; 2],
    /// The indexes; all project keys only.
    pub indexes: Vec<IndexDefinition>,
    /// Where the service reads when an item may go.
    pub ttl_attribute: &'static str,
    /// How it is billed.
    pub billing_mode: &'static str,
    /// What its stream shows.
    pub stream_view: &'static str,
}

/// An index's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDefinition {
    /// Its name.
    pub name: &'static str,
    /// Partition key and sort key.
    pub key: [&'static str; 2],
}

/// The ledger's table.
#[must_use]
pub fn definition() -> TableDefinition {
    let mut attributes = vec![PARTITION_KEY, SORT_KEY];
    let mut indexes = Vec::new();
    for index in Index::ALL {
        let key = [index.partition_attribute(), index.sort_attribute()];
        for attribute in key {
            if !attributes.contains(&attribute) {
                attributes.push(attribute);
            }
        }
        indexes.push(IndexDefinition { name: index.name(), key });
    }
    TableDefinition {
        attributes,
        key: [PARTITION_KEY, SORT_KEY],
        indexes,
        ttl_attribute: TTL_ATTRIBUTE,
        billing_mode: "PAY_PER_REQUEST",
        stream_view: "NEW_AND_OLD_IMAGES",
    }
}
