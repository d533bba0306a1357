//! What a scripted server does, and when.

use std::time::Duration;

use super::certificates::Identity;

/// A moment at which a server may be told to behave in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// A client has connected (and TLS is up, if it is implicit).
    Greeting,
    /// EHLO was read.
    Ehlo,
    /// HELO was read.
    Helo,
    /// STARTTLS was read.
    StartTls,
    /// AUTH was read, with its responses if the default would have asked for them.
    Auth,
    /// MAIL was read.
    Mail,
    /// RCPT was read.
    Rcpt,
    /// DATA was read.
    Data,
    /// The first bytes of a message were read. Only a message larger than a socket's buffers makes this moment
    /// certain to come before the client has written its final dot.
    Body,
    /// The final dot was read.
    FinalDot,
    /// The final dot was answered.
    Idle,
    /// RSET was read.
    Rset,
}

/// What to do at that moment instead of the usual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Answer with these lines (without CRLF). A message that is answered 2xx at the final dot counts as taken; MAIL,
    /// RCPT and DATA take effect when answered 2xx or 3xx.
    Reply(Vec<String>),
    /// Answer with these lines, then hang up.
    ReplyThenClose(Vec<String>),
    /// Answer as usual, and these lines right after, in the same packet.
    UsualAnd(Vec<String>),
    /// Answer as usual, this much later.
    UsualAfter(Duration),
    /// Write exactly these bytes and wait for the next command.
    Raw(Vec<u8>),
    /// Hang up without a word. At the final dot: without taking the message.
    Close,
    /// Take the message, then hang up without a word. Only at the final dot.
    TakeThenClose,
    /// Say nothing, but go on reading, until the client gives up.
    Stall,
    /// Neither say nor read anything until the server is dropped.
    Freeze,
    /// Reply with lines without end.
    Endless,
    /// Reply one byte at a time, a line that never ends.
    Drip,
}

impl Action {
    /// One line.
    #[must_use]
    pub fn reply(line: &str) -> Self {
        Self::Reply(vec![line.to_owned()])
    }

    /// One line, then hang up.
    #[must_use]
    pub fn reply_then_close(line: &str) -> Self {
        Self::ReplyThenClose(vec![line.to_owned()])
    }
}

#[derive(Clone, Debug)]
struct Rule {
    connection: Option<usize>,
    message: Option<usize>,
    phase: Phase,
    action: Action,
}

/// A server that takes every message, with exceptions.
#[derive(Clone, Default)]
pub struct Script {
    pub(super) capabilities: Vec<String>,
    pub(super) capabilities_under_tls: Option<Vec<String>>,
    pub(super) identity: Option<Identity>,
    pub(super) is_implicit_tls: bool,
    pub(super) credentials: Option<(String, String)>,
    rules: Vec<Rule>,
}

impl Script {
    /// A server that offers nothing and takes everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Offers these in its answer to EHLO.
    #[must_use]
    pub fn offer(mut self, capabilities: &[&str]) -> Self {
        self.capabilities = owned(capabilities);
        self
    }

    /// Offers these instead once TLS is up.
    #[must_use]
    pub fn offer_under_tls(mut self, capabilities: &[&str]) -> Self {
        self.capabilities_under_tls = Some(owned(capabilities));
        self
    }

    /// Answers STARTTLS with this certificate. The offer is separate: see [`Script::offer`].
    #[must_use]
    pub fn starttls(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Speaks TLS from the first byte.
    #[must_use]
    pub fn implicit_tls(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self.is_implicit_tls = true;
        self
    }

    /// Lets in only this user; without credentials everybody who tries AUTH is let in.
    #[must_use]
    pub fn credentials(mut self, username: &str, password: &str) -> Self {
        self.credentials = Some((username.to_owned(), password.to_owned()));
        self
    }

    /// Does `action` whenever `phase` comes.
    #[must_use]
    pub fn on(self, phase: Phase, action: Action) -> Self {
        self.rule(None, None, phase, action)
    }

    /// Does `action` when `phase` comes on the `connection`-th connection, from 0.
    #[must_use]
    pub fn on_connection(self, connection: usize, phase: Phase, action: Action) -> Self {
        self.rule(Some(connection), None, phase, action)
    }

    /// Does `action` when `phase` comes for the `message`-th message of the `connection`-th connection, from 0.
    /// A message begins with MAIL.
    #[must_use]
    pub fn on_message(self, connection: usize, message: usize, phase: Phase, action: Action) -> Self {
        self.rule(Some(connection), Some(message), phase, action)
    }

    fn rule(
        mut self,
        connection: Option<usize>,
        message: Option<usize>,
        phase: Phase,
        action: Action,
    ) -> Self {
        self.rules.push(Rule { connection, message, phase, action });
        self
    }

    /// The first rule that fits.
    pub(super) fn action(&self, connection: usize, message: usize, phase: Phase) -> Option<&Action> {
        let fits = |wanted: Option<usize>, actual| wanted.is_none_or(|wanted| wanted == actual);
        self.rules
            .iter()
            .find(|rule| {
                rule.phase == phase && fits(rule.connection, connection) && fits(rule.message, message)
            })
            .map(|rule| &rule.action)
    }
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}
