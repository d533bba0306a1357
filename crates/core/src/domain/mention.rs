//! Whether a text tells of an address.

use serde_json::Value;

use super::address::EmailAddress;

/// An address to look for in texts, in any spelling of it. `ann@example.com` is not found in `joann@example.com`: whoever
/// forgets one person must not touch another.
#[derive(Clone)]
pub struct Mention {
    /// Lower case.
    local_part: String,
    /// In ASCII, lower case.
    domain: String,
}

impl Mention {
    /// What is looked for.
    #[must_use]
    pub fn of(address: &EmailAddress) -> Self {
        Self {
            local_part: address.local_part().to_lowercase(),
            domain: address.domain().to_ascii_lowercase(),
        }
    }

    /// Whether `text` has the address, with nothing beside it that could be part of an address.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        // Most texts have no address at all.
        if !text.contains('@') {
            return false;
        }
        let text = text.to_lowercase();
        text.match_indices('@').any(|(at, sign)| {
            let before = text[..at].strip_suffix(&self.local_part);
            before.is_some_and(ends_outside) && self.is_domain(&text[at + sign.len()..])
        })
    }

    /// Whether a document has the address in one of its texts. What is no JSON is taken as a text.
    #[must_use]
    pub fn is_in_json(&self, document: &str) -> bool {
        match serde_json::from_str(document) {
            Ok(value) => self.is_in_value(&value),
            Err(_) => self.is_in(document),
        }
    }

    // The texts are looked at, not the document: in it a line break is `\n`, whose letter would stand before the address.
    fn is_in_value(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.is_in(text),
            Value::Array(items) => items.iter().any(|item| self.is_in_value(item)),
            Value::Object(members) => {
                members.iter().any(|(name, value)| self.is_in(name) || self.is_in_value(value))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Whether `rest` begins with the domain, in ASCII or as people write it, and with no longer one.
    fn is_domain(&self, rest: &str) -> bool {
        let end = rest.find(|c| !is_of_domain(c)).unwrap_or(rest.len());
        // The end of a sentence is not the domain's.
        let domain = rest[..end].trim_end_matches(['.', '-']);
        domain == self.domain
            || (!domain.is_ascii()
                && idna::domain_to_ascii_strict(domain).is_ok_and(|ascii| ascii == self.domain))
    }
}

/// Whether an address could begin after `before`.
fn ends_outside(before: &str) -> bool {
    let mut backwards = before.chars().rev();
    match backwards.next() {
        None => true,
        // It is in names as well as around quotations.
        Some('\'') => !backwards.next().is_some_and(char::is_alphanumeric),
        // Others that a local part may have delimit addresses far more often: `?email=ada@example.com`.
        Some(last) => !(last.is_alphanumeric() || "._-+".contains(last)),
    }
}

fn is_of_domain(c: char) -> bool {
    // Accents may be characters of their own, and there are dots of other scripts (UTS 46).
    c.is_alphanumeric() || ".-\u{3002}\u{ff0e}\u{ff61}".contains(c) || ('\u{300}'..='\u{36f}').contains(&c)
}
