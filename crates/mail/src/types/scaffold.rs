//! A new type to begin with, which passes its check as it is.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::shipped::write_folder;
use super::source::{Folder, LAYOUT, is_type_name};

/// Why no type was made.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// A type cannot have the name.
    #[error("{0:?} cannot name a type; use lower-case letters, digits and _, at most 64, not _ first")]
    Name(String),
    /// There is something already.
    #[error("{} exists already and is left as it is; choose another name", .0.display())]
    Exists(PathBuf),
    /// The folder cannot be written.
    #[error("{} cannot be written", .0.display())]
    Unwritable(PathBuf, #[source] io::Error),
}

/// Writes a new type `name` into `directory` and gives back its folder. It uses the layout if there is one.
///
/// # Errors
/// [`ScaffoldError`]; what exists is never changed.
pub fn scaffold(directory: &Path, name: &str) -> Result<PathBuf, ScaffoldError> {
    if !is_type_name(name) {
        return Err(ScaffoldError::Name(name.to_owned()));
    }
    let path = directory.join(name);
    if path.exists() {
        return Err(ScaffoldError::Exists(path));
    }
    let has_layout = directory.join(LAYOUT).join("head.mjml").is_file();
    let folder = new_type(name, has_layout);
    write_folder(directory, &folder).map_err(|error| ScaffoldError::Unwritable(path.clone(), error))?;
    Ok(path)
}

fn new_type(name: &str, has_layout: bool) -> Folder {
    let event = name.replacen('_', ".", 1);
    let filled = |text: &str| text.replace("EVENT", &event);
    let body =
        if has_layout { include_str!("scaffold/body.mjml") } else { include_str!("scaffold/plain.mjml") };
    let text =
        if has_layout { include_str!("scaffold/body.txt") } else { include_str!("scaffold/plain.txt") };
    Folder {
        name: name.to_owned(),
        manifest: filled(include_str!("scaffold/type.toml")),
        schema: include_str!("scaffold/schema.json").to_owned(),
        body: body.to_owned(),
        text: Some(text.to_owned()),
        locales: BTreeMap::from([
            ("de".to_owned(), include_str!("scaffold/de.toml").to_owned()),
            ("en".to_owned(), include_str!("scaffold/en.toml").to_owned()),
        ]),
        samples: BTreeMap::from([("short".to_owned(), include_str!("scaffold/sample.json").to_owned())]),
    }
}
