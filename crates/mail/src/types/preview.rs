//! Looking at types without sending: lists, previews, checks.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::category::Category;
use postrider_core::domain::notification::Priority;
use postrider_core::domain::problem::FieldError;
use serde_json::Value;

use super::TypeSet;
use super::error::TypeError;
use super::known::Known;
use super::nearest::nearest;
use super::notification_type::{NotificationType, Shared};
use super::sender::Sender;
use super::source::{TypeSource, read};

/// A type as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeSummary {
    /// Its name.
    pub name: String,
    /// One sentence about it, or nothing.
    pub description: String,
    /// The event types it answers.
    pub events: Vec<String>,
    /// Why people get it.
    pub category: Category,
    /// Its place in the queue.
    pub priority: Priority,
    /// The names of its samples.
    pub samples: Vec<String>,
    /// Its locales, the default one first.
    pub locales: Vec<String>,
}

/// A message's content as a person would see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The subject line.
    pub subject: String,
    /// The HTML body.
    pub html: String,
    /// The text body.
    pub text: String,
    /// The language it is written in, a BCP 47 tag.
    pub locale: String,
}

/// Why there is no preview.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreviewError {
    /// No type has that name.
    #[error("there is no notification type {name:?}")]
    UnknownType {
        /// The name asked for.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// The type has no such sample.
    #[error("the notification type has no sample {name:?}")]
    UnknownSample {
        /// The name asked for.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// The type has no such locale.
    #[error("the notification type has no locale {name:?}; it has {known}")]
    UnknownLocale {
        /// The locale asked for.
        name: String,
        /// Those it has, separated by commas.
        known: String,
    },
    /// The data is not what the type's schema asks for. Pointers start at the data's own top.
    #[error("the data does not satisfy the type's schema")]
    Invalid(Vec<FieldError>),
    /// The templates fail for this data.
    #[error("the templates cannot render this data: {0}")]
    Render(String),
}

/// What a check found, type by type.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CheckReport {
    /// Every type that was found, by name.
    pub types: Vec<CheckedType>,
    /// What is wrong with the place they were read from.
    pub errors: Vec<TypeError>,
}

impl CheckReport {
    /// Whether a server would start with these types.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.errors.is_empty() && self.types.iter().all(|checked| checked.errors.is_empty())
    }
}

/// One type after its check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedType {
    /// Its name.
    pub name: String,
    /// Its samples, rendered; empty when the type has errors.
    pub samples: Vec<CheckedSample>,
    /// What is wrong with it.
    pub errors: Vec<TypeError>,
}

/// One sample, rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedSample {
    /// Its name.
    pub name: String,
    /// The locale it was rendered in.
    pub locale: String,
    /// The subject line it gives.
    pub subject: String,
    /// Bytes of its HTML body. Gmail cuts messages off at about 102 000.
    pub html_bytes: usize,
    /// Bytes of its text body.
    pub text_bytes: usize,
}

impl TypeSet {
    /// Every type, by name.
    #[must_use]
    pub fn types(&self) -> Vec<TypeSummary> {
        let summary = |(name, known): (&String, &NotificationType)| TypeSummary {
            name: name.clone(),
            description: known.manifest.description.clone(),
            events: known.manifest.events.clone(),
            category: known.manifest.category.clone(),
            priority: known.manifest.priority,
            samples: known.samples.keys().cloned().collect(),
            locales: known.locales().cloned().collect(),
        };
        self.types.iter().filter_map(|(name, known)| Some((name, known.get()?))).map(summary).collect()
    }

    /// Renders a type with `data`, else with the sample named, else with the type's first sample, in its own locale.
    ///
    /// # Errors
    /// [`PreviewError`].
    pub fn preview(
        &self,
        type_name: &str,
        data: Option<&Value>,
        sample: Option<&str>,
    ) -> Result<Preview, PreviewError> {
        self.preview_in(type_name, data, sample, None)
    }

