//! Which files travel with the messages of a type.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use postrider_core::domain::problem::FieldError;
use postrider_core::limits::{ATTACHMENTS_BYTES_MAX, ATTACHMENTS_MAX};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::attachment_folder::{AttachmentError, AttachmentFolder, check_path};
use crate::mime::attachment::{
    Attachment, check_content_id, check_content_type, check_filename, content_type_of,
};

use super::pattern::{Path, Pattern};

/// Base64 as people write it: with or without the signs at its end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where one file, or a list of files, comes from. What an event does not have is left out: whether it must be there
/// says the schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::types) enum FileSource {
    /// A list in the data, at this path. Its items have `filename`, `content` or `path`, `contentType` and `contentId`.
    List(String),
    /// One file.
    One {
        /// The path in the data at which its base64 stands; none if it comes from the folder.
        content: Option<String>,
        /// Its path in the folder.
        path: Option<Pattern>,
        filename: Option<Pattern>,
        content_type: Option<String>,
        content_id: Option<String>,
    },
}

/// One file that an event calls for.
struct Wanted<'a> {
    pointer: String,
    filename: String,
    content_type: String,
    content_id: Option<String>,
    bytes: Bytes<'a>,
}

enum Bytes<'a> {
    Base64(&'a str),
    File(String),
}

impl FileSource {
    /// The paths in the data that it reads.
    pub(in crate::types) fn paths(&self) -> Vec<Path<'_>> {
        match self {
            Self::List(path) => Path::read(path).into_iter().collect(),
            Self::One { content, path, filename, .. } => {
                let patterns = [path, filename].into_iter().flatten();
                let content = content.as_deref().and_then(Path::read);
                content.into_iter().chain(patterns.flat_map(Pattern::paths)).collect()
            }
        }
    }

    fn wanted<'a>(&self, data: &'a Value, errors: &mut Vec<FieldError>) -> Vec<Wanted<'a>> {
        match self {
            Self::List(path) => Path::read(path).map(|path| list(&path, data, errors)).unwrap_or_default(),
            Self::One { content, path, filename, content_type, content_id } => {
                let (pointer, bytes) = match (content.as_deref().and_then(Path::read), path) {
                    (Some(place), _) => match place.find(data) {
                        Some(Value::String(text)) => (place.pointer(), Bytes::Base64(text)),
                        Some(_) => {
                            errors.push(FieldError::new(place.pointer(), "must be base64 as a string"));
                            return Vec::new();
                        }
                        None => return Vec::new(),
                    },
                    (None, Some(pattern)) => match pattern.fill(data) {
                        Some(path) => (pattern.pointer(), Bytes::File(path)),
                        None => return Vec::new(),
                    },
                    (None, None) => return Vec::new(),
                };
                let named = match filename {
                    Some(pattern) => pattern.fill(data),
                    None => None,
                };
                let wanted =
                    wanted(pointer, named, content_type.clone(), content_id.clone(), bytes, errors, "");
                wanted.into_iter().collect()
            }
        }
    }
}

fn list<'a>(path: &Path<'_>, data: &'a Value, errors: &mut Vec<FieldError>) -> Vec<Wanted<'a>> {
    let pointer = path.pointer();
    let items = match path.find(data) {
        None => return Vec::new(),
        Some(Value::Array(items)) => items,
        Some(_) => {
            errors.push(FieldError::new(pointer, "must be a list of attachments"));
            return Vec::new();
        }
    };
    if items.len() > ATTACHMENTS_MAX {
        errors.push(FieldError::new(pointer, format!("must have at most {ATTACHMENTS_MAX} items")));
        return Vec::new();
    }
    let one = |(n, item)| item_of(format!("{pointer}/{n}"), item, errors);
    items.iter().enumerate().filter_map(one).collect()
}

/// One item of a list: `{"filename", "content" or "path", "contentType", "contentId"}`.
fn item_of<'a>(pointer: String, item: &'a Value, errors: &mut Vec<FieldError>) -> Option<Wanted<'a>> {
    let Value::Object(members) = item else {
        errors.push(FieldError::new(pointer, "must be an object"));
        return None;
    };
    let known = ["filename", "content", "path", "contentType", "contentId"];
    let before = errors.len();
    for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
        let message = format!("is not a member of an attachment; these are: {}", known.join(", "));
        errors.push(FieldError::new(
            format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")),
            message,
        ));
    }
    let mut text = |name: &str| match members.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => {
            errors.push(FieldError::new(format!("{pointer}/{name}"), "must be a string"));
            None
        }
    };
    let (filename, kind, id) = (text("filename"), text("contentType"), text("contentId"));
    let bytes = match (text("content"), text("path")) {
        (Some(content), None) => Some(Bytes::Base64(content)),
        (None, Some(path)) => Some(Bytes::File(path.clone())),
        _ => None,
    };
    if errors.len() > before {
        return None;
    }
    let Some(bytes) = bytes else {
        errors.push(FieldError::new(pointer, "must have either content (base64) or path"));
        return None;
    };
    wanted(pointer, filename.cloned(), kind.cloned(), id.cloned(), bytes, errors, "/")
}

