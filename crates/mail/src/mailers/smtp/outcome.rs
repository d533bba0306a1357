//! What a failed SMTP exchange means: the one place that decides.
//!
//! Decided by the phase of the exchange, the reply code and the enhanced code, never by prose. Three questions in
//! this order: can the server have taken the message (then the outcome is unknown); is the refusal about us or the
//! server (then the route pauses); can another try succeed. No message dies of bad credentials or of throttling. Every
//! other answer to its own RCPT or content spends an attempt, because it may be about this message alone, and a
//! message that spends none would be tried for ever.

use postrider_core::domain::outcome::{Cause, Failure, FailureClass, FaultScope, Reach, Words};

use super::reply::{EnhancedCode, Reply};

/// How far an exchange had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The server's first words.
    Greeting,
    /// EHLO or HELO.
    Ehlo,
    /// STARTTLS, up to the server's consent.
    StartTls,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA, up to the server's consent.
    Data,
    /// The message is being written, and its final dot cannot have been sent.
    Body,
    /// The final dot has been written: the server may have taken the message.
    FinalDot,
}

/// What went wrong in a phase.
#[derive(Clone, Copy, Debug)]
pub enum Trouble<'a> {
    /// The server answered, but not with what the phase needs to go on.
    Reply(&'a Reply),
    /// The connection can no longer be used.
    Broken(Breakage),
    /// No connection to this server, `host:port`, came about.
    Connect(ConnectTrouble, &'a str),
    /// The connection to this server, `host:port`, could not be made private as configured.
    Tls(TlsTrouble, &'a str),
    /// Credentials are configured, and the server offers neither AUTH PLAIN nor AUTH LOGIN.
    AuthNotOffered,
    /// The message is larger than the server says it takes.
    MessageTooLarge,
    /// An address needs SMTPUTF8, and the server does not offer it.
    Smtputf8Missing,
}

/// Why a connection can no longer be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakage {
    /// The other side, or the network, closed it.
    Disconnected,
    /// The time for the command is up.
    TimedOut,
    /// What the server says is not SMTP, or not an answer to what it was asked.
    Unintelligible,
    /// A reply exceeded its bounds.
    ReplyTooLong,
}

/// Why no connection came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectTrouble {
    /// The host name has no address, or nobody could say.
    DnsFailed,
    /// Nobody listens.
    Refused,
    /// No answer in time.
    TimedOut,
    /// Any other failure, such as no route to the host.
    Unreachable,
    /// The name of a plain-text server did not lead to a loopback address.
    PlaintextRefused,
}

/// Why a connection could not be made private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsTrouble {
    /// The server does not offer STARTTLS, or somebody removed the offer.
    NotOffered,
    /// Plain text followed the consent to STARTTLS: a broken server or somebody in between.
    PlaintextInjected,
    /// The certificate is for another name.
    NameMismatch,
    /// The certificate has expired or is not valid yet.
    Expired,
    /// The certificate is not one we trust.
    Untrusted,
    /// The handshake failed otherwise.
    HandshakeFailed,
    /// The handshake did not end in time.
    TimedOut,
}

/// A failure without its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Judgement {
    class: FailureClass,
    scope: FaultScope,
    spends_attempt: bool,
}

/// Nobody can tell whether the message was taken.
const UNKNOWN: Judgement =
    Judgement { class: FailureClass::Unknown, scope: FaultScope::Message, spends_attempt: true };
/// This message was refused for good.
const REFUSED: Judgement =
    Judgement { class: FailureClass::Permanent, scope: FaultScope::Message, spends_attempt: true };
/// This message may pass later.
const LATER: Judgement =
    Judgement { class: FailureClass::Retryable, scope: FaultScope::Message, spends_attempt: true };
/// The server is unwell. Attempts are spent, so that an outage without end does not keep messages for ever.
const ROUTE_DOWN: Judgement =
    Judgement { class: FailureClass::Retryable, scope: FaultScope::Route, spends_attempt: true };
