//! Pages of a listing.

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::status::Status;
use postrider_core::limits::PAGE_MAX;
use postrider_core::ports::ledger::ListQuery;

use super::scene::{Scene, dead, sure};

/// Every notification is on exactly one page, those of one millisecond included, whatever arrives meanwhile.
pub async fn pages_follow_one_another_without_gap_or_overlap(scene: &Scene) {
    let posted = post(scene, 23).await;
    let mut seen = Vec::new();
    let mut after = None;
    for page in 0..50 {
        let query = ListQuery { after, limit: 4, ..ListQuery::default() };
        let found = sure(scene.ledger.list(query).await);
        assert!(found.notifications.len() <= 4);
        seen.extend(found.notifications.iter().map(|each| each.id));
        scene.clock.advance_ms(1);
        scene.post(&format!("meanwhile {page}")).await;
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    let mut expected = posted;
    expected.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(seen, expected);
}

/// A full last page promises nothing more.
pub async fn the_last_page_has_no_next(scene: &Scene) {
    post(scene, 8).await;
    let first = sure(scene.ledger.list(ListQuery { limit: 4, ..ListQuery::default() }).await);
    assert_eq!(first.next, first.notifications.last().map(|last| last.id));
    let query = ListQuery { limit: 4, after: first.next, ..ListQuery::default() };
    let second = sure(scene.ledger.list(query).await);
    assert_eq!((second.notifications.len(), second.next), (4, None));
}

/// Whatever is asked for, a page has its bound.
pub async fn no_page_is_larger_than_the_bound(scene: &Scene) {
    post(scene, PAGE_MAX + 1).await;
    let page = sure(scene.ledger.list(ListQuery { limit: usize::MAX, ..ListQuery::default() }).await);
    assert_eq!(page.notifications.len(), PAGE_MAX);
    assert!(page.next.is_some());
}

/// A cursor is a place, not a row: it works when the notification it names was never there.
pub async fn a_cursor_needs_no_notification(scene: &Scene) {
    let older = scene.post("older").await;
    scene.clock.advance_ms(1);
    let (cursor, _) = scene.plan("any", "any");
    scene.clock.advance_ms(1);
    scene.post("younger").await;
    assert_eq!(scene.list(ListQuery { after: Some(cursor), ..ListQuery::default() }).await, [older]);
}

/// Pages of few matches among many end as well, and miss none.
pub async fn filtered_pages_end(scene: &Scene) {
    let mut expected = Vec::new();
    for order in 0..40 {
        if order % 13 == 0 {
            expected.insert(0, scene.post_and_finish(&order.to_string(), dead("connect_refused")).await);
        } else {
            scene.post_and_finish(&order.to_string(), postrider_core::domain::lifecycle::Verdict::Sent).await;
        }
        scene.clock.advance_ms(1);
    }
    for statuses in [vec![Status::Dead], vec![Status::Dead, Status::Deferred]] {
        let mut after = None;
        let mut seen = Vec::new();
        for _ in 0..100 {
            let query = ListQuery { statuses: statuses.clone(), after, limit: 1, ..ListQuery::default() };
            let page = sure(scene.ledger.list(query).await);
            seen.extend(page.notifications.iter().map(|each| each.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((after, &seen), (None, &expected));
    }
}

async fn post(scene: &Scene, count: usize) -> Vec<NotificationId> {
    let mut posted = Vec::new();
    for order in 0..count {
        posted.push(scene.post(&order.to_string()).await);
        if order % 3 == 0 {
            scene.clock.advance_ms(1);
        }
    }
    posted
}
