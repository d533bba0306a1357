//! What one attempt to hand a message on came to.

use std::borrow::Cow;
use std::fmt;

use crate::limits::REPLY_WORDS_BYTES_MAX;

/// A stable, low-cardinality name for why something was not sent: `smtp_550_5.1.1`, `connect_refused`.
/// Dead letters are grouped by it, so it never holds addresses, ids or a server's prose.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause(Cow<'static, str>);

impl Cause {
    /// A cause known when the program was written.
    #[must_use]
    pub const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// A cause put together from codes. Anything but ASCII letters, digits, `.`, `_` and `-` is dropped.
    #[must_use]
    pub fn from_codes(name: &str) -> Self {
        let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        Self(Cow::Owned(name.chars().filter(allowed).take(64).collect()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A server's own words, made safe to store and show: one line, printable, bounded.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Words(String);

impl Words {
    /// Folds line ends and control characters to single spaces and cuts at [`REPLY_WORDS_BYTES_MAX`].
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut words = String::with_capacity(text.len().min(REPLY_WORDS_BYTES_MAX));
        for part in text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|part| !part.is_empty())
        {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(part);
            if words.len() > REPLY_WORDS_BYTES_MAX {
                break;
            }
        }
        let mut end = words.len().min(REPLY_WORDS_BYTES_MAX);
        while !words.is_char_boundary(end) {
            end -= 1;
        }
        words.truncate(end);
        Self(words)
    }

    /// The words as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the mailer reported about one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The mailer took responsibility for the message.
    Accepted {
        /// The mailer's own words, such as `250 2.0.0 Ok: queued as 4Z1`.
        words: Words,
    },
    /// It did not, or nobody can tell.
    NotAccepted(Failure),
    /// The attempt was given up before anything left, for example because the server is stopping.
    Released,
}

/// Why an attempt did not end in acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What to do about it.
    pub class: FailureClass,
    /// Whose fault it is.
    pub scope: FaultScope,
    /// The stable name.
    pub cause: Cause,
    /// The server's or the system's words.
    pub words: Words,
    /// Whether the attempt counts against `max_attempts`. A rate limit or bad credentials must not kill messages.
    pub spends_attempt: bool,
    /// How far it came, for whoever must tell a working route from a broken one.
    pub reach: Reach,
    /// Whether our account with the mail service is at fault: paused, out of quota, unverified, locked out. Only time or
    /// a person ends that, so the next try waits longer, and another mailer may take over meanwhile. Never together
    /// with [`FailureClass::Unknown`].
    pub is_account_fault: bool,
}

/// How far an attempt came with the other side before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Nobody was asked: the message could not be made, or is known to be more than the other side takes.
    NotAsked,
    /// The fault came before this message was spoken of: it had no part in it, and any other would have met it too.
    BeforeMessage,
    /// This message was spoken of, and nothing was answered about its recipient or its content.
    Unanswered,
    /// A mail service answered about this message, before it asked any server of the recipient: that tells nothing
    /// about the address.
    AnsweredByService,
    /// The other side answered about this message's recipient or content.
    Answered,
}

/// The three ways a failure can be answered. There is no fourth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// Certainly not accepted; trying again may succeed.
    Retryable,
    /// Certainly not accepted; trying again will not help.
    Permanent,
    /// May have been accepted.
    Unknown,
}

/// Whether a failure says something about this message or about the way all messages take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultScope {
    /// About this message or recipient; others are not affected.
    Message,
    /// About us or the server: the route pauses before the next message is tried.
    Route,
}

impl Words {
    /// The id under which Amazon SES took a message, where the words are SES's: `250 Ok 0102018f…-000000`.
    #[must_use]
    pub fn ses_message_id(&self) -> Option<&str> {
        const GROUPS: [usize; 7] = [16, 8, 4, 4, 4, 12, 6];
        let is_id = |word: &&str| {
            let mut groups = word.split('-');
            let fits = GROUPS.iter().all(|len| {
                groups.next().is_some_and(|group| {
                    group.len() == *len && group.bytes().all(|byte| byte.is_ascii_hexdigit())
                })
            });
            fits && groups.next().is_none()
        };
        self.0.split(' ').find(is_id)
    }
}