/// We are to slow down, or to be set right by a person, and no message had a part in it: none may die of it.
const ROUTE_PAUSED: Judgement =
    Judgement { class: FailureClass::Retryable, scope: FaultScope::Route, spends_attempt: false };

/// Classifies one failed exchange.
#[must_use]
pub fn classify(phase: Phase, trouble: Trouble<'_>) -> Failure {
    let (judgement, cause, words) = match trouble {
        Trouble::Reply(reply) => (judge_reply(phase, reply.code, reply.enhanced), name(reply), reply.words()),
        Trouble::Broken(breakage) => {
            let text = format!("{} {}", breakage.words(), phase.words());
            (judge_breakage(phase), breakage_cause(phase, breakage), Words::new(&text))
        }
        Trouble::Connect(trouble, server) => {
            let judgement = match trouble {
                ConnectTrouble::DnsFailed
                | ConnectTrouble::Refused
                | ConnectTrouble::TimedOut
                | ConnectTrouble::Unreachable => ROUTE_DOWN,
                ConnectTrouble::PlaintextRefused => ROUTE_PAUSED,
            };
            let (cause, words) = trouble.names();
            (judgement, Cause::known(cause), Words::new(&format!("{server} {words}")))
        }
        Trouble::Tls(trouble, server) => {
            let (cause, words) = trouble.names();
            (ROUTE_PAUSED, Cause::known(cause), Words::new(&format!("{server} {words}")))
        }
        Trouble::AuthNotOffered => (
            ROUTE_PAUSED,
            Cause::known("auth_not_offered"),
            Words::new("a user name is configured, but the server offers neither AUTH PLAIN nor AUTH LOGIN"),
        ),
        Trouble::MessageTooLarge => (
            REFUSED,
            Cause::known("message_too_large"),
            Words::new("the message is larger than the server's SIZE allows"),
        ),
        Trouble::Smtputf8Missing => (
            REFUSED,
            Cause::known("smtputf8_missing"),
            Words::new("the address is not ASCII and the server does not offer SMTPUTF8"),
        ),
    };
    let Judgement { class, scope, spends_attempt } = judgement;
    Failure {
        class,
        scope,
        cause,
        words,
        spends_attempt,
        reach: reach(phase, trouble),
        is_account_fault: false,
    }
}

/// Whether the server has said anything about this message, and whether the message can have had a part in the fault.
fn reach(phase: Phase, trouble: Trouble<'_>) -> Reach {
    match trouble {
        Trouble::MessageTooLarge | Trouble::Smtputf8Missing => Reach::NotAsked,
        Trouble::Connect(..) | Trouble::Tls(..) | Trouble::AuthNotOffered => Reach::BeforeMessage,
        Trouble::Reply(_) | Trouble::Broken(_) => match (phase, trouble) {
            (Phase::Greeting | Phase::Ehlo | Phase::StartTls | Phase::Auth, _) => Reach::BeforeMessage,
            // MAIL carries the message's size and kind, but no answer to it is about its recipient or content.
            (Phase::Mail, _) => Reach::Unanswered,
            // With 421 a server takes its leave, whatever it was asked.
            (Phase::Rcpt | Phase::Data | Phase::Body | Phase::FinalDot, Trouble::Reply(reply))
                if reply.code >= 400 && reply.code != 421 =>
            {
                Reach::Answered
            }
            (Phase::Rcpt | Phase::Data | Phase::Body | Phase::FinalDot, _) => Reach::Unanswered,
        },
    }
}

/// Until the final dot is out, a message that lost its connection was not taken (RFC 5321 §4.1.1.4); from then on
/// nobody knows.
fn judge_breakage(phase: Phase) -> Judgement {
    match phase {
        Phase::FinalDot => UNKNOWN,
        Phase::Rcpt | Phase::Data | Phase::Body => LATER,
        Phase::Greeting | Phase::Ehlo | Phase::StartTls | Phase::Auth | Phase::Mail => ROUTE_DOWN,
    }
}

