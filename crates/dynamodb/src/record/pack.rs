//! Long text made short.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::codec::Garbled;

const PLAIN: u8 = 0;
const DEFLATED: u8 = 1;
/// Bytes something packed may have: far more than any event or bundle.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Deflates `bytes` (RFC 1951) if that makes them shorter; the first byte tells.
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(vec![DEFLATED], Compression::best());
    let deflated = encoder.write_all(bytes).and_then(|()| encoder.finish());
    match deflated {
        Ok(deflated) if deflated.len() <= bytes.len() => deflated,
        _ => [&[PLAIN], bytes].concat(),
    }
}

/// What [`pack`] was given.
pub(crate) fn unpack(packed: &[u8], part: &'static str) -> Result<Vec<u8>, Garbled> {
    match packed.split_first() {
        Some((&PLAIN, bytes)) => Ok(bytes.to_vec()),
        Some((&DEFLATED, bytes)) => {
            let mut unpacked = Vec::with_capacity(bytes.len() * 3);
            let read = DeflateDecoder::new(bytes).take(UNPACKED_BYTES_MAX).read_to_end(&mut unpacked);
            read.map_err(|_| Garbled::Part(part))?;
            Ok(unpacked)
        }
        _ => Err(Garbled::Part(part)),
    }
}
