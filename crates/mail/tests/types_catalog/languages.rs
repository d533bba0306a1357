//! Languages the shipped types do not have.

use postrider_core::ports::catalog::Catalog as _;
use serde_json::json;

use crate::fixture::{Types, instant, notification, order, stored};

const ARABIC: &str = "hello = \"مرحبا {{ name }}\"\n[lines]\nzero = \"٠\"\none = \"١\"\ntwo = \"٢\"\nfew = \"قليل\"\n\
                      many = \"كثير\"\nother = \"أخرى\"\n";

/// The type `hello` with words of its own, in Arabic and, as its own language, Polish.
fn types() -> Types {
    let types = Types::hello();
    let manifest = "events = [\"person.greeted\"]\nto = \"email\"\nsubject = \"{{ t.hello }}\"\ndedup = \"email\"\n\
                    locale = \"pl\"\n";
    types.write("hello/type.toml", manifest);
    let body = "<mjml lang=\"{{ t.locale }}\" dir=\"{{ t.direction }}\"><mj-body><mj-section><mj-column>\
                <mj-text>{{ t.hello }} {{ t.lines(1) }} {{ t.lines(3) }} {{ t.lines(5) }}</mj-text>\
                </mj-column></mj-section></mj-body></mjml>";
    types.write("hello/body.mjml", body);
    types.write("hello/locales/ar.toml", ARABIC);
    let polish = "hello = \"Cześć {{ name }} & co\"\n[lines]\none = \"{{ n|number }} wers\"\nfew = \"{{ n|number }} wersy\"\n\
                  many = \"{{ n|number }} wersów\"\nother = \"{{ n|number }} wersu\"\n";
    types.write("hello/locales/pl.toml", polish);
    types
}

#[test]
fn a_language_written_from_right_to_left_says_so() {
    let arabic = types().load().unwrap().preview_in("hello", None, None, Some("ar-EG")).unwrap();
    assert!(arabic.html.contains("lang=\"ar\" dir=\"rtl\""), "{}", arabic.html);
    assert!(arabic.html.contains("مرحبا <bdi>Ada</bdi> ١ قليل قليل"), "{}", arabic.html);
    assert_eq!(arabic.locale, "ar-EG");
}

#[test]
fn plural_forms_are_the_languages_own() {
    let polish = types().load().unwrap().preview("hello", None, None).unwrap();
    assert!(polish.html.contains("Cześć <bdi>Ada</bdi> &amp; co 1 wers 3 wersy 5 wersów"), "{}", polish.html);
    assert_eq!(polish.subject, "Cześć Ada & co");
    let types = types();
    types.write("hello/locales/ar.toml", &ARABIC.replace("two = \"٢\"\n", ""));
    let errors = types.errors();
    assert!(
        errors[0].starts_with("hello/locales/ar.toml:2: the string `lines` has no form `two`"),
        "{errors:?}"
    );
}

#[test]
fn an_event_gets_the_nearest_language_there_is() {
    let types = types().load().unwrap();
    let data = json!({ "email": "a@example.com", "name": "Ada" });
    let mut notification = notification(&crate::fixture::shipped(), &order());
    notification.notification_type = "hello".to_owned();
    for (asked, language) in [
        (None, "pl"),
        (Some("ar"), "ar"),
        (Some("AR_eg"), "ar-EG"),
        (Some("fr"), "pl"),
        (Some("pl-PL"), "pl-PL"),
        (Some("not a locale"), "pl"),
        (Some("ar-not a locale"), "ar"),
    ] {
        let mut event = stored(&data);
        event.locale = asked.map(str::to_owned);
        let message = types.compose(&notification, &event, instant()).unwrap().message;
        let header = String::from_utf8(message).unwrap().split_once("\r\n\r\n").unwrap().0.to_owned();
        assert!(header.contains(&format!("\r\nContent-Language: {language}\r\n")), "{asked:?}: {header}");
    }
}
