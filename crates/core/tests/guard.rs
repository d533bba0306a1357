//! What the e-mails of an order wait for, and what makes them void.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::budget::CAUSE_BUDGET;
use postrider_core::domain::category::Category;
use postrider_core::domain::guard::{AfterWait, Decision, Guards, is_waiting};
use postrider_core::domain::id::{EventId, NotificationId};
use postrider_core::domain::lifecycle::Lifecycle;
use postrider_core::domain::notification::{Notification, Priority};
use postrider_core::domain::outcome::Cause;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;

const START: Timestamp = Timestamp::EPOCH;
const MINUTE_MS: u64 = 60_000;

fn notification(n: u128, notification_type: &str, status: Status) -> Notification {
    Notification {
        id: NotificationId::new(START, n),
        event_id: EventId::given("evt"),
        notification_type: notification_type.to_owned(),
        to: EmailAddress::parse("ada@example.com").unwrap(),
        order_id: Some("1042".to_owned()),
        correlation_id: None,
        priority: Priority::Normal,
        category: Category::TRANSACTIONAL,
        created_at: START,
        updated_at: START,
        send_at: None,
        lifecycle: Lifecycle { status, ..Lifecycle::accepted(START) },
    }
}

fn guards() -> Guards {
    Guards {
        superseded_by: vec!["canceled".to_owned()],
        waits_for: vec!["confirmation".to_owned(), "payment".to_owned()],
        wait_ms: 10 * MINUTE_MS,
        after_wait: AfterWait::Send,
    }
}

/// What becomes of a `shipped` beside these, `ms` after it was accepted.
fn decide(guards: &Guards, others: &[(&str, Status)], ms: u64) -> Decision {
    let own = notification(0, "shipped", Status::Sending);
    let others = others.iter().zip(1..).map(|((name, status), n)| notification(n, name, *status));
    let order: Vec<_> = others.chain([own.clone()]).collect();
    guards.decide(&own, &order, START.plus_ms(ms))
}

fn cause(decision: &Decision) -> &str {
    match decision {
        Decision::Go => "go",
        Decision::Wait { cause, .. } | Decision::Skip { cause, .. } => cause.as_str(),
    }
}

const PAID: (&str, Status) = ("payment", Status::Sent);

#[test]
fn it_goes_once_everything_it_waits_for_has_left_or_never_will() {
    for status in Status::ALL {
        let decision = decide(&guards(), &[("confirmation", status), PAID], 0);
        let waits = matches!(status, Status::Queued | Status::Sending | Status::Deferred | Status::Unknown);
        let expected = if waits { "waiting_for_confirmation" } else { "go" };
        assert_eq!(cause(&decision), expected, "{status}");
    }
    assert_eq!(cause(&decide(&guards(), &[PAID], 0)), "waiting_for_confirmation", "not there yet");
    assert_eq!(cause(&decide(&guards(), &[("confirmation", Status::Sent)], 0)), "waiting_for_payment");
    let parcels = [("confirmation", Status::Queued), ("confirmation", Status::Sent), PAID];
    assert_eq!(cause(&decide(&guards(), &parcels, 0)), "go", "one of several is enough");
}

#[test]
fn the_wait_ends() {
    let looks = |after_wait| {
        let guards = Guards { after_wait, ..guards() };
        let mut ms = 0;
        for look in 0..100 {
            match decide(&guards, &[], ms) {
                Decision::Wait { cause, until } => {
                    assert!(is_waiting(&cause));
                    assert!(until.ms_since(START) > ms, "no look comes at once again");
                    ms = until.ms_since(START);
                }
                ended => return (look, ms, ended),
            }
        }
        panic!("it waits forever");
    };
    let (count, ms, ended) = looks(AfterWait::Send);
    assert_eq!((ms, ended), (10 * MINUTE_MS, Decision::Go));
    assert!(count < 20, "{count} looks");
    let (_, _, ended) = looks(AfterWait::Skip);
    assert_eq!(cause(&ended), "waited_in_vain_for_confirmation");
}

/// What the budget holds goes by itself, and first, however long it takes.
#[test]
fn the_wait_does_not_end_while_the_budget_holds_what_goes_first() {
    for after_wait in [AfterWait::Send, AfterWait::Skip] {
        let guards = Guards { after_wait, ..guards() };
        let own = notification(0, "shipped", Status::Sending);
        let mut first = notification(1, "confirmation", Status::Held);
        let paid = notification(2, "payment", Status::Sent);
        let decide = |first: &Notification| {
            let order = [own.clone(), first.clone(), paid.clone()];
            cause(&guards.decide(&own, &order, START.plus_ms(600 * MINUTE_MS))).to_owned()
        };
        assert_eq!(decide(&first), "go", "a person holds it");
        first.lifecycle.cause = Some(CAUSE_BUDGET);
        assert_eq!(decide(&first), "waiting_for_confirmation");
    }
}

