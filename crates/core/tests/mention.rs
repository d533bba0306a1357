//! A person is found by their address, and nobody else by a part of it.

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::mention::Mention;

fn mention(address: &str) -> Mention {
    match EmailAddress::parse(address) {
        Ok(address) => Mention::of(&address),
        Err(error) => panic!("{address} is not an address: {error}"),
    }
}

#[test]
fn an_address_is_found_in_whatever_stands_around_it() {
    let ann = mention("Ann@Example.com");
    for text in [
        "ann@example.com",
        "ANN@EXAMPLE.COM",
        "Ann Lee <ann@example.com>",
        "Write to ann@example.com.",
        "550 5.1.1 <ann@example.com>: unknown",
        "https://shop.example/?email=ann@example.com&x=1",
        "mailto:ann@example.com",
        "'ann@example.com'",
        "joann@example.com, ann@example.com",
        "ann@example.com-",
        "(ann@example.com)",
    ] {
        assert!(ann.is_in(text), "{text}");
    }
}

#[test]
fn a_part_of_another_address_is_another_person() {
    let ann = mention("ann@example.com");
    for text in [
        "joann@example.com",
        "jo.ann@example.com",
        "jo-ann@example.com",
        "jo_ann@example.com",
        "jo+ann@example.com",
        "o'ann@example.com",
        "ann@example.com.au",
        "ann@example.community",
        "ann@example.com-shop.example",
        "ann@example",
        "ann at example.com",
        "",
    ] {
        assert!(!ann.is_in(text), "{text}");
    }
}

#[test]
fn a_domain_is_found_in_ascii_and_as_people_write_it() {
    let ada = mention("ada@müller.example");
    for text in [
        "ada@müller.example",
        "Ada@MÜLLER.example",
        "ada@xn--mller-kva.example",
        "<ada@mu\u{308}ller.example>",
        "ada@müller\u{3002}example",
    ] {
        assert!(ada.is_in(text), "{text}");
    }
    assert!(!ada.is_in("ada@muller.example"));
}

#[test]
fn a_document_is_searched_by_its_texts() {
    let ann = mention("ann@example.com");
    assert!(ann.is_in_json(r#"{"note":"Call her:\nann@example.com\tor not"}"#));
    assert!(ann.is_in_json(r#"{"to":[{"email":"ann@example.com"}]}"#));
    assert!(ann.is_in_json(r#"{"ann@example.com":1}"#));
    assert!(ann.is_in_json("no document, but ann@example.com"));
    assert!(!ann.is_in_json(r#"{"to":"joann@example.com","n":1,"x":null}"#));
}
