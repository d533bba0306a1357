//! The keys of `type.toml` that say what a message has beyond its words.

use std::collections::BTreeMap;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::category::Category;
use postrider_core::limits::{ATTACHMENTS_MAX, EXTRA_FIELDS_MAX};
use serde_json::Value as Json;
use toml::{Table, Value};

use crate::attachment_folder::check_path;
use crate::mime::attachment::{check_content_id, check_content_type, check_filename};
use crate::mime::field::{check_name, check_value};

use super::super::error::{TypeError, line_of};
use super::super::sender::Sender;
use super::super::source::Folder;
use super::{Extras, FileSource, Path, Pattern};

const FILE: &str = "type.toml";

/// The keys read here.
pub(in crate::types) const KEYS: [&str; 3] = ["reply_to", "headers", "attachments"];

/// The keys of one attachment.
const ATTACHMENT_KEYS: [&str; 6] = ["list", "content", "path", "filename", "content_type", "content_id"];

/// The extras in a manifest. `refuse` is told what is wrong with which key.
pub(in crate::types) fn parse(
    table: &Table,
    category: &Category,
    refuse: &mut dyn FnMut(&str, String),
) -> Extras {
    let extras = Extras {
        reply_to: table.get("reply_to").and_then(|value| reply_to(value, refuse)),
        headers: table.get("headers").map(|value| headers(value, refuse)).unwrap_or_default(),
        attachments: table.get("attachments").map(|value| attachments(value, refuse)).unwrap_or_default(),
        unsubscribe: None,
    };
    let own_link =
        extras.headers.iter().find(|(name, _)| name.to_ascii_lowercase().starts_with("list-unsubscribe"));
    if let Some((name, _)) = own_link.filter(|_| !category.is_transactional()) {
        refuse("headers", format!("{name} is set by Postrider for every category but transactional"));
    }
    extras
}

fn reply_to(value: &Value, refuse: &mut dyn FnMut(&str, String)) -> Option<Pattern> {
    let Some(text) = value.as_str() else {
        refuse("reply_to", "`reply_to` must be an address, or {{ a path }} in the data".to_owned());
        return None;
    };
    let pattern =
        Pattern::parse(text).map_err(|message| refuse("reply_to", format!("`reply_to`: {message}"))).ok()?;
    if pattern.paths().is_empty()
        && let Err(error) = EmailAddress::parse(text)
    {
        refuse("reply_to", format!("`reply_to` {error}"));
    }
    Some(pattern)
}

fn headers(value: &Value, refuse: &mut dyn FnMut(&str, String)) -> Vec<(String, Pattern)> {
    let Some(table) = value.as_table().filter(|table| table.len() <= EXTRA_FIELDS_MAX) else {
        refuse("headers", format!("`headers` must be a table of at most {EXTRA_FIELDS_MAX} header fields"));
        return Vec::new();
    };
    let mut headers: Vec<(String, Pattern)> = Vec::new();
    for (name, value) in table {
        let read = value.as_str().ok_or_else(|| "must be text".to_owned()).and_then(|text| {
            check_name(name)?;
            let pattern = Pattern::parse(text)?;
            if pattern.paths().is_empty() {
                check_value(name, text)?;
            }
            if headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                return Err("is there twice".to_owned());
            }
            Ok(pattern)
        });
        match read {
            Ok(pattern) => headers.push((name.clone(), pattern)),
            Err(message) => refuse("headers", format!("the header field {name:?} {message}")),
        }
    }
    headers
}

fn attachments(value: &Value, refuse: &mut dyn FnMut(&str, String)) -> Vec<FileSource> {
    let wrong = "`attachments` must be the path of a list in the data, or a list of tables with list, content or path";
    match value {
        Value::String(path) if Path::read(path).is_some() => vec![FileSource::List(path.clone())],
        Value::Array(tables) if tables.len() <= ATTACHMENTS_MAX => {
            let mut sources = Vec::new();
            for table in tables {
                let source = table.as_table().ok_or_else(|| wrong.to_owned()).and_then(attachment);
                match source {
                    Ok(source) => sources.push(source),
                    Err(message) => refuse("attachments", message),
                }
            }
            sources
        }
        _ => {
            refuse("attachments", wrong.to_owned());
            Vec::new()
        }
    }
}

