//! What a type says about the other e-mails of an order.

use postrider_core::domain::guard::AfterWait;
use postrider_core::ports::catalog::Catalog as _;

use crate::fixture::Types;

/// Two more types beside `hello`, with these guards.
fn types(first: &str, second: &str) -> Types {
    let types = Types::hello();
    for (name, guards) in [("first", first), ("second", second)] {
        let least = format!("events = [\"{name}\"]\nto = \"email\"\nsubject = \"Hello\"\n");
        types.write(&format!("{name}/type.toml"), &format!("{least}{guards}"));
        types.write(
            &format!("{name}/schema.json"),
            r#"{ "type": "object", "required": ["email", "orderId"],
                 "properties": { "email": { "type": "string" }, "orderId": { "type": "string" } } }"#,
        );
        types.write(&format!("{name}/body.mjml"), &crate::fixture::body("<p>Hello</p>"));
        types.write(&format!("{name}/samples/one.json"), r#"{ "email": "a@example.com", "orderId": "1" }"#);
    }
    types
}

#[test]
fn guards_are_read_with_their_defaults() {
    let loaded = types("waits_for = [\"second\"]\n", "superseded_by = [\"hello\"]\n").load().unwrap();
    let first = loaded.guards("first").unwrap();
    assert_eq!(
        (&first.waits_for[..], first.wait_ms, first.after_wait),
        (&["second".to_owned()][..], 600_000, AfterWait::Send)
    );
    assert_eq!(loaded.guards("second").unwrap().superseded_by, ["hello"]);
    assert!(loaded.guards("hello").is_none() && loaded.guards("nothing").is_none());
    let chosen = "waits_for = [\"second\"]\nwait_minutes = 1440\nafter_wait = \"skip\"\n";
    let first = types(chosen, "").load().unwrap().guards("first").unwrap();
    assert_eq!((first.wait_ms, first.after_wait), (86_400_000, AfterWait::Skip));
}

#[test]
fn guards_that_cannot_be_right_stop_the_load() {
    for (first, second, words) in [
        (
            "waits_for = [\"secnd\"]\n",
            "",
            "first/type.toml:4: `waits_for`: there is no notification type \"secnd\"; did you mean \"second\"?",
        ),
        ("superseded_by = \"second\"\n", "", "`superseded_by` must list"),
        ("waits_for = []\n", "", "`waits_for` must list"),
        ("waits_for = [\"second\"]\nwait_minutes = 0\n", "", "`wait_minutes` must be"),
        ("waits_for = [\"second\"]\nwait_minutes = 10081\n", "", "`wait_minutes` must be"),
        ("waits_for = [\"second\"]\nafter_wait = \"drop\"\n", "", "`after_wait` must be"),
        ("wait_minutes = 5\n", "", "says nothing without `waits_for`"),
        ("waits_for = [\"first\"]\n", "", "names the type itself"),
        ("waits_for = [\"second\"]\n", "waits_for = [\"first\"]\n", "waits for it in turn"),
    ] {
        let errors = types(first, second).errors();
        assert!(errors.iter().any(|error| error.contains(words)), "{first}{second}: {errors:?}");
    }
    let blind = Types::hello();
    blind.write(
        "hello/type.toml",
        "events = [\"e\"]\nto = \"email\"\nsubject = \"S\"\ndedup = \"email\"\nsuperseded_by = [\"hello\"]\n",
    );
    assert!(blind.errors().iter().any(|error| error.contains("schema.json has no `orderId`")));
}