fn judge_reply(phase: Phase, code: u16, enhanced: Option<EnhancedCode>) -> Judgement {
    let status = enhanced.map(|enhanced| (enhanced.subject, enhanced.detail));
    match code {
        400..=499 => judge_transient(phase, code, status),
        500..=599 => judge_permanent(phase, code, status),
        // Yes, where yes was not an answer: the two sides no longer talk about the same command.
        _ => judge_breakage(phase),
    }
}

/// 4xx: not taken, later perhaps.
fn judge_transient(phase: Phase, code: u16, status: Option<(u16, u16)>) -> Judgement {
    let about_recipient_or_message = match phase {
        Phase::Rcpt | Phase::Data | Phase::Body | Phase::FinalDot => true,
        Phase::Greeting | Phase::Ehlo | Phase::StartTls | Phase::Auth | Phase::Mail => false,
    };
    match (code, status) {
        // Explicit throttling: 421 4.7.x; 454, which SES sends without an enhanced code; too many recipients, for a
        // sender of one recipient at a time. At AUTH, 454 says that credentials cannot be checked just now.
        (421, Some((7, _))) | (454, None | Some((7, 0))) | (452, Some((5, 3))) => ROUTE_PAUSED,
        _ if phase == Phase::Auth => ROUTE_PAUSED,
        // Policy without detail is mostly a rate; it spends an attempt, because it may be about the one recipient.
        (450..=452, Some((7, 0))) => ROUTE_DOWN,
        // The server's disk is full, or it takes no mail from anybody.
        (_, Some((3, 1 | 2))) => ROUTE_DOWN,
        _ if about_recipient_or_message => LATER,
        _ => ROUTE_DOWN,
    }
}

/// 5xx: not taken; the question is whether that is about the message or about us.
fn judge_permanent(phase: Phase, code: u16, status: Option<(u16, u16)>) -> Judgement {
    match phase {
        // Nothing has been said about any message yet.
        Phase::Greeting | Phase::Ehlo | Phase::StartTls | Phase::Auth => ROUTE_PAUSED,
        Phase::Mail => match (code, status) {
            // SIZE is answered at MAIL, and so is SMTPUTF8.
            (_, Some((3, 4) | (2, 3) | (6, _))) | (552, None) => REFUSED,
            // Only the sender is known, and the sender is ours.
            _ => ROUTE_PAUSED,
        },
        Phase::Rcpt | Phase::Data | Phase::Body | Phase::FinalDot => match (code, status) {
            // Authentication or encryption required (RFC 4954 §6): about our credentials, whatever was asked.
            (530 | 534 | 535 | 538, _) => ROUTE_PAUSED,
            // A host that takes no mail (RFC 7504), and a refusal of our return path that waited for the recipient.
            (521, _) | (_, Some((1, 7 | 8))) => ROUTE_DOWN,
            // About the recipient although it is policy: closed lists, and a mailbox or domain with a new owner.
            (_, Some((7, 2 | 17 | 18))) => REFUSED,
            // A filter answers like this about one recipient or message, a block list about all of ours. The route
            // pauses in both cases, but an attempt is spent, or one message that looks like spam would come back to
            // stop the route for ever.
            (_, Some((7, _))) => ROUTE_DOWN,
            // A full mailbox is permanent to SMTP and to nobody else (RFC 3463 §3.3 calls it persistent
            // transient); RFC 5321 §4.5.3.1.10 has 552 to RCPT treated as temporary.
            (_, Some((2, 2))) => LATER,
            (552, None) if phase == Phase::Rcpt => LATER,
            // The server is full, closed or misconfigured, for everybody.
            (_, Some((3, 1 | 2 | 5))) => ROUTE_DOWN,
            // The two sides disagree about the protocol. A new connection may settle it; the attempt is spent, in
            // case it is this message that brings it about.
            (_, Some((5, _))) | (500 | 502 | 503 | 504 | 555, None) => LATER,
            _ => REFUSED,
        },
    }
}

