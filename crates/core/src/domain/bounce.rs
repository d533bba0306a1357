//! Why a message came back, from whatever its bounce says.

use std::fmt;
use std::str::FromStr;

mod words;

/// An enhanced mail system status code (RFC 3463): `5.1.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedStatus {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    pub class: u8,
    /// What it is about: 1 addressing, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 security or policy.
    pub subject: u16,
    /// The detail.
    pub detail: u16,
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// The text is no enhanced status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an enhanced status code such as 5.1.1")]
pub struct InvalidEnhancedStatus;

impl FromStr for EnhancedStatus {
    type Err = InvalidEnhancedStatus;

    /// Reads exactly one code: class 2, 4 or 5, then two numbers of one to three digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| {
            let fits = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            if fits { part.parse::<u16>().ok() } else { None }
        };
        let mut parts = text.split('.');
        let (class, subject, detail) = (parts.next(), parts.next(), parts.next());
        let class = match class {
            Some("2") => 2,
            Some("4") => 4,
            Some("5") => 5,
            _ => return Err(InvalidEnhancedStatus),
        };
        match (subject.and_then(number), detail.and_then(number), parts.next()) {
            (Some(subject), Some(detail), None) => Ok(Self { class, subject, detail }),
            _ => Err(InvalidEnhancedStatus),
        }
    }
}

/// Why a message came back. The names are a public contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BounceClass {
    /// There is no such mailbox.
    UnknownUser,
    /// There is no such domain, or it takes no mail.
    UnknownDomain,
    /// The mailbox is there and switched off.
    MailboxDisabled,
    /// The mail service keeps the address on a list of its own.
    ListedByService,
    /// The mail service calls it permanent and does not say why.
    Hard,
    /// The mailbox is full.
    MailboxFull,
    /// Spam, reputation, authentication or another rule of the receiving side.
    Policy,
    /// Asked to come back later.
    Greylisted,
    /// The message is too large.
    TooLarge,
    /// The content or an attachment was refused.
    Content,
    /// The domain could not be looked up.
    Dns,
    /// The receiving server could not be reached or did not finish.
    Network,
    /// The receiving system is in trouble.
    System,
    /// Nothing says why.
    Undetermined,
}

impl BounceClass {
    /// Every class, in the order of its stored code.
    pub const ALL: [Self; 14] = [
        Self::UnknownUser,
        Self::UnknownDomain,
        Self::MailboxDisabled,
        Self::ListedByService,
        Self::Hard,
        Self::MailboxFull,
        Self::Policy,
        Self::Greylisted,
        Self::TooLarge,
        Self::Content,
        Self::Dns,
        Self::Network,
        Self::System,
        Self::Undetermined,
    ];

    /// The public name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::UnknownDomain => "unknown_domain",
            Self::MailboxDisabled => "mailbox_disabled",
            Self::ListedByService => "listed_by_service",
            Self::Hard => "hard",
            Self::MailboxFull => "mailbox_full",
            Self::Policy => "policy",
            Self::Greylisted => "greylisted",
            Self::TooLarge => "too_large",
            Self::Content => "content",
            Self::Dns => "dns",
            Self::Network => "network",
            Self::System => "system",
            Self::Undetermined => "undetermined",
        }
    }

    /// Whether a permanent bounce of this class says that the address will never take mail again. Everything else may
    /// be about us, about the moment or about this message, and never suppresses.
    #[must_use]
    pub fn condemns_address(self) -> bool {
        match self {
            Self::UnknownUser
            | Self::UnknownDomain
            | Self::MailboxDisabled
            | Self::ListedByService
            | Self::Hard => true,
            Self::MailboxFull
            | Self::Policy
            | Self::Greylisted
            | Self::TooLarge
            | Self::Content
            | Self::Dns
            | Self::Network
            | Self::System
            | Self::Undetermined => false,
        }
    }
}

impl BounceClass {
    /// Whether bounces of this class, again and again, say something about the mailbox. Refusals for our reputation, the
    /// message's size or a broken network do not.
    #[must_use]
    pub fn counts_as_soft(self) -> bool {
        matches!(self, Self::MailboxFull | Self::System)
    }
}

impl fmt::Display for BounceClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Decides the class from everything a bounce says. The words weigh more than the code, because servers answer
/// `5.1.1` to spam and `550` to a full mailbox; a code alone decides only where the words say nothing.
///
/// A server that says "later" (4xx) does not say that the mailbox or the domain is gone, whatever words it uses: such
/// an answer never condemns an address, not even once the sender's server has given up.
#[must_use]
pub fn classify(status: Option<EnhancedStatus>, smtp_code: Option<u16>, diagnostic: &str) -> BounceClass {
    // Where the words only make sense together with the code.
    let told = match status {
        Some(status) => words::class(&format!("{status} {diagnostic}")),
        None => words::class(diagnostic),
    };
    let class = told
        .or_else(|| status.and_then(class_of_status))
        .or_else(|| smtp_code.and_then(class_of_code))
        .unwrap_or(BounceClass::Undetermined);
    // The reply code is the remote server's own; the status may be what the sender's server made of it.
    let is_transient = match (smtp_code, status) {
        (Some(code), _) => (400..500).contains(&code),
        (None, Some(status)) => status.class == 4,
        (None, None) => false,
    };
    // Words such as "invalid address" are then about the address we send from.
    let is_about_sender = status.is_some_and(|status| status.subject == 1 && matches!(status.detail, 7 | 8));
    match class {
        class if is_about_sender && class.condemns_address() => BounceClass::Policy,
        BounceClass::UnknownUser | BounceClass::MailboxDisabled if is_transient => BounceClass::Undetermined,
        BounceClass::UnknownDomain if is_transient => BounceClass::Dns,
        class => class,
    }
}

/// The class of a mail server's own answer to a message: `550 5.1.1 no such user`.
#[must_use]
pub fn classify_reply(words: &str) -> BounceClass {
    let mut parts = words.split([' ', '-']);
    let code = parts.next().and_then(|code| code.parse().ok());
    let status = parts.next().and_then(|status| status.parse().ok());
    classify(status, code, words)
}

/// What an enhanced status code says by itself (RFC 3463, RFC 5248, RFC 7372, RFC 7505); `None` for those that only say
/// "refused".
fn class_of_status(status: EnhancedStatus) -> Option<BounceClass> {
    Some(match (status.subject, status.detail) {
        (1, 1 | 3 | 6) => BounceClass::UnknownUser,
        (1, 2 | 10) => BounceClass::UnknownDomain,
        // About the sender's address: ours.
        (1, 7 | 8) => BounceClass::Policy,
        (2, 1) => BounceClass::MailboxDisabled,
        (2, 2) => BounceClass::MailboxFull,
        (2, 3) | (3, 4) => BounceClass::TooLarge,
        (3, _) | (2, 4) | (4, 5 | 6) => BounceClass::System,
        (4, 3 | 4 | 310 | 311 | 312) => BounceClass::Dns,
        (4, _) => BounceClass::Network,
        (5, 3) | (7, _) => BounceClass::Policy,
        (6, _) => BounceClass::Content,
        _ => return None,
    })
}

/// What a reply code says by itself (RFC 5321, RFC 7504). 550, 553 and 554 say nothing: everything is answered so.
fn class_of_code(code: u16) -> Option<BounceClass> {
    Some(match code {
        421 | 451 => BounceClass::System,
        452 | 552 => BounceClass::MailboxFull,
        530 | 534 | 535 | 538 => BounceClass::Policy,
        556 => BounceClass::UnknownDomain,
        _ => return None,
    })
}
