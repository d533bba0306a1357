//! Where notification types come from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use postrider_core::limits::{
    LAYOUT_PARTS_MAX, NOTIFICATION_TYPES_MAX, TYPE_FILE_BYTES_MAX, TYPE_LOCALES_MAX, TYPE_SAMPLES_MAX,
};

use super::error::TypeError;
use super::shipped;

/// The folder of what types share.
pub(super) const LAYOUT: &str = "_layout";

/// Where to read notification types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeSource {
    /// The types that come with the program.
    Shipped,
    /// Every subfolder of this one that has a `type.toml`, except those whose name begins with `_` or `.`.
    Directory(PathBuf),
}

/// One type's files, as text.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    /// The type's name.
    pub(super) name: String,
    /// `type.toml`.
    pub(super) manifest: String,
    /// `schema.json`.
    pub(super) schema: String,
    /// `body.mjml`.
    pub(super) body: String,
    /// `body.txt`.
    pub(super) text: Option<String>,
    /// `locales/<locale>.toml`, by locale.
    pub(super) locales: BTreeMap<String, String>,
    /// `samples/<name>.json`, by name.
    pub(super) samples: BTreeMap<String, String>,
}

/// The files of `_layout`, which types share, as text.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    /// `theme.toml`.
    pub(super) theme: Option<String>,
    /// `*.mjml` and `*.txt`, by file name.
    pub(super) parts: BTreeMap<String, String>,
    /// `locales/<locale>.toml`, by locale.
    pub(super) locales: BTreeMap<String, String>,
}

/// Everything read from one place.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) folders: Vec<Folder>,
    pub(super) layout: Files,
    /// The types that cannot be read, with what is wrong; the others are in `folders`.
    pub(super) unreadable: Vec<(String, Vec<TypeError>)>,
}

/// Reads every type's files.
///
/// # Errors
/// What is wrong with the place itself or with what all types share.
pub(super) fn read(source: &TypeSource) -> Result<Sources, Vec<TypeError>> {
    match source {
        TypeSource::Shipped => {
            Ok(Sources { folders: shipped::folders(), layout: shipped::layout(), unreadable: Vec::new() })
        }
        TypeSource::Directory(directory) => read_directory(directory),
    }
}

