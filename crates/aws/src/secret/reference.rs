//! Where a secret is kept.

use std::fmt;

/// Names a secret at Amazon.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretReference {
    /// A secret of AWS Secrets Manager.
    SecretsManager {
        /// Its ARN or its name.
        id: String,
        /// The member of its JSON object that is meant; all of it if `None`.
        json_key: Option<String>,
    },
    /// A parameter of AWS Systems Manager.
    Parameter {
        /// Its name or its ARN.
        name: String,
    },
}

/// A text that means to be a reference and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be aws-secretsmanager:<arn or name>[#json-key] or aws-ssm:<parameter>")]
pub struct InvalidReference;

const SECRETS_MANAGER: &str = "aws-secretsmanager:";
const PARAMETER: &str = "aws-ssm:";

impl SecretReference {
    /// The reference in `text`; `None` if it is the secret itself.
    ///
    /// # Errors
    /// [`InvalidReference`] if it begins like a reference and does not go on like one.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidReference> {
        let fits = |name: &str| {
            let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
            !name.is_empty() && name.len() <= 2_048 && name.bytes().all(is_plain)
        };
        if let Some(rest) = text.strip_prefix(SECRETS_MANAGER) {
            let (id, json_key) = match rest.split_once('#') {
                Some((id, key)) => (id, Some(key)),
                None => (rest, None),
            };
            if !fits(id) || json_key.is_some_and(str::is_empty) {
                return Err(InvalidReference);
            }
            let json_key = json_key.map(str::to_owned);
            return Ok(Some(Self::SecretsManager { id: id.to_owned(), json_key }));
        }
        match text.strip_prefix(PARAMETER) {
            None => Ok(None),
            Some(name) if fits(name) => Ok(Some(Self::Parameter { name: name.to_owned() })),
            Some(_) => Err(InvalidReference),
        }
    }

    /// The region in an ARN, where the name is one.
    pub(super) fn region(&self) -> Option<&str> {
        let (Self::SecretsManager { id, .. } | Self::Parameter { name: id }) = self;
        let mut parts = id.strip_prefix("arn:")?.split(':');
        parts.nth(2).filter(|region| !region.is_empty())
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretsManager { id, json_key: None } => write!(f, "{SECRETS_MANAGER}{id}"),
            Self::SecretsManager { id, json_key: Some(key) } => write!(f, "{SECRETS_MANAGER}{id}#{key}"),
            Self::Parameter { name } => write!(f, "{PARAMETER}{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_from_secrets_and_read_back_as_they_were_written() {
        for text in [
            "aws-secretsmanager:shop/smtp",
            "aws-secretsmanager:shop/smtp#password",
            "aws-secretsmanager:arn:aws:secretsmanager:eu-central-1:111122223333:secret:shop-AbCdEf#password",
            "aws-ssm:/shop/smtp/password",
        ] {
            let reference = SecretReference::parse(text).unwrap().unwrap();
            assert_eq!(reference.to_string(), text);
        }
        for secret in ["hunter2", "", "aws-secret", "AWS-SSM:/x"] {
            assert_eq!(SecretReference::parse(secret), Ok(None), "{secret}");
        }
        for wrong in [
            "aws-ssm:",
            "aws-secretsmanager:",
            "aws-secretsmanager:#key",
            "aws-secretsmanager:a#",
            "aws-ssm:a b",
        ] {
            assert_eq!(SecretReference::parse(wrong), Err(InvalidReference), "{wrong}");
        }
    }

    #[test]
    fn an_arn_says_its_region() {
        let region = |text| SecretReference::parse(text).unwrap().unwrap().region().map(str::to_owned);
        let arn = "aws-secretsmanager:arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-AbCdEf";
        assert_eq!(region(arn).as_deref(), Some("eu-west-1"));
        assert_eq!(region("aws-ssm:/shop/smtp"), None);
    }
}
