//! `postrider types`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::{Args, Subcommand};
use postrider_core::domain::document::parse_json;
use postrider_core::domain::problem::FieldError;
use postrider_mail::types::{CheckReport, PreviewError, TypeSource, check, scaffold};
use serde_json::{Value, json};

use super::Failure;
use crate::cli::GlobalOptions;
use crate::output::Output;
use crate::runtime;

/// What to do with notification types.
#[derive(Debug, Subcommand)]
pub enum TypesCommand {
    /// List them
    List,
    /// Check them as the start of the server would, and render every sample
    Check {
        /// The folder to check, if not the configured one
        directory: Option<PathBuf>,
    },
    /// Write a type's HTML and text for a sample or for given data
    Preview(PreviewOptions),
    /// Make a new type to begin with, which passes its check as it is
    New {
        /// Its name: lower-case letters, digits and _
        name: String,
        /// The folder of the types; the configured one if not given, else `notifications` here
        #[arg(long, value_name = "DIR")]
        directory: Option<PathBuf>,
    },
}

/// What to preview.
#[derive(Debug, Args)]
pub struct PreviewOptions {
    /// The type
    name: String,
    /// The sample; the first one if not given
    #[arg(long)]
    sample: Option<String>,
    /// The locale an event would ask for; the type's own if not given
    #[arg(long)]
    locale: Option<String>,
    /// The folder of the types, if not the configured one
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Show the HTML in the browser
    #[arg(long)]
    open: bool,
    /// A file with an event's data instead
    #[arg(long, value_name = "FILE", conflicts_with = "sample")]
    data: Option<PathBuf>,
    /// Where to write `TYPE.html` and `TYPE.txt`
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

/// Lists, checks or previews.
///
/// # Errors
/// What is wrong with the types or the data.
pub fn run(global: &GlobalOptions, command: TypesCommand) -> Result<(), Failure> {
    let output = global.output();
    match command {
        TypesCommand::List => list(global, output),
        TypesCommand::Check { directory } => {
            let configured = global.settings()?.types_directory;
            let source = directory.or(configured).map_or(TypeSource::Shipped, TypeSource::Directory);
            show_check(&check(&source), output)
        }
        TypesCommand::Preview(options) => preview(global, &options, output),
        TypesCommand::New { name, directory } => {
            let configured = global.settings()?.types_directory;
            let directory = directory.or(configured).unwrap_or_else(|| PathBuf::from("notifications"));
            new_type(&directory, &name, output)
        }
    }
}

fn list(global: &GlobalOptions, output: Output) -> Result<(), Failure> {
    let types = runtime::load_types(&global.settings()?).map_err(|error| Failure::because(&error))?;
    let (mut data, mut text) = (Vec::new(), String::new());
    for summary in types.types() {
        text.push_str(&format!(
            "{:<24} {:<24} {}\n",
            summary.name,
            summary.events.join(", "),
            summary.description
        ));
        data.push(json!({
            "type": summary.name, "description": summary.description, "events": summary.events,
            "category": summary.category.as_str(), "priority": summary.priority.as_str(), "samples": summary.samples,
            "locales": summary.locales
        }));
    }
    output.show(&json!({ "data": data }), &text);
    Ok(())
}

fn show_check(report: &CheckReport, output: Output) -> Result<(), Failure> {
    let mut text = String::new();
    let mut errors: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
    let mut types = Vec::new();
    for checked in &report.types {
        errors.extend(checked.errors.iter().map(ToString::to_string));
        for sample in &checked.samples {
            text.push_str(&format!(
                "{}  {:<12} {:<5} {:>6} bytes HTML {:>6} bytes text  {}\n",
                checked.name,
                sample.name,
                sample.locale,
                sample.html_bytes,
                sample.text_bytes,
                sample.subject
            ));
        }
        let samples = checked.samples.iter().map(|sample| {
            json!({ "sample": sample.name, "locale": sample.locale, "subject": sample.subject,
                    "htmlBytes": sample.html_bytes, "textBytes": sample.text_bytes })
        });
        types.push(json!({
            "type": checked.name, "ok": checked.errors.is_empty(), "samples": samples.collect::<Vec<_>>(),
            "errors": checked.errors.iter().map(ToString::to_string).collect::<Vec<_>>()
        }));
    }
    output.show(&json!({ "ok": report.is_ok(), "data": types, "errors": errors }), &text);
    if report.is_ok() {
        return Ok(());
    }
    Err(Failure::new(format!("the notification types have errors:\n  {}", errors.join("\n  "))))
}

fn preview(global: &GlobalOptions, options: &PreviewOptions, output: Output) -> Result<(), Failure> {
    let mut settings = global.settings()?;
    settings.types_directory = options.directory.clone().or(settings.types_directory);
    let types = runtime::load_types(&settings).map_err(|error| Failure::because(&error))?;
    let data = options.data.as_ref().map(read_data).transpose()?;
    let preview =
        types.preview_in(&options.name, data.as_ref(), options.sample.as_deref(), options.locale.as_deref());
    let preview = preview.map_err(|error| Failure::new(explain(error)))?;
    let unwritable =
        |error: std::io::Error| Failure::new(format!("{} cannot be written: {error}", options.out.display()));
    std::fs::create_dir_all(&options.out).map_err(unwritable)?;
    let html = options.out.join(format!("{}.html", options.name));
    let text = options.out.join(format!("{}.txt", options.name));
    std::fs::write(&html, preview.html).map_err(unwritable)?;
    std::fs::write(&text, preview.text).map_err(unwritable)?;
    if options.open {
        show_in_browser(&html)?;
    }
    let (html, text) = (html.display().to_string(), text.display().to_string());
    let shown = format!(
        "subject  {}\nlocale   {}\nHTML     {html}\ntext     {text}",
        preview.subject, preview.locale
    );
    output.show(
        &json!({ "subject": preview.subject, "locale": preview.locale, "html": html, "text": text }),
        &shown,
    );
    Ok(())
}

/// Hands a file to what the desktop opens web pages with, and does not wait for it.
fn show_in_browser(file: &Path) -> Result<(), Failure> {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let shown = file.display();
    Command::new(program)
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(drop)
        .map_err(|error| {
            Failure::new(format!(
                "{shown} is written, but {program} cannot show it: {error}; open it yourself"
            ))
        })
}

fn new_type(directory: &Path, name: &str, output: Output) -> Result<(), Failure> {
    let path = scaffold(directory, name).map_err(|error| Failure::because(&error))?;
    let (shown, types) = (path.display(), directory.display());
    let text = format!(
        "{shown} is a new notification type\nnext: change its files, then\n  postrider types check {types}\n  \
         postrider types preview {name} --directory {types} --open"
    );
    output.show(&json!({ "type": name, "directory": path.display().to_string() }), &text);
    Ok(())
}

/// The data of a file: an event's `data`, or a whole event that has one.
fn read_data(path: &PathBuf) -> Result<Value, Failure> {
    let unreadable =
        |error: &dyn std::fmt::Display| Failure::new(format!("{} cannot be read: {error}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| unreadable(&error))?;
    let mut value = parse_json(&bytes).map_err(|error| unreadable(&error))?;
    Ok(if value["data"].is_object() { value["data"].take() } else { value })
}

fn explain(error: PreviewError) -> String {
    let text = error.to_string();
    match error {
        PreviewError::UnknownType { nearest: Some(name), .. }
        | PreviewError::UnknownSample { nearest: Some(name), .. } => {
            format!("{text}; did you mean {name}?")
        }
        PreviewError::Invalid(errors) => {
            let line = |error: &FieldError| format!("\n  {} {}", error.pointer, error.message);
            text + &errors.iter().map(line).collect::<String>()
        }
        PreviewError::UnknownType { .. }
        | PreviewError::UnknownSample { .. }
        | PreviewError::UnknownLocale { .. }
        | PreviewError::Render(_) => text,
    }
}
