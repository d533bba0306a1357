//! What must hold between the rows of a ledger.

use postrider_core::ports::codes::status_from_code;
use rusqlite::Connection;

use super::{Check, name};

/// A rule that holds between rows. Its query yields the id and number of each notification that breaks it, and a number that
/// is told with it.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    broken: &'static str,
    /// How the number is told.
    tell: fn(i64) -> String,
    sql: &'static str,
}

/// Status codes are those of `postrider_core::ports::codes`.
pub(super) const RULES: [Rule; 15] = [
    Rule {
        name: "events",
        meaning: "every notification has its event",
        broken: "its event is missing: event",
        tell: number,
        sql: "SELECT id, seq, event_seq FROM notifications n \
              WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.seq = n.event_seq)",
    },
    Rule {
        name: "event-data",
        meaning: "every event's data is JSON",
        broken: "the data of its event is no JSON: event",
        tell: number,
        sql: "SELECT NULL, seq, seq FROM events WHERE NOT json_valid(data)",
    },
    Rule {
        name: "business-keys",
        meaning: "no two notifications have one business key",
        broken: "has the business key of another: row",
        tell: number,
        sql: "SELECT b.id, b.seq, a.seq FROM notifications b JOIN notifications a \
              ON a.key_hash = b.key_hash AND a.seq < b.seq WHERE a.business_key = b.business_key",
    },
    Rule {
        name: "statuses",
        meaning: "what is to happen by itself has its time, and nothing else has",
        broken: "its status and its time do not go together: status",
        tell: status_name,
        sql: "SELECT id, seq, status FROM notifications WHERE (status IN (0, 1, 2, 12)) IS NOT (due_at IS NOT NULL)",
    },
    Rule {
        name: "attempts",
        meaning: "nothing was tried more often than it was claimed",
        broken: "has more attempts than claims: attempts",
        tell: number,
        sql: "SELECT id, seq, attempts FROM notifications WHERE attempts > fence",
    },
    Rule {
        name: "causes",
        meaning: "every dead letter says why",
        broken: "is a dead letter without a cause: status",
        tell: status_name,
        sql: "SELECT id, seq, status FROM notifications WHERE status IN (7, 8, 10) AND cause IS NULL",
    },
    Rule {
        name: "counters",
        meaning: "the counters of statuses agree with the notifications",
        broken: "is counted wrongly: status",
        tell: status_name,
        sql: "SELECT NULL, status, status FROM (SELECT status, count AS counted FROM status_counts \
              UNION ALL SELECT status, -count(*) FROM notifications GROUP BY status) \
              GROUP BY status HAVING sum(counted) <> 0",
    },
    Rule {
        name: "timelines",
        meaning: "every timeline is whole and in order",
        broken: "its timeline has gaps, or another length than it says: entries",
        tell: number,
        sql: "SELECT n.id, n.seq, n.entries FROM notifications n LEFT JOIN (SELECT notification_seq, count(*) AS found, \
              min(n) AS first, max(n) AS last FROM timeline GROUP BY notification_seq) t ON t.notification_seq = n.seq \
              WHERE coalesce(t.found, 0) <> n.entries OR (t.found IS NOT NULL AND (t.first <> 1 OR t.last <> n.entries))",
    },
    Rule {
        name: "timeline-owners",
        meaning: "every timeline entry has its notification",
        broken: "a timeline entry is of a notification that is missing: entry",
        tell: number,
        sql: "SELECT NULL, t.notification_seq, t.n FROM timeline t \
              WHERE NOT EXISTS (SELECT 1 FROM notifications n WHERE n.seq = t.notification_seq)",
    },
    Rule {
        name: "renditions",
        meaning: "what messages were made of is there",
        broken: "what its message was made of is missing, and the message cannot be shown: entry",
        tell: number,
        sql: "SELECT n.id, t.notification_seq, t.n FROM timeline t LEFT JOIN notifications n \
              ON n.seq = t.notification_seq WHERE t.rendition IS NOT NULL \
              AND NOT EXISTS (SELECT 1 FROM renditions r WHERE r.id = t.rendition)",
    },
    Rule {
        name: "erased",
        meaning: "what was erased is gone",
        broken: "was erased, and its event or its timeline still says something: event",
        tell: number,
        sql: "SELECT n.id, n.seq, n.event_seq FROM notifications n JOIN events e ON e.seq = n.event_seq \
              WHERE n.erased IS NOT NULL AND ((n.erased = 1 AND e.data <> '{}') OR EXISTS (SELECT 1 FROM timeline t \
              WHERE t.notification_seq = n.seq AND (t.words IS NOT NULL OR t.rendition IS NOT NULL)))",
    },
    Rule {
        name: "recipients",
        meaning: "who has no recipient was erased, and can no longer be sent",
        broken: "has no recipient, or waits to be sent, although it should not: status",
        tell: status_name,
        sql: "SELECT id, seq, status FROM notifications WHERE (erased IS NULL AND to_address = '') \
              OR (erased IS NOT NULL AND status IN (0, 1, 2, 8, 9, 10, 12))",
    },
    Rule {
        name: "provider-ids",
        meaning: "every id of a mail service leads to a notification",
        broken: "a mail service's id leads to a notification that is missing: row",
        tell: number,
        sql: "SELECT NULL, p.notification_seq, p.notification_seq FROM provider_ids p \
              WHERE NOT EXISTS (SELECT 1 FROM notifications n WHERE n.seq = p.notification_seq)",
    },
    Rule {
        name: "webhook-calls",
        meaning: "the counters of webhooks agree with their calls",
        broken: "the counter of this endpoint's calls is wrong: it says",
        tell: number,
        sql: "SELECT NULL, w.seq, w.pending_calls FROM webhooks w WHERE w.pending_calls <> \
              (SELECT count(*) FROM webhook_calls c WHERE c.webhook_seq = w.seq)",
    },
    Rule {
        name: "api-keys",
        meaning: "every API key can be recognized, and says what it is for",
        broken: "an API key cannot be used; make another and delete the row: scopes",
        tell: number,
        sql: "SELECT NULL, seq, scopes FROM api_keys \
              WHERE length(id) <> 16 OR length(hash) <> 32 OR scopes NOT BETWEEN 1 AND 7",
    },
];

fn number(number: i64) -> String {
    number.to_string()
}

fn status_name(code: i64) -> String {
    let status = u8::try_from(code).ok().and_then(status_from_code);
    status.map_or_else(|| format!("code {code}"), |status| status.to_string())
}

impl Rule {
    pub(super) fn check(&self, connection: &Connection) -> rusqlite::Result<Check> {
        let mut check = Check::new(self.name, self.meaning);
        let mut statement = connection.prepare(self.sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = name(row.get::<_, Option<[u8; 16]>>(0).ok().flatten(), row.get(1)?);
            check.find(id, format!("{} {}", self.broken, (self.tell)(row.get(2)?)));
        }
        Ok(check)
    }
}