/// What goes first may itself wait for what the budget held: nothing of the order is lost or overtaken because of that.
#[test]
fn a_chain_of_waits_holds_as_long_as_the_budget_holds_its_beginning() {
    let late = START.plus_ms(600 * MINUTE_MS);
    for after_wait in [AfterWait::Send, AfterWait::Skip] {
        let guards = Guards { after_wait, waits_for: vec!["shipped".to_owned()], ..guards() };
        let own = notification(0, "review", Status::Sending);
        let mut shipped = notification(1, "shipped", Status::Deferred);
        shipped.lifecycle.cause = Some(Cause::known("waiting_for_confirmation"));
        let mut first = notification(2, "confirmation", Status::Held);
        first.lifecycle.cause = Some(CAUSE_BUDGET);
        let decide = |first: &Notification| {
            let order = [own.clone(), shipped.clone(), first.clone()];
            cause(&guards.decide(&own, &order, late)).to_owned()
        };
        assert_eq!(decide(&first), "waiting_for_shipped", "{after_wait:?}, held");
        // The hold is over: the wait is as well, but nothing is skipped that would be sent in a moment.
        let expected = if after_wait == AfterWait::Send { "go" } else { "waiting_for_shipped" };
        for status in [Status::Queued, Status::Sending, Status::Sent] {
            first.lifecycle = Lifecycle { status, ..Lifecycle::accepted(START) };
            assert_eq!(decide(&first), expected, "{after_wait:?}, {status}");
        }
        // A person may hold it for ever; what waits for it goes on, and so does what waits for that.
        first.lifecycle = Lifecycle::held(Cause::known("held_by_person"));
        assert_eq!(decide(&first), expected, "{after_wait:?}, held by a person");
    }
}

/// Where the beginning of a chain is not there, or the chain is a circle, it is waited for in vain as before.
#[test]
fn a_chain_of_waits_without_a_beginning_ends() {
    let guards = Guards { after_wait: AfterWait::Skip, waits_for: vec!["shipped".to_owned()], ..guards() };
    let own = notification(0, "review", Status::Sending);
    let waiting = |n, name, cause| {
        let mut waiting = notification(n, name, Status::Deferred);
        waiting.lifecycle.cause = Some(Cause::known(cause));
        waiting
    };
    let shipped = waiting(1, "shipped", "waiting_for_confirmation");
    let circle = waiting(2, "confirmation", "waiting_for_shipped");
    let back = waiting(2, "confirmation", "waiting_for_review");
    for order in [vec![shipped.clone()], vec![shipped.clone(), circle], vec![shipped, back]] {
        let order: Vec<_> = order.into_iter().chain([own.clone()]).collect();
        let decision = guards.decide(&own, &order, START.plus_ms(600 * MINUTE_MS));
        assert_eq!(cause(&decision), "waited_in_vain_for_shipped", "{order:?}");
    }
}

/// Skipped is what waited in vain, not what the program or a mail server has kept waiting.
#[test]
fn what_goes_first_and_is_on_its_way_is_not_waited_for_in_vain() {
    let guards = Guards { after_wait: AfterWait::Skip, ..guards() };
    let late = 11 * MINUTE_MS;
    assert_eq!(
        cause(&decide(&guards, &[("confirmation", Status::Queued), PAID], late)),
        "waiting_for_confirmation"
    );
    assert_eq!(cause(&decide(&guards, &[PAID], late)), "waited_in_vain_for_confirmation");
    // Two that wait for each other wait for nothing.
    let own = notification(0, "shipped", Status::Sending);
    let mut other = notification(1, "confirmation", Status::Deferred);
    other.lifecycle.cause = Some(Cause::known("waiting_for_shipped"));
    let decision = guards.decide(&own, &[own.clone(), other], START.plus_ms(late));
    assert_eq!(cause(&decision), "waited_in_vain_for_confirmation");
}

#[test]
fn a_wished_time_is_where_the_wait_begins() {
    let own = Notification {
        send_at: Some(START.plus_ms(60 * MINUTE_MS)),
        ..notification(0, "shipped", Status::Sending)
    };
    let decision = guards().decide(&own, &[], START.plus_ms(65 * MINUTE_MS));
    assert_eq!(cause(&decision), "waiting_for_confirmation");
    assert_eq!(guards().decide(&own, &[], START.plus_ms(70 * MINUTE_MS)), Decision::Go);
}

#[test]
fn what_supersedes_it_counts_in_every_status_but_taken_back() {
    for status in Status::ALL {
        let decision = decide(&guards(), &[("canceled", status), ("confirmation", Status::Sent), PAID], 0);
        let expected = if status == Status::Canceled { "go" } else { "superseded_by_canceled" };
        assert_eq!(cause(&decision), expected, "{status}");
    }
    let waiting = decide(&guards(), &[("canceled", Status::Queued)], 0);
    assert_eq!(cause(&waiting), "superseded_by_canceled", "void before it has waited");
}

#[test]
fn one_of_its_own_type_is_another_parcel() {
    let guards = Guards { superseded_by: vec!["shipped".to_owned()], waits_for: Vec::new(), ..guards() };
    assert_eq!(cause(&decide(&guards, &[], 0)), "go", "it does not supersede itself");
    assert_eq!(cause(&decide(&guards, &[("shipped", Status::Sent)], 0)), "superseded_by_shipped");
}
