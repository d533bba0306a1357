//! The promise between a schema and the templates: whatever the schema accepts, the templates can render.
//!
//! It is kept in four ways. Every variable a template reads must be promised by the schema, nested ones and those of
//! loops too. Every sample must be valid and render in every locale. What templates read must be in some sample. And
//! samples must still render when what the schema calls optional is left out, all of it and each part alone: that is the
//! order some customer is going to place.

use std::collections::{BTreeMap, BTreeSet};

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::problem::FieldError;
use serde_json::{Map, Value};

use crate::render::expression::{Expression, ExpressionError};
use crate::render::templates::{RESERVED_NAMES, RenderError, Slot};

use super::catalog::is_true;
use super::error::{TypeError, line_of};
use super::nearest::nearest;
use super::notification_type::{Localized, NotificationType, Origin};
use super::place::{located, template_error};
use super::promises::{Broken, Promises, Read};
use super::rendition::Rendition;
use super::source::Folder;

/// Steps from one schema to another through `$ref` that are followed.
const REFERENCES_MAX: usize = 16;

/// Everything in which a type breaks the promise.
pub(super) fn check(origin: &Origin<'_>, compiled: &NotificationType) -> Vec<TypeError> {
    let mut errors = Vec::new();
    check_reserved(origin.folder, &compiled.schema.document, &mut errors);
    check_variables(origin, compiled, &mut errors);
    if !errors.is_empty() {
        return errors;
    }
    for (sample, data) in &compiled.samples {
        let file = format!("samples/{sample}.json");
        let mut wrong = Vec::new();
        compiled.schema.check(data, "", &mut wrong);
        errors.extend(wrong.iter().map(|field| sample_error(origin.folder, &file, field)));
    }
    if !errors.is_empty() {
        return errors;
    }
    for (locale, rendition) in compiled.renditions() {
        let known = known_names(&compiled.schema.document);
        let place = origin.localized.get(locale);
        let errors_before = errors.len();
        for (sample, data) in &compiled.samples {
            if let Err((slot, error)) = render_all(compiled, rendition, data) {
                let in_locale =
                    if origin.localized.len() > 1 { format!(" in {locale}") } else { String::new() };
                let message = format!("{} (with samples/{sample}.json{in_locale})", error.message);
                let words = RenderError { message, ..error.clone() };
                let error = template_error(origin.folder, place, slot, &words);
                errors.push(error.with_nearest(suggest(&words, &known)));
            }
        }
        if errors.len() == errors_before {
            errors.extend(check_without_optional(origin.folder, place, compiled, rendition));
        }
    }
    errors
}

fn check_reserved(folder: &Folder, schema: &Value, errors: &mut Vec<TypeError>) {
    let declared = schema.get("properties").and_then(Value::as_object);
    for name in
        RESERVED_NAMES.iter().filter(|name| declared.is_some_and(|declared| declared.contains_key(**name)))
    {
        let message = format!("the property {name:?} cannot be used: templates know the sender by that name");
        let line = line_of(&folder.schema, &format!("\"{name}\""));
        errors.push(TypeError::new(&folder.name, "schema.json", message).at_line(line));
    }
}

