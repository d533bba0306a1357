//! Ids of notifications that others bring back, with a signature that nobody else can make.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::suppression::Secret;

/// Bytes of the signature: 80 bits. Guessing needs a request for every try.
const SIGNATURE_BYTES: usize = 10;
const SIGNATURE_CHARS: usize = SIGNATURE_BYTES * 8 / 5;
/// Of every notification's id; the signed form leaves it away.
const ID_PREFIX: &str = "ntf_";
/// Crockford's base 32, as in the ids.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// `<id>-<signature>` in lower case. `purpose` keeps the signature good for nothing else.
pub(crate) fn sign(secret: &Secret, purpose: &str, id: NotificationId) -> String {
    let id_text = id.to_string();
    let mut text = id_text.strip_prefix(ID_PREFIX).unwrap_or(&id_text).to_owned();
    text.push('-');
    let signature = secret.sign(purpose, &[&id.to_bytes()]);
    push_base32(&mut text, &signature[..SIGNATURE_BYTES]);
    text
}

/// The id in `text`, which is in lower case, if one of `secrets` signed it for `purpose`.
pub(crate) fn verify(secrets: &[Secret], purpose: &str, text: &str) -> Option<NotificationId> {
    let (digits, signature) = text.split_once('-')?;
    let id: NotificationId = format!("{ID_PREFIX}{digits}").parse().ok()?;
    let signature = signature_of(signature)?;
    let signed = [&id.to_bytes()[..]];
    secrets.iter().any(|secret| secret.verify(purpose, &signed, &signature)).then_some(id)
}

/// Five bytes make eight digits; `bytes` is a multiple of five long.
fn push_base32(text: &mut String, bytes: &[u8]) {
    for group in bytes.chunks_exact(5) {
        let bits = group.iter().fold(0u64, |bits, byte| (bits << 8) | u64::from(*byte));
        text.extend((0..8).rev().map(|digit| char::from(ALPHABET[((bits >> (digit * 5)) & 31) as usize])));
    }
}

fn signature_of(text: &str) -> Option<[u8; SIGNATURE_BYTES]> {
    if text.len() != SIGNATURE_CHARS {
        return None;
    }
    let mut bytes = [0; SIGNATURE_BYTES];
    for (group, digits) in bytes.chunks_exact_mut(5).zip(text.as_bytes().chunks_exact(8)) {
        let mut bits = 0u64;
        for digit in digits {
            bits = (bits << 5) | ALPHABET.iter().position(|known| known == digit)? as u64;
        }
        group.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(bytes)
}
