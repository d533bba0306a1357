//! One conversation.

mod message;

use std::convert::Infallible;
use std::time::Duration;

use postrider_core::domain::id::NotificationId;
use postrider_core::limits::{
    LISTENER_COMMAND_TIMEOUT_MS, LISTENER_COMMANDS_MAX, LISTENER_MESSAGE_BYTES_MAX, LISTENER_RECIPIENTS_MAX,
    LISTENER_REFUSALS_MAX, LISTENER_SESSION_MS_MAX, LISTENER_WRITE_TIMEOUT_MS,
};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::command::{self, Command, Hello, Mail};
use super::wire::{Duplex, Line, Wire};
use super::{Protocol, Shared};

const STOPPING: Ending = Ending::With("421 4.3.2 The server is stopping, try again later");
const TOO_SLOW: Ending = Ending::With("421 4.4.2 Nothing came in time");
const BARE_LINE_END: &str = "550 5.6.0 Lines must end with CR LF; a CR or LF stood alone";
const TOO_LARGE: &str = "552 5.3.4 The message is too large";

/// How a conversation ends.
#[derive(Debug)]
enum Ending {
    /// With these last words.
    With(&'static str),
    /// After what was said already.
    Said,
    /// The client is gone.
    Gone,
}

/// Who writes to whom.
struct Envelope {
    return_path: String,
    /// One for each recipient accepted, in order.
    recipients: Vec<NotificationId>,
}

pub(super) struct Session<'a> {
    wire: Wire,
    shared: &'a Shared,
    stop: watch::Receiver<bool>,
    ends_at: Instant,
    is_greeted: bool,
    is_private: bool,
    envelope: Option<Envelope>,
    commands: usize,
    refusals: usize,
    messages: usize,
}

impl<'a> Session<'a> {
    /// Holds the conversation to its end; how many messages were taken.
    pub(super) async fn run(
        stream: Box<dyn Duplex>,
        shared: &'a Shared,
        stop: watch::Receiver<bool>,
    ) -> usize {
        let mut session = Self {
            wire: Wire::new(stream),
            shared,
            stop,
            ends_at: Instant::now() + Duration::from_millis(LISTENER_SESSION_MS_MAX),
            is_greeted: false,
            is_private: false,
            envelope: None,
            commands: 0,
            refusals: 0,
            messages: 0,
        };
        let Err(ending) = session.converse().await;
        match ending {
            Ending::With(words) => {
                session.wire.say(words);
                session.wire.hang_up().await;
            }
            Ending::Said => session.wire.hang_up().await,
            Ending::Gone => {}
        }
        session.messages
    }

    async fn converse(&mut self) -> Result<Infallible, Ending> {
        let protocol = match self.shared.protocol {
            Protocol::Smtp => "ESMTP",
            Protocol::Lmtp => "LMTP",
        };
        self.wire.say(&format!("220 {} {protocol}", self.shared.hostname));
        loop {
            let line = self.next_line().await?;
            self.commands += 1;
            if self.commands > LISTENER_COMMANDS_MAX {
                return Err(Ending::With("421 4.7.0 Too many commands on one connection"));
            }
            match command::parse(&line) {
                Ok(command) => self.obey(command).await?,
                Err(refusal) => self.refuse(refusal)?,
            }
        }
    }

