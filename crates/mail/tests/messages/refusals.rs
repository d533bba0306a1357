//! What is not attached, and what is said about it.

use std::os::unix::fs::symlink;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_core::domain::outcome::Cause;
use postrider_core::limits::{ATTACHMENTS_BYTES_MAX, ATTACHMENTS_MAX};
use serde_json::{Value, json};

use crate::stage::{Stage, data};

fn wrong(file: &Value) -> Vec<(String, String)> {
    let stage = Stage::new("attachments = \"files\"\n");
    let errors = stage.wrong(&data(&json!({ "files": [file] })));
    errors.into_iter().map(|error| (error.pointer, error.message)).collect()
}

#[test]
fn what_cannot_be_attached_is_refused_with_the_event() {
    for (file, pointer) in [
        (json!("a.pdf"), "/data/files/0"),
        (json!({ "filename": "a.pdf" }), "/data/files/0"),
        (json!({ "filename": "a.pdf", "content": "AA", "path": "a.pdf" }), "/data/files/0"),
        (json!({ "content": "AA" }), "/data/files/0/filename"),
        (json!({ "filename": "a.pdf", "content": "no base64!" }), "/data/files/0/content"),
        (json!({ "filename": "a.pdf", "content": 7 }), "/data/files/0/content"),
        (json!({ "filename": "../a.pdf", "content": "AA" }), "/data/files/0/filename"),
        (json!({ "filename": "a\r\nBcc: x.pdf", "content": "AA" }), "/data/files/0/filename"),
        (json!({ "filename": "a\u{202e}fdp.exe", "content": "AA" }), "/data/files/0/filename"),
        (json!({ "filename": "..", "content": "AA" }), "/data/files/0/filename"),
        (json!({ "filename": "a", "content": "AA", "contentType": "pdf" }), "/data/files/0/contentType"),
        (
            json!({ "filename": "a", "content": "AA", "contentType": "a/b\r\nX: y" }),
            "/data/files/0/contentType",
        ),
        (
            json!({ "filename": "a", "content": "AA", "contentType": "message/rfc822" }),
            "/data/files/0/contentType",
        ),
        (json!({ "filename": "a", "content": "AA", "contentId": "<a>" }), "/data/files/0/contentId"),
        (json!({ "filename": "a", "content": "AA", "size": 1 }), "/data/files/0/size"),
        (json!({ "path": "../secret" }), "/data/files/0/path"),
        (json!({ "path": "/etc/passwd" }), "/data/files/0/path"),
        (json!({ "path": "a/../../b", "filename": "b" }), "/data/files/0/path"),
    ] {
        let wrong = wrong(&file);
        assert!(wrong.iter().any(|(at, _)| at == pointer), "{file}: {wrong:?}");
    }
    assert!(wrong(&json!({ "filename": "a b.pdf", "content": " QQ==\n" })).is_empty());
}

#[test]
fn number_and_size_are_bounded() {
    let stage = Stage::new("attachments = \"files\"\n");
    let many = vec![json!({ "filename": "a", "content": "AA" }); ATTACHMENTS_MAX + 1];
    assert_eq!(stage.wrong(&data(&json!({ "files": many })))[0].pointer, "/data/files");
    let large = STANDARD.encode(vec![0; ATTACHMENTS_BYTES_MAX + 3]);
    let wrong = stage.wrong(&data(&json!({ "files": [{ "filename": "a", "content": large }] })));
    assert!(wrong[0].message.contains("more than"), "{wrong:?}");
    stage.write("files/large", vec![0; ATTACHMENTS_BYTES_MAX + 1]);
    let failure = stage.compose(&data(&json!({ "files": [{ "path": "large" }] }))).unwrap_err();
    assert_eq!(failure.cause, Cause::known("attachment_too_large"));
    stage.write("files/half", vec![0; ATTACHMENTS_BYTES_MAX / 2 + 1]);
    let halves = json!({ "files": [{ "path": "half" }, { "path": "half", "filename": "b" }] });
    assert_eq!(stage.compose(&data(&halves)).unwrap_err().cause, Cause::known("attachment_too_large"));
}

#[test]
fn two_pictures_cannot_have_one_name_in_the_html() {
    let stage = Stage::new("attachments = \"files\"\n");
    let picture = json!({ "filename": "a.png", "content": "AA", "contentId": "logo" });
    let wrong = stage.wrong(&data(&json!({ "files": [picture, picture] })));
    assert_eq!(wrong[0].pointer, "/data/files/1");
}

#[test]
fn no_link_leads_out_of_the_folder() {
    let stage = Stage::new("attachments = \"files\"\n");
    stage.write("outside.txt", "secret");
    stage.write("files/inside.txt", "open");
    symlink(stage.path("outside.txt"), stage.path("files/link.txt")).unwrap();
    symlink(stage.folder.path(), stage.path("files/up")).unwrap();
    symlink("inside.txt", stage.path("files/alias.txt")).unwrap();
    let compose = |path: &str| stage.compose(&data(&json!({ "files": [{ "path": path }] })));
    for path in ["link.txt", "up/outside.txt", "up"] {
        assert_eq!(compose(path).unwrap_err().cause, Cause::known("attachment_refused"), "{path}");
    }
    assert!(compose("alias.txt").is_ok(), "a link that stays inside is one more name");
}

#[test]
fn a_manifest_that_cannot_be_right_stops_the_load() {
    for (manifest, words) in [
        ("attachments = 7\n", "`attachments` must be"),
        ("[[attachments]]\nfile = \"a\"\n", "unknown key \"file\""),
        ("[[attachments]]\ncontent = \"invoice.pdf\"\n", "needs a `filename`"),
        ("[[attachments]]\npath = \"../a\"\n", "without `..`"),
        ("[[attachments]]\npath = \"a\"\ncontent_type = \"x\"\n", "media type"),
        ("attachments = \"documents\"\n", "`documents` is not a property"),
        ("[[attachments]]\npath = \"{{ orderId | upper }}\"\n", "nothing else in braces"),
    ] {
        let errors = Stage::new(manifest).errors();
        assert!(errors.contains(words), "{manifest}: {errors}");
        assert!(errors.contains("news/type.toml"), "{errors}");
    }
}