/// Puts a file together, with everything that forbids it in `errors`. `separator` leads from `pointer` to its members;
/// without one there are none.
fn wanted<'a>(
    pointer: String,
    filename: Option<String>,
    content_type: Option<String>,
    content_id: Option<String>,
    bytes: Bytes<'a>,
    errors: &mut Vec<FieldError>,
    separator: &str,
) -> Option<Wanted<'a>> {
    let before = errors.len();
    let mut refuse = |member: &str, checked: Result<(), String>| {
        if let Err(message) = checked {
            let member = if separator.is_empty() { "" } else { member };
            errors.push(FieldError::new(format!("{pointer}{separator}{member}"), message));
        }
    };
    let filename = match (filename, &bytes) {
        (Some(filename), _) => filename,
        (None, Bytes::File(path)) => path.rsplit('/').next().unwrap_or_default().to_owned(),
        (None, Bytes::Base64(_)) => {
            refuse("filename", Err("is required".to_owned()));
            return None;
        }
    };
    refuse("filename", check_filename(&filename));
    if let Some(kind) = &content_type {
        refuse("contentType", check_content_type(kind));
    }
    if let Some(id) = &content_id {
        refuse("contentId", check_content_id(id));
    }
    match &bytes {
        Bytes::Base64(text) => refuse("content", decode(text).map(|_| ()).ok_or("is not base64".to_owned())),
        Bytes::File(path) => refuse("path", check_path(path)),
    }
    if errors.len() > before {
        return None;
    }
    let content_type = content_type.unwrap_or_else(|| content_type_of(&filename).to_owned());
    Some(Wanted { pointer, filename, content_type, content_id, bytes })
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if text.bytes().any(|b| b.is_ascii_whitespace()) {
        let joined: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        return BASE64.decode(joined).ok();
    }
    BASE64.decode(text).ok()
}

fn all<'a>(sources: &[FileSource], data: &'a Value, errors: &mut Vec<FieldError>) -> Vec<Wanted<'a>> {
    let wanted: Vec<_> = sources.iter().flat_map(|source| source.wanted(data, errors)).collect();
    if let Some(first) = wanted.get(ATTACHMENTS_MAX) {
        let message = format!("is one attachment too many; a message has at most {ATTACHMENTS_MAX}");
        errors.push(FieldError::new(first.pointer.clone(), message));
    }
    let mut ids: Vec<_> =
        wanted.iter().filter_map(|file| Some((file.content_id.as_ref()?, &file.pointer))).collect();
    ids.sort_unstable();
    if let Some(twice) = ids.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        errors.push(FieldError::new(twice[1].1.clone(), "has the contentId of another attachment"));
    }
    let bytes: usize = wanted
        .iter()
        .map(|file| if let Bytes::Base64(text) = file.bytes { text.len() / 4 * 3 } else { 0 })
        .sum();
    if bytes > ATTACHMENTS_BYTES_MAX {
        let pointer = wanted.first().map(|file| file.pointer.clone()).unwrap_or_default();
        errors.push(FieldError::new(pointer, AttachmentError::TooLarge.to_string()));
    }
    wanted
}

/// What is wrong with the attachments that `data` calls for. Pointers start at the top of the data.
pub(in crate::types) fn check(sources: &[FileSource], data: &Value, errors: &mut Vec<FieldError>) {
    all(sources, data, errors);
}

/// The attachments that `data` calls for, with their bytes.
///
/// # Errors
/// The number of the first that cannot be attached, from 1, and why.
pub(in crate::types) fn load(
    sources: &[FileSource],
    data: &Value,
    folder: &AttachmentFolder,
) -> Result<Vec<Attachment>, (usize, AttachmentError)> {
    let mut errors = Vec::new();
    let wanted = all(sources, data, &mut errors);
    if !errors.is_empty() {
        // The event was accepted under other rules than today's.
        return Err((wanted.len() + 1, AttachmentError::Refused));
    }
    let mut room = ATTACHMENTS_BYTES_MAX;
    let mut files = Vec::with_capacity(wanted.len());
    for (n, file) in wanted.into_iter().enumerate() {
        let content = match file.bytes {
            Bytes::Base64(text) => decode(text).ok_or(AttachmentError::Refused),
            Bytes::File(path) => folder.read(&path, room),
        };
        let content = content.map_err(|error| (n + 1, error))?;
        room = room.checked_sub(content.len()).ok_or((n + 1, AttachmentError::TooLarge))?;
        let Wanted { filename, content_type, content_id, .. } = file;
        files.push(Attachment { filename, content_type, content_id, content });
    }
    Ok(files)
}
