//! The words of a bounce are anybody's: reading them is bounded.

use postrider_core::domain::bounce::{BounceClass, classify};
use proptest::prelude::*;

#[test]
fn only_the_beginning_of_a_long_text_counts() {
    let copy_of_the_message = format!("550 Sorry{}spam user unknown", " ".repeat(5_000));
    assert_eq!(classify(None, Some(550), &copy_of_the_message), BounceClass::Undetermined);
}

proptest! {
    #[test]
    fn any_words_have_a_class(status in "[245]\\.[0-9]{1,3}\\.[0-9]{1,3}", code in 0u16..1000, words in "\\PC*") {
        let _ = classify(status.parse().ok(), Some(code), &words);
    }

    #[test]
    fn case_does_not_matter(words in prop::sample::select(vec!["User Unknown", "Over Quota", "Blocked using Spamhaus", "Host Not Found"])) {
        prop_assert_eq!(
            classify(None, None, &words.to_uppercase()),
            classify(None, None, &words.to_lowercase())
        );
    }
}

#[test]
fn words_made_to_take_long_do_not() {
    let begin = std::time::Instant::now();
    for piece in ["user ", "mailbox recipient ", "domain", "address ", "不", "@", "host a.b "] {
        let words = piece.repeat(1_000_000 / piece.len());
        assert!(!classify(None, None, &words).condemns_address(), "{piece}");
    }
    assert!(begin.elapsed() < std::time::Duration::from_secs(10), "took {:?}", begin.elapsed());
}
