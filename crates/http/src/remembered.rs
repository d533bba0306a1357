//! Remembered answers hold nobody's address.
//!
//! An answer to an event shows whom its notifications go to. What is remembered of it has `null` in that place, and
//! whoever gets it again finds the address in the ledger: so that erasing a person need not look through every answer of
//! the last weeks. Answers are our own JSON, written without spaces; a member's name never comes from outside.

use futures_util::future::try_join_all;
use postrider_core::domain::id::NotificationId;
use postrider_core::ports::ledger::RememberedAnswer;

use crate::Problem;
use crate::api::v1::view::shown;
use crate::state::Api;

const MEMBER: &str = "\"to\":";
const NOBODY: &str = "\"to\":null";
const ID: &str = "\"id\":\"";
/// Notifications that are looked up at the same time.
const AT_ONCE: usize = 16;

/// The answer as it is remembered.
pub fn without_recipients(answer: &RememberedAnswer) -> RememberedAnswer {
    let mut body = String::with_capacity(answer.body.len());
    let mut rest = answer.body.as_str();
    while let Some(at) = rest.find(MEMBER) {
        let (before, from) = rest.split_at(at);
        body.push_str(before);
        // An address has no quotes in it: the next one ends it.
        let address = from[MEMBER.len()..].strip_prefix('"').and_then(|value| value.split_once('"'));
        rest = match address {
            Some((_, after)) => {
                body.push_str(NOBODY);
                after
            }
            None => {
                body.push_str(MEMBER);
                &from[MEMBER.len()..]
            }
        };
    }
    body.push_str(rest);
    RememberedAnswer { status: answer.status, body }
}

/// The answer as it was given, as far as its recipients are still known.
pub async fn with_recipients(api: &Api, answer: RememberedAnswer) -> Result<RememberedAnswer, Problem> {
    let parts: Vec<&str> = answer.body.split(NOBODY).collect();
    let ids: Vec<Option<NotificationId>> =
        parts.iter().take(parts.len() - 1).map(|before| last_id(before)).collect();
    let mut recipients = Vec::with_capacity(ids.len());
    for some in ids.chunks(AT_ONCE) {
        recipients.extend(try_join_all(some.iter().map(|id| recipient(api, *id))).await?);
    }
    let mut body = String::with_capacity(answer.body.len() + 32 * recipients.len());
    let mut recipients = recipients.into_iter();
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            let to = recipients.next().flatten();
            body.push_str(MEMBER);
            body.push_str(&serde_json::to_string(&to).unwrap_or_default());
        }
        body.push_str(part);
    }
    Ok(RememberedAnswer { body, ..answer })
}

/// The notification named last in `text`: an answer names it before it tells its recipient.
fn last_id(text: &str) -> Option<NotificationId> {
    let (_, from) = text.rsplit_once(ID)?;
    from.split_once('"')?.0.parse().ok()
}

async fn recipient(api: &Api, id: Option<NotificationId>) -> Result<Option<String>, Problem> {
    let Some(id) = id else { return Ok(None) };
    Ok(api.ledger.find(id).await?.and_then(|record| shown(&record.notification.to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body_without(body: &str) -> String {
        without_recipients(&RememberedAnswer { status: 202, body: body.to_owned() }).body
    }

    #[test]
    fn every_recipient_is_left_out_and_nothing_else() {
        let given = r#"{"data":[{"id":"ntf_1","to":"ada@example.com","x":1},{"to":null},{"to":"b@c.de"}],"to":["a"]}"#;
        let kept = r#"{"data":[{"id":"ntf_1","to":null,"x":1},{"to":null},{"to":null}],"to":["a"]}"#;
        assert_eq!(body_without(given), kept);
        assert_eq!(body_without(kept), kept);
        // Within a text its quotes are escaped.
        let text = r#"{"detail":"\"to\":\"ada\""}"#;
        assert_eq!(body_without(text), text);
    }
}