/// `smtp_550_5.1.1`, or `smtp_451` where there is no enhanced code.
fn name(reply: &Reply) -> Cause {
    match reply.enhanced {
        Some(EnhancedCode { class, subject, detail }) => {
            Cause::from_codes(&format!("smtp_{}_{class}.{subject}.{detail}", reply.code))
        }
        None => Cause::from_codes(&format!("smtp_{}", reply.code)),
    }
}

fn breakage_cause(phase: Phase, breakage: Breakage) -> Cause {
    let what = match breakage {
        Breakage::Disconnected => "disconnected",
        Breakage::TimedOut => "timeout",
        Breakage::Unintelligible => "unintelligible_reply",
        Breakage::ReplyTooLong => "reply_too_long",
    };
    let when = match phase {
        Phase::Greeting => "at_greeting",
        Phase::Ehlo => "at_ehlo",
        Phase::StartTls => "at_starttls",
        Phase::Auth => "at_auth",
        Phase::Mail => "at_mail",
        Phase::Rcpt => "at_rcpt",
        Phase::Data => "at_data",
        Phase::Body => "during_data",
        Phase::FinalDot => "after_data",
    };
    Cause::from_codes(&format!("{what}_{when}"))
}

impl Breakage {
    fn words(self) -> &'static str {
        match self {
            Self::Disconnected => "the connection was closed",
            Self::TimedOut => "the server did not answer in time",
            Self::Unintelligible => "the server's answer makes no sense",
            Self::ReplyTooLong => "the server's answer does not end",
        }
    }
}

impl Phase {
    fn words(self) -> &'static str {
        match self {
            Self::Greeting => "before its greeting",
            Self::Ehlo => "at EHLO",
            Self::StartTls => "at STARTTLS",
            Self::Auth => "at AUTH",
            Self::Mail => "at MAIL",
            Self::Rcpt => "at RCPT",
            Self::Data => "at DATA",
            Self::Body => "before the message was complete",
            Self::FinalDot => "after the message was complete",
        }
    }
}

impl ConnectTrouble {
    /// The cause, and words that follow the server's name.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::DnsFailed => ("dns_failed", "cannot be resolved; check mailer.smtp.host and the resolver"),
            Self::Refused => {
                ("connect_refused", "refuses connections; check that it runs and mailer.smtp.port")
            }
            Self::TimedOut => {
                ("connect_timeout", "does not answer; check mailer.smtp.host, port and firewalls")
            }
            Self::Unreachable => ("connect_failed", "cannot be reached; check the network"),
            Self::PlaintextRefused => (
                "plaintext_refused",
                "is not this machine and TLS is off; set mailer.smtp.tls or allow_plaintext",
            ),
        }
    }
}

impl TlsTrouble {
    /// The cause, and words that follow the server's name.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::NotOffered => ("tls_not_offered", "does not offer STARTTLS; nothing was sent"),
            Self::PlaintextInjected => (
                "tls_plaintext_injected",
                "sent plain text after its answer to STARTTLS; nothing was sent to it",
            ),
            Self::NameMismatch => {
                ("tls_name_mismatch", "has a certificate for another name; nothing was sent")
            }
            Self::Expired => (
                "tls_certificate_expired",
                "has a certificate that is not valid at this time; nothing was sent",
            ),
            Self::Untrusted => {
                ("tls_certificate_untrusted", "has a certificate that is not trusted; nothing was sent")
            }
            Self::HandshakeFailed => {
                ("tls_handshake_failed", "failed the TLS handshake; check mailer.smtp.tls against the port")
            }
            Self::TimedOut => ("tls_timeout", "did not end the TLS handshake in time"),
        }
    }
}
