//! What the guide says, done literally, works; so does what `types new` makes.

use std::fs;

use postrider_mail::types::{ScaffoldError, TypeSet, TypeSource, check, scaffold, write_shipped};
use tempfile::TempDir;

use crate::fixture::{Types, sender};

const GUIDE: &str = include_str!("../../../../docs/notification-types.md");
const FILES: [&str; 7] = [
    "type.toml",
    "schema.json",
    "body.mjml",
    "body.txt",
    "locales/en.toml",
    "locales/de.toml",
    "samples/short.json",
];

/// The fenced block that follows the line that names `file`.
fn block(file: &str) -> &'static str {
    let after = GUIDE.split_once(&format!("`notifications/order_gift/{file}`\n")).unwrap().1;
    let inside = after.split_once("```").unwrap().1.split_once('\n').unwrap().1;
    inside.split_once("```").unwrap().0
}

#[test]
fn the_example_of_the_guide_loads_and_renders_beside_the_shipped_types() {
    let directory = TempDir::new().unwrap();
    write_shipped(directory.path()).unwrap();
    scaffold(directory.path(), "order_gift").unwrap();
    for file in FILES {
        fs::write(directory.path().join("order_gift").join(file), block(file)).unwrap();
    }
    let types = TypeSet::load(&TypeSource::Directory(directory.path().to_owned()), sender()).unwrap();
    let german = types.preview_in("order_gift", None, None, Some("de")).unwrap();
    assert_eq!(german.subject, "Ihr Geschenk ist unterwegs");
    let expected = "Guten Tag Ada Lovelace,\n\
                    2 Geschenke sind unterwegs. Abgeschickt am 21. Dezember 2026.\n\n\
                    * Punched cards für Charles\n  Happy birthday!\n  Wo ist es?:\n  https://track.example.com/1\n\n\
                    * A brass gear für Mary\n";
    assert!(german.text.contains(expected), "{}", german.text);
    assert_eq!(german.html.matches("Wo ist es?").count(), 1);
    assert!(german.html.contains("<bdi>Charles</bdi>"), "{}", german.html);
}

#[test]
fn a_new_type_passes_its_check_with_and_without_a_layout() {
    let with_layout = TempDir::new().unwrap();
    write_shipped(with_layout.path()).unwrap();
    for directory in [with_layout, TempDir::new().unwrap()] {
        scaffold(directory.path(), "gift_sent").unwrap();
        let report = check(&TypeSource::Directory(directory.path().to_owned()));
        assert!(report.is_ok(), "{report:?}");
        let checked = report.types.iter().find(|checked| checked.name == "gift_sent").unwrap();
        let subjects: Vec<&str> = checked.samples.iter().map(|sample| sample.subject.as_str()).collect();
        assert_eq!(subjects, ["About your order 1042", "Zu Ihrer Bestellung 1042"]);
    }
}

#[test]
fn a_new_type_never_takes_the_place_of_another() {
    let types = Types::hello();
    let directory = types.directory.path();
    assert!(matches!(scaffold(directory, "hello"), Err(ScaffoldError::Exists(_))));
    for name in ["", "_hello", "Hello", "hello/../you", "héllo"] {
        assert!(matches!(scaffold(directory, name), Err(ScaffoldError::Name(_))), "{name}");
    }
    assert!(types.load().is_ok());
}
