//! DATA, from the command to the answer that says who has the message now.

use std::time::Duration;

use postrider_core::limits::{
    LISTENER_DATA_TIMEOUT_MS, LISTENER_DELIVERY_TIMEOUT_MS, LISTENER_STALL_TIMEOUT_MS,
};
use tokio::time::{Instant, timeout};

use super::super::content::{Content, Flaw, Progress, Whole};
use super::super::{Delivery, Protocol, ReceivedMail};
use super::{BARE_LINE_END, Ending, Envelope, Session, TOO_LARGE};

impl Session<'_> {
    pub(super) async fn data(&mut self) -> Result<(), Ending> {
        // What comes before it may come was meant for another server's ears, or as another command (RFC 2920 §3.1).
        // Also where DATA will be refused: its message would be taken for commands.
        if !self.wire.is_quiet().await {
            return Err(Ending::With("554 5.5.0 The message came before it was asked for"));
        }
        match &self.envelope {
            None => return self.refuse("503 5.5.1 MAIL and RCPT come first"),
            Some(envelope) if envelope.recipients.is_empty() => {
                return self.refuse(match self.shared.protocol {
                    Protocol::Smtp => "554 5.5.1 No valid recipients",
                    // RFC 2033 §4.2.
                    Protocol::Lmtp => "503 5.5.1 No valid recipients",
                });
            }
            Some(_) => self.wire.say("354 End with CR LF . CR LF"),
        }
        self.flush().await?;
        let content = self.read_content().await?;
        let Some(envelope) = self.envelope.take() else { return Ok(()) };
        let flaw = content.flaw();
        let answer = match content.finish() {
            Ok(whole) => self.deliver(whole, &envelope).await,
            Err(Flaw::BareLineEnd) => BARE_LINE_END.to_owned(),
            Err(Flaw::LineTooLong) => "554 5.6.0 A line of the message is too long".to_owned(),
            Err(Flaw::TooLarge) => TOO_LARGE.to_owned(),
            Err(Flaw::NoRoom) => "452 4.3.1 No memory for the message now, try again later".to_owned(),
        };
        let answers = match self.shared.protocol {
            Protocol::Smtp => 1,
            // One for each recipient (RFC 2033 §4.2); all of them share one fate.
            Protocol::Lmtp => envelope.recipients.len(),
        };
        (0..answers).for_each(|_| self.wire.say(&answer));
        match flaw {
            // What else this client has to say may have been meant to be read by somebody less strict.
            Some(Flaw::BareLineEnd) => Err(Ending::Said),
            Some(Flaw::LineTooLong | Flaw::TooLarge | Flaw::NoRoom) | None => Ok(()),
        }
    }

    async fn read_content(&mut self) -> Result<Content, Ending> {
        let deadline = Instant::now() + Duration::from_millis(LISTENER_DATA_TIMEOUT_MS);
        let mut content = Content::new(&self.shared.room);
        loop {
            let stalled = Instant::now() + Duration::from_millis(LISTENER_STALL_TIMEOUT_MS);
            self.fill(deadline.min(stalled)).await?;
            let unread = self.wire.unread();
            let length = unread.len();
            match content.feed(unread) {
                Progress::More => self.wire.consume(length),
                Progress::Ended(length) => {
                    self.wire.consume(length);
                    if let Some(flaw) = content.flaw() {
                        tracing::info!(?flaw, "a message to the bounce listener was refused");
                    }
                    return Ok(content);
                }
                Progress::Endless => return Err(Ending::With(TOO_LARGE)),
            }
        }
    }

    /// Hands a message over and says what became of it.
    async fn deliver(&mut self, whole: Whole, envelope: &Envelope) -> String {
        let mut recipients = envelope.recipients.clone();
        recipients.sort_unstable();
        recipients.dedup();
        let Whole { bytes, held } = whole;
        let mail = ReceivedMail { return_path: envelope.return_path.clone(), recipients, bytes };
        let delivering = self.shared.inbox.deliver(mail);
        let delivery = timeout(Duration::from_millis(LISTENER_DELIVERY_TIMEOUT_MS), delivering).await;
        drop(held);
        match delivery {
            Ok(Delivery::Accepted) => {
                self.messages += 1;
                "250 2.0.0 Ok, it is kept".to_owned()
            }
            Ok(Delivery::TryLater(words)) => {
                let is_sayable = |c: &char| c.is_ascii() && !c.is_ascii_control();
                let words: String = words.as_str().chars().filter(is_sayable).take(400).collect();
                format!("451 4.3.0 {words}")
            }
            Err(_) => {
                tracing::warn!("a message to the bounce listener could not be made durable in time");
                "451 4.3.0 The message could not be kept in time, try again later".to_owned()
            }
        }
    }
}
