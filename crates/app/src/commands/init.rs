//! `postrider init`.

use std::path::Path;

use postrider_mail::types::write_shipped;
use serde_json::json;

use super::Failure;
use crate::output::Output;
use postrider_environment::config::keys;

/// Writes an annotated configuration and a copy of the shipped notification types into a new or empty folder.
///
/// # Errors
/// If the folder holds anything, or cannot be written.
pub fn run(dir: &Path, output: Output) -> Result<(), Failure> {
    let shown = dir.display();
    let unwritable = |error: std::io::Error| Failure::new(format!("{shown} cannot be written: {error}"));
    std::fs::create_dir_all(dir).map_err(unwritable)?;
    if std::fs::read_dir(dir).map_err(unwritable)?.next().is_some() {
        return Err(Failure::new(format!("{shown} is not empty; nothing was written. Name a new folder")));
    }
    let config = dir.join("postrider.toml");
    let types = dir.join("notifications");
    let file = keys::annotated_file().replace("#directory = \"\"", "directory = \"notifications\"");
    std::fs::write(&config, file).map_err(unwritable)?;
    write_shipped(&types).map_err(unwritable)?;
    let text = format!(
        "{shown} is ready:\n  postrider.toml   every setting with its default\n  notifications/   the e-mails, yours to change\n\
         next: cd {shown} && postrider --config postrider.toml serve"
    );
    output.show(
        &json!({ "config": config.display().to_string(), "types": types.display().to_string() }),
        &text,
    );
    Ok(())
}
