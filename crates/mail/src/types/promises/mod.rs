//! Every variable a template reads, held against the schema before anything is rendered: nested members, loops and
//! what is set on the way included, also in branches no sample takes.

mod shape;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use minijinja::machinery::{parse, parse_expr};
use serde_json::Value;

use crate::render::templates::syntax;
use shape::Shape;
use walk::Walk;

/// One variable that is not what the schema promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// Line of the template, counted from 1.
    pub(super) line: usize,
    /// The expression, as written.
    pub(super) expression: String,
    /// What is wrong with it.
    pub(super) message: String,
    /// The known name that was probably meant.
    pub(super) nearest: Option<String>,
}

/// What templates may read.
pub(super) struct Promises<'s> {
    schema: &'s Value,
    theme: BTreeSet<String>,
    /// The paths that were read, `*` standing for each item of an array, with where each was first read.
    pub(super) read: BTreeMap<Vec<String>, Read>,
    pub(super) broken: Vec<Broken>,
}

/// Where a path was read.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) line: usize,
    pub(super) expression: String,
}

impl<'s> Promises<'s> {
    pub(super) fn new(schema: &'s Value, theme: impl Iterator<Item = &'s String>) -> Self {
        Self { schema, theme: theme.cloned().collect(), read: BTreeMap::new(), broken: Vec::new() }
    }

    /// Walks a template. One that does not parse says nothing here: compiling it has said so.
    pub(super) fn template(&mut self, source: &str) {
        if let Ok(statement) = parse(source, "template", syntax()) {
            let mut walk = Walk::new(self, source);
            walk.statement(&statement);
        }
    }

    /// Walks an expression of the manifest.
    pub(super) fn expression(&mut self, source: &str) {
        if let Ok(expression) = parse_expr(source) {
            let mut walk = Walk::new(self, source);
            walk.shape(&expression);
        }
    }

    fn root(&self) -> Shape<'s> {
        Shape::schema(self.schema, self.schema, Vec::new())
    }
}
