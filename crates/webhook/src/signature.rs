//! Signatures of Standard Webhooks: what proves to a receiver that a call is ours.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::WEBHOOK_SECRETS_MAX;

use crate::secret::WebhookSecret;

/// The value of `webhook-signature`: one signature a secret, so that a receiver who knows any of them is satisfied while
/// secrets are being rotated. Signs with [`WEBHOOK_SECRETS_MAX`] secrets at most.
///
/// `timestamp_secs` is in seconds, as the standard has it: the time of this call, not of what it tells.
#[must_use]
pub fn sign(secrets: &[WebhookSecret], id: &str, timestamp_secs: i64, body: &[u8]) -> String {
    let timestamp = timestamp_secs.to_string();
    let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    let one = |secret: &WebhookSecret| format!("v1,{}", BASE64.encode(secret.hmac(&parts)));
    secrets.iter().take(WEBHOOK_SECRETS_MAX).map(one).collect::<Vec<_>>().join(" ")
}

/// The headers of a call made `now`: `webhook-id`, `webhook-timestamp`, `webhook-signature` and the type of the body, JSON.
///
/// `id` names what is told, not the call: a receiver knows by it what it has been told before. `None` if it cannot stand
/// in a header, which no id of ours does, or holds the dot that separates what is signed.
#[must_use]
pub fn signed_headers(secrets: &[WebhookSecret], id: &str, now: Timestamp, body: &[u8]) -> Option<HeaderMap> {
    let secs = now.as_millis() / 1_000;
    let mut signature = HeaderValue::try_from(sign(secrets, id, secs, body)).ok()?;
    signature.set_sensitive(true);
    let mut headers = HeaderMap::with_capacity(8);
    let id = HeaderValue::from_str(id).ok().filter(|_| !id.is_empty() && !id.contains('.'))?;
    headers.insert(HeaderName::from_static("webhook-id"), id);
    headers.insert(HeaderName::from_static("webhook-timestamp"), HeaderValue::from(secs));
    headers.insert(HeaderName::from_static("webhook-signature"), signature);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secret() -> WebhookSecret {
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().expect("a secret")
    }

    #[test]
    fn the_example_of_the_standard_is_signed_alike() {
        assert_eq!(sign(&[secret()], ID, 1_614_265_330, BODY), SIGNATURE);
    }

    #[test]
    fn every_secret_signs_in_order() {
        let other = WebhookSecret::generate([9; 32]);
        let alone = sign(std::slice::from_ref(&other), ID, 1_614_265_330, BODY);
        let both = sign(&[secret(), other], ID, 1_614_265_330, BODY);
        assert_eq!(both, format!("{SIGNATURE} {alone}"));
        let many = vec![secret(); WEBHOOK_SECRETS_MAX + 1];
        assert_eq!(sign(&many, ID, 1, BODY).split(' ').count(), WEBHOOK_SECRETS_MAX);
    }

    #[test]
    fn whatever_is_signed_changes_the_signature() {
        assert_ne!(sign(&[secret()], "msg_x", 1_614_265_330, BODY), SIGNATURE);
        assert_ne!(sign(&[secret()], ID, 1_614_265_331, BODY), SIGNATURE);
        assert_ne!(sign(&[secret()], ID, 1_614_265_330, b"{}"), SIGNATURE);
    }

    #[test]
    fn a_call_carries_all_three_headers_in_seconds() {
        let now = Timestamp::from_millis(1_614_265_330_999);
        let headers = signed_headers(&[secret()], ID, now, BODY).expect("a proper id");
        let named: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert!(named.contains(&("webhook-id", ID.as_bytes())));
        assert!(named.contains(&("webhook-timestamp", b"1614265330")));
        assert!(named.contains(&("webhook-signature", SIGNATURE.as_bytes())));
        assert!(named.contains(&("content-type", b"application/json")));
        assert!(!format!("{headers:?}").contains("g0hM9SsE"));
    }

    #[test]
    fn an_id_cannot_smuggle_anything_into_the_headers_or_the_signature() {
        for id in ["", "a\r\nx-evil: 1", "a.1614265330", "a\0"] {
            assert_eq!(signed_headers(&[secret()], id, Timestamp::EPOCH, BODY), None, "{id:?}");
        }
    }
}
