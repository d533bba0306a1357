//! MJML to an HTML template, once per type.

use mrml::prelude::parser::ParserOptions;
use mrml::prelude::render::RenderOptions;

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
/// Elements and attributes MJML does not know are errors here: a typing error would silently vanish otherwise.
///
/// # Errors
/// [`MjmlError`] in the compiler's words.
pub fn html_template(source: &str) -> Result<String, MjmlError> {
    let refuse = |message: String| MjmlError { message, line: None };
    let output = mrml::parse_with_options(source, &ParserOptions::default())
        .map_err(|error| refuse(format!("not valid MJML: {error}")))?;
    if let Some(warning) = output.warnings.first() {
        return Err(refuse(format!("not valid MJML: {warning}")));
    }
    // No web fonts: they would be fetched from a third party by whoever opens the message.
    let options =
        RenderOptions { disable_comments: true, social_icon_origin: None, fonts: Default::default() };
    let html = output.element.render(&options).map_err(|error| refuse(format!("not valid MJML: {error}")))?;
    Ok(squeeze(&html))
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
