//! The `DKIM-Signature` header field.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_core::domain::time::Timestamp;
use sha2::{Digest as _, Sha256};

use super::canonical;
use super::key::{Algorithm, DkimKey};

/// The fields a signature covers. A name listed twice also covers its absence: nobody can add a second `From`.
const SIGNED: [&str; 14] = [
    "from",
    "from",
    "to",
    "to",
    "subject",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "reply-to",
    "mime-version",
    "content-type",
    "content-type",
    "auto-submitted",
];

/// Further fields a signature covers where the message has them. RFC 8058 §4 asks for these two.
const SIGNED_IF_THERE: [&str; 2] = ["list-unsubscribe", "list-unsubscribe-post"];

/// Names on one line of the field.
const NAMES_PER_LINE: usize = 5;
/// Columns of base64 on one line of the field.
const BASE64_COLUMNS: usize = 72;

/// The key refused to sign. Nothing about the message can cause it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the DKIM key could not sign the message")]
pub struct SigningFailed;

impl DkimKey {
    /// The `DKIM-Signature` field for `message`, ended by CRLF, to be put before its first field.
    ///
    /// Relaxed for header and body, dated `at`. The same arguments give the same bytes: both algorithms are
    /// deterministic.
    ///
    /// # Errors
    /// [`SigningFailed`].
    pub fn sign(&self, message: &[u8], at: Timestamp) -> Result<String, SigningFailed> {
        let cut = canonical::cut(message);
        let names = signed_names(&cut.fields);
        let body_hash = STANDARD.encode(Sha256::digest(canonical::body(cut.body)));
        let mut field = format!(
            "DKIM-Signature: v=1; a={}; c=relaxed/relaxed; d={};\r\n\ts={}; t={};\r\n\th={};\r\n\tbh={body_hash};\r\n\tb=",
            self.algorithm.tag(),
            self.domain,
            self.selector,
            at.as_millis() / 1000,
            folded_names(&names),
        );
        let mut signed = Vec::with_capacity(1024);
        push_signed_fields(&mut signed, &names, &cut.fields);
        canonical::push_field(&mut signed, field.as_bytes());
        // The signature's own field is signed without its value and without its line end (RFC 6376 §3.7).
        signed.truncate(signed.len() - 2);
        let signature = STANDARD.encode(self.sign_bytes(&signed)?);
        for (index, start) in (0..signature.len()).step_by(BASE64_COLUMNS).enumerate() {
            if index > 0 {
                field.push_str("\r\n\t");
            }
            field.push_str(&signature[start..signature.len().min(start + BASE64_COLUMNS)]);
        }
        field.push_str("\r\n");
        Ok(field)
    }

    fn sign_bytes(&self, signed: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        let signer = self.key.choose_scheme(&[self.algorithm.scheme()]).ok_or(SigningFailed)?;
        let signature = match self.algorithm {
            Algorithm::RsaSha256 => signer.sign(signed),
            // RFC 8463 §3: the hash is what Ed25519 signs.
            Algorithm::Ed25519Sha256 => signer.sign(&Sha256::digest(signed)),
        };
        signature.map_err(|_| SigningFailed)
    }
}

/// Appends the signed fields in relaxed form: for each listed name the last field not yet taken, from the bottom up
/// (RFC 6376 §5.4.2); a name without a field left adds nothing.
fn push_signed_fields(out: &mut Vec<u8>, names: &[&str], fields: &[&[u8]]) {
    let mut taken = vec![false; fields.len()];
    for name in names {
        let found = (0..fields.len()).rev().find(|at| {
            !taken[*at] && canonical::field_name(fields[*at]).eq_ignore_ascii_case(name.as_bytes())
        });
        if let Some(at) = found {
            taken[at] = true;
            canonical::push_field(out, fields[at]);
        }
    }
}

fn signed_names(fields: &[&[u8]]) -> Vec<&'static str> {
    let has = |name: &&str| {
        fields.iter().any(|field| canonical::field_name(field).eq_ignore_ascii_case(name.as_bytes()))
    };
    SIGNED.into_iter().chain(SIGNED_IF_THERE.into_iter().filter(has)).collect()
}

fn folded_names(names: &[&str]) -> String {
    let lines: Vec<String> = names.chunks(NAMES_PER_LINE).map(|names| names.join(":")).collect();
    lines.join(":\r\n\t ")
}