/// Every template of every locale and every expression, held against the schema and the samples.
fn check_variables(origin: &Origin<'_>, compiled: &NotificationType, errors: &mut Vec<TypeError>) {
    let schema = &compiled.schema.document;
    let promises = || Promises::new(schema, origin.shared.theme.keys());
    let mut found: Vec<TypeError> = Vec::new();
    let mut read = BTreeMap::new();
    let manifest = &compiled.manifest;
    let expressions = [
        (Slot::To, Some(&manifest.to)),
        (Slot::ToName, manifest.to_name.as_ref()),
        (Slot::Dedup, Some(&manifest.dedup)),
        (Slot::When, manifest.when.as_ref()),
    ];
    for (slot, expression) in expressions.into_iter().filter_map(|(slot, source)| Some((slot, source?))) {
        let mut promises = promises();
        promises.expression(expression);
        collect(origin.folder, None, slot, promises, &mut found, &mut read);
    }
    for localized in origin.localized.values() {
        let templates = [
            (Slot::Subject, Some(&localized.subject)),
            (Slot::Html, Some(&localized.body)),
            (Slot::Text, localized.text.as_ref()),
        ];
        for (slot, template) in templates.into_iter().filter_map(|(slot, source)| Some((slot, source?))) {
            let mut promises = promises();
            promises.template(&template.text);
            collect(origin.folder, Some(localized), slot, promises, &mut found, &mut read);
        }
    }
    if found.is_empty() {
        // What no sample has, nothing has rendered.
        for (path, error) in read {
            if !compiled.samples.values().any(|data| has(data, &path)) {
                found.push(error);
            }
        }
    }
    for error in found {
        if !errors.contains(&error) {
            errors.push(error);
        }
    }
}

fn collect(
    folder: &Folder,
    localized: Option<&Localized>,
    slot: Slot,
    promises: Promises<'_>,
    found: &mut Vec<TypeError>,
    read: &mut BTreeMap<Vec<String>, TypeError>,
) {
    let error = |line: usize, expression: &str, message: String| {
        located(folder, localized, slot, Some(line), Some(expression), message)
    };
    for Broken { line, expression, message, nearest } in promises.broken {
        found.push(error(line, &expression, message).with_nearest(nearest));
    }
    for (path, Read { line, expression }) in promises.read {
        let message = format!(
            "no sample has `{}`, so nothing shows that `{expression}` renders; add it to a sample",
            path.join(".")
        );
        read.entry(path).or_insert_with(|| error(line, &expression, message));
    }
}

/// Whether `data` has something at `path`, where `*` stands for any item of an array.
fn has(data: &Value, path: &[String]) -> bool {
    match (path.split_first(), data) {
        (None, _) => true,
        (Some((first, rest)), Value::Array(items)) if first == "*" => {
            items.iter().any(|item| has(item, rest))
        }
        (Some((first, rest)), _) => data.get(first).is_some_and(|member| has(member, rest)),
    }
}

fn sample_error(folder: &Folder, file: &str, field: &FieldError) -> TypeError {
    let place = if field.pointer.is_empty() { "the document" } else { field.pointer.as_str() };
    TypeError::new(&folder.name, file, format!("{place} {}", field.message))
}

/// Renders and evaluates everything the type has, as planning and composing will.
fn render_all(
    compiled: &NotificationType,
    rendition: &Rendition,
    data: &Value,
) -> Result<(), (Slot, RenderError)> {
    let plain = |message: String| RenderError { message, line: None, expression: None, too_large: false };
    let templates = &compiled.default_rendition().templates;
    let mut is_wanted = true;
    // The expressions are those of all locales, so one of them tries them.
    let is_default = rendition.id == compiled.default_rendition().id;
    for (slot, expression) in compiled.expressions().into_iter().filter(|_| is_default) {
        let value =
            expression.evaluate(data, templates).map_err(|error| (slot, plain(named(expression, &error))))?;
        match slot {
            Slot::When => is_wanted = is_true(&value),
            Slot::To if is_wanted => {
                EmailAddress::parse(&value)
                    .map_err(|error| (slot, plain(format!("the recipient {error}"))))?;
            }
            _ => {}
        }
    }
    rendition.render(data, None).map(|_| ())
}

fn named(expression: &Expression, error: &ExpressionError) -> String {
    match expression {
        Expression::Path(_) => format!("`{}` {error}", expression.pointer()),
        Expression::Template(_) => error.to_string(),
    }
}

