//! One message over one connection (RFC 5321 §3.3).

use std::ops::Range;
use std::time::Duration;

use postrider_core::domain::outcome::{Failure, Words};
use postrider_core::ports::mailer::OutgoingMessage;
use tokio::time::Instant;

use super::budget::Budget;
use super::connection::Connection;
use super::content::{ContentFacts, encode};
use super::outcome::{Breakage, Phase, Trouble, classify};
use super::reply::Reply;

/// How long a server that hung up in the middle of a message may take to have said why.
const LAST_WORDS_WAIT: Duration = Duration::from_millis(250);

/// What came of handing a message over.
pub(super) enum Handover {
    /// The server took it.
    Accepted(Words),
    /// It did not, or nobody can tell.
    Failed(Failure),
}

/// Why the server is not ready for the message's content.
pub(super) enum NotReady {
    /// It refused, or the connection broke.
    Failed(Failure),
    /// The connection had been given up by the server while it lay idle; nothing was said about this message.
    Stale,
}

/// The commands before the content, in one piece, and where each ends.
struct Opening {
    bytes: Vec<u8>,
    steps: [(Phase, Range<usize>); 3],
}

impl Connection {
    /// Encodes `message` and brings the server to the point where it waits for the content. Until the verdict about
    /// it is in, `is_settled` says that no other message may follow; so it does if one of these futures is dropped.
    pub(super) async fn announce(
        &mut self,
        message: &OutgoingMessage,
        budget: &Budget,
    ) -> Result<(), NotReady> {
        self.content.clear();
        let facts = encode(&message.message, &mut self.content);
        let opening = self
            .compose_opening(message, facts)
            .map_err(|trouble| NotReady::Failed(classify(Phase::Mail, trouble)))?;
        self.is_settled = false;
        self.open_transaction(&opening, budget).await
    }

