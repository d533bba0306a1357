//! One notification type, compiled and checked.

use std::collections::BTreeMap;

use postrider_core::domain::document::parse_json;
use serde_json::Value;

use crate::render::expression::Expression;
use crate::render::mjml;
use crate::render::templates::{RenderError, Slot};

use super::contract;
use super::error::{TypeError, line_of};
use super::manifest::{self, Manifest};
use super::rendition::{Bundle, BundleError, Rendition};
use super::schema::Schema;
use super::sender::Sender;
use super::source::Folder;

/// A type ready to plan and compose.
pub(super) struct NotificationType {
    pub(super) manifest: Manifest,
    pub(super) schema: Schema,
    pub(super) to: Expression,
    pub(super) dedup: Expression,
    pub(super) rendition: Rendition,
    pub(super) samples: BTreeMap<String, Value>,
}

impl NotificationType {
    /// Compiles a folder and holds it to its contract.
    pub(super) fn compile(folder: &Folder, sender: &Sender) -> Result<Self, Vec<TypeError>> {
        let compiled = Self::build(folder, sender)?;
        let errors = contract::check(folder, &compiled);
        if errors.is_empty() { Ok(compiled) } else { Err(errors) }
    }

    /// Every expression of the type with the slot it belongs to.
    pub(super) fn expressions(&self) -> Vec<(Slot, &Expression)> {
        let name = self.rendition.to_name.as_ref().map(|name| (Slot::ToName, name));
        [(Slot::To, &self.to), (Slot::Dedup, &self.dedup)].into_iter().chain(name).collect()
    }

    fn build(folder: &Folder, sender: &Sender) -> Result<Self, Vec<TypeError>> {
        let name = folder.name.as_str();
        let mut errors = Vec::new();
        let manifest = manifest::parse(name, &folder.manifest).map_err(|wrong| errors.extend(wrong)).ok();
        let schema = Schema::compile(&folder.schema)
            .map_err(|(line, message)| {
                errors.push(TypeError::new(name, "schema.json", message).at_line(line));
            })
            .ok();
        let html = mjml::html_template(&folder.body)
            .map_err(|error| {
                errors.push(TypeError::new(name, "body.mjml", error.to_string()).at_line(error.line));
            })
            .ok();
        let samples = parse_samples(folder, &mut errors);
        let (Some(manifest), Some(schema), Some(html)) = (manifest, schema, html) else { return Err(errors) };
        let to = Expression::parse(&manifest.to, Slot::To);
        let dedup = Expression::parse(&manifest.dedup, Slot::Dedup);
        let mut extra = Vec::new();
        for (expression, source) in [(&to, &manifest.to), (&dedup, &manifest.dedup)] {
            if let Expression::Template(slot) = expression {
                extra.push((*slot, format!("{{{{ {source} }}}}")));
            }
        }
        let bundle = Bundle::new(
            manifest.to_name.clone(),
            manifest.subject.clone(),
            html,
            folder.text.clone(),
            sender,
        );
        let rendition = match Rendition::compile(&bundle, extra) {
            Ok(rendition) => rendition,
            Err(BundleError::Template(slot, error)) => {
                errors.push(template_error(folder, slot, &error));
                return Err(errors);
            }
            Err(BundleError::Unreadable) => {
                errors.push(TypeError::new(
                    name,
                    "",
                    "its templates and the sender's settings do not fit together",
                ));
                return Err(errors);
            }
        };
        if errors.is_empty() {
            Ok(Self { manifest, schema, to, dedup, rendition, samples })
        } else {
            Err(errors)
        }
    }
}

fn parse_samples(folder: &Folder, errors: &mut Vec<TypeError>) -> BTreeMap<String, Value> {
    let mut samples = BTreeMap::new();
    for (sample, source) in &folder.samples {
        match parse_json(source.as_bytes()) {
            Ok(data) => {
                samples.insert(sample.clone(), data);
            }
            Err(error) => {
                let file = format!("samples/{sample}.json");
                errors.push(TypeError::new(&folder.name, &file, error.to_string()));
            }
        }
    }
    samples
}

/// A template's error at the place its author knows: the line of the source file, not of what it was compiled to.
pub(super) fn template_error(folder: &Folder, slot: Slot, error: &RenderError) -> TypeError {
    let (file, source) = match slot {
        Slot::Html => ("body.mjml", folder.body.as_str()),
        Slot::Text => ("body.txt", folder.text.as_deref().unwrap_or_default()),
        Slot::To | Slot::ToName | Slot::Dedup | Slot::Subject => ("type.toml", folder.manifest.as_str()),
    };
    let found = error.expression.as_deref().and_then(|expression| line_of(source, expression));
    let line = match slot {
        Slot::Text => error.line,
        Slot::To => found.or_else(|| line_of(source, "to ")),
        Slot::ToName => found.or_else(|| line_of(source, "to_name")),
        Slot::Dedup => found.or_else(|| line_of(source, "dedup")),
        Slot::Subject => found.or_else(|| line_of(source, "subject")),
        Slot::Html => found,
    };
    TypeError::new(&folder.name, file, error.to_string()).at_line(line)
}
