//! One deliverable mailbox, or a reason why not.

use postrider_core::domain::address::{EmailAddress, InvalidAddress};
use proptest::prelude::*;

fn parsed(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn usual_addresses_are_kept_as_given() {
    for text in [
        "ada@example.com",
        "a@b.co",
        "ada.lovelace+orders@mail.example.co.uk",
        "o'brien@example.ie",
        "x_y-z=1!#$%&*/?^`{|}~@example.com",
        "123@123.example",
        "root@localhost",
    ] {
        assert_eq!(parsed(text).as_str(), text);
    }
}

#[test]
fn the_parts_make_up_the_whole() {
    let address = parsed("Ada@Mail.Example.COM");
    assert_eq!((address.local_part(), address.domain()), ("Ada", "mail.example.com"));
    assert_eq!(address.as_str(), "Ada@mail.example.com");
}

#[test]
fn spellings_of_one_mailbox_have_one_normal_form() {
    let forms = ["ADA@EXAMPLE.COM", "ada@example.com", "Ada@eXample.com"];
    for form in forms {
        assert_eq!(parsed(form).normalized(), "ada@example.com");
    }
    assert_eq!(parsed("ada@bücher.example").normalized(), parsed("ada@xn--bcher-kva.example").normalized());
    assert_ne!(parsed("ada@example.com").normalized(), parsed("ada+1@example.com").normalized());
}

#[test]
fn international_domains_become_ascii() {
    assert_eq!(parsed("ada@BÜCHER.example").as_str(), "ada@xn--bcher-kva.example");
    assert_eq!(parsed("ada@例え.テスト").domain(), "xn--r8jz45g.xn--zckzah");
}

#[test]
fn a_local_part_beyond_ascii_is_told_apart() {
    assert!(parsed("zoë@example.com").needs_smtputf8());
    assert!(!parsed("zoe@bücher.example").needs_smtputf8());
}

#[test]
fn what_is_not_exactly_one_mailbox_is_refused() {
    for text in [
        "ada",
        "@example.com",
        "ada@",
        "a@x.com,b@y.com",
        "a@x.com;b@y.com",
        "a@x.com b@y.com",
        "a@b@example.com",
        "@relay.example:ada@example.com",
        "Ada <ada@example.com>",
        "<ada@example.com>",
        "ada(comment)@example.com",
        "Friends: ada@example.com;",
        "\"ada lovelace\"@example.com",
        "\"a@b\"@example.com",
        "ada..l@example.com",
        ".ada@example.com",
        "ada.@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada\0@example.com",
        "ada@exam\tple.com",
        " ada@example.com",
        "ada@example.com ",
        "ada\u{a0}@example.com",
        "ada\\@example.com",
    ] {
        assert!(EmailAddress::parse(text).is_err(), "{text:?}");
    }
    assert_eq!(EmailAddress::parse(""), Err(InvalidAddress::Empty));
}

#[test]
fn what_is_no_domain_name_is_refused() {
    for text in [
        "ada@intranet",
        "ada@192.0.2.1",
        "ada@[192.0.2.1]",
        "ada@[IPv6:::1]",
        "ada@example.123",
        "ada@-x.example",
        "ada@x-.example",
        "ada@.example.com",
        "ada@example..com",
        "ada@exa_mple.com",
        "ada@example.com.",
        "ada@%41.com",
    ] {
        assert!(EmailAddress::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn lengths_end_exactly_at_their_bounds() {
    let local = |octets: usize| format!("{}@example.com", "a".repeat(octets));
    assert!(EmailAddress::parse(&local(64)).is_ok());
    assert_eq!(EmailAddress::parse(&local(65)), Err(InvalidAddress::TooLong));
    // 63 octets a label at most, 254 octets in all.
    let whole = |last: usize| {
        format!("{}@{}.{}.{}", "a".repeat(62), "b".repeat(63), "c".repeat(63), "d".repeat(last))
    };
    assert_eq!(whole(63).len(), 254);
    assert!(EmailAddress::parse(&whole(63)).is_ok());
    let longer = format!("a{}", whole(63));
    assert_eq!(EmailAddress::parse(&longer), Err(InvalidAddress::TooLong));
    assert!(EmailAddress::parse(&"a".repeat(1_000_000)).is_err());
}

#[test]
fn debug_output_hides_the_person() {
    let shown = format!("{:?}", parsed("ada@example.com"));
    assert!(!shown.contains("ada") && !shown.contains("example"), "{shown}");
}

proptest! {
    #[test]
    fn what_is_taken_is_safe_on_the_wire_and_reads_back(text in "\\PC{0,40}|[a-z.@,;:<>\"\\\\ \r\n]{0,30}|[a-z.]{1,9}@[a-zü-]{1,9}\\.[a-z]{2,5}") {
        if let Ok(address) = EmailAddress::parse(&text) {
            let written = address.as_str();
            prop_assert!(written.len() <= 254);
            prop_assert!(!written.chars().any(|c| c.is_control() || c.is_whitespace() || "<>,;\"".contains(c)));
            prop_assert_eq!(written.matches('@').count(), 1);
            prop_assert!(address.domain().is_ascii());
            prop_assert_eq!(EmailAddress::parse(written), Ok(address.clone()));
        }
    }
}
