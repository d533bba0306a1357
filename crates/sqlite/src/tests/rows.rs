//! Row numbers, codes, and what a row alone decides.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::notification::Priority;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::ports::ledger::{Ledger as _, ListQuery};
use postrider_testkit::contract::scene::sure;
use proptest::prelude::{any, proptest};

use super::{place, scene};
use crate::rows::{seq_of_id, seq_of_instant};
use postrider_core::ports::codes;

proptest! {
    #[test]
    fn row_numbers_sort_as_ids_do(a in 0i64..1 << 45, b in 0i64..1 << 45, ra in any::<u128>(), rb in any::<u128>()) {
        let (early, late) = (a.min(b), a.max(b) + 1);
        let first = seq_of_id(NotificationId::new(Timestamp::from_millis(early), ra));
        let second = seq_of_id(NotificationId::new(Timestamp::from_millis(late), rb));
        assert!(first < second);
        assert!(seq_of_instant(Timestamp::from_millis(early)) <= first);
        assert!(first < seq_of_instant(Timestamp::from_millis(late)));
    }
}

#[test]
fn every_code_reads_back_and_none_is_used_twice() {
    for status in Status::ALL {
        assert_eq!(codes::status_from_code(codes::status_code(status)), Some(status));
    }
    for kind in TimelineKind::ALL {
        assert_eq!(codes::kind_from_code(codes::kind_code(kind)), Some(kind));
    }
    for priority in Priority::ALL {
        assert_eq!(codes::priority_from_code(codes::priority_code(priority)), Some(priority));
    }
}

#[test]
fn the_codes_in_the_schemas_indexes_are_those_of_the_code() {
    let schema = include_str!("../schema/0001_ledger.sql");
    let named = |index: &str| {
        let (_, rest) = schema.split_once(index).expect("the index is there");
        let (_, rest) = rest.split_once("IN (").expect("it is partial");
        let (codes, _) = rest.split_once(')').expect("the list ends");
        let mut codes: Vec<u8> = codes.split(',').map(|code| code.trim().parse().expect("a code")).collect();
        codes.sort_unstable();
        codes
    };
    let of = |statuses: &[Status]| {
        let mut codes: Vec<u8> = statuses.iter().map(|status| codes::status_code(*status)).collect();
        codes.sort_unstable();
        codes
    };
    assert_eq!(named("notifications_waiting "), of(&[Status::Queued, Status::Deferred]));
    assert_eq!(named("notifications_watched "), of(&[Status::Sending, Status::Unknown]));
    assert_eq!(named("notifications_dead "), of(&Status::DEAD_LETTERS));
    let exceptional: Vec<_> =
        Status::ALL.into_iter().filter(|status| crate::exceptional::is_exceptional(*status)).collect();
    assert_eq!(named("notifications_exceptional "), of(&exceptional));
}

#[tokio::test]
async fn ids_that_share_their_row_number_are_kept_apart() {
    let (_directory, path) = place();
    let (scene, ledger) = scene(&path);
    let mut ids = Vec::new();
    for low_bits in 0..20 {
        let mut acceptance = scene.acceptance(&low_bits.to_string());
        acceptance.notifications[0].0 = NotificationId::new(scene.now(), low_bits);
        ids.push(scene.accept(acceptance).await.notifications[0].id);
    }
    assert_eq!(seq_of_id(ids[0]), seq_of_id(ids[19]));
    for (order, id) in ids.iter().enumerate() {
        assert_eq!(scene.notification(*id).await.order_id, Some(order.to_string()));
    }
    let mut paged = scene.list(ListQuery { limit: 3, ..ListQuery::default() }).await;
    paged.sort_unstable();
    assert_eq!(paged, ids);
    // One id twice is a defect of the caller, refused without harm to what is stored.
    let mut twice = scene.acceptance("twice");
    twice.notifications[0].0 = ids[0];
    assert!(ledger.accept(twice).await.is_err());
    assert_eq!(scene.notification(ids[0]).await.order_id, Some("0".to_owned()));
    assert_eq!(sure(ledger.queue_stats(scene.now()).await).counts, [(Status::Queued, 20)]);
}
