//! What the holder of a key shows, and what is kept to recognize it.

use std::fmt;

use hmac::digest::CtOutput;
use sha2::{Digest as _, Sha256};

use crate::domain::id::ApiKeyId;

/// What every token begins with, so that scanners of published code know one when they see it.
const PREFIX: &str = "pr_";
/// Random bytes of a token besides its id: 160 bits.
const SECRET_BYTES: usize = 20;
/// Characters they are written as, five bits each.
const SECRET_CHARS: usize = SECRET_BYTES * 8 / 5;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The SHA-256 of a token. No salt and no slow hash: a token is not chosen by a person, and 160 random bits cannot be tried
/// out.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Of a token as it was shown.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// The stored form.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// The hash whose stored form is `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl PartialEq for KeyHash {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        CtOutput::<Sha256>::new(self.0.into()) == CtOutput::new(other.0.into())
    }
}

impl Eq for KeyHash {}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

/// A whole key, as it is shown once: `pr_`, the 26 characters of its id, `_`, and 32 characters that nobody can guess.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyToken {
    id: ApiKeyId,
    text: String,
}

impl KeyToken {
    /// The token of the key `id` with these random bytes.
    #[must_use]
    pub fn new(id: ApiKeyId, secret: [u8; SECRET_BYTES]) -> Self {
        struct Text(ApiKeyId);
        impl fmt::Display for Text {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write_as(f, PREFIX)
            }
        }
        let mut text = format!("{}_", Text(id));
        for chunk in secret.chunks(5) {
            let bits = chunk.iter().fold(0u64, |bits, byte| (bits << 8) | u64::from(*byte));
            let digit = |place: u32| ALPHABET[usize::from((bits >> (5 * place)).to_le_bytes()[0] & 31)];
            text.extend((0..8).rev().map(|place| char::from(digit(place))));
        }
        Self { id, text }
    }

    /// What has the form of a token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_secret = secret.len() == SECRET_CHARS && secret.bytes().all(|byte| ALPHABET.contains(&byte));
        is_secret.then(|| ApiKeyId::from_digits(id)).flatten().map(|id| Self { id, text: text.to_owned() })
    }

    /// The key it claims to be.
    #[must_use]
    pub fn id(&self) -> ApiKeyId {
        self.id
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.text)
    }

    /// The token itself, for the one answer that shows it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for KeyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyToken({}, …)", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn token() -> KeyToken {
        let id = ApiKeyId::new(Timestamp::from_millis(1_000), 7);
        KeyToken::new(id, std::array::from_fn(|index| u8::try_from(index * 13).unwrap_or_default()))
    }

    #[test]
    fn a_token_says_which_key_it_is_and_is_read_again() {
        let token = token();
        let digits = token.id().to_string().replace("key_", "");
        assert!(token.reveal().starts_with(&format!("pr_{digits}_")), "{}", token.reveal());
        assert_eq!(token.reveal().len(), 3 + 26 + 1 + 32);
        assert_eq!(KeyToken::parse(token.reveal()), Some(token));
    }

    #[test]
    fn what_has_not_the_form_of_a_token_is_none() {
        let whole = token().reveal().to_owned();
        let mut wrong: Vec<String> = (0..whole.len()).map(|len| whole[..len].to_owned()).collect();
        wrong.extend([format!("{whole}0"), whole.to_uppercase(), whole.replacen("pr_", "re_", 1)]);
        wrong.extend([whole.replacen('0', "ü", 1), format!(" {whole}")]);
        for wrong in wrong {
            assert_eq!(KeyToken::parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_bit_of_the_secret_is_in_the_token() {
        let id = token().id();
        for bit in 0..SECRET_BYTES * 8 {
            let mut secret = [0; SECRET_BYTES];
            secret[bit / 8] = 1 << (bit % 8);
            assert_ne!(
                KeyToken::new(id, secret).hash(),
                KeyToken::new(id, [0; SECRET_BYTES]).hash(),
                "{bit}"
            );
        }
    }

    #[test]
    fn neither_token_nor_hash_can_be_seen_by_accident() {
        let token = token();
        let secret = token.reveal().rsplit('_').next().unwrap_or_default();
        let shown = format!("{token:?} {:?}", token.hash());
        assert!(shown.contains(&token.id().to_string()) && !shown.contains(secret), "{shown}");
    }
}
