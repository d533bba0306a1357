//! Bodies that consist of fields: delivery status parts (RFC 3464 §2.1) and feedback reports (RFC 5965 §3).

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{MAIL_REPORTS_MAX, MIME_FIELDS_MAX};

use super::entity::{Field, fields, lines};

/// Fields without an empty line between them.
#[derive(Debug, Default)]
pub(super) struct Group(Vec<Field>);

impl Group {
    /// The groups of a body, in order.
    pub fn read_all(body: &[u8]) -> Vec<Self> {
        let mut groups = Vec::new();
        let mut start = 0;
        let mut fields_left = MIME_FIELDS_MAX * 4;
        let mut take = |bytes: &[u8]| {
            let group = Self(fields(bytes));
            fields_left = fields_left.saturating_sub(group.0.len());
            if !group.0.is_empty() {
                groups.push(group);
            }
            groups.len() <= MAIL_REPORTS_MAX && fields_left > 0
        };
        for line in lines(body).filter(|line| line.text.trim_ascii().is_empty()) {
            if !take(&body[start..line.start]) {
                return groups;
            }
            start = line.end;
        }
        take(&body[start..]);
        groups
    }

    /// The value of the first field of this name, which is given in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// The values of every field of this name.
    pub fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        self.0.iter().filter(move |field| field.name == name).map(|field| field.value.as_str())
    }

    /// The groups this one would be if every `first` field began one: some servers leave the empty line out.
    pub fn split_at(self, first: &str) -> Vec<Self> {
        let mut groups = Vec::new();
        let mut group = Self::default();
        for field in self.0 {
            if field.name == first && group.get(first).is_some() && groups.len() < MAIL_REPORTS_MAX {
                groups.push(std::mem::take(&mut group));
            }
            group.0.push(field);
        }
        groups.push(group);
        groups
    }

    /// Appends the fields of `other`.
    pub fn extend(&mut self, other: Self) {
        let room = MIME_FIELDS_MAX.saturating_sub(self.0.len());
        self.0.extend(other.0.into_iter().take(room));
    }
}

/// The date and time of a header field (RFC 5322 §3.3).
pub(super) fn instant(value: &str) -> Option<Timestamp> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let instant = parser.parse_timestamp(value.trim()).ok()?;
    Some(Timestamp::from_millis(instant.as_millisecond()))
}

/// An address as reports write it: with a type before it (`rfc822; ada@example.com`, `utf-8; …`), in angle brackets, its
/// characters beyond ASCII as `\x{…}` (RFC 6533 §3).
pub(super) fn address(value: &str) -> Option<EmailAddress> {
    let address = match value.split_once(';') {
        Some((kind, address)) if !kind.contains('@') => address,
        _ => value,
    };
    let address = address.trim().trim_matches(['<', '>', '"', '\'']).trim();
    if address.contains("\\x{") {
        return EmailAddress::parse(&unescaped(address)).ok();
    }
    EmailAddress::parse(address).ok()
}

fn unescaped(address: &str) -> String {
    let mut text = String::with_capacity(address.len());
    let mut rest = address;
    while let Some(at) = rest.find("\\x{") {
        text.push_str(&rest[..at]);
        let after = &rest[at + 3..];
        let digits = after.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
        let c = u32::from_str_radix(&after[..digits], 16).ok().and_then(char::from_u32);
        match (c, after[digits..].strip_prefix('}')) {
            (Some(c), Some(next)) => {
                text.push(c);
                rest = next;
            }
            _ => {
                text.push_str("\\x{");
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}
