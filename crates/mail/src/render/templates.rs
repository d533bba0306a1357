//! The compiled templates of one notification type.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value as TemplateValue;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};
use postrider_core::limits::{RENDER_FUEL_MAX, RENDERED_BODY_BYTES_MAX};
use serde_json::Value;

use crate::mime::message::Mailbox;

use super::data::members;
use super::filters::{FORMATS, add_filters};
use super::formats::Formats;

/// The names a template sees besides the event's data; a schema may not declare them.
pub const RESERVED_NAMES: [&str; 3] = ["sender", "t", "theme"];

/// Which of a type's templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// `to`, when it is more than a path.
    To,
    /// `to_name`, when it is more than a path.
    ToName,
    /// `dedup`, when it is more than a path.
    Dedup,
    /// `when`.
    When,
    /// The subject line.
    Subject,
    /// The HTML body.
    Html,
    /// The text body, when one was written.
    Text,
}

impl Slot {
    fn name(self) -> &'static str {
        match self {
            Self::To => "to",
            Self::ToName => "to_name",
            Self::Dedup => "dedup",
            Self::When => "when",
            Self::Subject => "subject",
            Self::Html => "body.html",
            Self::Text => "body.txt",
        }
    }
}

/// What templates say about the sender, the same for every message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderFacts {
    /// `sender.name`: the display name, or the address where there is none.
    pub name: String,
    /// `sender.address`: the address in `From`.
    pub address: String,
    /// `sender.reply_to`: where answers go.
    pub reply_to: String,
}

impl SenderFacts {
    /// The facts of a sender whose answers go to `reply_to`, or back to `from`.
    #[must_use]
    pub fn of(from: &Mailbox, reply_to: Option<&Mailbox>) -> Self {
        Self {
            name: from.name.clone().unwrap_or_else(|| from.address.as_str().to_owned()),
            address: from.address.as_str().to_owned(),
            reply_to: reply_to.unwrap_or(from).address.as_str().to_owned(),
        }
    }
}

/// Why a template does not compile or render. Its words name the template's own text, never the data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    /// What went wrong.
    pub message: String,
    /// Line of the template, counted from 1.
    pub line: Option<usize>,
    /// The expression at fault, as written in the template.
    pub expression: Option<String>,
    /// Whether the bound on output or work was reached.
    pub too_large: bool,
}

/// Compiled templates with the filters and bounds they run under.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    sender: TemplateValue,
    theme: TemplateValue,
}

