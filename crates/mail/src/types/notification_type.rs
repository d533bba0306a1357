//! One notification type, compiled and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use postrider_core::domain::document::parse_json;
use serde_json::Value;

use crate::render::expression::Expression;
use crate::render::formats::Formats;
use crate::render::mjml;
use crate::render::templates::Slot;

use super::contract;
use super::conventions::best_match;
use super::error::{TypeError, line_of};
use super::expansion::{Expanded, expand};
use super::localize::{Localizer, Markup};
use super::manifest::{self, Manifest};
use super::place::template_error;
use super::rendition::{Bundle, BundleError, Rendition, Templated};
use super::schema::Schema;
use super::sender::Sender;
use super::source::{Files, Folder, Sources};
use super::strings::Strings;
use super::theme::{self, Theme};

/// A type ready to plan and compose.
pub(super) struct NotificationType {
    pub(super) manifest: Manifest,
    pub(super) schema: Schema,
    pub(super) to: Expression,
    pub(super) dedup: Expression,
    pub(super) when: Option<Expression>,
    /// In the locale that the manifest names.
    default: Rendition,
    /// In the other locales: compiled at the start, or when one is needed first. `None` inside: it was found to be broken,
    /// which cannot be for a type that a test has compiled.
    others: BTreeMap<String, OnceLock<Option<Rendition>>>,
    /// What those are compiled from that wait for it.
    source: Option<Arc<Source>>,
    pub(super) samples: BTreeMap<String, Value>,
}

/// What a type is compiled from.
pub(super) struct Source {
    pub(super) folder: Folder,
    pub(super) shared: Arc<Shared>,
    pub(super) sender: Arc<Sender>,
}

impl Source {
    /// What makes messages in `locale`, of a type that keeps its contract.
    fn rendition(&self, manifest: &Manifest, locale: &str) -> Result<Rendition, Vec<TypeError>> {
        let Self { folder, shared, sender } = self;
        let bodies = Bodies::expand(folder, &shared.files).map_err(|error| vec![error])?;
        let localized = bodies.localize(folder, shared, manifest, locale, &mut BTreeSet::new())?;
        rendition(folder, shared, manifest, sender, locale, &localized).map_err(|error| vec![error])
    }
}

/// What all types share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) files: Files,
    pub(super) theme: Theme,
}

impl Shared {
    /// What types share, and the types without it.
    pub(super) fn split(mut sources: Sources) -> Result<(Self, Sources), Vec<TypeError>> {
        let files = std::mem::take(&mut sources.layout);
        Ok((Self { theme: theme::parse(&files)?, files }, sources))
    }
}

/// A type's templates in one locale, before they are compiled, for the contract and for errors.
#[derive(Debug)]
pub(super) struct Localized {
    pub(super) strings: Strings,
    pub(super) subject: Expanded,
    pub(super) body: Expanded,
    pub(super) text: Option<Expanded>,
}

/// What a type was compiled from.
pub(super) struct Origin<'a> {
    pub(super) folder: &'a Folder,
    pub(super) shared: &'a Shared,
    pub(super) localized: BTreeMap<String, Localized>,
}

impl NotificationType {
    /// Compiles a folder and holds it to its contract.
    pub(super) fn compile(folder: &Folder, shared: &Shared, sender: &Sender) -> Result<Self, Vec<TypeError>> {
        let (compiled, origin) = Self::build(folder, shared, sender)?;
        let mut errors = contract::check(&origin, &compiled);
        let Self { manifest, schema, samples, .. } = &compiled;
        errors.extend(manifest.extras.broken_promises(folder, &schema.document, samples));
        if errors.is_empty() { Ok(compiled) } else { Err(errors) }
    }

    /// Compiles a folder that is known to keep its contract, for the sender's `manifest` of it. Its other locales are
    /// compiled when they are needed first.
    pub(super) fn compile_trusted(manifest: &Manifest, source: &Arc<Source>) -> Result<Self, Vec<TypeError>> {
        let folder = &source.folder;
        let mut errors = Vec::new();
        let samples = parse_samples(folder, &mut errors);
        let schema = Schema::compile(&folder.schema).map_err(|(line, message)| {
            vec![TypeError::new(&folder.name, "schema.json", message).at_line(line)]
        })?;
        let default = source.rendition(manifest, &manifest.locale)?;
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut others = locales(folder, manifest);
        others.remove(&manifest.locale);
        let others = others.into_iter().map(|locale| (locale, OnceLock::new())).collect();
        Ok(Self::of(manifest.clone(), schema, samples, default, others, Some(Arc::clone(source))))
    }

