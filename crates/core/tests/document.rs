//! JSON read strictly and compared by meaning.

use postrider_core::domain::document::{
    Fingerprint, InvalidDocument, check_values, parse_json, parse_syntax,
};
use postrider_core::limits::{
    BATCH_BYTES_MAX, FIELD_ERRORS_MAX, FIELD_POINTERS_BYTES_MAX, JSON_DEPTH_MAX, JSON_NUMBER_CHARS_MAX,
};
use proptest::prelude::*;
use serde_json::Value;

fn fingerprint(text: &str) -> Fingerprint {
    Fingerprint::of_json(&parse_json(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}")))
}

fn refusal(text: &str) -> InvalidDocument {
    match parse_json(text.as_bytes()) {
        Ok(value) => panic!("{text} was read as {value}"),
        Err(error) => error,
    }
}

fn wrong_pointers(text: &str) -> Vec<String> {
    match refusal(text) {
        InvalidDocument::Values(errors) => errors.into_iter().map(|error| error.pointer).collect(),
        InvalidDocument::Syntax(message) => panic!("{text}: {message}"),
    }
}

#[test]
fn member_order_does_not_matter() {
    assert_eq!(
        fingerprint(r#"{"a":1,"b":[2,{"c":3,"d":4}]}"#),
        fingerprint(r#"{"b":[2,{"d":4,"c":3}],"a":1}"#)
    );
}

#[test]
fn spacing_and_escapes_do_not_matter() {
    assert_eq!(fingerprint("{\"a\" : [ 1 ,\n2 ] }"), fingerprint(r#"{"a":[1,2]}"#));
    assert_eq!(fingerprint(r#""\u0041\/""#), fingerprint(r#""A/""#));
}

#[test]
fn one_number_has_many_spellings() {
    for spelling in ["129.00", "129.0", "1.29e2", "1290E-1", "12900e-2", "0.129e3"] {
        assert_eq!(fingerprint(spelling), fingerprint("129"), "{spelling}");
    }
    for zero in ["-0", "0.00", "0e9", "-0.0E-3"] {
        assert_eq!(fingerprint(zero), fingerprint("0"), "{zero}");
    }
}

#[test]
fn what_differs_in_meaning_differs() {
    let different = [
        "129",
        "-129",
        "129.01",
        "1290",
        r#""129""#,
        "null",
        "true",
        "false",
        "[]",
        "{}",
        "[129]",
        r#"{"a":129}"#,
        r#"{"b":129}"#,
        r#"["a","b"]"#,
        r#"["ab"]"#,
        r#"["b","a"]"#,
        "[[],[]]",
        "[[[]]]",
        r#""""#,
        "[null]",
        // Beyond what a double can tell apart.
        "9007199254740993",
        "9007199254740992",
        "0.10000000000000000001",
        "0.1",
    ];
    for (index, one) in different.iter().enumerate() {
        for other in &different[index + 1..] {
            assert_ne!(fingerprint(one), fingerprint(other), "{one} and {other}");
        }
    }
}

#[test]
fn numbers_keep_every_digit() {
    let text = r#"{"n":12345678901234567890.1234567890}"#;
    assert_eq!(parse_json(text.as_bytes()).map(|value| value.to_string()), Ok(text.to_owned()));
}

#[test]
fn an_object_may_name_a_member_only_once() {
    for text in [r#"{"a":1,"a":1}"#, r#"[{"x":{"a":1,"b":2,"\u0061":3}}]"#] {
        let error = refusal(text).to_string();
        assert!(error.contains("twice"), "{error}");
    }
}

#[test]
fn depth_ends_exactly_at_its_bound() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    for text in [nested(JSON_DEPTH_MAX), objects(JSON_DEPTH_MAX)] {
        assert!(parse_json(text.as_bytes()).is_ok(), "{JSON_DEPTH_MAX} levels");
    }
    for text in [nested(JSON_DEPTH_MAX + 2), objects(JSON_DEPTH_MAX + 2), nested(100_000)] {
        assert!(matches!(refusal(&text), InvalidDocument::Syntax(_)));
    }
}

#[test]
fn numbers_that_nobody_means_are_named() {
    let long = format!("1{}", "0".repeat(JSON_NUMBER_CHARS_MAX));
    let text = format!(r#"{{"a":1e65,"b":[1,1e-65],"c/d~":{long},"ok":1e64}}"#);
    assert_eq!(wrong_pointers(&text), ["/a", "/b/1", "/c~1d~0"]);
}

#[test]
fn control_characters_are_named_but_line_ends_may_stay() {
    assert!(parse_json(b"\"one\\r\\n\\ttwo\"").is_ok());
    let text = r#"{"ok":"\n","bad":["fine","\u0000"],"worse":"\u0085","k\u0007":1}"#;
    let pointers = wrong_pointers(text);
    assert_eq!(pointers.len(), 3, "{pointers:?}");
    assert!(pointers.contains(&"/bad/1".to_owned()) && pointers.contains(&"/worse".to_owned()));
}

#[test]
fn a_document_of_nothing_but_mistakes_names_a_bounded_number_of_them() {
    let text = format!("[{}1]", "1e99,".repeat(BATCH_BYTES_MAX / 5));
    assert_eq!(wrong_pointers(&text).len(), FIELD_ERRORS_MAX);
    // Few mistakes, but far away: what counts are the bytes it takes to name them.
    let name = "n".repeat(FIELD_POINTERS_BYTES_MAX / 3);
    let text = format!(r#"{{"{name}":[{}1]}}"#, "1e99,".repeat(100));
    assert_eq!(wrong_pointers(&text).len(), 3);
}

#[test]
fn an_error_does_not_repeat_a_name_at_length() {
    let name = "n".repeat(100_000);
    assert!(refusal(&format!(r#"{{"{name}":1,"{name}":2}}"#)).to_string().len() < 1_000);
}

#[test]
fn syntax_alone_is_read_where_values_are_checked_later() {
    let text = br#"[{"a":1e400},{"b":"\u0000"},{"c":1}]"#;
    let value = parse_syntax(text).unwrap_or_else(|error| panic!("{error}"));
    let wrong: Vec<_> = check_values(&value).into_vec().into_iter().map(|error| error.pointer).collect();
    assert_eq!(wrong, ["/0/a", "/1/b"]);
    assert!(parse_syntax(br#"{"a":1,"a":2}"#).is_err());
}

#[test]
fn what_is_not_one_json_value_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1} {}",
        "01",
        "1.",
        ".5",
        "+1",
        "NaN",
        "'a'",
        "{a:1}",
        "\u{feff}{}",
        "tru",
    ] {
        assert!(matches!(refusal(text), InvalidDocument::Syntax(_)), "{text}");
    }
    assert!(parse_json(b"\"\xff\"").is_err());
}

#[test]
fn parts_of_a_fingerprint_cannot_run_together() {
    let all: [&[&[u8]]; 5] = [&[b"ab", b"c"], &[b"a", b"bc"], &[b"abc"], &[b"abc", b""], &[b"", b"abc"]];
    for (index, one) in all.iter().enumerate() {
        for other in &all[index + 1..] {
            assert_ne!(Fingerprint::of_parts(one), Fingerprint::of_parts(other));
        }
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        "[a-z\"\\\\ äß\u{1f40e}]{0,8}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::btree_map("[a-c\"/~]{0,3}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn equal_values_and_only_they_have_equal_fingerprints(one in json(), other in json()) {
        prop_assert_eq!(Fingerprint::of_json(&one) == Fingerprint::of_json(&other), one == other);
    }

    #[test]
    fn writing_and_reading_again_changes_nothing(value in json()) {
        prop_assert_eq!(parse_json(value.to_string().as_bytes()), Ok(value.clone()));
        let pretty = serde_json::to_vec_pretty(&value).expect("a value can be written");
        prop_assert_eq!(parse_json(&pretty).map(|read| Fingerprint::of_json(&read)), Ok(Fingerprint::of_json(&value)));
    }

    #[test]
    fn foreign_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = parse_json(&bytes) {
            prop_assert_eq!(parse_json(value.to_string().as_bytes()), Ok(value));
        }
    }
}
