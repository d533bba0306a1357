//! What stops a type from loading, and how it is said.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use postrider_mail::types::{TypeSet, TypeSource, check};

use crate::fixture::{Types, body, compose, order, sender, shipped};

#[track_caller]
fn check_error(types: &Types, expected: &str) {
    let errors = types.errors();
    assert!(errors.iter().any(|error| error.contains(expected)), "expected {expected:?} in {errors:#?}");
}

#[test]
fn the_shipped_types_are_those_of_the_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../notifications");
    let from_folder = TypeSet::load(&TypeSource::Directory(folder), sender()).unwrap();
    assert_eq!(from_folder.types(), shipped().types());
    assert_eq!(from_folder.renditions(), shipped().renditions());
}

#[test]
fn types_that_are_compiled_on_demand_are_the_same() {
    let on_demand = TypeSet::shipped_on_demand(sender()).unwrap();
    assert_eq!(on_demand.bundle(shipped().renditions()[0].0), None, "nothing is compiled yet");
    let composed = compose(&on_demand, &order());
    assert_eq!(composed, compose(&shipped(), &order()));
    let bundle = on_demand.bundle(composed.copy.rendition);
    assert_eq!(bundle, shipped().bundle(composed.copy.rendition));
    assert!(bundle.is_some());
    assert_eq!(on_demand.types(), shipped().types());
    assert_eq!(on_demand.renditions(), shipped().renditions());
}

#[test]
fn every_shipped_type_passes_its_check() {
    let report = check(&TypeSource::Shipped);
    assert!(report.is_ok(), "{report:?}");
}

#[test]
fn a_small_type_loads_and_derives_its_text() {
    let types = Types::hello();
    types.write(
        "hello/body.mjml",
        &body("<p>Hello {{ name }}, see <a href=\"https://example.com/x\">the page</a></p>"),
    );
    let preview = types.load().unwrap().preview("hello", None, None).unwrap();
    assert_eq!(preview.subject, "Hello Ada");
    assert_eq!(preview.text, "Hello Ada, see the page (https://example.com/x)\n");
}

#[test]
fn folders_that_begin_with_an_underscore_are_not_types() {
    let types = Types::hello();
    types.write("_draft/type.toml", "this is not TOML");
    let names: BTreeSet<String> = types.load().unwrap().types().into_iter().map(|known| known.name).collect();
    assert_eq!(names, BTreeSet::from(["hello".to_owned()]));
}

