//! What follows DATA: where it ends, and whether it can be taken. Pure.
//!
//! Only CRLF.CRLF ends a message. Where a server also ends it at LF.CRLF, at CR.CR or at any other kin of it, a sender can
//! hide a second message, commands and all, inside the first (SMTP smuggling). So a CR or LF that stands alone spoils the
//! message: it is read to its true end, refused, and the connection with it.

use std::sync::Arc;

use memchr::memchr2;
use postrider_core::limits::{
    LISTENER_DRAIN_BYTES_MAX, LISTENER_LINE_BYTES_MAX, LISTENER_MEMORY_BYTES_MAX, LISTENER_MESSAGE_BYTES_MAX,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What memory is shared out in.
const ROOM_UNIT_BYTES: usize = 64 * 1024;

/// The memory that messages of all connections share.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LISTENER_MEMORY_BYTES_MAX / ROOM_UNIT_BYTES)))
    }

    #[cfg(test)]
    fn of_bytes(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / ROOM_UNIT_BYTES)))
    }
}

/// Why a message cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A CR or LF that stands alone.
    BareLineEnd,
    /// A line longer than [`LISTENER_LINE_BYTES_MAX`].
    LineTooLong,
    /// More than [`LISTENER_MESSAGE_BYTES_MAX`] bytes.
    TooLarge,
    /// Other messages hold all the memory there is.
    NoRoom,
}

/// How far the message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It goes on.
    More,
    /// It ended after so many of the bytes given last.
    Ended(usize),
    /// It is so long that its end is not waited for.
    Endless,
}

/// What the byte before was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    LineStart,
    /// After a dot at the start of a line.
    Dot,
    /// After a dot at the start of a line, and CR.
    DotCr,
    Middle,
    /// After CR.
    Cr,
}

/// A message under way.
#[derive(Debug)]
pub(super) struct Content {
    position: Position,
    line_bytes: usize,
    read_bytes: usize,
    bytes: Vec<u8>,
    flaw: Option<Flaw>,
    room: Room,
    /// What `bytes` occupies of the room.
    held: Option<OwnedSemaphorePermit>,
}

/// A message that came whole, and its share of the memory, which is given back with it.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) bytes: Vec<u8>,
    pub(super) held: Option<OwnedSemaphorePermit>,
}

impl Content {
    /// A message of which nothing has come yet.
    pub(super) fn new(room: &Room) -> Self {
        Self {
            // The CRLF of DATA itself: a message may end at once.
            position: Position::LineStart,
            line_bytes: 0,
            read_bytes: 0,
            bytes: Vec::new(),
            flaw: None,
            room: room.clone(),
            held: None,
        }
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Progress {
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied() {
            match (self.position, byte) {
                (Position::LineStart, b'.') => self.position = Position::Dot,
                (Position::Dot, b'\r') => self.position = Position::DotCr,
                (Position::DotCr, b'\n') => return Progress::Ended(at + 1),
                (Position::Cr, b'\n') => {
                    self.push(b"\r\n");
                    self.line_bytes = 0;
                    self.position = Position::LineStart;
                }
                // The CR stood alone; the byte is looked at again.
                (Position::Cr | Position::DotCr, _) => {
                    self.spoil(Flaw::BareLineEnd);
                    self.position = Position::Middle;
                    continue;
                }
                (Position::LineStart | Position::Middle, b'\r') => self.position = Position::Cr,
                (Position::LineStart | Position::Dot | Position::Middle, b'\n') => {
                    self.spoil(Flaw::BareLineEnd);
                    self.position = Position::Middle;
                }
                (Position::LineStart | Position::Dot | Position::Middle, _) => {
                    let rest = &bytes[at..];
                    let run = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                    self.line_bytes += run;
                    if self.line_bytes > LISTENER_LINE_BYTES_MAX {
                        self.spoil(Flaw::LineTooLong);
                    }
                    self.push(&rest[..run]);
                    self.position = Position::Middle;
                    at += run;
                    continue;
                }
            }
            at += 1;
        }
        self.read_bytes += bytes.len();
        if self.read_bytes > LISTENER_DRAIN_BYTES_MAX { Progress::Endless } else { Progress::More }
    }

    /// Whether the message can still be taken.
    pub(super) fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    /// The message, or why it cannot be taken.
    pub(super) fn finish(self) -> Result<Whole, Flaw> {
        match self.flaw {
            None => Ok(Whole { bytes: self.bytes, held: self.held }),
            Some(flaw) => Err(flaw),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.flaw.is_some() {
            return;
        }
        let needed = self.bytes.len() + bytes.len();
        if needed > LISTENER_MESSAGE_BYTES_MAX {
            self.spoil(Flaw::TooLarge);
        } else if needed > self.bytes.capacity() && !self.grow(needed) {
            self.spoil(Flaw::NoRoom);
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Makes room for `needed` bytes, at least doubling what there is; `false` if there is none.
    fn grow(&mut self, needed: usize) -> bool {
        let most = LISTENER_MESSAGE_BYTES_MAX.next_multiple_of(ROOM_UNIT_BYTES);
        let units = (2 * self.bytes.len()).clamp(needed, most).div_ceil(ROOM_UNIT_BYTES);
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let Ok(lacking) = u32::try_from(units.saturating_sub(held)) else { return false };
        // Never waited for: messages that wait for each other's memory would all wait for ever.
        let Ok(more) = Arc::clone(&self.room.0).try_acquire_many_owned(lacking) else { return false };
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        self.bytes.reserve_exact(units * ROOM_UNIT_BYTES - self.bytes.len());
        true
    }

    /// Gives up what was kept. A bare line end counts for more than what was found before, since it ends the connection.
    fn spoil(&mut self, flaw: Flaw) {
        if self.flaw.is_none() || flaw == Flaw::BareLineEnd {
            self.flaw = Some(flaw);
        }
        self.bytes = Vec::new();
        self.held = None;
    }
}

#[cfg(test)]
mod tests;
