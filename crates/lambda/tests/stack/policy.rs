//! A role's policy, held to what was seen asked of IAM in its name, and to what AWS does in it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::of_aws::Needed;
use crate::running::Live;

/// What is known of whoever has a role.
#[derive(Default)]
pub struct Facts {
    /// What IAM was asked for: `action`, `resource`, `context`.
    pub asked: Vec<Value>,
    /// The condition on which mail may be sent.
    pub sending: Value,
    /// What AWS does in its name.
    pub of_aws: Vec<Needed>,
}

impl Facts {
    /// Of a function that has done everything it can do.
    pub fn of(function: &Live, of_aws: Vec<Needed>) -> Self {
        let mut sending = json!({ "StringEquals": { "ses:FromAddress": function.sender() } });
        let setting = |name: &str| function.configuration["Environment"]["Variables"][name].as_str();
        if let Some(tester) = setting("POSTRIDER__SANDBOX__REDIRECT_TO") {
            let others = setting("POSTRIDER__SANDBOX__ALLOW").into_iter().flat_map(|it| it.split(','));
            let others = others.map(|domain| format!("*@{domain}"));
            let recipients: Vec<String> = [tester.to_owned()].into_iter().chain(others).collect();
            sending["ForAllValues:StringLike"] = json!({ "ses:Recipients": recipients });
        }
        Self { asked: function.asked(), sending, of_aws }
    }

    /// The condition that a statement of the function's own must have, by its actions.
    fn condition_of(&self, statement: &Value) -> &Value {
        let sends = listed(&statement["Action"]).any(|action| action.starts_with("ses:Send"));
        if sends { &self.sending } else { &Value::Null }
    }
}

/// The statements of a role's inline policies.
pub fn statements(role: &Value) -> Vec<Value> {
    let policies = role["Policies"].as_array().into_iter().flatten();
    policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap().clone()).collect()
}

/// Whether a statement is about what AWS does in the role's name.
pub fn is_of_aws(statement: &Value) -> bool {
    text(&statement["Sid"]).starts_with("Service")
}

/// What a role allows too much or too little, in words.
pub fn complaints(statements: &[Value], facts: &Facts) -> Vec<String> {
    let (of_aws, own): (Vec<&Value>, Vec<&Value>) = statements.iter().partition(|it| is_of_aws(it));
    let mut complaints: Vec<String> = statements.iter().filter_map(strangeness).collect();
    complaints.extend(about_aws(&of_aws, &facts.of_aws));
    complaints.extend(about_own(&own, facts));
    complaints
}

/// What no statement may say at all.
fn strangeness(statement: &Value) -> Option<String> {
    let known = ["Action", "Condition", "Effect", "Resource", "Sid"];
    let is_known = statement.as_object().unwrap().keys().all(|key| known.contains(&key.as_str()));
    (!is_known || statement["Effect"] != "Allow")
        .then(|| format!("{} is no plain statement", statement["Sid"]))
}

/// Each that is needed is there once, word for word, and no other is.
fn about_aws(given: &[&Value], needed: &[Needed]) -> Vec<String> {
    let mut complaints = Vec::new();
    for one in needed {
        let times = given.iter().filter(|statement| statement["Sid"] == one.sid).count();
        if times != 1 {
            complaints.push(format!("{} is needed, and there {times} times", one.sid));
        }
    }
    for statement in given {
        let sid = text(&statement["Sid"]);
        let Some(one) = needed.iter().find(|one| one.sid == sid) else {
            complaints.push(format!("{sid} is not needed"));
            continue;
        };
        let actions: BTreeSet<&str> = listed(&statement["Action"]).collect();
        if actions != one.actions {
            complaints.push(format!("{sid} has other actions than AWS needs: {actions:?}"));
        }
        let resources: BTreeSet<String> = listed(&statement["Resource"]).map(str::to_owned).collect();
        if resources != one.resources {
            complaints.push(format!("{sid} is for {resources:?}, and needed for {:?}", one.resources));
        }
        if statement["Condition"] != one.condition {
            let (has, wants) = (&statement["Condition"], &one.condition);
            complaints.push(format!("{sid} has the condition {has}, and needs {wants}"));
        }
    }
    complaints
}

/// What was asked for is allowed, and each action, resource and condition is there because of that.
fn about_own(own: &[&Value], facts: &Facts) -> Vec<String> {
    let mut complaints = Vec::new();
    let allowed: BTreeSet<&str> = own.iter().flat_map(|statement| listed(&statement["Action"])).collect();
    let asked: BTreeSet<&str> = facts.asked.iter().map(|one| text(&one["action"])).collect();
    for action in allowed.difference(&asked) {
        complaints.push(format!("{action} is allowed and was never asked for"));
    }
    for one in &facts.asked {
        if !own.iter().any(|statement| allows(statement, one)) {
            complaints
                .push(format!("{} on {} was asked for and is not allowed", one["action"], one["resource"]));
        }
    }
    for statement in own {
        for resource in listed(&statement["Resource"]) {
            let mut only_this = (*statement).clone();
            only_this["Resource"] = json!(resource);
            if !facts.asked.iter().any(|one| allows(&only_this, one)) {
                complaints.push(format!("{} names {resource}, which was never asked for", statement["Sid"]));
            }
        }
        let wanted = facts.condition_of(statement);
        if statement["Condition"] != *wanted {
            let (sid, has) = (&statement["Sid"], &statement["Condition"]);
            complaints.push(format!("{sid} has the condition {has}, and {wanted} would do"));
        }
    }
    complaints
}

/// Whether a statement allows what was asked for, and names it: a pattern, which allows more, does not.
fn allows(statement: &Value, asked: &Value) -> bool {
    let names = |names: &Value, name: &Value| listed(names).any(|one| name == one);
    names(&statement["Action"], &asked["action"])
        && names(&statement["Resource"], &asked["resource"])
        && conditions_hold(&statement["Condition"], &asked["context"])
}

fn conditions_hold(conditions: &Value, context: &Value) -> bool {
    conditions.as_object().into_iter().flatten().all(|(operator, keys)| {
        keys.as_object().unwrap().iter().all(|(key, wanted)| match operator.as_str() {
            "StringEquals" => listed(wanted).any(|one| context[key] == one),
            // True also where there is no value at all.
            "ForAllValues:StringLike" => {
                listed(&context[key]).all(|value| listed(wanted).any(|pattern| matches(pattern, value)))
            }
            other => panic!("the test does not know the condition {other}"),
        })
    })
}

/// A pattern of IAM: `*` is any text, nothing else is special here.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// One text or several.
pub fn listed(value: &Value) -> impl Iterator<Item = &str> {
    let several = value.as_array().into_iter().flatten();
    several.chain(Some(value).filter(|it| it.is_string())).map(text)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