fn read_directory(directory: &Path) -> Result<Sources, Vec<TypeError>> {
    let shown = directory.display().to_string();
    let unreadable =
        |error| vec![TypeError::new("", &shown, format!("cannot read the types directory: {error}"))];
    let mut names: Vec<String> = fs::read_dir(directory)
        .map_err(unreadable)?
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("type.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with(['_', '.']))
        .collect();
    names.sort_unstable();
    if names.is_empty() {
        let message = "no notification type is here; each is a subfolder with a type.toml";
        return Err(vec![TypeError::new("", &shown, message)]);
    }
    if names.len() > NOTIFICATION_TYPES_MAX {
        let message =
            format!("{} notification types are here; at most {NOTIFICATION_TYPES_MAX} load", names.len());
        return Err(vec![TypeError::new("", &shown, message)]);
    }
    let mut sources = Sources { layout: read_layout(&directory.join(LAYOUT))?, ..Sources::default() };
    for name in names {
        match read_folder(&directory.join(&name), &name) {
            Ok(folder) => sources.folders.push(folder),
            Err(wrong) => sources.unreadable.push((name, wrong)),
        }
    }
    Ok(sources)
}

fn read_layout(path: &Path) -> Result<Files, Vec<TypeError>> {
    if !path.is_dir() {
        return Ok(Files::default());
    }
    let one = |error: TypeError| vec![error];
    let theme = path
        .join("theme.toml")
        .is_file()
        .then(|| read_file(path, LAYOUT, "theme.toml"))
        .transpose()
        .map_err(one)?;
    let parts = [("mjml", LAYOUT_PARTS_MAX), ("txt", LAYOUT_PARTS_MAX)].map(|(extension, most)| {
        let stems = stems(path, extension, most, |words| TypeError::new(LAYOUT, "", words))?;
        let read = |stem: &String| {
            let file = format!("{stem}.{extension}");
            Ok((file.clone(), read_file(path, LAYOUT, &file)?))
        };
        stems.iter().map(read).collect::<Result<Vec<_>, TypeError>>()
    });
    let [mjml, text] = parts;
    let parts = mjml.map_err(one)?.into_iter().chain(text.map_err(one)?).collect();
    Ok(Files { theme, parts, locales: read_locales(path, LAYOUT).map_err(one)? })
}

/// Whether `name` may name a type.
pub(super) fn is_type_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with('_')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn read_folder(path: &Path, name: &str) -> Result<Folder, Vec<TypeError>> {
    if !is_type_name(name) {
        let message =
            "the folder's name is the type's name; use lower-case letters, digits and _, at most 64";
        return Err(vec![TypeError::new(name, "", message)]);
    }
    let mut errors = Vec::new();
    let mut required = |file: &str| {
        read_file(path, name, file).unwrap_or_else(|error| {
            errors.push(error);
            String::new()
        })
    };
    let (manifest, schema, body) = (required("type.toml"), required("schema.json"), required("body.mjml"));
    let text = path.join("body.txt").is_file().then(|| required("body.txt"));
    let samples = read_samples(path, name).unwrap_or_else(|error| {
        errors.push(error);
        BTreeMap::new()
    });
    let locales = read_locales(path, name).unwrap_or_else(|error| {
        errors.push(error);
        BTreeMap::new()
    });
    if errors.is_empty() {
        Ok(Folder { name: name.to_owned(), manifest, schema, body, text, locales, samples })
    } else {
        Err(errors)
    }
}

fn read_samples(path: &Path, name: &str) -> Result<BTreeMap<String, String>, TypeError> {
    let refuse = |words: String| TypeError::new(name, "samples", words);
    let stems = stems(&path.join("samples"), "json", TYPE_SAMPLES_MAX, refuse)?;
    if stems.is_empty() {
        return Err(refuse("add at least one sample of `data`, as samples/NAME.json".to_owned()));
    }
    let read = |stem: String| {
        let text = read_file(path, name, &format!("samples/{stem}.json"))?;
        Ok((stem, text))
    };
    stems.into_iter().map(read).collect()
}

fn read_locales(path: &Path, name: &str) -> Result<BTreeMap<String, String>, TypeError> {
    let refuse = |words: String| TypeError::new(name, "locales", words);
    let read = |stem: String| {
        let text = read_file(path, name, &format!("locales/{stem}.toml"))?;
        Ok((stem, text))
    };
    stems(&path.join("locales"), "toml", TYPE_LOCALES_MAX, refuse)?.into_iter().map(read).collect()
}

/// The names, without `extension`, of the files in `path` that have it, in order; none if there is no such folder.
fn stems(
    path: &Path,
    extension: &str,
    most: usize,
    refuse: impl Fn(String) -> TypeError,
) -> Result<Vec<String>, TypeError> {
    let Ok(entries) = fs::read_dir(path) else { return Ok(Vec::new()) };
    let mut stems: Vec<String> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|found| found == extension))
        .filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    stems.sort_unstable();
    if stems.len() > most {
        return Err(refuse(format!("{} files *.{extension} are here; at most {most} load", stems.len())));
    }
    Ok(stems)
}

fn read_file(path: &Path, name: &str, file: &str) -> Result<String, TypeError> {
    let bytes = fs::read(path.join(file))
        .map_err(|error| TypeError::new(name, file, format!("cannot read the file: {error}")))?;
    if bytes.len() > TYPE_FILE_BYTES_MAX {
        let message = format!("has {} bytes; at most {TYPE_FILE_BYTES_MAX} are read", bytes.len());
        return Err(TypeError::new(name, file, message));
    }
    String::from_utf8(bytes).map_err(|_| TypeError::new(name, file, "is not UTF-8 text"))
}
