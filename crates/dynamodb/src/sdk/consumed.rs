//! What the service says a call has used.

use aws_sdk_dynamodb::types::{Capacity, ConsumedCapacity};

use crate::meter::Consumed;
use crate::table::Index;

/// Adds up the units of a reading call.
pub(super) fn read<'a>(capacities: impl IntoIterator<Item = &'a ConsumedCapacity>) -> Consumed {
    let mut used = Consumed { requests: 1, ..Consumed::default() };
    for capacity in capacities {
        used.read_half_units += halves(capacity.capacity_units());
    }
    used
}

/// Adds up the units of a writing call.
pub(super) fn written<'a>(capacities: impl IntoIterator<Item = &'a ConsumedCapacity>) -> Consumed {
    let mut used = Consumed { requests: 1, ..Consumed::default() };
    for capacity in capacities {
        let mut indexes = 0;
        for (n, index) in Index::ALL.into_iter().enumerate() {
            let units = capacity.global_secondary_indexes().and_then(|all| all.get(index.name()));
            let units = units.map_or(0, |units| halves(units.capacity_units()) / 2);
            used.index_write_units[n] += units;
            indexes += units;
        }
        let table = capacity.table().and_then(Capacity::capacity_units);
        used.table_write_units += match table {
            Some(units) => halves(Some(units)) / 2,
            None => (halves(capacity.capacity_units()) / 2).saturating_sub(indexes),
        };
    }
    used
}

/// Units in halves, as the service gives them.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float is cut to what fits, and units are never negative"
)]
fn halves(units: Option<f64>) -> u64 {
    (units.unwrap_or_default() * 2.0).round() as u64
}
