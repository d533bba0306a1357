//! What the schema says of a value.

use std::collections::BTreeSet;

use serde_json::Value;

/// Steps from one schema to another through `$ref`, `allOf` and their like that are followed.
const STEPS_MAX: usize = 16;

/// What is known of a value in a template.
#[derive(Clone, Debug)]
pub(super) enum Shape<'s> {
    /// A part of the data, described by schemas, any of which may hold.
    Data { root: &'s Value, schemas: Vec<&'s Value>, path: Vec<String> },
    /// A value with these members, which is not data.
    Members(BTreeSet<String>),
    /// Nothing: a number, the result of a filter.
    Any,
}

/// Why a member or the items of a value cannot be had.
pub(super) enum Missing {
    /// The schema describes the value, and this member is not among its own.
    Unpromised { known: BTreeSet<String> },
    /// The value is of another kind, such as "a string".
    Kind(&'static str),
}

impl<'s> Shape<'s> {
    /// The data that `schema` describes.
    pub(super) fn schema(root: &'s Value, schema: &'s Value, path: Vec<String>) -> Self {
        let mut schemas = Vec::new();
        flatten(root, schema, STEPS_MAX, &mut schemas);
        Self::Data { root, schemas, path }
    }

    /// The member `name` of the value.
    pub(super) fn member(&self, name: &str) -> Result<Self, Missing> {
        let (root, schemas, path) = match self {
            Self::Any => return Ok(Self::Any),
            Self::Members(known) if known.contains(name) => return Ok(Self::Any),
            Self::Members(known) => return Err(Missing::Unpromised { known: known.clone() }),
            Self::Data { root, schemas, path } => (*root, schemas, path),
        };
        let mut found = Vec::new();
        for schema in schemas {
            let of_its_own = schema.get("properties").and_then(|properties| properties.get(name));
            let described = of_its_own
                .or_else(|| schema.get("additionalProperties").filter(|described| described.is_object()));
            if let Some(described) = described {
                flatten(root, described, STEPS_MAX, &mut found);
            }
        }
        if !found.is_empty() {
            let path = path.iter().cloned().chain([name.to_owned()]).collect();
            return Ok(Self::Data { root, schemas: found, path });
        }
        match self.kind() {
            Some(kind) if kind != "an object" => Err(Missing::Kind(kind)),
            _ => Err(Missing::Unpromised { known: self.known_members() }),
        }
    }

    /// What a loop over the value goes through.
    pub(super) fn items(&self) -> Result<Self, Missing> {
        let Self::Data { root, schemas, path } = self else { return Ok(Self::Any) };
        match self.kind() {
            Some("an array") => {}
            // A loop over an object goes through its names.
            Some("an object") | None => return Ok(Self::Any),
            Some(kind) => return Err(Missing::Kind(kind)),
        }
        let mut found = Vec::new();
        for items in schemas.iter().filter_map(|schema| schema.get("items")) {
            flatten(root, items, STEPS_MAX, &mut found);
        }
        let path = path.iter().cloned().chain(["*".to_owned()]).collect();
        Ok(Self::Data { root, schemas: found, path })
    }

    /// "an array" and the like, where the schema allows one kind only.
    pub(super) fn kind(&self) -> Option<&'static str> {
        let Self::Data { schemas, .. } = self else { return None };
        let kinds: BTreeSet<&str> = schemas.iter().filter_map(|schema| kind_of(schema)).collect();
        match kinds.into_iter().collect::<Vec<_>>().as_slice() {
            ["array"] => Some("an array"),
            ["object"] => Some("an object"),
            ["string"] => Some("a string"),
            ["number" | "integer"] => Some("a number"),
            ["boolean"] => Some("true or false"),
            _ => None,
        }
    }

    /// The members the schema names.
    pub(super) fn known_members(&self) -> BTreeSet<String> {
        let Self::Data { schemas, .. } = self else { return BTreeSet::new() };
        let properties = schemas.iter().filter_map(|schema| schema.get("properties")?.as_object());
        properties.flat_map(|properties| properties.keys().cloned()).collect()
    }
}

fn kind_of(schema: &Value) -> Option<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => Some(kind),
        // Several kinds: none of them is certain.
        Some(_) => Some("several"),
        None if schema.get("properties").is_some() => Some("object"),
        None => None,
    }
}

/// The schema with everything it refers to.
fn flatten<'s>(root: &'s Value, schema: &'s Value, steps: usize, found: &mut Vec<&'s Value>) {
    if steps == 0 {
        return;
    }
    found.push(schema);
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    if let Some(next) = target.and_then(|pointer| root.pointer(pointer)) {
        flatten(root, next, steps - 1, found);
    }
    for several in ["allOf", "anyOf", "oneOf"] {
        for next in schema.get(several).and_then(Value::as_array).into_iter().flatten() {
            flatten(root, next, steps - 1, found);
        }
    }
    for one in ["then", "else"] {
        if let Some(next) = schema.get(one) {
            flatten(root, next, steps - 1, found);
        }
    }
}