fn attachment(table: &Table) -> Result<FileSource, String> {
    if let Some(key) = table.keys().find(|key| !ATTACHMENT_KEYS.contains(&key.as_str())) {
        return Err(format!(
            "`attachments`: unknown key {key:?}; these are known: {}",
            ATTACHMENT_KEYS.join(", ")
        ));
    }
    let text = |key: &str| match table.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`attachments`: `{key}` must be text")),
    };
    let checked = |key: &str, check: fn(&str) -> Result<(), String>| {
        let value = text(key)?;
        value
            .as_deref()
            .map_or(Ok(()), check)
            .map_err(|message| format!("`attachments`: `{key}` {message}"))?;
        Ok::<_, String>(value)
    };
    let pattern = |key: &str, check: fn(&str) -> Result<(), String>| {
        let Some(source) = text(key)? else { return Ok(None) };
        let pattern = Pattern::parse(&source)?;
        if pattern.paths().is_empty() {
            check(&source).map_err(|message| format!("`attachments`: `{key}` {message}"))?;
        }
        Ok::<_, String>(Some(pattern))
    };
    let is_path = |path: &str| match Path::read(path) {
        Some(_) => Ok(()),
        None => Err("must be a path in the data, such as invoice.content".to_owned()),
    };
    if let Some(path) = checked("list", is_path)? {
        let alone = table.len() == 1;
        return if alone {
            Ok(FileSource::List(path))
        } else {
            Err("`attachments`: `list` stands alone".to_owned())
        };
    }
    let (content, path) = (checked("content", is_path)?, pattern("path", check_path)?);
    if content.is_some() == path.is_some() {
        return Err(
            "`attachments`: each needs one of list, content (base64 in the data) or path (a file)".to_owned()
        );
    }
    let filename = pattern("filename", check_filename)?;
    if content.is_some() && filename.is_none() {
        return Err("`attachments`: `content` needs a `filename`".to_owned());
    }
    let content_type = checked("content_type", check_content_type)?;
    Ok(FileSource::One {
        content,
        path,
        filename,
        content_type,
        content_id: checked("content_id", check_content_id)?,
    })
}

impl Extras {
    /// The names that the extras read and a schema does not promise.
    fn unpromised(&self, schema: &Json) -> Vec<String> {
        let Some(properties) = schema.get("properties").and_then(Json::as_object) else { return Vec::new() };
        let mut names: Vec<String> = self.paths().iter().map(|path| path.first().to_owned()).collect();
        names.retain(|name| !properties.contains_key(name));
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Extras {
    /// The extras of a type whose messages come from `sender`, with what a link to unsubscribe needs.
    pub(in crate::types) fn of_sender(
        &self,
        type_name: &str,
        category: &Category,
        sender: &Sender,
        errors: &mut Vec<TypeError>,
    ) -> Self {
        if category.is_transactional() {
            return self.clone();
        }
        let url = sender.public_url.as_deref().filter(|url| can_be_reached(url));
        if url.is_none() {
            let message = format!(
                "mail of the category {category} must carry a link to unsubscribe, and nobody could reach it: set \
                 server.public_url to the https URL of this server"
            );
            errors.push(TypeError::new(type_name, FILE, message));
        }
        Self { unsubscribe: url.map(str::to_owned), ..self.clone() }
    }

    /// What of the samples and the schema does not fit the extras.
    pub(in crate::types) fn broken_promises(
        &self,
        folder: &Folder,
        schema: &Json,
        samples: &BTreeMap<String, Json>,
    ) -> Vec<TypeError> {
        let unpromised = self.unpromised(schema).into_iter().map(|name| {
            let message = format!("the variable `{name}` is not a property in schema.json");
            TypeError::new(&folder.name, FILE, message).at_line(line_of(&folder.manifest, &name))
        });
        let refused = samples.iter().flat_map(|(sample, data)| {
            let wrong = self.check(data).into_iter();
            wrong.map(move |field| {
                let message = format!("{} {}", field.pointer, field.message);
                TypeError::new(&folder.name, &format!("samples/{sample}.json"), message)
            })
        });
        unpromised.chain(refused).collect()
    }
}

/// Whether mail providers would follow a link below `url`: RFC 8058 asks for https. This machine may do without.
fn can_be_reached(url: &str) -> bool {
    let local = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
    url.starts_with("https://") || local.iter().any(|start| url.starts_with(start))
}