    /// The next command. Answers wait until there is none: whoever pipelines gets them together.
    async fn next_line(&mut self) -> Result<Vec<u8>, Ending> {
        let deadline = Instant::now() + Duration::from_millis(LISTENER_COMMAND_TIMEOUT_MS);
        loop {
            if self.wire.owes_much() {
                self.flush().await?;
            }
            match self.wire.take_line() {
                Some(Line::Whole(line)) => return Ok(line),
                Some(Line::BareLineEnd) => return Err(Ending::With(BARE_LINE_END)),
                Some(Line::TooLong) => return Err(Ending::With("500 5.5.6 The command line is too long")),
                None => {
                    self.flush().await?;
                    self.fill(deadline.min(self.ends_at)).await?;
                }
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Ending> {
        self.wire.flush().await.map_err(|_| Ending::Gone)
    }

    async fn fill(&mut self, deadline: Instant) -> Result<(), Ending> {
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => Err(STOPPING),
            filled = timeout_at(deadline, self.wire.fill()) => match filled {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(Ending::Gone),
                Err(_) => Err(TOO_SLOW),
            },
        }
    }

    async fn obey(&mut self, command: Command) -> Result<(), Ending> {
        match command {
            Command::Hello(hello) => self.hello(hello)?,
            Command::Mail(mail) => self.mail(mail)?,
            Command::Rcpt(address) => self.rcpt(&address)?,
            Command::Data => self.data().await?,
            Command::StartTls => self.start_tls().await?,
            Command::Rset => {
                self.envelope = None;
                self.wire.say("250 2.0.0 Ok");
            }
            Command::Noop => self.wire.say("250 2.0.0 Ok"),
            Command::Vrfy => self.wire.say("252 2.0.0 Send a message to find out"),
            Command::Help => self.wire.say("214 2.0.0 This server takes reports about messages it knows of"),
            Command::Quit => return Err(Ending::With("221 2.0.0 Bye")),
            Command::Stranger => return Err(Ending::With("421 4.7.0 This is a mail server")),
            Command::NotOffered => self.refuse("502 5.5.1 The command is not offered here")?,
            Command::Unknown => self.refuse("500 5.5.2 The command is not known")?,
        }
        Ok(())
    }

    /// Refuses a command; the last of too many ends the connection.
    fn refuse(&mut self, answer: &str) -> Result<(), Ending> {
        self.wire.say(answer);
        self.refusals += 1;
        if self.refusals < LISTENER_REFUSALS_MAX {
            return Ok(());
        }
        Err(Ending::With("421 4.7.0 Too many commands had to be refused"))
    }

    fn hello(&mut self, hello: Hello) -> Result<(), Ending> {
        let is_lmtp = self.shared.protocol == Protocol::Lmtp;
        if is_lmtp != (hello == Hello::Lhlo) {
            return self.refuse(if is_lmtp {
                "500 5.5.1 This server speaks LMTP, which begins with LHLO"
            } else {
                "500 5.5.1 This server speaks SMTP, which begins with EHLO"
            });
        }
        self.is_greeted = true;
        self.envelope = None;
        let hostname = &self.shared.hostname;
        if hello == Hello::Helo {
            self.wire.say(&format!("250 {hostname}"));
            return Ok(());
        }
        self.wire.say(&format!("250-{hostname}"));
        self.wire.say("250-PIPELINING");
        self.wire.say(&format!("250-SIZE {LISTENER_MESSAGE_BYTES_MAX}"));
        if self.shared.tls.is_some() && !self.is_private {
            self.wire.say("250-STARTTLS");
        }
        self.wire.say("250-8BITMIME");
        self.wire.say("250-SMTPUTF8");
        self.wire.say("250 ENHANCEDSTATUSCODES");
        Ok(())
    }

    fn mail(&mut self, mail: Mail) -> Result<(), Ending> {
        if !self.is_greeted {
            return self.refuse("503 5.5.1 Greet first");
        }
        if self.envelope.is_some() {
            return self.refuse("503 5.5.1 A message is under way already");
        }
        if mail.size.is_some_and(|size| size > LISTENER_MESSAGE_BYTES_MAX as u64) {
            return self.refuse(TOO_LARGE);
        }
        self.envelope = Some(Envelope { return_path: mail.return_path, recipients: Vec::new() });
        self.wire.say("250 2.1.0 Ok");
        Ok(())
    }

    fn rcpt(&mut self, address: &str) -> Result<(), Ending> {
        let Some(envelope) = &mut self.envelope else { return self.refuse("503 5.5.1 MAIL comes first") };
        if envelope.recipients.len() >= LISTENER_RECIPIENTS_MAX {
            // No fault of the client, which sends the rest with another message (RFC 5321 §4.5.3.1.10).
            self.wire.say("452 4.5.3 Too many recipients");
            return Ok(());
        }
        match self.shared.inbox.recipient(address) {
            Some(id) => {
                envelope.recipients.push(id);
                self.wire.say("250 2.1.5 Ok");
                Ok(())
            }
            None => self.refuse("550 5.1.1 No such address here"),
        }
    }

    async fn start_tls(&mut self) -> Result<(), Ending> {
        let Some(acceptor) = self.shared.tls.as_ref().filter(|_| !self.is_private) else {
            return self.refuse("502 5.5.1 TLS is not offered here, or is in use already");
        };
        // What was said in the clear must not be heard as if it had been private (RFC 3207 §4.2).
        if !self.wire.is_quiet().await {
            return Err(Ending::With("554 5.5.0 Something came before TLS was begun"));
        }
        self.wire.say("220 2.0.0 Begin TLS");
        self.flush().await?;
        let plain = std::mem::replace(&mut self.wire, Wire::new(Box::new(tokio::io::empty()))).into_stream();
        let limit = Duration::from_millis(LISTENER_WRITE_TIMEOUT_MS);
        match timeout(limit, acceptor.accept(plain)).await {
            Ok(Ok(private)) => self.wire = Wire::new(Box::new(private)),
            Ok(Err(_)) | Err(_) => return Err(Ending::Gone),
        }
        (self.is_private, self.is_greeted, self.envelope) = (true, false, None);
        Ok(())
    }
}