#[test]
fn an_empty_or_missing_directory_is_an_error() {
    let types = Types::hello();
    fs::remove_dir_all(types.directory.path().join("hello")).unwrap();
    check_error(&types, "no notification type is here");
    let gone = TypeSource::Directory(types.directory.path().join("gone"));
    let errors = TypeSet::load(&gone, sender()).unwrap_err();
    assert!(errors[0].to_string().contains("cannot read the types directory"), "{errors:?}");
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest() {
    let types = Types::hello();
    types.write(
        "hello/type.toml",
        "events = [\"e\"]\nto = \"email\"\nsubjct = \"Hello\"\ndedup = \"email\"\n",
    );
    check_error(&types, "hello/type.toml:3: unknown key \"subjct\"; did you mean \"subject\"?");
    check_error(&types, "`subject` is missing");
}

#[test]
fn wrong_values_in_the_manifest_are_named() {
    let types = Types::hello();
    types.write(
        "hello/type.toml",
        "events = []\nto = 7\nsubject = \"Hello\"\ncategory = \"Market!\"\npriority = \"hihg\"\n",
    );
    check_error(&types, "type.toml:1: `events` must list");
    check_error(&types, "type.toml:2: `to` must be text");
    check_error(&types, "type.toml:4: `category` must be 1 to 32 lower-case letters");
    check_error(
        &types,
        "type.toml:5: `priority` must be one of high, normal, low, not \"hihg\"; did you mean \"high\"?",
    );
    types.write("hello/type.toml", "events = [\n");
    check_error(&types, "not valid TOML");
}

#[test]
fn missing_files_are_all_named_at_once() {
    let types = Types::hello();
    fs::remove_file(types.directory.path().join("hello/schema.json")).unwrap();
    fs::remove_file(types.directory.path().join("hello/body.mjml")).unwrap();
    fs::remove_dir_all(types.directory.path().join("hello/samples")).unwrap();
    check_error(&types, "hello/schema.json: cannot read the file");
    check_error(&types, "hello/body.mjml: cannot read the file");
    check_error(&types, "hello/samples: add at least one sample");
}

#[test]
fn broken_mjml_is_refused_with_its_line() {
    let types = Types::hello();
    types.write("hello/body.mjml", "<mjml>\n<mj-body>\n<mj-oops></mj-oops>\n</mj-body></mjml>");
    check_error(&types, "hello/body.mjml:3: not valid MJML");
    types.write("hello/body.mjml", "<mjml>\n<mj-body>\n<mj-section>\n</mj-body></mjml>");
    check_error(&types, "hello/body.mjml: not valid MJML: unexpected end of stream");
}

#[test]
fn a_broken_template_or_filter_is_refused() {
    let types = Types::hello();
    types.write("hello/body.mjml", &body("{% if name %}Hello"));
    check_error(&types, "hello/body.mjml");
    types.write("hello/body.mjml", &body("{{ name|shout }}"));
    check_error(&types, "unknown filter");
}

#[test]
fn a_broken_schema_or_sample_is_refused() {
    let types = Types::hello();
    types.write("hello/schema.json", "{ \"type\": \"objekt\" }");
    check_error(&types, "hello/schema.json: not a valid JSON Schema");
    types.write("hello/schema.json", "{\n \"type\": }");
    check_error(&types, "hello/schema.json:2: not valid JSON");
    let types = Types::hello();
    types.write("hello/samples/two.json", "{ \"email\": \"a@example.com\" }");
    check_error(&types, "hello/samples/two.json: /name is required");
}

#[test]
fn a_variable_the_schema_does_not_have_is_refused_with_its_line_and_the_nearest() {
    let types = Types::hello();
    types.write("hello/body.mjml", &body("Hello {{ nmae }}"));
    check_error(
        &types,
        "hello/body.mjml:3: the variable `nmae` is not a property in schema.json; did you mean \"name\"?",
    );
}

#[test]
fn a_member_the_schema_does_not_have_is_refused_with_its_line_and_the_nearest() {
    let types = Types::hello();
    types.write(
        "hello/body.mjml",
        &body("{% if lines is defined %}{% for line in lines %}{{ line.wrod }}{% endfor %}{% endif %}"),
    );
    check_error(
        &types,
        "hello/body.mjml:3: `line.wrod`: schema.json promises no `wrod` there; did you mean \"word\"?",
    );
}

#[test]
fn an_optional_variable_used_without_a_test_is_refused_though_every_sample_has_it() {
    let types = Types::hello();
    types.write("hello/body.mjml", &body("Hello {{ name }} {{ note }}"));
    check_error(&types, "hello/body.mjml:3: `note` is not defined when samples/one.json leaves out");
    types.write("hello/body.mjml", &body("{% if note is defined %}{{ note }}{% endif %}"));
    assert!(types.load().is_ok());
    types.write(
        "hello/body.mjml",
        &body("{% if lines is defined %}{% for l in lines %}{{ l.hint }}{% endfor %}{% endif %}"),
    );
    check_error(&types, "leaves out `lines.*.hint`");
}

#[test]
fn a_recipient_or_key_that_is_no_property_is_refused() {
    let types = Types::hello();
    types.write("hello/type.toml", "events = [\"e\"]\nto = \"emial\"\nsubject = \"Hello\"\n");
    check_error(
        &types,
        "type.toml:2: the variable `emial` is not a property in schema.json; did you mean \"email\"?",
    );
    check_error(&types, "the variable `orderId` is not a property");
}

#[test]
fn a_schema_cannot_take_a_reserved_name() {
    let types = Types::hello();
    types.write(
        "hello/schema.json",
        r#"{ "properties": { "email": {}, "name": {}, "note": {}, "lines": {}, "sender": {} }, "required": ["email", "name"] }"#,
    );
    check_error(&types, "the property \"sender\" cannot be used");
}
