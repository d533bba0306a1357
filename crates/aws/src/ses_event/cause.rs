//! Why something came back or is late, from SES's own types and from the words of the receiving server.

use postrider_core::domain::bounce::{BounceClass, EnhancedStatus, classify};
use postrider_core::domain::feedback::ReportKind;

use super::wire::AboutRecipient;

/// What the receiving side said about one recipient.
pub(super) struct Said<'a> {
    /// The enhanced status code, from its own member or else from the words.
    pub status: Option<EnhancedStatus>,
    /// The SMTP reply code, from the words.
    pub code: Option<u16>,
    /// The words: `smtp; 550 5.1.1 user unknown`.
    pub words: &'a str,
}

impl<'a> Said<'a> {
    pub fn of(about: &'a AboutRecipient) -> Self {
        let words = about.diagnostic_code.as_deref().unwrap_or_default();
        let (code, in_words) = codes(words);
        // `5.1.1 (bad destination mailbox address)`: a comment may follow.
        let own = about.status.as_deref().and_then(|status| status.split_whitespace().next()?.parse().ok());
        Self { status: own.or(in_words), code, words }
    }

    /// The words of a reply that has no member of its own for the status.
    pub fn reply(words: &'a str) -> Self {
        let (code, status) = codes(words);
        Self { status, code, words }
    }

    fn class(&self) -> BounceClass {
        classify(self.status, self.code, self.words)
    }
}

/// The reply code and the enhanced status code a reply begins with, behind the type that RFC 3464 puts before it.
fn codes(words: &str) -> (Option<u16>, Option<EnhancedStatus>) {
    let reply = words.split_once(';').map_or(words, |(_, reply)| reply).trim_start();
    let mut tokens = reply.split([' ', '-']).filter(|token| !token.is_empty()).take(2).peekable();
    let code = tokens.next_if(|token| token.len() == 3).and_then(|token| token.parse().ok());
    let code = code.filter(|code| (200..600).contains(code));
    (code, tokens.next().and_then(|token| token.parse().ok()))
}

/// What a bounce means for one of its recipients.
///
/// SES's type decides whether it is for good; its subtype decides the class where it is specific, the receiving
/// server's words where it is not.
pub(super) fn bounce(bounce_type: &str, sub_type: Option<&str>, about: &AboutRecipient) -> ReportKind {
    let said = Said::of(about);
    match about.action.as_deref().map(str::to_ascii_lowercase).as_deref() {
        // A bounce for good of one recipient may list another whose message is only late.
        Some("delayed") => return ReportKind::SoftBounced(said.class()),
        Some("delivered" | "relayed" | "expanded") => return ReportKind::Other,
        _ => {}
    }
    let specific = sub_type.and_then(specific_class);
    let class = specific.unwrap_or_else(|| said.class());
    match bounce_type {
        "Permanent" if class == BounceClass::Undetermined => ReportKind::Bounced(BounceClass::Hard),
        "Permanent" => ReportKind::Bounced(class),
        // SES says the same of an out-of-office reply. It has none of what a delivery status notification brings.
        "Transient" if specific.is_none() && is_silent(about) => ReportKind::AutoReply,
        "Transient" | "Undetermined" => ReportKind::SoftBounced(class),
        _ => ReportKind::Other,
    }
}

fn is_silent(about: &AboutRecipient) -> bool {
    about.action.is_none() && about.status.is_none() && about.diagnostic_code.is_none()
}

/// The class a subtype stands for; `None` for `General`, `Undetermined` and what is not known here.
fn specific_class(sub_type: &str) -> Option<BounceClass> {
    Some(match sub_type {
        "NoEmail" => BounceClass::UnknownUser,
        "Suppressed" | "OnAccountSuppressionList" | "UnsubscribedRecipient" => BounceClass::ListedByService,
        "MailboxFull" => BounceClass::MailboxFull,
        "MessageTooLarge" => BounceClass::TooLarge,
        "ContentRejected" | "AttachmentRejected" => BounceClass::Content,
        // The time we gave SES ran out before anybody took the message.
        "CustomTimeoutExceeded" => BounceClass::Network,
        _ => return None,
    })
}

/// What a complaint means.
pub(super) fn complaint(sub_type: Option<&str>, feedback_type: Option<&str>) -> ReportKind {
    match (sub_type, feedback_type) {
        // Nobody complained about this message: SES took it and did not send it, because of an earlier complaint.
        (Some("OnAccountSuppressionList"), _) => ReportKind::Bounced(BounceClass::ListedByService),
        (_, Some("not-spam")) => ReportKind::NotSpam,
        // About our DKIM or SPF, sent by a machine.
        (_, Some("auth-failure")) => ReportKind::Other,
        _ => ReportKind::Complained,
    }
}

/// Why a message is late.
pub(super) fn delay(delay_type: Option<&str>, about: &AboutRecipient) -> ReportKind {
    ReportKind::Delayed(match delay_type {
        Some("InternalFailure" | "RecipientServerError") => BounceClass::System,
        Some("MailboxFull") => BounceClass::MailboxFull,
        // The receiver slows the sending address down, or SES itself does.
        Some("SpamDetected" | "IPFailure" | "SendingDeferral") => BounceClass::Policy,
        Some("TransientCommunicationFailure") => BounceClass::Network,
        Some("BYOIPHostNameLookupUnavailable") => BounceClass::Dns,
        _ => Said::of(about).class(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes_of(words: &str) -> (Option<u16>, Option<String>) {
        let (code, status) = codes(words);
        (code, status.map(|status| status.to_string()))
    }

    #[test]
    fn codes_are_read_where_a_reply_has_them() {
        let status = |text: &str| Some(text.to_owned());
        assert_eq!(codes_of("smtp; 550 5.1.1 user unknown"), (Some(550), status("5.1.1")));
        assert_eq!(codes_of("smtp;550-5.1.1 The email account"), (Some(550), status("5.1.1")));
        assert_eq!(codes_of("250 2.6.0 Message received"), (Some(250), status("2.6.0")));
        assert_eq!(codes_of("smtp; 550 user unknown"), (Some(550), None));
        assert_eq!(codes_of("smtp; 5.4.4 no such host"), (None, status("5.4.4")));
        assert_eq!(codes_of("X-Postfix; unknown user"), (None, None));
        assert_eq!(codes_of("999 9.9.9"), (None, None));
        assert_eq!(codes_of(""), (None, None));
    }
}