    /// MAIL, RCPT and DATA, or why the server cannot take this message.
    fn compose_opening(
        &self,
        message: &OutgoingMessage,
        facts: ContentFacts,
    ) -> Result<Opening, Trouble<'static>> {
        let envelope = &message.envelope;
        let offers = &self.capabilities;
        let needs_smtputf8 = envelope.recipient.needs_smtputf8() || envelope.return_path.needs_smtputf8();
        if needs_smtputf8 && !offers.smtputf8 {
            return Err(Trouble::Smtputf8Missing);
        }
        if offers.size_limit().is_some_and(|limit| facts.size as u64 > limit) {
            return Err(Trouble::MessageTooLarge);
        }
        let mut text = String::with_capacity(256);
        text.push_str("MAIL FROM:<");
        text.push_str(envelope.return_path.as_str());
        text.push('>');
        if offers.size.is_some() {
            text.push_str(" SIZE=");
            text.push_str(&facts.size.to_string());
        }
        // Without the offer eight-bit bytes are sent all the same: every server in use passes them on, and to
        // refuse would lose the message for a formality.
        if facts.has_8bit && offers.eight_bit_mime {
            text.push_str(" BODY=8BITMIME");
        }
        if needs_smtputf8 {
            text.push_str(" SMTPUTF8");
        }
        text.push_str("\r\n");
        let mail = text.len();
        text.push_str("RCPT TO:<");
        text.push_str(envelope.recipient.as_str());
        text.push_str(">\r\n");
        let rcpt = text.len();
        text.push_str("DATA\r\n");
        let data = text.len();
        let steps = [(Phase::Mail, 0..mail), (Phase::Rcpt, mail..rcpt), (Phase::Data, rcpt..data)];
        Ok(Opening { bytes: text.into_bytes(), steps })
    }

    /// Says MAIL, RCPT and DATA, in one write where the server allows it, and waits for consent to all three.
    async fn open_transaction(&mut self, opening: &Opening, budget: &Budget) -> Result<(), NotReady> {
        let is_pipelined = self.capabilities.pipelining;
        let mut refusal: Option<(Phase, Reply)> = None;
        let mut awaits_content = false;
        for (phase, range) in &opening.steps {
            let answer = if !is_pipelined {
                self.ask(&opening.bytes[range.clone()], budget).await
            } else if *phase == Phase::Mail {
                self.ask(&opening.bytes, budget).await
            } else {
                self.wire.read_reply(budget.command()).await
            };
            let reply = match answer {
                Ok(reply) => reply,
                // The refusal says more than the broken connection after it.
                Err(_) if refusal.is_some() => break,
                Err(breakage) => return Err(self.lost_opening(*phase, breakage)),
            };
            if reply.code == 421 && *phase == Phase::Mail && self.idle_since.is_some() {
                // An idle connection is ended by a 421 that nobody reads until now (RFC 5321 §3.8).
                return Err(NotReady::Stale);
            }
            let is_wanted = if *phase == Phase::Data { reply.is_intermediate() } else { reply.is_positive() };
            awaits_content = *phase == Phase::Data && is_wanted;
            if is_wanted {
                continue;
            }
            let is_closing = reply.code == 421;
            refusal.get_or_insert((*phase, reply));
            if is_closing || !is_pipelined {
                break;
            }
        }
        let Some((phase, reply)) = refusal else { return Ok(()) };
        // A server that refused the recipient and still wants content gets none, not even a dot: the connection is
        // closed, so that nothing can be delivered to anybody. The same goes for one that answered with something
        // other than a refusal. Otherwise the transaction is undone.
        if !awaits_content && reply.code >= 400 && reply.code != 421 {
            self.is_settled = self.reset(budget).await;
        }
        Err(NotReady::Failed(classify(phase, Trouble::Reply(&reply))))
    }

    /// A connection that lay idle may have died unnoticed: as long as nothing was answered, a new one may try.
    fn lost_opening(&self, phase: Phase, breakage: Breakage) -> NotReady {
        let was_idle = self.idle_since.is_some() && phase == Phase::Mail;
        match breakage {
            Breakage::Disconnected | Breakage::TimedOut if was_idle => NotReady::Stale,
            _ => NotReady::Failed(classify(phase, Trouble::Broken(breakage))),
        }
    }

    /// Writes the content with its final dot. If this future is dropped before it is done, the final dot has not left
    /// (see [`Wire::write_all`](super::wire::Wire::write_all)), and no more may be written to the connection.
    pub(super) async fn write_content(&mut self, budget: &Budget) -> Result<(), Failure> {
        // An answer that is already here cannot be the answer to what was not yet said.
        if self.wire.has_unread() {
            return Err(classify(Phase::Data, Trouble::Broken(Breakage::Unintelligible)));
        }
        let written = self.wire.write_all(&self.content, budget.timeout(), budget.before_dot()).await;
        match written {
            Ok(()) => Ok(()),
            Err(breakage) => Err(self.explain_cut(breakage, budget).await),
        }
    }

    /// Waits for the server to take responsibility for the content that was written.
    pub(super) async fn await_verdict(&mut self, budget: &Budget) -> Handover {
        match self.wire.read_reply(budget.final_dot()).await {
            Ok(reply) if reply.is_positive() => {
                self.carried += 1;
                self.is_settled = true;
                Handover::Accepted(reply.words())
            }
            Ok(reply) => {
                self.carried += 1;
                // After 421 the server hangs up; after anything but a refusal nobody knows where it stands.
                self.is_settled = reply.code >= 400 && reply.code != 421;
                Handover::Failed(classify(Phase::FinalDot, Trouble::Reply(&reply)))
            }
            Err(breakage) => Handover::Failed(classify(Phase::FinalDot, Trouble::Broken(breakage))),
        }
    }

    /// The content was cut off. A server that did it on purpose said why before it hung up.
    async fn explain_cut(&mut self, breakage: Breakage, budget: &Budget) -> Failure {
        match self.wire.read_reply(Instant::now() + LAST_WORDS_WAIT.min(budget.timeout())).await {
            Ok(reply) if reply.code >= 400 => classify(Phase::Body, Trouble::Reply(&reply)),
            _ => classify(Phase::Body, Trouble::Broken(breakage)),
        }
    }

    /// RSET; whether the server agreed.
    async fn reset(&mut self, budget: &Budget) -> bool {
        matches!(self.ask(b"RSET\r\n", budget).await, Ok(reply) if reply.is_positive())
    }

    async fn ask(&mut self, command: &[u8], budget: &Budget) -> Result<Reply, Breakage> {
        if self.wire.has_unread() {
            return Err(Breakage::Unintelligible);
        }
        self.wire.write_all(command, budget.timeout(), budget.command()).await?;
        self.wire.read_reply(budget.command()).await
    }
}
