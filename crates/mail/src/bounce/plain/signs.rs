//! How a mail system is told from a person, and a warning from a failure.

use super::super::entity::Entity;

/// Names under which mail systems write.
const SENDERS: [&str; 9] = [
    "mailer-daemon",
    "mailerdaemon",
    "mail-daemon",
    "postmaster",
    "mdaemon",
    "mailsystem",
    "mail-system",
    "mailer_daemon",
    "bounce",
];
/// What they call themselves.
const SENDER_NAMES: [&str; 6] = [
    "mail delivery",
    "mail system",
    "mailer-daemon",
    "microsoft outlook",
    "system administrator",
    "internet mail delivery",
];
/// How they begin a subject, in lower case.
const SUBJECTS: [&str; 36] = [
    "undelivered",
    "undeliverable",
    "undeliverable:",
    "non-deliverable",
    "nondeliverable",
    "mail delivery fail",
    "mail delivery problem",
    "mail delivery status",
    "mail could not be delivered",
    "mail system error",
    "delivery status notification",
    "delivery failure",
    "delivery failed",
    "delivery notification",
    "delivery has failed",
    "delivery report",
    "delivery problem",
    "delivery delayed",
    "message delivery",
    "failure notice",
    "failed mail",
    "failure delivery",
    "returned mail",
    "returned to sender",
    "message not delivered",
    "message undeliverable",
    "unable to deliver",
    "could not be delivered",
    "warning: message",
    "warning: could not send",
    "unzustellbar",
    "zustellung",
    "nicht zustellbar",
    "non remis",
    "退信",
    "系统退信",
];
/// What announces another try.
const DELAYS: [&str; 18] = [
    "will be retried",
    "will keep trying",
    "will continue to",
    "attempts will continue",
    "warning message only",
    "not yet been delivered",
    "has been delayed",
    "is delayed",
    "delivery delayed",
    "still being retried",
    "still trying",
    "no action is required on your part",
    "do not need to resend",
    "will try again",
    "try to deliver it again",
    "noch nicht zugestellt",
    "verzögert",
    "temporarily delayed",
];
/// What says that there will be none.
const ENDS: [&str; 13] = [
    "permanent",
    "not going to try",
    "gave up",
    "giving up",
    "given up",
    "could not be delivered",
    "couldn't be delivered",
    "delivery failed",
    "delivery has failed",
    "failed permanently",
    "unable to deliver",
    "was not delivered",
    "wasn't delivered",
];

/// Whether a header is one of a mail system that reports about a message.
pub(super) fn is_of_mail_system(header: &Entity<'_>) -> bool {
    let from = header.text("from").unwrap_or_default().to_lowercase();
    let name = from.split('<').next().unwrap_or_default();
    let address = from.rsplit('<').next().unwrap_or_default();
    let subject = header.text("subject").unwrap_or_default().trim().to_lowercase();
    SENDERS.iter().any(|sender| address.trim().starts_with(sender))
        || SENDER_NAMES.iter().any(|sender| name.contains(sender))
        || SUBJECTS.iter().any(|start| subject.starts_with(start))
}

/// Whether a bounce is only a warning: the subject says so, or the text does and does not say the contrary.
pub(super) fn is_delay(header: &Entity<'_>, text: &str) -> bool {
    let subject = header.text("subject").unwrap_or_default().to_lowercase();
    let warns = ["delay", "warning: could not send", "still being retried", "verzögert", "retard"];
    if warns.iter().any(|word| subject.contains(word)) {
        return true;
    }
    let text = text.to_lowercase();
    DELAYS.iter().any(|words| text.contains(words)) && !ENDS.iter().any(|words| text.contains(words))
}