    fn of(
        manifest: Manifest,
        schema: Schema,
        samples: BTreeMap<String, Value>,
        default: Rendition,
        others: BTreeMap<String, OnceLock<Option<Rendition>>>,
        source: Option<Arc<Source>>,
    ) -> Self {
        Self {
            default,
            others,
            source,
            to: Expression::parse(&manifest.to, Slot::To),
            dedup: Expression::parse(&manifest.dedup, Slot::Dedup),
            when: manifest.when.as_ref().map(|_| Expression::Template(Slot::When)),
            manifest,
            schema,
            samples,
        }
    }

    /// What makes the messages of events that ask for `locale`; `None` if it is broken.
    pub(super) fn rendition_for(&self, locale: Option<&str>) -> Option<&Rendition> {
        self.rendition_in(locale.filter(|_| !self.manifest.fixed_locale))
    }

    /// What makes messages in `locale`, or in the type's own if it does not have that one; `None` if it is broken.
    pub(super) fn rendition_in(&self, locale: Option<&str>) -> Option<&Rendition> {
        match locale.and_then(|wanted| best_match(wanted, || self.locales())) {
            Some(found) if *found != self.manifest.locale => self.other(found),
            _ => Some(&self.default),
        }
    }

    fn other(&self, locale: &str) -> Option<&Rendition> {
        let compile = || {
            let compiled = self.source.as_ref()?.rendition(&self.manifest, locale);
            compiled.map_err(log_broken).ok()
        };
        self.others.get(locale)?.get_or_init(compile).as_ref()
    }

    /// Every locale, the default one first.
    pub(super) fn locales(&self) -> impl Iterator<Item = &String> {
        [&self.manifest.locale].into_iter().chain(self.others.keys())
    }

    /// Whether events that ask for `locale` are written to in it, or in the language it is a variant of.
    pub(super) fn has_locale(&self, locale: &str) -> bool {
        best_match(locale, || self.locales()).is_some()
    }

    /// Every locale with what makes its messages, the default one first.
    pub(super) fn renditions(&self) -> impl Iterator<Item = (&String, &Rendition)> {
        let others = self.others.keys().filter_map(|locale| Some((locale, self.other(locale)?)));
        [(&self.manifest.locale, &self.default)].into_iter().chain(others)
    }

    /// What messages may have been made of so far.
    pub(super) fn renditions_in_use(&self) -> impl Iterator<Item = &Rendition> {
        [&self.default].into_iter().chain(self.others.values().filter_map(|other| other.get()?.as_ref()))
    }

    /// What makes the messages of events that ask for no locale.
    pub(super) fn default_rendition(&self) -> &Rendition {
        &self.default
    }

    /// Every expression of the type with the slot it belongs to.
    pub(super) fn expressions(&self) -> Vec<(Slot, &Expression)> {
        let name = self.default_rendition().to_name.as_ref().map(|name| (Slot::ToName, name));
        let when = self.when.as_ref().map(|when| (Slot::When, when));
        // `when` first: where it is false, no recipient is needed.
        when.into_iter().chain([(Slot::To, &self.to), (Slot::Dedup, &self.dedup)]).chain(name).collect()
    }

    fn build<'a>(
        folder: &'a Folder,
        shared: &'a Shared,
        sender: &Sender,
    ) -> Result<(Self, Origin<'a>), Vec<TypeError>> {
        let name = folder.name.as_str();
        let mut errors = Vec::new();
        let manifest = manifest::parse(name, &folder.manifest).map_err(|wrong| errors.extend(wrong)).ok();
        let schema = Schema::compile(&folder.schema)
            .map_err(|(line, message)| {
                errors.push(TypeError::new(name, "schema.json", message).at_line(line));
            })
            .ok();
        let samples = parse_samples(folder, &mut errors);
        let bodies = Bodies::expand(folder, &shared.files).map_err(|error| errors.push(error)).ok();
        if let Some(bodies) = &bodies {
            // Before the words of any locale are in it, so that one mistake is one error.
            if let Err(error) = mjml::html_template(&bodies.body.text) {
                errors.push(bodies.body.error_at(error.line, error.message));
            }
        }
        let (Some(mut manifest), Some(schema), Some(bodies)) = (manifest, schema, bodies) else {
            return Err(errors);
        };
        manifest.extras = manifest.extras.of_sender(name, &manifest.category, sender, &mut errors);
        let mut origin = Origin { folder, shared, localized: BTreeMap::new() };
        let mut renditions = BTreeMap::new();
        let mut used = BTreeSet::new();
        for locale in locales(folder, &manifest) {
            match bodies.localize(folder, shared, &manifest, &locale, &mut used) {
                Ok(localized) => {
                    match rendition(folder, shared, &manifest, sender, &locale, &localized) {
                        Ok(rendition) => {
                            renditions.insert(locale.clone(), rendition);
                        }
                        Err(error) => errors.push(error),
                    }
                    origin.localized.insert(locale, localized);
                }
                Err(wrong) => errors.extend(wrong),
            }
        }
        errors.extend(origin.localized.values().flat_map(|localized| localized.strings.unused(&used)));
        errors.dedup();
        if !errors.is_empty() {
            return Err(errors);
        }
        let Some(default) = renditions.remove(&manifest.locale) else { return Err(errors) };
        let others = renditions.into_iter().map(|(locale, compiled)| (locale, Some(compiled).into()));
        Ok((Self::of(manifest, schema, samples, default, others.collect(), None), origin))
    }
}

