//! Policies that are otherwise than they must be, each in one thing.

use serde_json::{Value, json};

use crate::policy::{Facts, complaints, is_of_aws, listed};

/// The check can fail: with an action, a resource or a condition more, less or other, in each statement.
pub fn every_other_role_is_complained_about(statements: &[Value], facts: &Facts) {
    for (at, statement) in statements.iter().enumerate() {
        let complains = |changed: Value| {
            let mut mutant = statements.to_vec();
            mutant[at] = changed;
            assert!(!complaints(&mutant, facts).is_empty(), "nobody sees {:#}", mutant[at]);
        };
        other_lists(statement, "Action", "dynamodb:Scan").into_iter().for_each(complains);
        other_lists(statement, "Resource", ELSEWHERE).into_iter().for_each(complains);
        other_conditions(statement).into_iter().for_each(complains);
        let others =
            [("Effect", "Deny"), ("NotPrincipal", "*"), ("Sid", "ServiceOfAnother"), ("Sid", "Another")];
        for (field, value) in others.into_iter().filter(|(field, _)| *field != "Sid" || is_of_aws(statement))
        {
            let mut changed = statement.clone();
            changed[field] = value.into();
            complains(changed);
        }
        let twice: Vec<Value> = statements.iter().chain([statement]).cloned().collect();
        assert!(
            !is_of_aws(statement) || !complaints(&twice, facts).is_empty(),
            "{statement:#} may come twice"
        );
    }
}

/// Nothing of the stack's, and nothing of the account's.
const ELSEWHERE: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/other";

/// The statement without any one of a list, with `other` in its place, with any in its place, and with `other` too.
fn other_lists<'a>(statement: &'a Value, field: &str, other: &'a str) -> Vec<Value> {
    let all: Vec<&str> = listed(&statement[field]).collect();
    let mut lists = vec![[&all[..], &[other]].concat()];
    for at in 0..all.len() {
        let with = |put: &[&'a str]| [&all[..at], put, &all[at + 1..]].concat();
        lists.push(with(&[]));
        lists.push(with(&[other]));
        // Where AWS offers nothing narrower it is that already.
        if all[at] != "*" {
            lists.push(with(&["*"]));
        }
    }
    let lists = lists.into_iter().map(|list| {
        let mut changed = statement.clone();
        changed[field] = list.into();
        changed
    });
    lists.collect()
}

/// The statement without its condition, without any part of it, with another value in each part (such as another
/// service), with any, under another operator, and with a part too many.
fn other_conditions(statement: &Value) -> Vec<Value> {
    let condition = &statement["Condition"];
    let mut conditions = vec![Value::Null];
    let mut put = |operator: &str, key: &str, value: Option<Value>| {
        let mut changed = if condition.is_null() { json!({}) } else { condition.clone() };
        match value {
            Some(value) => changed[operator][key] = value,
            None => drop(changed[operator].as_object_mut().unwrap().remove(key)),
        }
        conditions.push(changed);
    };
    put("StringEquals", "aws:RequestedRegion", Some("eu-central-1".into()));
    for (operator, keys) in condition.as_object().into_iter().flatten() {
        for (key, value) in keys.as_object().unwrap() {
            put(operator, key, None);
            put(operator, key, Some("*".into()));
            put(operator, key, Some(listed(value).chain(["another"]).collect()));
            for other in ["s3.eu-central-1.amazonaws.com", "dynamodb.eu-west-1.amazonaws.com"] {
                put(operator, key, Some(other.into()));
            }
        }
    }
    if condition.is_null() {
        conditions.remove(0);
    }
    conditions
        .into_iter()
        .map(|condition| {
            let mut changed = statement.clone();
            changed["Condition"] = condition;
            changed
        })
        .collect()
}
