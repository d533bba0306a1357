//! Links by which a recipient unsubscribes from a category of mail, with one click (RFC 8058).

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::suppression::Secret;

use crate::mime::field::Field;
use crate::signed_id;

/// What [`Secret::sign`] is told, so that the signature is good for nothing else.
const PURPOSE: &str = "unsubscribe";
/// Octets of a token; nothing longer is looked at.
const TOKEN_BYTES_MAX: usize = 64;

/// Makes the tokens of unsubscribe links, and tells its own from others.
///
/// A token names the notification it came with, in lower case, and nothing about the person: links end up in logs.
#[derive(Clone, Debug)]
pub struct Unsubscribe(Vec<Secret>);

impl Unsubscribe {
    /// Tokens signed with `secret`.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self(vec![secret])
    }

    /// The token of the notification's link.
    #[must_use]
    pub fn token(&self, id: NotificationId) -> String {
        self.0.first().map(|secret| signed_id::sign(secret, PURPOSE, id)).unwrap_or_default()
    }

    /// The notification whose token this is; `None` if it was not signed here.
    #[must_use]
    pub fn verify(&self, token: &str) -> Option<NotificationId> {
        let fits = token.len() <= TOKEN_BYTES_MAX;
        fits.then(|| signed_id::verify(&self.0, PURPOSE, &token.to_ascii_lowercase())).flatten()
    }

    /// The link of the notification below `base`, the URL of the server without a slash at its end.
    #[must_use]
    pub fn link(&self, base: &str, id: NotificationId) -> String {
        format!("{base}/v1/unsubscribe/{}", self.token(id))
    }

    /// The header fields with that link.
    #[must_use]
    pub fn fields(&self, base: &str, id: NotificationId) -> [Field; 2] {
        let field = |name: &str, value: String| Field { name: name.to_owned(), value };
        [
            field("List-Unsubscribe", format!("<{}>", self.link(base, id))),
            field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
        ]
    }
}