/// The first error that leaving out something optional brings to light.
fn check_without_optional(
    folder: &Folder,
    localized: Option<&Localized>,
    compiled: &NotificationType,
    rendition: &Rendition,
) -> Option<TypeError> {
    let schema = &compiled.schema.document;
    let mut tried = BTreeSet::new();
    for (sample, data) in &compiled.samples {
        let mut optional = BTreeSet::new();
        collect_optional(schema, schema, data, &mut Vec::new(), &mut optional);
        // One part alone is left out of the first sample that has it.
        let each = optional.iter().filter(|path| tried.insert((*path).clone()));
        let each: Vec<_> = each.map(|path| BTreeSet::from([path.clone()])).collect();
        for left_out in std::iter::once(optional.clone()).chain(each) {
            let mut data = data.clone();
            left_out.iter().for_each(|path| remove(&mut data, path));
            let mut wrong = Vec::new();
            compiled.schema.check(&data, "", &mut wrong);
            if !wrong.is_empty() {
                // The schema demands it after all, by a rule other than `required`.
                continue;
            }
            if let Err((slot, error)) = render_all(compiled, rendition, &data) {
                let what = match left_out.iter().next() {
                    Some(path) if left_out.len() == 1 => format!("`{}`", path.join(".")),
                    _ => "everything optional".to_owned(),
                };
                let message = format!(
                    "{} when samples/{sample}.json leaves out {what}, which schema.json does not require; test it \
                     with `is defined`, or require it",
                    error.message
                );
                return Some(template_error(folder, localized, slot, &RenderError { message, ..error }));
            }
        }
    }
    None
}

/// Every path in `data` that `schema` describes and does not require. `*` stands for each item of an array.
fn collect_optional(
    root: &Value,
    schema: &Value,
    data: &Value,
    path: &mut Vec<String>,
    optional: &mut BTreeSet<Vec<String>>,
) {
    let schema = follow(root, schema);
    match data {
        Value::Object(members) => {
            let required: Vec<&str> = schema
                .get("required")
                .and_then(Value::as_array)
                .map(|names| names.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default();
            for (name, member) in members {
                path.push(name.clone());
                if !required.contains(&name.as_str()) {
                    optional.insert(path.clone());
                }
                if let Some(inner) = schema.get("properties").and_then(|properties| properties.get(name)) {
                    collect_optional(root, inner, member, path, optional);
                }
                path.pop();
            }
        }
        Value::Array(items) => {
            if let Some(inner) = schema.get("items") {
                path.push("*".to_owned());
                items.iter().for_each(|item| collect_optional(root, inner, item, path, optional));
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn follow<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..REFERENCES_MAX {
        let target =
            schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        match target.and_then(|pointer| root.pointer(pointer)) {
            Some(next) => schema = next,
            None => break,
        }
    }
    schema
}

fn remove(data: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    match data {
        Value::Array(items) if first == "*" => items.iter_mut().for_each(|item| remove(item, rest)),
        Value::Object(members) if rest.is_empty() => {
            members.remove(first);
        }
        Value::Object(members) => {
            if let Some(member) = members.get_mut(first) {
                remove(member, rest);
            }
        }
        _ => {}
    }
}

/// Every property name anywhere in the schema.
fn known_names(schema: &Value) -> BTreeSet<String> {
    fn collect(members: &Map<String, Value>, names: &mut BTreeSet<String>) {
        for (key, member) in members {
            if let (true, Some(properties)) = (key == "properties", member.as_object()) {
                names.extend(properties.keys().cloned());
            }
            member.as_object().into_iter().for_each(|inner| collect(inner, names));
        }
    }
    let mut names = BTreeSet::new();
    schema.as_object().into_iter().for_each(|members| collect(members, &mut names));
    names
}

/// The property that an undefined expression such as `item.nmae` probably meant.
fn suggest(error: &RenderError, known: &BTreeSet<String>) -> Option<String> {
    let expression = error.expression.as_deref()?;
    let last = expression.split(['|', ' ']).next()?.rsplit('.').next()?;
    if known.contains(last) { None } else { nearest(last, known.iter().map(String::as_str)) }
}
