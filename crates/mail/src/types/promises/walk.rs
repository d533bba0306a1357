//! A walk through a template that knows, at each place, what every name stands for.

use std::collections::BTreeMap;

use minijinja::machinery::Span;
use minijinja::machinery::ast::{Call, CallArg, Expr, Filter, ForLoop, Stmt};
use minijinja::value::ValueKind;

use super::super::nearest::nearest;
use super::shape::{Missing, Shape};
use super::{Broken, Promises, Read};

/// What `sender` has.
const SENDER: [&str; 3] = ["name", "address", "reply_to"];
/// The engine's own names.
const BUILT_IN: [&str; 5] = ["range", "dict", "namespace", "debug", "cycler"];
/// Filters that pass on some or all of a sequence's items.
const PASSING: [&str; 9] =
    ["sort", "reverse", "unique", "list", "selectattr", "rejectattr", "select", "reject", "default"];
/// Filters that take the name of a member of each item.
const BY_MEMBER: [&str; 7] = ["sort", "unique", "map", "selectattr", "rejectattr", "groupby", "sum"];

pub(super) struct Walk<'w, 's> {
    promises: &'w mut Promises<'s>,
    source: &'w str,
    /// The names set so far, the innermost block last.
    scopes: Vec<BTreeMap<String, Shape<'s>>>,
}

impl<'w, 's> Walk<'w, 's> {
    pub(super) fn new(promises: &'w mut Promises<'s>, source: &'w str) -> Self {
        Self { promises, source, scopes: vec![BTreeMap::new()] }
    }

