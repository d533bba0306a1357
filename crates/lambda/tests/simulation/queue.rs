//! A queue that behaves like SQS: at least once, in no order, again after a while unless it was deleted, and to the dead
//! letters after so many times.

use postrider_aws::ingest::QueueBatch;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::clock::Random;
use serde_json::json;

/// How long a received message is invisible.
pub const VISIBILITY_MS: u64 = 180_000;
/// How often a message is handed out. The functions die so often here that few would do.
const RECEIVES_MAX: u64 = 60;
const BATCH: usize = 10;

struct Message {
    id: String,
    body: String,
    receives: u64,
    visible_at: Timestamp,
}

/// A queue.
pub struct Queue {
    name: &'static str,
    messages: Vec<Message>,
    numbered: u64,
    /// Bodies of what was handed out too often.
    pub dead_letters: Vec<String>,
}

impl Queue {
    pub fn new(name: &'static str) -> Self {
        Self { name, messages: Vec::new(), numbered: 0, dead_letters: Vec::new() }
    }

    pub fn put(&mut self, body: String, now: Timestamp) {
        self.numbered += 1;
        let id = format!("{}-{}", self.name, self.numbered);
        self.messages.push(Message { id, body, receives: 0, visible_at: now });
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Some of what is visible, drawn at random.
    pub fn receive(&mut self, now: Timestamp, random: &dyn Random) -> QueueBatch {
        let worn_out = |message: &Message| message.visible_at <= now && message.receives >= RECEIVES_MAX;
        self.dead_letters.extend(self.messages.extract_if(.., |message| worn_out(message)).map(|it| it.body));
        let mut visible: Vec<_> =
            self.messages.iter_mut().filter(|message| message.visible_at <= now).collect();
        visible.sort_by_cached_key(|_| random.next_u64());
        visible.truncate(BATCH);
        let records: Vec<_> = visible
            .into_iter()
            .map(|message| {
                message.receives += 1;
                message.visible_at = now.plus_ms(VISIBILITY_MS);
                json!({
                    "messageId": message.id, "body": message.body,
                    "attributes": { "ApproximateReceiveCount": message.receives.to_string() },
                })
            })
            .collect();
        serde_json::from_value(json!({ "Records": records })).unwrap()
    }

    /// Forgets what a function is done with.
    pub fn delete(&mut self, done: impl Fn(&str) -> bool) {
        self.messages.retain(|message| !done(&message.id));
    }
}
