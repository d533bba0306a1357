//! MJML to an HTML template, once per type.

use std::collections::HashMap;
use std::fmt;

use mrml::prelude::parser::{Error, ParserOptions};
use mrml::prelude::render::RenderOptions;
use postrider_core::limits::BODY_DEPTH_MAX;

/// Why MJML was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MjmlError {
    /// What the compiler says, or which of its warnings was ignored until now.
    pub message: String,
    /// The line of the source, counted from 1, where it is known.
    pub line: Option<usize>,
}

/// Compiles MJML to the HTML template of a body. MiniJinja statements pass through untouched.
///
/// An element MJML does not know is an error here: a typing error would reach the reader as a stray tag otherwise.
///
/// # Errors
/// [`MjmlError`] in the compiler's words.
pub fn html_template(source: &str) -> Result<String, MjmlError> {
    let refuse = |words: &dyn fmt::Display, at: Option<usize>| MjmlError {
        message: format!("not valid MJML: {words}"),
        line: at.and_then(|at| source.get(..at)).map(|before| before.matches('\n').count() + 1),
    };
    // The compiler calls itself for every level, and would run out of stack.
    if let Some(at) = deeper_than(source, BODY_DEPTH_MAX) {
        let words = format_args!("elements are nested deeper than {BODY_DEPTH_MAX}");
        return Err(refuse(&words, Some(at)));
    }
    let output = mrml::parse_with_options(source, &ParserOptions::default())
        .map_err(|error| refuse(&error, position(&error)))?;
    if let Some(warning) = output.warnings.first() {
        return Err(refuse(&warning.kind, Some(warning.span.start)));
    }
    // No web fonts: they would be fetched from a third party by whoever opens the message.
    let options =
        RenderOptions { disable_comments: true, social_icon_origin: None, fonts: HashMap::default() };
    let html = output.element.render(&options).map_err(|error| refuse(&error, None))?;
    // The compiler takes an element it does not know for HTML and passes it on.
    if let Some((_, rest)) = html.split_once("<mj-") {
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let element = format!("<mj-{name}");
        return Err(refuse(&format_args!("there is no element {element}>"), source.find(&element)));
    }
    Ok(squeeze(&html))
}

/// Where the first element begins that has `most` others around it.
fn deeper_than(source: &str, most: usize) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(start) = source[at..].find('<').map(|found| at + found) {
        let rest = &source[start..];
        let end = if rest.starts_with("<!--") { rest.find("-->").map(|end| end + 2) } else { rest.find('>') };
        let end = end.unwrap_or(rest.len() - 1);
        let tag = &rest[..=end];
        if tag.starts_with("</") {
            depth = depth.saturating_sub(1);
        } else if !tag.starts_with("<!") && !tag.starts_with("<?") && !tag.ends_with("/>") {
            if depth >= most {
                return Some(start);
            }
            depth += 1;
        }
        at = start + end + 1;
    }
    None
}

fn position(error: &Error) -> Option<usize> {
    match error {
        Error::UnexpectedElement { position, .. }
        | Error::UnexpectedToken { position, .. }
        | Error::MissingAttribute { position, .. }
        | Error::InvalidAttribute { position, .. }
        | Error::InvalidFormat { position, .. }
        | Error::IncludeLoaderError { position, .. } => Some(position.start),
        Error::EndOfStream { .. }
        | Error::SizeLimit { .. }
        | Error::ParserError { .. }
        | Error::NoRootNode => None,
    }
}

/// Folds every run of white space that holds a line break to one line break, and to nothing between the rules of a
/// style sheet: indentation is only for whoever edits the source, and every message carries it otherwise.
fn squeeze(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('\n') {
        out.push_str(rest[..at].trim_end());
        rest = rest[at..].trim_start();
        let in_style = out.rfind("<style").is_some_and(|start| !out[start..].contains("</style"));
        let between_rules =
            in_style && (out.ends_with(['{', '}', ';', ',', '>']) || rest.starts_with(['}', '<']));
        if !(between_rules || rest.is_empty() || out.is_empty()) {
            out.push('\n');
        }
    }
    out.push_str(rest);
    out
}
