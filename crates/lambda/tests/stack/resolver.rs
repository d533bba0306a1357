//! What a template means with parameters, worked out apart from the emulator, so that the two can disagree.

use std::collections::BTreeMap;

use postrider_testkit::emulator::{Account, REGION};
use serde_json::{Map, Value, json};

use crate::installation::Parameters;

/// A template, its parameters, and what its resources are called.
pub struct Resolver<'a> {
    template: &'a Value,
    values: BTreeMap<String, Value>,
    resources: &'a Value,
}

impl<'a> Resolver<'a> {
    /// Of a stack that the emulator shows, with the parameters it was deployed with.
    pub fn new(account: &Account, shown: &'a Value, parameters: &Parameters) -> Self {
        let template = &shown["template"];
        let mut values = BTreeMap::new();
        for (name, declared) in template["Parameters"].as_object().unwrap() {
            let given = parameters.get(name).cloned();
            let text = given.unwrap_or_else(|| text(&declared["Default"]));
            let value = if declared["Type"] == "CommaDelimitedList" {
                text.split(',').map(str::trim).collect::<Vec<_>>().into()
            } else {
                text.into()
            };
            values.insert(name.clone(), value);
        }
        let pseudo = [
            ("AWS::AccountId", account.number()),
            ("AWS::Partition", "aws"),
            ("AWS::Region", REGION),
            ("AWS::URLSuffix", "amazonaws.com"),
        ];
        values.extend(pseudo.map(|(name, value)| (name.to_owned(), value.into())));
        Self { template, values, resources: &shown["resources"] }
    }

    /// Every resource whose condition holds, with its properties.
    pub fn resources(&self) -> BTreeMap<String, Value> {
        let declared = self.template["Resources"].as_object().unwrap();
        let present =
            declared.iter().filter(|(_, one)| one["Condition"].as_str().is_none_or(|it| self.is_met(it)));
        let properties =
            |one: &Value| one.get("Properties").map_or_else(|| json!({}), |it| self.value(it).unwrap());
        let mut all = present.map(|(name, one)| (name.clone(), properties(one))).collect();
        self.add_rules_of_others(&mut all);
        all
    }

    /// A security group has its own rules, and those that other resources give it.
    fn add_rules_of_others(&self, all: &mut BTreeMap<String, Value>) {
        let kind = |name: &str| self.template["Resources"][name]["Type"].as_str().unwrap();
        let rules: Vec<Value> = all
            .iter()
            .filter(|(name, _)| kind(name) == "AWS::EC2::SecurityGroupEgress")
            .map(|(_, rule)| rule.clone())
            .collect();
        for mut rule in rules {
            let group = rule.as_object_mut().and_then(|it| it.remove("GroupId")).unwrap();
            for (name, properties) in all.iter_mut() {
                if self.resources[name]["physicalId"] == group {
                    properties["SecurityGroupEgress"].as_array_mut().unwrap().push(rule.clone());
                }
            }
        }
    }

    /// A value without functions; nothing where it is `AWS::NoValue`.
    fn value(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(items) => Some(items.iter().filter_map(|item| self.value(item)).collect()),
            Value::Object(fields) => match fields.iter().next() {
                Some((name, operand)) if fields.len() == 1 && (name == "Ref" || name.starts_with("Fn::")) => {
                    self.function(name, operand)
                }
                _ => {
                    let kept = |(name, item): (&String, &Value)| Some((name.clone(), self.value(item)?));
                    Some(fields.iter().filter_map(kept).collect::<Map<_, _>>().into())
                }
            },
            literal => Some(literal.clone()),
        }
    }

    fn function(&self, name: &str, operand: &Value) -> Option<Value> {
        let part = |at: usize| self.value(&operand[at]).unwrap();
        match name {
            "Ref" if operand == "AWS::NoValue" => None,
            "Ref" => Some(self.named(operand.as_str().unwrap())),
            "Fn::GetAtt" => Some(self.attribute(operand[0].as_str().unwrap(), operand[1].as_str().unwrap())),
            "Fn::If" => {
                let taken = if self.is_met(operand[0].as_str().unwrap()) { 1 } else { 2 };
                self.value(&operand[taken])
            }
            "Fn::FindInMap" => {
                let table = &self.template["Mappings"][&text(&part(0))];
                Some(table[&text(&part(1))][&text(&part(2))].clone()).filter(|found| !found.is_null())
            }
            "Fn::Join" => {
                let parts: Vec<String> = part(1).as_array().unwrap().iter().map(text).collect();
                Some(parts.join(operand[0].as_str().unwrap()).into())
            }
            "Fn::Select" => {
                let at: usize = text(&operand[0]).parse().unwrap();
                Some(part(1)[at].clone())
            }
            "Fn::GetAZs" => Some(["a", "b", "c"].map(|zone| format!("{REGION}{zone}")).to_vec().into()),
            "Fn::Sub" => Some(self.substituted(operand).into()),
            other => panic!("the template uses {other}, which the test does not know"),
        }
    }

    fn substituted(&self, operand: &Value) -> String {
        let own = &operand[1];
        let mut rest = operand.as_str().or(operand[0].as_str()).unwrap();
        let mut result = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').unwrap();
            let value = match (own.get(name), name.split_once('.')) {
                (Some(value), _) => self.value(value).unwrap(),
                (None, Some((resource, attribute))) => self.attribute(resource, attribute),
                (None, None) => self.named(name),
            };
            result += before;
            result += &text(&value);
            rest = after;
        }
        result + rest
    }

    fn named(&self, name: &str) -> Value {
        let found = self.values.get(name).or_else(|| self.resources[name].get("physicalId"));
        found.unwrap_or_else(|| panic!("nothing is called {name}")).clone()
    }

    fn attribute(&self, resource: &str, attribute: &str) -> Value {
        let found = &self.resources[resource]["attributes"][attribute];
        assert!(found.is_string(), "{resource} has no {attribute}");
        found.clone()
    }

    fn is_met(&self, condition: &str) -> bool {
        self.holds(&self.template["Conditions"][condition])
    }

    fn holds(&self, condition: &Value) -> bool {
        let (name, operand) = condition.as_object().and_then(|it| it.iter().next()).unwrap();
        let mut operands = operand.as_array().into_iter().flatten();
        match name.as_str() {
            "Condition" => self.is_met(operand.as_str().unwrap()),
            "Fn::Equals" => self.value(&operand[0]) == self.value(&operand[1]),
            "Fn::Not" => !self.holds(&operand[0]),
            "Fn::And" => operands.all(|one| self.holds(one)),
            "Fn::Or" => operands.any(|one| self.holds(one)),
            other => panic!("the template uses {other}, which the test does not know"),
        }
    }
}

/// A scalar as text.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        other => panic!("{other} stands where text must be"),
    }
}

/// Paths below which two values differ.
pub fn differences(expected: &Value, found: &Value, path: &str) -> Vec<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected
            .iter()
            .flat_map(|(name, one)| {
                differences(one, found.get(name).unwrap_or(&Value::Null), &format!("{path}/{name}"))
            })
            .collect(),
        _ if expected == found => Vec::new(),
        _ => vec![format!("{path}: {expected} is expected, {found} is there")],
    }
}
