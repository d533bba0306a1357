//! An event's JSON as template values, with every digit of its numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value as TemplateValue;
use serde_json::Value;

/// The value a template sees for `value`.
///
/// Numbers that are whole become integers; all others become the text they came as, because a template has no
/// decimal type and a float would lose digits. The filters `money` and `number` read both.
#[must_use]
pub fn template_value(value: &Value) -> TemplateValue {
    match value {
        Value::Null => TemplateValue::from(()),
        Value::Bool(flag) => TemplateValue::from(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => TemplateValue::from(whole),
            None => TemplateValue::from(number.as_str()),
        },
        Value::String(text) => TemplateValue::from(text.as_str()),
        Value::Array(items) => items.iter().map(template_value).collect::<Vec<_>>().into(),
        Value::Object(_) => TemplateValue::from(members(value)),
    }
}

/// The members of `data` as top-level variables; empty unless it is an object.
pub(crate) fn members(data: &Value) -> BTreeMap<Arc<str>, TemplateValue> {
    data.as_object()
        .into_iter()
        .flatten()
        .map(|(name, member)| (Arc::from(name.as_str()), template_value(member)))
        .collect()
}
