//! What keeps the function from starting.

use std::sync::Arc;

use postrider_environment::config::{RawSettings, Settings};
use postrider_lambda::role::Role;
use postrider_lambda::wiring::{Foundation, Wiring};
use postrider_testkit::api::variables;
use postrider_testkit::contract::scene::recipient_rules;
use postrider_testkit::memory_ledger::MemoryLedger;

use crate::server::mailer;

#[tokio::test]
async fn a_mailer_that_may_take_longer_than_a_function_lives_is_refused_at_start() {
    let settings = |timeout_secs: &str| {
        let mut raw = RawSettings::default();
        let settings = [("mailer.kind", "smtp"), ("mailer.smtp.timeout_secs", timeout_secs)];
        raw.read_environment(variables(&settings)).unwrap();
        Settings::check(&raw).unwrap()
    };
    for (timeout_secs, fits) in [("20", true), ("300", false)] {
        let settings = settings(timeout_secs);
        let wiring = Wiring::of(Role::Dispatch, settings.clone());
        let ledger = Arc::new(MemoryLedger::new(recipient_rules()));
        let (mailer, secret) = (mailer(&settings).await, recipient_rules().secret);
        let foundation = Foundation { ledger, mailer, secret, hold: Arc::default() };
        let refused = wiring.api_over(foundation).await.err().map(|error| error.to_string());
        assert_eq!(refused.is_none(), fits, "{timeout_secs}: {refused:?}");
        assert!(refused.is_none_or(|words| words.contains("mailer.smtp.timeout_secs")));
    }
}
