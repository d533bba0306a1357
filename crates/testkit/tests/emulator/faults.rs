use std::time::{Duration, Instant};

use postrider_testkit::emulator::{Account, Fault, FaultKind};

#[test]
fn a_fault_happens_so_often_as_it_was_asked_for_and_to_nobody_else() {
    let (account, other) = (Account::new(), Account::new());
    let topic = account.create_topic("orders");
    account.fail(&Fault::next("sns", "Publish", FaultKind::Throttled).skipping(1).times(2));
    let outcomes: Vec<u16> =
        (0..4).map(|_| topic.publish("x", &[]).map_or_else(|refusal| refusal.status, |_| 200)).collect();
    assert_eq!(outcomes, [200, 429, 429, 200]);
    other.create_topic("orders").publish("x", &[]).unwrap();
    assert_eq!(account.counters().errors("sns", "Publish"), 2);
}

#[test]
fn a_call_fails_before_or_after_its_effect() {
    let account = Account::new();
    let (topic, queue) = (account.create_topic("orders"), account.create_queue("orders", &[]));
    topic.subscribe(&queue, postrider_testkit::emulator::Delivery::Raw);
    let kinds = [
        (FaultKind::ErrorBefore, 500, 0),
        (FaultKind::ErrorAfter, 500, 1),
        (FaultKind::CutBefore, 0, 0),
        (FaultKind::CutAfter, 0, 1),
        (FaultKind::ExpiredCredentials, 403, 0),
    ];
    for (kind, status, effects) in kinds {
        account.fail(&Fault::next("sns", "Publish", kind));
        assert_eq!(topic.publish("x", &[]).unwrap_err().status, status, "{kind:?}");
        assert_eq!(queue.take_all().len(), effects, "{kind:?}");
    }
}

#[test]
fn a_delayed_call_is_late_and_done() {
    let account = Account::new();
    let topic = account.create_topic("orders");
    let delay = Duration::from_millis(300);
    account.fail(&Fault::next("sns", "Publish", FaultKind::Delay).delayed(delay));
    let begun = Instant::now();
    topic.publish("x", &[]).unwrap();
    assert!(begun.elapsed() >= delay);
}

#[test]
fn faults_that_wait_can_be_called_off() {
    let account = Account::new();
    account.fail(&Fault::next("sns", "", FaultKind::AccessDenied).times(1_000));
    account.clear_faults();
    account.create_topic("orders").publish("x", &[]).unwrap();
}
