//! Orders of a shop, typical in size.

use serde_json::{Value, json};

/// The data of order `number`, confirmed to `recipient`.
pub fn order(number: usize, recipient: &str) -> Value {
    json!({
        "orderId": format!("10{number:04}"),
        "customerEmail": recipient,
        "customerName": "Ada Lovelace",
        "items": [
            { "sku": "AE-1", "name": "Analytical Engine", "quantity": 1, "unitPrice": "129.00" },
            { "sku": "PC-7", "name": "Punched Cards, box of 500", "quantity": 2, "unitPrice": "14.50" },
        ],
        "total": "158.00",
        "currency": "USD",
        "timestamp": "2026-11-23T10:00:00Z",
        "metadata": { "channel": "web" },
    })
}

/// Its id.
pub fn id(number: usize) -> String {
    format!("10{number:04}")
}

/// A customer's address, another for each order.
pub fn customer(number: usize) -> String {
    format!("customer-{number}@example.com")
}