    /// The same as an event that asks for `locale` would get it: `de-AT` is served in German, as Austrians write
    /// numbers.
    ///
    /// # Errors
    /// [`PreviewError`]; an event that asks for a locale the type does not have gets the type's own instead.
    pub fn preview_in(
        &self,
        type_name: &str,
        data: Option<&Value>,
        sample: Option<&str>,
        locale: Option<&str>,
    ) -> Result<Preview, PreviewError> {
        let known =
            self.types.get(type_name).and_then(Known::get).ok_or_else(|| PreviewError::UnknownType {
                name: type_name.to_owned(),
                nearest: nearest(type_name, self.types.keys().map(String::as_str)),
            })?;
        let data = match (data, sample) {
            (Some(data), _) => data,
            (None, Some(name)) => known.samples.get(name).ok_or_else(|| PreviewError::UnknownSample {
                name: name.to_owned(),
                nearest: nearest(name, known.samples.keys().map(String::as_str)),
            })?,
            (None, None) => known.samples.values().next().unwrap_or(&Value::Null),
        };
        let mut errors = Vec::new();
        known.schema.check(data, "", &mut errors);
        if !errors.is_empty() {
            return Err(PreviewError::Invalid(errors));
        }
        if let Some(wanted) = locale.filter(|wanted| !known.has_locale(wanted)) {
            let known: Vec<&str> = known.locales().map(String::as_str).collect();
            return Err(PreviewError::UnknownLocale { name: wanted.to_owned(), known: known.join(", ") });
        }
        known.preview(data, locale)
    }
}

impl NotificationType {
    fn preview(&self, data: &Value, locale: Option<&str>) -> Result<Preview, PreviewError> {
        let broken =
            || PreviewError::Render("the type is broken in this locale; the log says how".to_owned());
        let rendered = self
            .rendition_in(locale)
            .ok_or_else(broken)?
            .render(data, locale)
            .map_err(|(_, error)| PreviewError::Render(error.to_string()))?;
        let locale = rendered.language.unwrap_or_else(|| self.manifest.locale.clone());
        Ok(Preview { subject: rendered.subject, html: rendered.html, text: rendered.text, locale })
    }
}

/// Checks every type in `source` as the start of a server would, and renders every sample of those that pass.
#[must_use]
pub fn check(source: &TypeSource) -> CheckReport {
    let (shared, sources) = match read(source).and_then(Shared::split) {
        Ok(read) => read,
        Err(errors) => return CheckReport { types: Vec::new(), errors },
    };
    // RFC 2606 keeps example.com free, so the address is nobody's; no check depends on the sender.
    let Ok(address) = EmailAddress::parse("shop@example.com") else { return CheckReport::default() };
    let public_url = Some("https://mail.shop.example.com".to_owned());
    let sender = Sender { public_url, ..Sender::new(Some("Example Shop".to_owned()), address) };
    let compiled = sources.folders.iter().map(|folder| {
        let (samples, errors) = match NotificationType::compile(folder, &shared, &sender) {
            Ok(compiled) => (checked_samples(&compiled), Vec::new()),
            Err(errors) => (Vec::new(), errors),
        };
        CheckedType { name: folder.name.clone(), samples, errors }
    });
    let unreadable = sources.unreadable.iter().map(|(name, errors)| CheckedType {
        name: name.clone(),
        samples: Vec::new(),
        errors: errors.clone(),
    });
    let mut types: Vec<CheckedType> = compiled.chain(unreadable).collect();
    types.sort_by(|a, b| a.name.cmp(&b.name));
    CheckReport { types, errors: Vec::new() }
}

fn checked_samples(compiled: &NotificationType) -> Vec<CheckedSample> {
    let locales = compiled.locales();
    let all =
        locales.flat_map(|locale| compiled.samples.iter().map(move |(name, data)| (locale, name, data)));
    let rendered = |(locale, name, data): (&String, &String, &Value)| {
        let preview = compiled.preview(data, Some(locale)).ok()?;
        Some(CheckedSample {
            name: name.clone(),
            locale: preview.locale,
            subject: preview.subject,
            html_bytes: preview.html.len(),
            text_bytes: preview.text.len(),
        })
    };
    all.filter_map(rendered).collect()
}
