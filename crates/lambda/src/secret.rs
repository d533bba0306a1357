//! The installation's secret, by reference: from Secrets Manager, or a file that was shipped or mounted.
//!
//! It is read once a process. A secret is not rotated: the ledger was made with it.

use std::path::Path;

use aws_sdk_secretsmanager::Client;
use postrider_core::domain::suppression::Secret;

/// What begins a reference to Secrets Manager, `aws-secretsmanager:<name or ARN>`.
const SECRETS_MANAGER: &str = "aws-secretsmanager:";
/// What begins a reference to a file.
const FILE: &str = "file:";
/// Bytes of a secret.
const SECRET_BYTES: usize = 32;

/// Why there is no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Nothing says where it is.
    #[error(
        "POSTRIDER__SERVER__SECRET is not set; let it name the installation's secret, such as \
         aws-secretsmanager:prod/postrider. The ledger opens with no other than the one it was made with"
    )]
    NotNamed,
    /// The reference has a form that is not known.
    #[error(
        "POSTRIDER__SERVER__SECRET must begin with aws-secretsmanager: or file:, and what follows must name the secret"
    )]
    UnknownReference,
    /// It could not be read.
    #[error("the secret {name} cannot be read: {reason}")]
    Unreadable {
        /// Its name in Secrets Manager, or the file's path.
        name: String,
        /// Why, and what to do.
        reason: String,
    },
    /// It is no secret.
    #[error("the secret {name} does not hold 64 hexadecimal digits; restore it from a backup")]
    Malformed {
        /// Its name in Secrets Manager, or the file's path.
        name: String,
    },
}

/// Reads the secret that `reference` names. `client` is called only for a reference to Secrets Manager.
///
/// # Errors
/// [`SecretError`]; it never holds anything of the secret.
pub async fn read(
    reference: Option<&str>,
    client: impl AsyncFnOnce() -> Client,
) -> Result<Secret, SecretError> {
    let reference = reference.ok_or(SecretError::NotNamed)?;
    let (name, text) = if let Some(name) = named(reference, SECRETS_MANAGER) {
        (name, fetch(&client().await, name).await?)
    } else if let Some(path) = named(reference, FILE) {
        let unreadable = |error: std::io::Error| SecretError::Unreadable {
            name: path.to_owned(),
            reason: error.to_string(),
        };
        (path, std::fs::read_to_string(Path::new(path)).map_err(unreadable)?)
    } else {
        return Err(SecretError::UnknownReference);
    };
    parse(&text).ok_or_else(|| SecretError::Malformed { name: name.to_owned() })
}

fn named<'a>(reference: &'a str, prefix: &str) -> Option<&'a str> {
    reference.trim().strip_prefix(prefix).filter(|name| !name.is_empty())
}

async fn fetch(client: &Client, name: &str) -> Result<String, SecretError> {
    let unreadable = |reason: String| SecretError::Unreadable { name: name.to_owned(), reason };
    let answer = client.get_secret_value().secret_id(name).send().await;
    // The code alone: what the service says may repeat more than a log should hold.
    let code = |error: &aws_sdk_secretsmanager::error::SdkError<_, _>| {
        use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
        let code = error.code().unwrap_or("no answer").to_owned();
        format!(
            "Secrets Manager says {code}; the function's role needs secretsmanager:GetSecretValue and the key"
        )
    };
    let answer = answer.map_err(|error| unreadable(code(&error)))?;
    answer.secret_string.ok_or_else(|| unreadable("it holds bytes and no text".to_owned()))
}

fn parse(text: &str) -> Option<Secret> {
    let digits = text.trim();
    if digits.len() != 2 * SECRET_BYTES || !digits.is_ascii() {
        return None;
    }
    let mut bytes = [0; SECRET_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Secret::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn from(reference: Option<&str>) -> Result<Secret, SecretError> {
        read(reference, async || panic!("nobody asks Secrets Manager")).await
    }

    #[tokio::test]
    async fn a_secret_in_a_file_is_read_and_what_is_none_is_told_without_a_word_of_it() {
        let folder = std::env::temp_dir().join(format!("postrider-secret-{}", std::process::id()));
        let reference = format!("file:{}", folder.display());
        std::fs::write(&folder, format!("{}\n", "ab".repeat(32))).unwrap();
        let secret = from(Some(&reference)).await.unwrap();
        assert_eq!(secret.sign("test", &[]), Secret::new([0xab; 32]).sign("test", &[]));
        std::fs::write(&folder, "not-a-secret").unwrap();
        let error = from(Some(&reference)).await.err().unwrap();
        assert!(matches!(error, SecretError::Malformed { .. }));
        assert!(!error.to_string().contains("not-a-secret"));
        std::fs::remove_file(&folder).unwrap();
        assert!(matches!(from(Some(&reference)).await, Err(SecretError::Unreadable { .. })));
    }

    #[tokio::test]
    async fn a_reference_must_say_where_the_secret_is() {
        assert_eq!(from(None).await.err(), Some(SecretError::NotNamed));
        for wrong in ["", "abc", "aws-secretsmanager:", "file:", &"ab".repeat(32)] {
            assert_eq!(from(Some(wrong)).await.err(), Some(SecretError::UnknownReference), "{wrong}");
        }
    }
}
