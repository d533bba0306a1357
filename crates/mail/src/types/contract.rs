//! The promise between a schema and the templates: whatever the schema accepts, the templates can render.
//!
//! It is kept in three ways. Every variable a template reads must be a property of the schema. Every sample must be
//! valid and render. And every sample must still render when what the schema calls optional is left out, all of it
//! and each part alone: that is the order some customer is going to place.

use std::collections::BTreeSet;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::problem::FieldError;
use serde_json::{Map, Value};

use crate::render::expression::Expression;
use crate::render::templates::{RESERVED_NAMES, RenderError, Slot};

use super::error::{TypeError, line_of};
use super::nearest::nearest;
use super::notification_type::{NotificationType, template_error};
use super::source::Folder;

/// Steps from one schema to another through `$ref` that are followed.
const REFERENCES_MAX: usize = 16;

/// Everything in which `folder` breaks the promise.
pub(super) fn check(folder: &Folder, compiled: &NotificationType) -> Vec<TypeError> {
    let mut errors = Vec::new();
    let known = known_names(&compiled.schema.document);
    check_reserved(folder, &compiled.schema.document, &mut errors);
    check_variables(folder, compiled, &mut errors);
    if !errors.is_empty() {
        return errors;
    }
    for (sample, data) in &compiled.samples {
        let file = format!("samples/{sample}.json");
        let mut wrong = Vec::new();
        compiled.schema.check(data, "", &mut wrong);
        if !wrong.is_empty() {
            errors.extend(wrong.iter().map(|field| sample_error(folder, &file, field)));
            continue;
        }
        if let Err((slot, error)) = render_all(compiled, data) {
            let words = RenderError { message: format!("{} (with {file})", error.message), ..error.clone() };
            errors.push(template_error(folder, slot, &words).with_nearest(suggest(&error, &known)));
            continue;
        }
        errors.extend(check_without_optional(folder, compiled, &file, data));
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

fn check_variables(folder: &Folder, compiled: &NotificationType, errors: &mut Vec<TypeError>) {
    let Some(properties) = compiled.schema.document.get("properties").and_then(Value::as_object) else {
        return;
    };
    let refuse = |slot: Slot, name: &str| {
        let error = RenderError {
            message: format!("the variable `{name}` is not a property in schema.json"),
            line: None,
            expression: Some(name.to_owned()),
            too_large: false,
        };
        let found = nearest(name, properties.keys().map(String::as_str));
        let source = folder.text.as_deref().unwrap_or_default();
        let line = line_of(source, name);
        let error = RenderError { line, ..error };
        template_error(folder, slot, &error).with_nearest(found)
    };
    for slot in [Slot::To, Slot::ToName, Slot::Dedup, Slot::Subject, Slot::Html, Slot::Text] {
        let names = compiled.rendition.templates.variables(slot);
        errors.extend(
            names.iter().filter(|name| !properties.contains_key(*name)).map(|name| refuse(slot, name)),
        );
    }
    for (slot, expression) in compiled.expressions() {
        if let Expression::Path(names) = expression {
            errors.extend(
                names.first().filter(|name| !properties.contains_key(*name)).map(|name| refuse(slot, name)),
            );
        }
    }
}

fn sample_error(folder: &Folder, file: &str, field: &FieldError) -> TypeError {
    let place = if field.pointer.is_empty() { "the document" } else { field.pointer.as_str() };
    TypeError::new(&folder.name, file, format!("{place} {}", field.message))
}

/// Renders and evaluates everything the type has, as planning and composing will.
fn render_all(compiled: &NotificationType, data: &Value) -> Result<(), (Slot, RenderError)> {
    let plain = |message: String| RenderError { message, line: None, expression: None, too_large: false };
    for (slot, expression) in compiled.expressions() {
        let value = expression
            .evaluate(data, &compiled.rendition.templates)
            .map_err(|error| (slot, plain(format!("`{}` {error}", expression.pointer()))))?;
        if slot == Slot::To {
            EmailAddress::parse(&value).map_err(|error| (slot, plain(format!("the recipient {error}"))))?;
        }
    }
    compiled.rendition.render(data).map(|_| ())
}

fn check_without_optional(
    folder: &Folder,
    compiled: &NotificationType,
    file: &str,
    data: &Value,
) -> Option<TypeError> {
    let schema = &compiled.schema.document;
    let mut optional = BTreeSet::new();
    collect_optional(schema, schema, data, &mut Vec::new(), &mut optional);
    let each = optional.iter().map(|path| BTreeSet::from([path.clone()]));
    for left_out in std::iter::once(optional.clone()).chain(each) {
        let mut data = data.clone();
        left_out.iter().for_each(|path| remove(&mut data, path));
        let mut wrong = Vec::new();
        compiled.schema.check(&data, "", &mut wrong);
        if !wrong.is_empty() {
            // The schema demands it after all, by a rule other than `required`.
            continue;
        }
        if let Err((slot, error)) = render_all(compiled, &data) {
            let what = match left_out.iter().next() {
                Some(path) if left_out.len() == 1 => format!("`{}`", path.join(".")),
                _ => "everything optional".to_owned(),
            };
            let message = format!(
                "{} when {file} leaves out {what}, which schema.json does not require; test it with `is defined`, or \
                 require it",
                error.message
            );
            return Some(template_error(folder, slot, &RenderError { message, ..error }));
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
