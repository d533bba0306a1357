//! Reads a body.

use postrider_core::domain::time::Timestamp;

/// A body does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Garbled {
    /// It ends too early, has a code nobody knows, or text that is none.
    #[error("its {0} cannot be understood")]
    Part(&'static str),
    /// It has a format that is not known here.
    #[error("it has format {found}, this program knows formats up to {known}")]
    Newer {
        /// The format it has.
        found: u8,
        /// The newest known.
        known: u8,
    },
}

/// Bytes to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A body that must begin with `format`.
    pub(crate) fn of_format(body: &'a [u8], format: u8) -> Result<Self, Garbled> {
        let mut reader = Self(body);
        match reader.byte("format")? {
            found if found == format => Ok(reader),
            found => Err(Garbled::Newer { found, known: format }),
        }
    }

    /// Bytes without a format.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn byte(&mut self, part: &'static str) -> Result<u8, Garbled> {
        let (first, rest) = self.0.split_first().ok_or(Garbled::Part(part))?;
        self.0 = rest;
        Ok(*first)
    }

    pub(crate) fn number(&mut self, part: &'static str) -> Result<u64, Garbled> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(part)?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Garbled::Part(part))
    }

    /// A number that must fit.
    pub(crate) fn small<T: TryFrom<u64>>(&mut self, part: &'static str) -> Result<T, Garbled> {
        self.number(part)?.try_into().map_err(|_| Garbled::Part(part))
    }

    pub(crate) fn instant(&mut self, base: Timestamp, part: &'static str) -> Result<Timestamp, Garbled> {
        let number = self.number(part)?;
        let distance = (number >> 1).cast_signed() ^ -(number & 1).cast_signed();
        Ok(Timestamp::from_millis(base.as_millis().wrapping_add(distance)))
    }

    pub(crate) fn fixed<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], Garbled> {
        let (first, rest) = self.0.split_first_chunk().ok_or(Garbled::Part(part))?;
        self.0 = rest;
        Ok(*first)
    }

    pub(crate) fn bytes(&mut self, part: &'static str) -> Result<&'a [u8], Garbled> {
        let len: usize = self.small(part)?;
        let (first, rest) = self.0.split_at_checked(len).ok_or(Garbled::Part(part))?;
        self.0 = rest;
        Ok(first)
    }

    pub(crate) fn text(&mut self, part: &'static str) -> Result<&'a str, Garbled> {
        std::str::from_utf8(self.bytes(part)?).map_err(|_| Garbled::Part(part))
    }

    /// A code that somebody knows.
    pub(crate) fn code<T>(
        &mut self,
        part: &'static str,
        known: impl FnOnce(u8) -> Option<T>,
    ) -> Result<T, Garbled> {
        known(self.byte(part)?).ok_or(Garbled::Part(part))
    }

    /// What may be missing.
    pub(crate) fn optional<T>(
        &mut self,
        part: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, Garbled>,
    ) -> Result<Option<T>, Garbled> {
        match self.byte(part)? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Garbled::Part(part)),
        }
    }
}
