//! One connection of the scripted server.

use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{interval, sleep};

use super::script::{Action, Phase, Script};
use super::{Shared, TakenMessage};

/// A command line longer than this ends the connection.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// A message larger than this ends the connection.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How fast a dripping server drips.
const DRIP_INTERVAL: Duration = Duration::from_millis(5);

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

pub(super) struct Session<'a> {
    stream: Box<dyn Duplex>,
    unread: Vec<u8>,
    script: &'a Script,
    shared: &'a Shared,
    number: usize,
    /// The message under way, from 0; counts MAIL commands. `None` before the first.
    message: Option<usize>,
    is_private: bool,
    return_path: Option<String>,
    recipients: Vec<String>,
}

/// Whether the connection goes on. `Err` is how the client ends it.
type Flow = io::Result<ControlFlow<()>>;

const GO_ON: Flow = Ok(ControlFlow::Continue(()));
const END: Flow = Ok(ControlFlow::Break(()));

impl<'a> Session<'a> {
    pub(super) async fn run(stream: TcpStream, script: &'a Script, shared: &'a Shared, number: usize) {
        // Without it a multi-part answer would wait for an acknowledgement that the client delays.
        let _ = stream.set_nodelay(true);
        let (stream, is_private): (Box<dyn Duplex>, bool) = match &script.identity {
            Some(identity) if script.is_implicit_tls => match identity.acceptor.accept(stream).await {
                Ok(stream) => (Box::new(stream), true),
                Err(_) => return,
            },
            _ => (Box::new(stream), false),
        };
        let mut session = Self {
            stream,
            unread: Vec::new(),
            script,
            shared,
            number,
            message: None,
            is_private,
            return_path: None,
            recipients: Vec::new(),
        };
        // A client that goes away in the middle ends the session like one that says QUIT.
        let _ = session.serve().await;
    }

    async fn serve(&mut self) -> io::Result<()> {
        let mut flow = self.answer(Phase::Greeting, "220 scripted.example ESMTP").await?;
        while flow.is_continue() {
            let line = self.read_line().await?;
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            flow = match verb.as_str() {
                "EHLO" => self.ehlo().await?,
                "HELO" => self.answer(Phase::Helo, "250 scripted.example").await?,
                "STARTTLS" => self.start_tls().await?,
                "AUTH" => self.auth(&line).await?,
                "MAIL" => self.mail(&line).await?,
                "RCPT" => self.rcpt(&line).await?,
                "DATA" => self.data().await?,
                "RSET" => {
                    self.forget_envelope();
                    self.answer(Phase::Rset, "250 2.0.0 Ok").await?
                }
                "NOOP" => self.say("250 2.0.0 Ok").await?,
                "QUIT" => {
                    self.write_line("221 2.0.0 Bye").await?;
                    ControlFlow::Break(())
                }
                _ => self.say("500 5.5.2 Unknown command").await?,
            };
        }
        // Hang up in order, so that the client reads what was said before.
        self.stream.shutdown().await
    }