/// Says that a type cannot be used that came with the program.
pub(super) fn log_broken(errors: Vec<TypeError>) {
    for error in errors {
        tracing::error!(%error, "a notification type that came with the program cannot be used");
    }
}

/// The locales a type has: those of its files, and its own.
fn locales(folder: &Folder, manifest: &Manifest) -> BTreeSet<String> {
    folder.locales.keys().cloned().chain([manifest.locale.clone()]).collect()
}

/// The bodies with the layout's parts in them, still in no language.
struct Bodies {
    body: Expanded,
    text: Option<Expanded>,
}

impl Bodies {
    fn expand(folder: &Folder, layout: &Files) -> Result<Self, TypeError> {
        let name = folder.name.as_str();
        let text = folder.text.as_ref().map(|text| expand(name, "body.txt", text, layout));
        Ok(Self { body: expand(name, "body.mjml", &folder.body, layout)?, text: text.transpose()? })
    }

    fn localize(
        &self,
        folder: &Folder,
        shared: &Shared,
        manifest: &Manifest,
        locale: &str,
        used: &mut BTreeSet<String>,
    ) -> Result<Localized, Vec<TypeError>> {
        let Some(formats) = Formats::of(locale) else {
            let message = format!("{locale:?} is not a locale; use a BCP 47 tag such as de or pt-BR");
            return Err(vec![TypeError::new(&folder.name, "locales", message)]);
        };
        let strings = Strings::read(&folder.name, &folder.locales, &shared.files, locale, &formats)?;
        let mut localizer =
            Localizer { strings: &strings, theme: &shared.theme, formats: &formats, used: BTreeSet::new() };
        let mut errors = Vec::new();
        let mut localize = |source: &Expanded, markup: Markup| {
            localizer.localize(source, markup).map_err(|wrong| errors.extend(wrong)).unwrap_or_default()
        };
        let line = line_of(&folder.manifest, "subject").unwrap_or(1);
        let subject = Expanded::one_line(&folder.name, "type.toml", line, &manifest.subject);
        let subject = localize(&subject, Markup::None);
        let body = localize(&self.body, Markup::Mjml);
        let text = self.text.as_ref().map(|text| localize(text, Markup::None));
        used.append(&mut localizer.used);
        if errors.is_empty() { Ok(Localized { strings, subject, body, text }) } else { Err(errors) }
    }
}

fn rendition(
    folder: &Folder,
    shared: &Shared,
    manifest: &Manifest,
    sender: &Sender,
    locale: &str,
    localized: &Localized,
) -> Result<Rendition, TypeError> {
    let html = mjml::html_template(&localized.body.text)
        .map_err(|error| localized.body.error_at(error.line, error.message))?;
    let mut extra: Vec<(Slot, String)> = Vec::new();
    for (slot, source) in [(Slot::To, &manifest.to), (Slot::Dedup, &manifest.dedup)] {
        if let Expression::Template(slot) = Expression::parse(source, slot) {
            extra.push((slot, format!("{{{{ {source} }}}}")));
        }
    }
    extra.extend(manifest.when.as_ref().map(|source| (Slot::When, format!("{{{{ {source} }}}}"))));
    let parts = Templated {
        to_name: manifest.to_name.clone(),
        subject: localized.subject.text.clone(),
        html,
        text: localized.text.as_ref().map(|text| text.text.clone()),
        locale: locale.to_owned(),
        theme: shared.theme.clone(),
    };
    let mut bundle = Bundle::new(parts, sender);
    bundle.extras = manifest.extras.clone();
    Rendition::compile(&bundle, extra).map_err(|error| match error {
        BundleError::Template(slot, error) => template_error(folder, Some(localized), slot, &error),
        BundleError::Unreadable => {
            TypeError::new(&folder.name, "", "its templates and the sender's settings do not fit together")
        }
    })
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
