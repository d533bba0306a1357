//! Where notification types come from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use postrider_core::limits::{NOTIFICATION_TYPES_MAX, TYPE_FILE_BYTES_MAX, TYPE_SAMPLES_MAX};

use super::error::TypeError;

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
    /// `samples/<name>.json`, by name.
    pub(super) samples: BTreeMap<String, String>,
}

macro_rules! shipped {
    ($name:literal, [$($sample:literal),+]) => {
        Folder {
            name: $name.to_owned(),
            manifest: include_str!(concat!("../../../../notifications/", $name, "/type.toml")).to_owned(),
            schema: include_str!(concat!("../../../../notifications/", $name, "/schema.json")).to_owned(),
            body: include_str!(concat!("../../../../notifications/", $name, "/body.mjml")).to_owned(),
            text: Some(include_str!(concat!("../../../../notifications/", $name, "/body.txt")).to_owned()),
            samples: BTreeMap::from([$((
                $sample.to_owned(),
                include_str!(concat!("../../../../notifications/", $name, "/samples/", $sample, ".json")).to_owned(),
            )),+]),
        }
    };
}

/// The types that come with the program. A test compares this list with the folder.
fn shipped() -> Vec<Folder> {
    vec![shipped!("order_confirmation", ["awkward", "long", "short"])]
}

/// Reads every type's files.
pub(super) fn read(source: &TypeSource) -> Result<Vec<Folder>, Vec<TypeError>> {
    match source {
        TypeSource::Shipped => Ok(shipped()),
        TypeSource::Directory(directory) => read_directory(directory),
    }
}

fn read_directory(directory: &Path) -> Result<Vec<Folder>, Vec<TypeError>> {
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
    let mut folders = Vec::with_capacity(names.len());
    let mut errors = Vec::new();
    for name in names {
        match read_folder(&directory.join(&name), &name) {
            Ok(folder) => folders.push(folder),
            Err(wrong) => errors.extend(wrong),
        }
    }
    if errors.is_empty() { Ok(folders) } else { Err(errors) }
}

fn read_folder(path: &Path, name: &str) -> Result<Folder, Vec<TypeError>> {
    let is_name =
        name.len() <= 64 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !is_name {
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
    let samples = match read_samples(path, name) {
        Ok(samples) => samples,
        Err(wrong) => {
            errors.extend(wrong);
            BTreeMap::new()
        }
    };
    if errors.is_empty() {
        Ok(Folder { name: name.to_owned(), manifest, schema, body, text, samples })
    } else {
        Err(errors)
    }
}

fn read_samples(path: &Path, name: &str) -> Result<BTreeMap<String, String>, Vec<TypeError>> {
    let missing =
        || vec![TypeError::new(name, "samples", "add at least one sample of `data`, as samples/NAME.json")];
    let mut files: Vec<PathBuf> = fs::read_dir(path.join("samples"))
        .map_err(|_| missing())?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort_unstable();
    if files.is_empty() {
        return Err(missing());
    }
    if files.len() > TYPE_SAMPLES_MAX {
        let message = format!("{} samples are here; at most {TYPE_SAMPLES_MAX} load", files.len());
        return Err(vec![TypeError::new(name, "samples", message)]);
    }
    let mut samples = BTreeMap::new();
    for stem in
        files.iter().filter_map(|file| file.file_stem()).map(|stem| stem.to_string_lossy().into_owned())
    {
        let text = read_file(path, name, &format!("samples/{stem}.json")).map_err(|error| vec![error])?;
        samples.insert(stem, text);
    }
    Ok(samples)
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

/// Writes a copy of the shipped types into `directory`, one subfolder a type, as a start for a shop's own.
///
/// # Errors
/// The system's; what was written before stays.
pub fn write_shipped(directory: &Path) -> std::io::Result<()> {
    for folder in shipped() {
        let own = directory.join(&folder.name);
        fs::create_dir_all(own.join("samples"))?;
        fs::write(own.join("type.toml"), folder.manifest)?;
        fs::write(own.join("schema.json"), folder.schema)?;
        fs::write(own.join("body.mjml"), folder.body)?;
        if let Some(text) = folder.text {
            fs::write(own.join("body.txt"), text)?;
        }
        for (name, sample) in folder.samples {
            fs::write(own.join("samples").join(format!("{name}.json")), sample)?;
        }
    }
    Ok(())
}
