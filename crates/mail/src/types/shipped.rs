//! The notification types that come with the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::source::{Files, Folder};

macro_rules! file {
    ($($path:expr),+) => {
        include_str!(concat!("../../../../notifications/", $($path),+)).to_owned()
    };
}

macro_rules! shipped {
    ($name:literal, [$($sample:literal),+]) => {
        Folder {
            name: $name.to_owned(),
            manifest: file!($name, "/type.toml"),
            schema: file!($name, "/schema.json"),
            body: file!($name, "/body.mjml"),
            text: Some(file!($name, "/body.txt")),
            locales: BTreeMap::from([
                ("de".to_owned(), file!($name, "/locales/de.toml")),
                ("en".to_owned(), file!($name, "/locales/en.toml")),
            ]),
            samples: BTreeMap::from([$(($sample.to_owned(), file!($name, "/samples/", $sample, ".json"))),+]),
        }
    };
}

macro_rules! layout {
    ([$($part:literal),+]) => {
        Files {
            theme: Some(file!("_layout/theme.toml")),
            parts: BTreeMap::from([$(($part.to_owned(), file!("_layout/", $part))),+]),
            locales: BTreeMap::from([
                ("de".to_owned(), file!("_layout/locales/de.toml")),
                ("en".to_owned(), file!("_layout/locales/en.toml")),
            ]),
        }
    };
}

/// The types. A test compares this list with the folder.
pub(super) fn folders() -> Vec<Folder> {
    vec![
        shipped!("merchant_new_order", ["awkward", "long", "short"]),
        shipped!("order_canceled", ["awkward", "long", "short"]),
        shipped!("order_confirmation", ["awkward", "long", "short"]),
        shipped!("order_delivered", ["awkward", "long", "short"]),
        shipped!("order_shipped", ["awkward", "long", "partial", "short"]),
        shipped!("payment_failed", ["awkward", "long", "short"]),
        shipped!("pickup_ready", ["awkward", "long", "short"]),
        shipped!("refund_issued", ["awkward", "long", "short"]),
    ]
}

/// The layout they share.
pub(super) fn layout() -> Files {
    layout!([
        "address.mjml",
        "address.txt",
        "footer.mjml",
        "footer.txt",
        "footer_own.mjml",
        "footer_own.txt",
        "head.mjml",
        "header.mjml",
        "items.mjml",
        "items.txt",
        "lines.mjml",
        "lines.txt",
        "totals.mjml",
        "totals.txt"
    ])
}

/// Writes a copy of the shipped types and their layout into `directory`, as a start for a shop's own.
///
/// # Errors
/// The system's; what was written before stays.
pub fn write_shipped(directory: &Path) -> std::io::Result<()> {
    let layout = layout();
    let own = directory.join("_layout");
    fs::create_dir_all(own.join("locales"))?;
    if let Some(theme) = layout.theme {
        fs::write(own.join("theme.toml"), theme)?;
    }
    for (name, part) in layout.parts {
        fs::write(own.join(name), part)?;
    }
    for (locale, strings) in layout.locales {
        fs::write(own.join("locales").join(format!("{locale}.toml")), strings)?;
    }
    for folder in folders() {
        write_folder(directory, &folder)?;
    }
    Ok(())
}

/// Writes one type as a subfolder of `directory`.
pub(super) fn write_folder(directory: &Path, folder: &Folder) -> std::io::Result<()> {
    let own = directory.join(&folder.name);
    fs::create_dir_all(own.join("samples"))?;
    fs::write(own.join("type.toml"), &folder.manifest)?;
    fs::write(own.join("schema.json"), &folder.schema)?;
    fs::write(own.join("body.mjml"), &folder.body)?;
    if let Some(text) = &folder.text {
        fs::write(own.join("body.txt"), text)?;
    }
    if !folder.locales.is_empty() {
        fs::create_dir_all(own.join("locales"))?;
    }
    for (locale, strings) in &folder.locales {
        fs::write(own.join("locales").join(format!("{locale}.toml")), strings)?;
    }
    for (name, sample) in &folder.samples {
        fs::write(own.join("samples").join(format!("{name}.json")), sample)?;
    }
    Ok(())
}
