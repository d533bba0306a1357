//! From templates and an event's data to a subject and two bodies.
//!
//! Everything here is pure: the same templates and data give the same text. MJML becomes an HTML template once, when
//! a type is loaded; a message costs only a MiniJinja rendering.

pub mod data;
pub mod date;
pub mod expression;
mod filters;
pub mod formats;
pub mod mjml;
pub mod money;
pub mod plain_text;
pub mod templates;
pub mod wrap;