    pub(super) fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitRaw(_) => {}
            Stmt::EmitExpr(emit) => {
                let shape = self.shape(&emit.expr);
                if let Some(kind @ ("an array" | "an object")) = shape.kind() {
                    let expression = self.written(emit.expr.span());
                    let message = format!("`{expression}` is {kind}, which cannot be written as text");
                    self.refuse(emit.expr.span(), message, None);
                }
            }
            Stmt::ForLoop(each) => self.for_loop(each),
            Stmt::IfCond(condition) => {
                self.shape(&condition.expr);
                self.block(&condition.true_body);
                self.block(&condition.false_body);
            }
            Stmt::WithBlock(with) => {
                self.scopes.push(BTreeMap::new());
                for (target, value) in &with.assignments {
                    let shape = self.shape(value);
                    self.bind(target, &shape);
                }
                self.statements(&with.body);
                self.scopes.pop();
            }
            Stmt::Set(set) => {
                let shape = self.shape(&set.expr);
                self.bind(&set.target, &shape);
            }
            Stmt::SetBlock(set) => {
                self.block(&set.body);
                self.bind(&set.target, &Shape::Any);
            }
            Stmt::AutoEscape(escape) => {
                self.shape(&escape.enabled);
                self.block(&escape.body);
            }
            Stmt::FilterBlock(filtered) => {
                self.shape(&filtered.filter);
                self.block(&filtered.body);
            }
            Stmt::Macro(defined) => {
                self.name(defined.name, Shape::Any);
                self.scopes.push(BTreeMap::new());
                defined.defaults.iter().for_each(|default| {
                    self.shape(default);
                });
                defined.args.iter().for_each(|argument| self.bind(argument, &Shape::Any));
                self.name("caller", Shape::Any);
                self.statements(&defined.body);
                self.scopes.pop();
            }
            Stmt::CallBlock(block) => {
                self.call(&block.call);
                self.block(&block.macro_decl.body);
            }
            Stmt::Do(done) => {
                self.call(&done.call);
            }
            Stmt::Block(block) => self.refuse_foreign(block.span()),
            Stmt::Import(import) => self.refuse_foreign(import.span()),
            Stmt::FromImport(import) => self.refuse_foreign(import.span()),
            Stmt::Extends(extends) => self.refuse_foreign(extends.span()),
            Stmt::Include(include) => self.refuse_foreign(include.span()),
        }
    }

    /// A template stands alone when it runs; parts of the layout are put in before.
    fn refuse_foreign(&mut self, span: Span) {
        let words =
            "templates cannot extend, import or include one another; `_layout` has the parts they share";
        self.refuse(span, words.to_owned(), None);
    }

    fn statements(&mut self, statements: &[Stmt<'_>]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    fn block(&mut self, statements: &[Stmt<'_>]) {
        self.scopes.push(BTreeMap::new());
        self.statements(statements);
        self.scopes.pop();
    }

    fn for_loop(&mut self, each: &ForLoop<'_>) {
        let sequence = self.shape(&each.iter);
        let items = sequence.items().unwrap_or_else(|missing| {
            if let Missing::Kind(kind) = missing {
                let expression = self.written(each.iter.span());
                let message = format!("`{expression}` is {kind}; a loop needs an array");
                self.refuse(each.iter.span(), message, None);
            }
            Shape::Any
        });
        self.scopes.push(BTreeMap::new());
        self.name("loop", Shape::Any);
        self.bind(&each.target, &items);
        each.filter_expr.iter().for_each(|filter| {
            self.shape(filter);
        });
        self.statements(&each.body);
        self.scopes.pop();
        self.block(&each.else_body);
    }

    /// What an expression stands for; everything it reads is checked on the way.
    pub(super) fn shape(&mut self, expression: &Expr<'_>) -> Shape<'s> {
        match expression {
            Expr::Var(variable) => self.variable(variable.id, expression.span()),
            Expr::Const(_) => Shape::Any,
            Expr::GetAttr(attribute) if self.is_word(&attribute.expr) => {
                let message = "a string stands alone, on one line: {{ t.name }} or {{ t.name(NUMBER) }}";
                self.refuse(expression.span(), message.to_owned(), None);
                Shape::Any
            }
            Expr::GetAttr(attribute) => {
                let base = self.shape(&attribute.expr);
                self.member(&base, attribute.name, expression.span())
            }
            Expr::GetItem(item) => {
                let base = self.shape(&item.expr);
                self.shape(&item.subscript_expr);
                match item.subscript_expr.as_const() {
                    Some(name) if name.kind() == ValueKind::String => {
                        self.member(&base, name.as_str().unwrap_or_default(), expression.span())
                    }
                    Some(name) if name.kind() == ValueKind::Number => base.items().unwrap_or(Shape::Any),
                    _ => Shape::Any,
                }
            }
            Expr::Slice(slice) => {
                [&slice.start, &slice.stop, &slice.step].into_iter().flatten().for_each(|part| {
                    self.shape(part);
                });
                self.shape(&slice.expr)
            }
            Expr::UnaryOp(operation) => {
                self.shape(&operation.expr);
                Shape::Any
            }
            Expr::BinOp(operation) => {
                self.shape(&operation.left);
                self.shape(&operation.right);
                Shape::Any
            }
            Expr::Compare(comparison) => {
                self.shape(&comparison.expr);
                comparison.ops.iter().for_each(|operand| {
                    self.shape(&operand.expr);
                });
                Shape::Any
            }
            Expr::IfExpr(choice) => {
                self.shape(&choice.test_expr);
                let shape = self.shape(&choice.true_expr);
                match &choice.false_expr {
                    Some(other) => {
                        self.shape(other);
                        Shape::Any
                    }
                    None => shape,
                }
            }
            Expr::Filter(filter) => self.filter(filter),
            Expr::Test(test) => {
                self.shape(&test.expr);
                self.arguments(&test.args);
                Shape::Any
            }
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.all(&list.items),
            Expr::Tuple(tuple) => self.all(&tuple.items),
            Expr::Map(map) => {
                self.all(&map.keys);
                self.all(&map.values)
            }
        }
    }

    fn filter(&mut self, filter: &Filter<'_>) -> Shape<'s> {
        let shape = filter.expr.as_ref().map_or(Shape::Any, |expression| self.shape(expression));
        self.arguments(&filter.args);
        if BY_MEMBER.contains(&filter.name) {
            let named = filter.args.iter().find_map(|argument| match argument {
                CallArg::Kwarg("attribute", value) => Some(value),
                CallArg::Pos(value) if filter.name.ends_with("attr") || filter.name == "groupby" => {
                    Some(value)
                }
                _ => None,
            });
            let path = named.and_then(|value| Some((value.as_const()?, value.span())));
            if let (Some((path, span)), Ok(mut item)) = (path, shape.items()) {
                for name in path.as_str().into_iter().flat_map(|path| path.split('.')) {
                    item = self.member(&item, name, span);
                }
            }
        }
        match filter.name {
            name if PASSING.contains(&name) => shape,
            "first" | "last" => shape.items().unwrap_or(Shape::Any),
            _ => Shape::Any,
        }
    }

    fn call(&mut self, call: &Call<'_>) -> Shape<'s> {
        self.shape(&call.expr);
        self.arguments(&call.args);
        Shape::Any
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>]) {
        for argument in arguments {
            match argument {
                CallArg::Pos(value)
                | CallArg::Kwarg(_, value)
                | CallArg::PosSplat(value)
                | CallArg::KwargSplat(value) => {
                    self.shape(value);
                }
            }
        }
    }

    fn all(&mut self, expressions: &[Expr<'_>]) -> Shape<'s> {
        expressions.iter().for_each(|expression| {
            self.shape(expression);
        });
        Shape::Any
    }

    fn variable(&mut self, name: &str, span: Span) -> Shape<'s> {
        if let Some(shape) = self.scopes.iter().rev().find_map(|scope| scope.get(name)) {
            return shape.clone();
        }
        match name {
            "sender" => Shape::Members(SENDER.map(str::to_owned).into()),
            "theme" => Shape::Members(self.promises.theme.clone()),
            _ if BUILT_IN.contains(&name) => Shape::Any,
            _ => match self.promises.root().member(name) {
                Ok(shape) => {
                    self.note(&shape, span);
                    shape
                }
                Err(_) => {
                    let message = format!("the variable `{name}` is not a property in schema.json");
                    let known = self.promises.root().known_members();
                    let local = self.scopes.iter().flat_map(BTreeMap::keys);
                    let found = nearest(name, known.iter().chain(local).map(String::as_str));
                    self.refuse(span, message, found);
                    Shape::Any
                }
            },
        }
    }

    /// Whether an expression is the `t` of the strings: all that stood as they should have been put in before.
    fn is_word(&self, expression: &Expr<'_>) -> bool {
        let is_free = || !self.scopes.iter().any(|scope| scope.contains_key("t"));
        matches!(expression, Expr::Var(variable) if variable.id == "t") && is_free()
    }

    fn member(&mut self, base: &Shape<'s>, name: &str, span: Span) -> Shape<'s> {
        let expression = self.written(span);
        match base.member(name) {
            Ok(shape) => {
                self.note(&shape, span);
                return shape;
            }
            Err(Missing::Unpromised { known }) => {
                let found = nearest(name, known.iter().map(String::as_str));
                let message = match base {
                    Shape::Members(_) => format!("`{expression}`: there is no `{name}`"),
                    _ => format!("`{expression}`: schema.json promises no `{name}` there"),
                };
                self.refuse(span, message, found);
            }
            Err(Missing::Kind(kind)) => {
                let message =
                    format!("`{expression}`: what has the member `{name}` here is {kind} in schema.json");
                self.refuse(span, message, None);
            }
        }
        Shape::Any
    }

    fn note(&mut self, shape: &Shape<'s>, span: Span) {
        if let Shape::Data { path, .. } = shape {
            let read = Read { line: usize::from(span.start_line), expression: self.written(span) };
            self.promises.read.entry(path.clone()).or_insert(read);
        }
    }

    fn bind(&mut self, target: &Expr<'_>, shape: &Shape<'s>) {
        match target {
            Expr::Var(variable) => self.name(variable.id, shape.clone()),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|part| self.bind(part, &Shape::Any)),
            Expr::List(list) => list.items.iter().for_each(|part| self.bind(part, &Shape::Any)),
            _ => {}
        }
    }

    fn name(&mut self, name: &str, shape: Shape<'s>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_owned(), shape);
        }
    }

    fn written(&self, span: Span) -> String {
        let range = span.start_offset as usize..span.end_offset as usize;
        self.source.get(range).unwrap_or_default().trim().chars().take(80).collect()
    }

    fn refuse(&mut self, span: Span, message: String, nearest: Option<String>) {
        let broken =
            Broken { line: usize::from(span.start_line), expression: self.written(span), message, nearest };
        if !self.promises.broken.contains(&broken) {
            self.promises.broken.push(broken);
        }
    }
}
