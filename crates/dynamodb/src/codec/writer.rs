//! Writes a body.

use postrider_core::domain::time::Timestamp;

/// Bytes to come.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// A body that begins with the number of its format.
    pub(crate) fn of_format(format: u8) -> Self {
        Self(vec![format])
    }

    /// What was written.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    /// One byte.
    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// A number, seven bits a byte, lowest first.
    pub(crate) fn number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
            number >>= 7;
        }
        self.0.push(u8::try_from(number).unwrap_or_default());
    }

    /// An instant by its distance from one the reader knows: short where they are close.
    pub(crate) fn instant(&mut self, instant: Timestamp, base: Timestamp) {
        let distance = instant.as_millis().wrapping_sub(base.as_millis());
        // Zigzag: small distances either way are small numbers.
        self.number(((distance << 1) ^ (distance >> 63)).cast_unsigned());
    }

    /// Bytes of a length the reader knows.
    pub(crate) fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Bytes of any length.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Text of any length.
    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// What may be missing.
    pub(crate) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }
}
