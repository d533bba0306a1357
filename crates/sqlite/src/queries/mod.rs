//! What is read, one file a question of the port.

mod answers;
mod budget;
mod counts;
mod dead_letters;
mod keys;
mod list;
mod order;
mod record;
mod stats;
mod suppressions;
mod webhooks;

pub(crate) use answers::{forget_answers, recall_answer, remember_answer};
pub(crate) use budget::budget;
pub(crate) use counts::stats;
pub(crate) use dead_letters::dead_letter_groups;
pub(crate) use keys::key_ring;
pub(crate) use list::list;
pub(crate) use order::order_hash;
pub(crate) use record::{content, find, rendition};
pub(crate) use stats::queue_stats;
pub(crate) use suppressions::{
    has_suppressions, list_suppressions, read_suppression, select_suppression, suppressions_of,
};
pub(crate) use webhooks::{StoredWebhook, load_webhook, load_webhooks, mask_of_events, webhook, webhooks};
