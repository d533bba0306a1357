//! The expected signatures were checked once with an independent implementation (dkimpy); both algorithms are
//! deterministic, so they can be compared here as they stand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_core::domain::time::Timestamp;
use postrider_mail::dkim::{DkimKey, DkimKeyError};

/// The secret key of RFC 8032 §7.1, test 1, as RFC 8463 appendix A.2 publishes it.
const ED25519_SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
/// A key made for this test; it signs nothing else.
const RSA_KEY: &[u8] = include_bytes!("rsa_2048_for_tests.pem");

/// RFC 8463 appendix A.3, without its signatures.
const MESSAGE: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
    To: Suzie Q <suzie@shopping.example.net>\r\n\
    Subject: Is dinner ready?\r\n\
    Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
    Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
    \r\n\
    Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

fn instant() -> Timestamp {
    "2018-06-10T19:53:57Z".parse().unwrap()
}

fn sign(key: &[u8], message: &str) -> String {
    let key = DkimKey::from_bytes("football.example.com", "brisbane", key).unwrap();
    key.sign(message.as_bytes(), instant()).unwrap()
}

fn tag(field: &str, name: &str) -> String {
    let unfolded: String = field.split_whitespace().collect();
    let value = unfolded.split_once(&format!("{name}=")).unwrap().1;
    value.split(';').next().unwrap().to_owned()
}

#[test]
fn the_body_hash_is_the_one_of_the_rfc() {
    let field = sign(ED25519_SEED.as_bytes(), MESSAGE);
    assert_eq!(tag(&field, "bh"), "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
}

#[test]
fn an_empty_body_has_the_hash_of_nothing() {
    // RFC 6376 §3.4.4 gives this hash for the relaxed form.
    let field = sign(ED25519_SEED.as_bytes(), "From: a@example.com\r\n\r\n\r\n\r\n");
    assert_eq!(tag(&field, "bh"), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

#[test]
fn the_signatures_are_those_another_implementation_accepts() {
    let ed25519 = sign(ED25519_SEED.as_bytes(), MESSAGE);
    assert_eq!(tag(&ed25519, ";b"), include_str!("ed25519_signature.txt").trim());
    let rsa = sign(RSA_KEY, MESSAGE);
    assert_eq!(tag(&rsa, ";b"), include_str!("rsa_signature.txt").trim());
}

#[test]
fn white_space_that_a_relay_changes_does_not_break_a_signature() {
    let refolded = MESSAGE
        .replace("Subject: Is dinner ready?", "SUBJECT:  Is\r\n\tdinner   ready? ")
        .replace("game.  Are", "game. \t Are")
        .replace("Joe.\r\n", "Joe. \t\r\n\r\n\r\n");
    assert_eq!(sign(ED25519_SEED.as_bytes(), MESSAGE), sign(ED25519_SEED.as_bytes(), &refolded));
}

#[test]
fn what_a_reader_sees_is_signed() {
    let original = sign(ED25519_SEED.as_bytes(), MESSAGE);
    for (from, to) in
        [("Joe SixPack", "Joe Sixpack"), ("dinner", "supper"), ("hungry", "angry"), ("2003", "2004")]
    {
        assert_ne!(original, sign(ED25519_SEED.as_bytes(), &MESSAGE.replacen(from, to, 1)), "{from}");
    }
    // A second From would be shown by some readers: the signature covers that there is none.
    let forged = format!("From: eve@example.com\r\n{MESSAGE}");
    assert_ne!(tag(&original, ";b"), tag(&sign(ED25519_SEED.as_bytes(), &forged), ";b"));
}

#[test]
fn the_field_is_folded_and_names_domain_selector_and_time() {
    let field = sign(RSA_KEY, MESSAGE);
    assert!(
        field.ends_with("\r\n") && field.trim_end().split("\r\n").all(|line| line.len() <= 78),
        "{field}"
    );
    assert_eq!(tag(&field, "d"), "football.example.com");
    assert_eq!(tag(&field, ";s"), "brisbane");
    assert_eq!(tag(&field, ";t"), "1528660437");
}

#[test]
fn an_ed25519_key_may_be_pem_or_a_seed() {
    let seed = STANDARD.decode(ED25519_SEED).unwrap();
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let der = STANDARD.encode([&head[..], &seed].concat());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
    assert_eq!(sign(pem.as_bytes(), MESSAGE), sign(format!("{ED25519_SEED}\n").as_bytes(), MESSAGE));
}

#[test]
fn what_cannot_sign_is_refused() {
    let refuse = |domain: &str, key: &[u8]| DkimKey::from_bytes(domain, "s1", key).unwrap_err();
    assert!(matches!(refuse("example.com", b"not a key"), DkimKeyError::NoKey));
    assert!(matches!(refuse("example.com", b"c2hvcnQ="), DkimKeyError::NoKey));
    assert!(matches!(refuse("example.com; x=y", ED25519_SEED.as_bytes()), DkimKeyError::Name { .. }));
    let empty = b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    assert!(matches!(refuse("example.com", empty), DkimKeyError::Unsupported));
    let missing = DkimKey::load("example.com", "s1", "no/such/file.pem".as_ref()).unwrap_err();
    assert!(missing.to_string().contains("no/such/file.pem"), "{missing}");
}

#[test]
fn a_key_is_never_printed() {
    let key = DkimKey::from_bytes("example.com", "s1", ED25519_SEED.as_bytes()).unwrap();
    assert_eq!(format!("{key:?}"), "DkimKey(ed25519-sha256 for s1._domainkey.example.com)");
}
