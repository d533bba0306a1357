//! Orders that look like a shop's: about one kilobyte, every one different, the same ones for the same seed.

use serde_json::{Value, json};

/// Names of items, so that no two orders compress into one.
const ITEMS: [&str; 8] = [
    "Analytical Engine, brass",
    "Difference Engine No. 2",
    "Punched cards, box of 500",
    "Jacquard loom attachment",
    "Slide rule, boxwood",
    "Logarithm tables, volume III",
    "Drawing compass, steel",
    "Ink, iron gall, 250 ml",
];
const ITEMS_PER_ORDER: u64 = 7;

/// A sequence of different orders.
#[derive(Clone, Copy, Debug)]
pub struct Orders {
    seed: u64,
    event_type: &'static str,
}

impl Orders {
    /// The orders that `seed` stands for, as events of type `order.confirmed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, event_type: "order.confirmed" }
    }

    /// The same with another event type.
    #[must_use]
    pub fn with_event_type(self, event_type: &'static str) -> Self {
        Self { event_type, ..self }
    }

    /// The id of the `index`-th order. Looks random, as in a shop that does not show its numbers, and is different
    /// for every index, because mixing is a bijection.
    #[must_use]
    pub fn id(&self, index: u64) -> String {
        format!("{:016x}", mix(index.wrapping_add(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
    }

    /// The address of the `index`-th order's customer.
    #[must_use]
    pub fn recipient(&self, index: u64) -> String {
        format!("customer-{}@example.com", self.id(index))
    }

    /// The `data` of the `index`-th order.
    #[must_use]
    pub fn data(&self, index: u64) -> Value {
        let noise = mix(index ^ self.seed);
        let items: Vec<Value> = (0..ITEMS_PER_ORDER)
            .map(|line| {
                let name = ITEMS[usize::try_from((noise >> line) % 8).unwrap_or(0)];
                let quantity = 1 + (noise >> (8 + line)) % 3;
                json!({
                    "sku": format!("AE-{:05}", (noise >> (line * 5)) % 100_000),
                    "name": name,
                    "quantity": quantity,
                    "unitPrice": format!("{}.{:02}", 1 + (noise >> line) % 200, (noise >> (16 + line)) % 100),
                })
            })
            .collect();
        json!({
            "orderId": self.id(index),
            "customerEmail": self.recipient(index),
            "customerName": "Ada Lovelace",
            "items": items,
            "total": format!("{}.{:02}", 100 + noise % 2000, noise % 100),
            "currency": "USD",
            "timestamp": "2026-11-23T10:00:00Z",
            "metadata": { "channel": "web", "campaign": format!("autumn-{:08x}", noise >> 32) },
        })
    }

    /// The body of a `POST /v1/events` for the `index`-th order.
    #[must_use]
    pub fn event(&self, index: u64) -> String {
        json!({ "type": self.event_type, "data": self.data(index) }).to_string()
    }
}

/// The finalizer of SplitMix64: a bijection on 64 bits.
#[must_use]
pub fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Orders;

    #[test]
    fn orders_differ_in_id_and_weigh_about_a_kilobyte() {
        let orders = Orders::new(7);
        let ids: HashSet<String> = (0..10_000).map(|index| orders.id(index)).collect();
        assert_eq!(ids.len(), 10_000);
        for index in 0..100 {
            let bytes = orders.event(index).len();
            assert!((850..1_250).contains(&bytes), "{bytes} bytes");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_order() {
        assert_eq!(Orders::new(3).event(5), Orders::new(3).event(5));
        assert_ne!(Orders::new(3).id(5), Orders::new(4).id(5));
    }
}
