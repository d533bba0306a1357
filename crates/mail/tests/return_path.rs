//! Return paths: ours lead to their notification, others lead nowhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::suppression::Secret;
use postrider_core::domain::time::Timestamp;
use postrider_mail::verp::{InvalidReturnPath, Verp};
use proptest::prelude::*;

const OLD: [u8; 32] = [1; 32];
const NEW: [u8; 32] = [2; 32];

fn verp(secrets: &[[u8; 32]]) -> Verp {
    Verp::new(secrets.iter().map(|bytes| Secret::new(*bytes)).collect(), "bounces.shop.example").unwrap()
}

fn id() -> NotificationId {
    NotificationId::new(Timestamp::from_millis(1_795_428_000_000), 0x1234_5678_9abc_def0_1234_5678)
}

#[test]
fn a_return_path_is_short_lower_case_and_leads_back() {
    let verp = verp(&[NEW]);
    let address = verp.address(id());
    assert!(address.local_part().len() <= 64, "{}", address.as_str());
    assert_eq!(address.as_str(), address.as_str().to_lowercase());
    assert_eq!(address.domain(), "bounces.shop.example");
    assert_eq!(verp.verify(address.as_str()), Some(id()));
}

#[test]
fn the_form_of_a_return_path_stays() {
    // Bounces of a message come for days, also after an update.
    assert_eq!(
        verp(&[NEW]).address(id()).as_str(),
        "b+01m83xj880asw9nf6yy0938nkr-4t7z8k9gbjqyt4bz@bounces.shop.example"
    );
}

#[test]
fn case_brackets_and_a_relays_tag_do_not_matter() {
    let verp = verp(&[NEW]);
    let address = verp.address(id()).as_str().to_owned();
    for spelling in [
        address.to_uppercase(),
        format!("<{address}>"),
        format!(" {address} "),
        format!("{address}."),
        format!("prvs=5123abcdef={address}"),
        format!("btv1==123abcdef==={address}"),
    ] {
        assert_eq!(verp.verify(&spelling), Some(id()), "{spelling}");
    }
}

#[test]
fn a_replaced_secret_is_accepted_as_long_as_it_is_given() {
    let before = verp(&[OLD]).address(id());
    let during = verp(&[NEW, OLD]);
    assert_eq!(during.verify(before.as_str()), Some(id()));
    assert_ne!(during.address(id()), before);
    assert_eq!(verp(&[NEW]).verify(before.as_str()), None);
}

#[test]
fn any_other_character_makes_it_somebody_elses() {
    let verp = verp(&[NEW]);
    let address = verp.address(id()).as_str().to_owned();
    for (at, _) in address.char_indices() {
        for other in ["0", "z", "x", ""] {
            let altered = format!("{}{other}{}", &address[..at], &address[at + 1..]);
            if altered != address {
                assert_eq!(verp.verify(&altered), None, "{altered}");
            }
        }
    }
}

#[test]
fn what_is_no_return_path_leads_nowhere() {
    let verp = verp(&[NEW]);
    let address = verp.address(id());
    let local = address.local_part();
    for other in [
        String::new(),
        "@".to_owned(),
        "bounces@bounces.shop.example".to_owned(),
        "postmaster@bounces.shop.example".to_owned(),
        "b+@bounces.shop.example".to_owned(),
        "b+-@bounces.shop.example".to_owned(),
        format!("{local}@shop.example"),
        format!("{local}@bounces.shop.example.evil.example"),
        format!("{local}@bounces.shop.example@evil.example"),
        format!("{local}%bounces.shop.example@evil.example"),
        format!("x{local}@bounces.shop.example"),
        format!("x={local}@bounces.shop.example"),
        local.to_owned(),
        "b+".to_owned() + &"z".repeat(26) + "-" + &"0".repeat(16) + "@bounces.shop.example",
        "b+é0000000000000000000000000-é000000000000000@bounces.shop.example".to_owned(),
        "b+".repeat(100_000),
    ] {
        assert_eq!(verp.verify(&other), None, "{other:.80}");
    }
}

#[test]
fn return_paths_need_a_secret_and_a_domain() {
    assert_eq!(Verp::new(vec![], "bounces.shop.example").unwrap_err(), InvalidReturnPath::NoSecret);
    let with = |domain: &str| Verp::new(vec![Secret::new(NEW)], domain);
    for wrong in ["", "shop", "shop example", "a@b.example", &format!("{}.example", "x".repeat(63).repeat(4))]
    {
        assert!(matches!(with(wrong), Err(InvalidReturnPath::Domain(_))), "{wrong}");
    }
    assert_eq!(with("Bücher.example").unwrap().domain(), "xn--bcher-kva.example");
}

proptest! {
    #[test]
    fn every_id_comes_back(bytes in any::<[u8; 16]>(), secret in any::<[u8; 32]>()) {
        let id = NotificationId::from_bytes(bytes);
        let verp = verp(&[secret]);
        prop_assert_eq!(verp.verify(verp.address(id).as_str()), Some(id));
    }

    #[test]
    fn no_text_is_taken_for_one(text in "\\PC{0,80}", digits in "[0-9a-z]{26}", signature in "[0-9a-z]{16}") {
        let verp = verp(&[NEW]);
        prop_assert_eq!(verp.verify(&text), None);
        let forged = format!("b+{digits}-{signature}@bounces.shop.example");
        prop_assert_eq!(verp.verify(&forged), None);
    }
}