impl Templates {
    /// Compiles `sources`, which see `sender` and `theme` besides an event's data.
    ///
    /// # Errors
    /// The first template that is not valid MiniJinja, with its slot.
    pub fn compile(
        sources: Vec<(Slot, String)>,
        sender: &SenderFacts,
        theme: &BTreeMap<String, String>,
    ) -> Result<Self, (Slot, RenderError)> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_debug(false);
        environment.set_fuel(Some(RENDER_FUEL_MAX));
        environment.set_syntax(syntax());
        environment.set_auto_escape_callback(|name| match name {
            "body.html" => AutoEscape::Html,
            _ => AutoEscape::None,
        });
        environment.set_formatter(write_value);
        add_filters(&mut environment);
        for (slot, source) in sources {
            environment
                .add_template_owned(slot.name(), source.clone())
                .map_err(|error| (slot, describe(&error, &source)))?;
        }
        let facts: BTreeMap<&'static str, TemplateValue> = BTreeMap::from([
            ("name", TemplateValue::from(sender.name.as_str())),
            ("address", TemplateValue::from(sender.address.as_str())),
            ("reply_to", TemplateValue::from(sender.reply_to.as_str())),
        ]);
        let theme: BTreeMap<Arc<str>, TemplateValue> =
            theme.iter().map(|(name, value)| (name.as_str().into(), value.as_str().into())).collect();
        Ok(Self { environment, sender: TemplateValue::from(facts), theme: TemplateValue::from(theme) })
    }

    /// The variables a template sees for `data`, written in `formats`. Reserved names win over members of the same
    /// name, so that an order with an unexpected member cannot break an e-mail.
    #[must_use]
    pub fn context(&self, data: &Value, formats: Option<&Arc<Formats>>) -> TemplateValue {
        let mut variables = members(data);
        variables.insert("sender".into(), self.sender.clone());
        variables.insert("theme".into(), self.theme.clone());
        if let Some(formats) = formats {
            variables.insert(FORMATS.into(), TemplateValue::from_dyn_object(Arc::clone(formats)));
        }
        TemplateValue::from(variables)
    }

    /// Renders one template.
    ///
    /// # Errors
    /// [`RenderError`] when a variable is undefined, a filter refuses its value or a bound is reached.
    pub fn render(&self, slot: Slot, context: TemplateValue) -> Result<String, RenderError> {
        let template = self.environment.get_template(slot.name()).map_err(|error| describe(&error, ""))?;
        let mut output = Bounded { bytes: Vec::with_capacity(8 * 1024), overflowed: false };
        let result = template.render_captured_to(context, &mut output).map(|_| ());
        if output.overflowed {
            return Err(RenderError {
                message: format!("the output is longer than {RENDERED_BODY_BYTES_MAX} bytes"),
                line: None,
                expression: None,
                too_large: true,
            });
        }
        result.map_err(|error| describe(&error, template.source()))?;
        // The engine writes only text, so this cannot fail; replacing beats losing the message if it ever does.
        Ok(String::from_utf8(output.bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// Whether there is a template in `slot`.
    #[must_use]
    pub fn has(&self, slot: Slot) -> bool {
        self.environment.get_template(slot.name()).is_ok()
    }
}

/// How templates are written: a statement on a line of its own leaves no empty line in a text body.
pub(crate) fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .unwrap_or_default()
}

/// Output that stops at the bound instead of filling memory.
struct Bounded {
    bytes: Vec<u8>,
    overflowed: bool,
}

impl io::Write for &mut Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > RENDERED_BODY_BYTES_MAX {
            self.overflowed = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a value, escaped for HTML text and quoted attributes where the template is HTML. The engine's own escaping
/// also rewrites `/`, which only makes addresses unreadable.
fn write_value(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &TemplateValue) -> Result<(), Error> {
    if matches!(state.auto_escape(), AutoEscape::Html) && !value.is_safe() {
        return match value.as_str() {
            Some(text) => write_escaped(out, text),
            None => write_escaped(out, &value.to_string()),
        };
    }
    match value.as_str() {
        Some(text) => out.write_str(text)?,
        None => write!(out, "{value}")?,
    }
    Ok(())
}

fn write_escaped(out: &mut Output<'_>, text: &str) -> Result<(), Error> {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        out.write_str(&rest[..at])?;
        out.write_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        })?;
        rest = &rest[at + 1..];
    }
    out.write_str(rest)?;
    Ok(())
}

/// The engine's error in our words. Details come from the template or from our filters; values are never part of it.
fn describe(error: &Error, source: &str) -> RenderError {
    let expression = error
        .range()
        .and_then(|Range { start, end }| source.get(start..end))
        .map(|text| text.chars().take(80).collect::<String>());
    let message = match error.kind() {
        ErrorKind::UndefinedError => match &expression {
            Some(expression) => format!("`{expression}` is not defined"),
            None => "a variable is not defined".to_owned(),
        },
        ErrorKind::OutOfFuel => format!("the template ran more than {RENDER_FUEL_MAX} instructions"),
        ErrorKind::SyntaxError
        | ErrorKind::UnknownFilter
        | ErrorKind::UnknownFunction
        | ErrorKind::UnknownTest => error
            .detail()
            .map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind())),
        kind => match &expression {
            Some(expression) => format!("`{expression}` cannot be evaluated: {kind}"),
            None => kind.to_string(),
        },
    };
    RenderError {
        message,
        line: error.line(),
        expression,
        too_large: matches!(error.kind(), ErrorKind::OutOfFuel),
    }
}
