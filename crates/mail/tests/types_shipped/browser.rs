//! What a browser makes of the HTML.

use std::fs;
use std::process::Command;

use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use crate::every::messages;

/// How one message is laid out at one width.
#[derive(Debug, Deserialize)]
struct Laid {
    name: String,
    width: u32,
    /// What the content needs.
    scroll_width: u32,
    scroll_height: u32,
}

/// Widths of a small telephone and of a window beside a list of messages, in CSS pixels.
const WIDTHS: [u32; 2] = [360, 800];

#[test]
fn nothing_scrolls_sideways_on_a_telephone() {
    let messages = messages();
    let directory = TempDir::new().unwrap();
    let documents: Vec<_> =
        messages.iter().map(|made| json!({ "name": made.name, "html": made.preview.html })).collect();
    // A closing tag within a string would end the script.
    let documents = json!(documents).to_string().replace("</", "<\\/");
    let page = include_str!("layout.html")
        .replace("DOCUMENTS", &documents)
        .replace("WIDTHS", &json!(WIDTHS).to_string());
    let file = directory.path().join("layout.html");
    fs::write(&file, page).unwrap();
    let output = Command::new("/usr/bin/chromium")
        // The tests run as root in containers, where the sandbox cannot.
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-extensions",
        ])
        .args([
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--virtual-time-budget=600000",
            "--window-size=1000,1000",
        ])
        .arg(format!("--user-data-dir={}", directory.path().join("profile").display()))
        .arg("--dump-dom")
        .arg(&file)
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let result = dom.split_once("<pre>").and_then(|(_, rest)| rest.split_once("</pre>"));
    let Some((result, _)) = result else {
        panic!("Chromium said nothing:\n{}", String::from_utf8_lossy(&output.stderr))
    };
    let laid: Vec<Laid> = serde_json::from_str(result).unwrap();
    assert_eq!(laid.len(), messages.len() * WIDTHS.len());
    for one in laid {
        assert!(one.scroll_width <= one.width, "{} needs {} of {} px", one.name, one.scroll_width, one.width);
        // A page that was not laid out at all would fit any width.
        assert!(one.scroll_height > 300, "{one:?}");
    }
}
