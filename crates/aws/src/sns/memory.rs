//! Which messages have been dealt with.

use std::collections::{HashSet, VecDeque};

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{SNS_MESSAGE_AGE_MS_MAX, SNS_MESSAGE_AHEAD_MS_MAX, SNS_MESSAGES_REMEMBERED_MAX};

/// As long as a message could be taken for a fresh one.
const REMEMBERED_MS: u64 = SNS_MESSAGE_AGE_MS_MAX + SNS_MESSAGE_AHEAD_MS_MAX;

/// The messages dealt with, oldest first.
#[derive(Debug, Default)]
pub(super) struct Memory {
    order: VecDeque<(Timestamp, [u8; 16])>,
    known: HashSet<[u8; 16]>,
}

fn key(topic: &str, message_id: &str) -> [u8; 16] {
    Fingerprint::of_parts(&[topic.as_bytes(), message_id.as_bytes()]).to_bytes()
}

impl Memory {
    pub fn knows(&self, topic: &str, message_id: &str) -> bool {
        self.known.contains(&key(topic, message_id))
    }

    pub fn remember(&mut self, topic: &str, message_id: &str, now: Timestamp) {
        let key = key(topic, message_id);
        if self.known.insert(key) {
            self.order.push_back((now, key));
        }
        while let Some((since, key)) = self.order.front() {
            if self.order.len() <= SNS_MESSAGES_REMEMBERED_MAX && now.ms_since(*since) <= REMEMBERED_MS {
                break;
            }
            self.known.remove(key);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_to_come_again_is_forgotten() {
        let start = Timestamp::from_millis(1_795_428_000_000);
        let mut memory = Memory::default();
        memory.remember("t", "1", start);
        memory.remember("t", "2", start.plus_ms(REMEMBERED_MS));
        assert!(memory.knows("t", "1") && memory.knows("t", "2") && !memory.knows("u", "1"));
        memory.remember("t", "3", start.plus_ms(REMEMBERED_MS + 1));
        assert!(!memory.knows("t", "1") && memory.knows("t", "2") && memory.knows("t", "3"));
    }

    #[test]
    fn memory_is_bounded() {
        let now = Timestamp::from_millis(1_795_428_000_000);
        let mut memory = Memory::default();
        for n in 0..=SNS_MESSAGES_REMEMBERED_MAX {
            memory.remember("t", &n.to_string(), now);
        }
        assert_eq!(
            (memory.order.len(), memory.known.len()),
            (SNS_MESSAGES_REMEMBERED_MAX, SNS_MESSAGES_REMEMBERED_MAX)
        );
        assert!(!memory.knows("t", "0") && memory.knows("t", "1"));
    }
}
