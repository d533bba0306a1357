//! `destroy`, and what stays.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{ended_badly, ended_well, installed, is_there};
use crate::command_line::CommandLine;
use crate::installation::{account_with_artifact, deploy_folder};

/// What `destroy` says will stay: types and names.
pub(super) fn listed(output: &str) -> BTreeSet<(&str, &str)> {
    let rows =
        output.lines().filter_map(|line| line.strip_prefix("  ")).filter(|row| row.starts_with("AWS::"));
    rows.map(|row| row.split_once(' ').unwrap()).map(|(kind, name)| (kind, name.trim())).collect()
}

#[test]
fn destroy_lists_what_stays_and_removes_the_rest_after_a_yes() {
    let account = account_with_artifact();
    let stack = installed(&account, "r-1", &[]);
    let before = stack.shown();
    let declared = before["template"]["Resources"].as_object().unwrap();
    let stays = before["resources"].as_object().unwrap().iter();
    let stays = stays.filter(|(name, _)| declared[*name]["DeletionPolicy"] == "Retain");
    let text = |one: &'_ Value, name: &str| one[name].as_str().unwrap().to_owned();
    let stays: BTreeSet<(String, String)> =
        stays.map(|(_, one)| (text(one, "type"), text(one, "physicalId"))).collect();
    let command_line = CommandLine::of(&account);

    let ended = command_line.stack_told("no\n", &["destroy", "staging"]);
    assert_eq!((ended.status, &*ended.errors), (1, ""), "{}", ended.output);
    assert!(ended.output.ends_with("not done\n"), "{}", ended.output);
    let owned = |(kind, name): (&str, &str)| (kind.to_owned(), name.to_owned());
    assert_eq!(listed(&ended.output).into_iter().map(owned).collect::<BTreeSet<_>>(), stays);
    assert_eq!(stack.shown(), before);

    let ended = command_line.stack_told("yes\n", &["destroy", "staging"]);
    ended_well(&ended);
    assert_eq!(listed(&ended.output).into_iter().map(owned).collect::<BTreeSet<_>>(), stays);
    assert!(!is_there(&account));
    let after = account.stack(before["id"].as_str().unwrap());
    let kept = after["retained"].as_array().unwrap().iter();
    let kept: BTreeSet<(String, String)> =
        kept.map(|one| (text(one, "type"), text(one, "physicalId"))).collect();
    assert_eq!(kept, stays);
}

/// The commands under a heading of `docs/aws.md`.
fn documented(heading: &str) -> String {
    let page = fs::read_to_string(deploy_folder().join("../../docs/aws.md")).unwrap();
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, commands) = section.split_once("\n```sh\n").unwrap();
    commands.split_once("\n```\n").unwrap().0.to_owned()
}

/// They are given as they stand, for staging as it is in the repository.
#[test]
fn what_stayed_is_removed_as_documented_before_the_same_stack_is_deployed_again() {
    let account = account_with_artifact();
    let stack = installed(&account, "r-1", &[]);
    let first = stack.shown();
    stack.delete().unwrap();
    let command_line = CommandLine::of(&account);
    let ended = command_line.stack(&["deploy", "staging", "--yes"]);
    ended_badly(&ended, "failed first: ");
    stack.delete().unwrap();

    let commands = documented("Taking it down");
    ended_well(&command_line.run(Path::new("bash"), "", &["-euc", &commands]));
    ended_well(&command_line.stack(&["deploy", "staging", "--yes"]));
    let second = stack.shown();
    assert_eq!(second["status"], "CREATE_COMPLETE");
    let name = |stack: &Value, resource: &str| stack["resources"][resource]["physicalId"].clone();
    assert_eq!(name(&first, "OrderQueue"), name(&second, "OrderQueue"));
    for resource in ["LedgerTable", "Secret", "DataKey"] {
        assert_ne!(name(&first, resource), name(&second, resource));
    }
}