    async fn ehlo(&mut self) -> Flow {
        let offers = match &self.script.capabilities_under_tls {
            Some(offers) if self.is_private => offers,
            _ => &self.script.capabilities,
        };
        let mut lines = vec!["scripted.example".to_owned()];
        lines.extend(offers.iter().cloned());
        let last = lines.len() - 1;
        let usual: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(index, line)| format!("250{}{line}", if index == last { ' ' } else { '-' }))
            .collect();
        self.answer(Phase::Ehlo, &usual.join("\r\n")).await
    }

    async fn start_tls(&mut self) -> Flow {
        let Some(identity) = self.script.identity.clone() else {
            return self.say("502 5.5.1 No TLS here").await;
        };
        if self.answer(Phase::StartTls, "220 2.0.0 Go ahead").await?.is_break() {
            return END;
        }
        let plain = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        self.stream = Box::new(identity.acceptor.accept(plain).await?);
        // What a client said before belongs to a conversation that anybody may have joined.
        self.unread.clear();
        self.is_private = true;
        GO_ON
    }

    async fn auth(&mut self, line: &str) -> Flow {
        let mut words = line.split(' ').skip(1);
        let (username, password) = match words.next() {
            Some("PLAIN") => {
                let decoded = decode(words.next().unwrap_or_default());
                let mut parts = decoded.split('\0').skip(1).map(str::to_owned);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            Some("LOGIN") => {
                self.write_line("334 VXNlcm5hbWU6").await?;
                let username = decode(&self.read_line().await?);
                self.write_line("334 UGFzc3dvcmQ6").await?;
                (username, decode(&self.read_line().await?))
            }
            _ => return self.say("504 5.5.4 Unknown mechanism").await,
        };
        let is_let_in = self.script.credentials.as_ref().is_none_or(|known| *known == (username, password));
        let usual = if is_let_in { "235 2.7.0 Welcome" } else { "535 5.7.8 Wrong credentials" };
        self.answer(Phase::Auth, usual).await
    }

    async fn mail(&mut self, line: &str) -> Flow {
        self.forget_envelope();
        self.message = Some(self.message.map_or(0, |message| message + 1));
        if self.takes_effect(Phase::Mail) {
            self.return_path = Some(path(line));
        }
        self.answer(Phase::Mail, "250 2.1.0 Ok").await
    }

    async fn rcpt(&mut self, line: &str) -> Flow {
        if self.return_path.is_none() {
            return self.say("503 5.5.1 MAIL first").await;
        }
        if self.takes_effect(Phase::Rcpt) {
            self.recipients.push(path(line));
        }
        self.answer(Phase::Rcpt, "250 2.1.5 Ok").await
    }

    async fn data(&mut self) -> Flow {
        let is_ready = !self.recipients.is_empty();
        let usual = if is_ready { "354 Go ahead" } else { "554 5.5.1 No valid recipients" };
        let is_scripted = self.action(Phase::Data).is_some();
        if self.answer(Phase::Data, usual).await?.is_break() {
            return END;
        }
        if !(self.takes_effect(Phase::Data) && (is_ready || is_scripted)) {
            return GO_ON;
        }
        let Some(message) = self.read_content().await? else { return END };
        let action = self.action(Phase::FinalDot);
        let is_taken = self.takes_effect(Phase::FinalDot) && action != Some(&Action::Close);
        if is_taken || action == Some(&Action::TakeThenClose) {
            let taken = TakenMessage {
                connection: self.number,
                return_path: self.return_path.take().unwrap_or_default(),
                recipients: std::mem::take(&mut self.recipients),
                message,
            };
            self.shared.update(|record| record.taken.push(taken));
        }
        self.forget_envelope();
        if self.answer(Phase::FinalDot, "250 2.0.0 Ok: queued as SCRIPTED").await?.is_break() {
            return END;
        }
        if self.action(Phase::Idle).is_some() {
            return self.answer(Phase::Idle, "").await;
        }
        GO_ON
    }

    /// Reads up to CRLF.CRLF and nothing less. `None` if the script ends the connection in the middle.
    async fn read_content(&mut self) -> io::Result<Option<Vec<u8>>> {
        // The CRLF that ends DATA's line also begins the content, for a message that is empty.
        let mut content = b"\r\n".to_vec();
        content.append(&mut self.unread);
        let mut searched = 0;
        loop {
            if content.len() > 2 && self.action(Phase::Body).is_some() {
                // Whatever was said, the content is not read to its end.
                return self.answer(Phase::Body, "").await.map(|_| None);
            }
            let end = content[searched..].windows(5).position(|window| window == b"\r\n.\r\n");
            if let Some(end) = end.map(|end| searched + end) {
                self.unread = content.split_off(end + 5);
                content.truncate(end + 2);
                return Ok(Some(undo_dot_stuffing(&content[2..])));
            }
            searched = content.len().saturating_sub(4);
            if content.len() > MESSAGE_BYTES_MAX || self.stream.read_buf(&mut content).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn forget_envelope(&mut self) {
        self.return_path = None;
        self.recipients.clear();
    }

    fn action(&self, phase: Phase) -> Option<&'a Action> {
        self.script.action(self.number, self.message.unwrap_or(0), phase)
    }

    /// Whether the command counts as accepted.
    fn takes_effect(&self, phase: Phase) -> bool {
        match self.action(phase) {
            Some(Action::Reply(lines) | Action::ReplyThenClose(lines)) => {
                lines.last().is_some_and(|line| line.starts_with(['2', '3']))
            }
            Some(Action::TakeThenClose | Action::UsualAnd(_) | Action::UsualAfter(_)) | None => true,
            Some(
                Action::Raw(_)
                | Action::Close
                | Action::Stall
                | Action::Freeze
                | Action::Endless
                | Action::Drip,
            ) => false,
        }
    }

    /// Does what the script says for `phase`, or else says `usual`.
    async fn answer(&mut self, phase: Phase, usual: &str) -> Flow {
        let Some(action) = self.action(phase) else { return self.say(usual).await };
        match action {
            Action::Reply(lines) => self.say(&lines.join("\r\n")).await,
            Action::ReplyThenClose(lines) => {
                self.write_line(&lines.join("\r\n")).await?;
                END
            }
            Action::UsualAnd(lines) => self.say(&format!("{usual}\r\n{}", lines.join("\r\n"))).await,
            Action::UsualAfter(delay) => {
                sleep(*delay).await;
                self.say(usual).await
            }
            Action::Raw(bytes) => {
                self.stream.write_all(bytes).await?;
                GO_ON
            }
            Action::Close | Action::TakeThenClose => END,
            Action::Stall => self.stall().await,
            Action::Freeze => std::future::pending().await,
            Action::Endless => self.babble().await,
            Action::Drip => self.drip().await,
        }
    }

    async fn say(&mut self, text: &str) -> Flow {
        self.write_line(text).await?;
        GO_ON
    }

    async fn write_line(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    /// Reads and forgets until the client goes away.
    async fn stall(&mut self) -> Flow {
        let mut forgotten = [0; 4096];
        while self.stream.read(&mut forgotten).await? > 0 {}
        END
    }

    async fn babble(&mut self) -> Flow {
        let lines = "250-and another thing\r\n".repeat(64);
        // Ends when the client hangs up, which makes the write fail.
        loop {
            self.stream.write_all(lines.as_bytes()).await?;
        }
    }

    async fn drip(&mut self) -> Flow {
        let mut ticks = interval(DRIP_INTERVAL);
        self.stream.write_all(b"250 ").await?;
        // Ends when the client hangs up, which makes the write fail.
        loop {
            ticks.tick().await;
            self.stream.write_all(b".").await?;
            self.stream.flush().await?;
        }
    }

    async fn read_line(&mut self) -> io::Result<String> {
        loop {
            if let Some(length) = self.unread.windows(2).position(|window| window == b"\r\n") {
                let rest = self.unread.split_off(length + 2);
                let mut line = std::mem::replace(&mut self.unread, rest);
                line.truncate(length);
                let line = String::from_utf8_lossy(&line).into_owned();
                self.shared.update(|record| record.commands.push((self.number, line.clone())));
                return Ok(line);
            }
            if self.unread.len() > LINE_BYTES_MAX || self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// What stands between the angle brackets.
fn path(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or_else(String::new, |(path, _)| path.to_owned())
}

fn decode(text: &str) -> String {
    BASE64.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// RFC 5321 §4.5.2: a line that begins with a dot loses it.
#[must_use]
pub fn undo_dot_stuffing(content: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(content.len());
    let mut is_line_start = true;
    for (index, byte) in content.iter().enumerate() {
        if !(is_line_start && *byte == b'.') {
            message.push(*byte);
        }
        is_line_start = *byte == b'\n' && index > 0 && content[index - 1] == b'\r';
    }
    message
}
