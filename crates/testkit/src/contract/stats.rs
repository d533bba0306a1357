//! Counting what became of notifications.

use postrider_core::domain::lifecycle::Verdict;
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use postrider_core::ports::stats::{PeriodCounts, PeriodLength, Stats, StatsQuery};

use super::scene::{Scene, failed, sure};

const HOUR_MS: u64 = 60 * 60 * 1000;

/// Each counts where it was accepted, by what it is now; the end of the window is not part of it.
pub async fn each_counts_in_the_period_of_its_acceptance(scene: &Scene) {
    let first = scene.now();
    scene.post_and_finish("1", Verdict::Sent).await;
    scene.post_and_finish("2", failed("smtp_550_5.1.1")).await;
    scene.clock.advance_ms(2 * HOUR_MS);
    let late = scene.post("3").await;
    let claim = scene.claim_one().await;
    scene.clock.advance_ms(3 * HOUR_MS);
    scene.finish(&claim, Verdict::Sent).await;
    let end = scene.now();
    scene.post("4").await;
    let periods = counted(scene, query(first, end, PeriodLength::Hour)).await;
    assert_eq!(periods.len(), StatsQuery::periods(&query(first, end, PeriodLength::Hour)));
    assert_eq!(periods[0].start, PeriodLength::Hour.start_of(first));
    let of = |n: usize, status| periods[n].counts.of(status);
    assert_eq!((of(0, Status::Sent), of(0, Status::Failed), periods[0].counts.total()), (1, 1, 2));
    assert_eq!(
        (of(2, Status::Sent), periods[2].counts.total()),
        (1, 1),
        "{late} was accepted two hours later"
    );
    let total: u64 = periods.iter().map(|period| period.counts.total()).sum();
    assert_eq!(total, 3, "what was accepted at the end of the window is not part of it");
}

/// A window in which nothing was accepted has its periods all the same.
pub async fn an_empty_window_has_its_periods(scene: &Scene) {
    let since = scene.now();
    scene.post("1").await;
    let later = since.plus_ms(48 * HOUR_MS);
    let periods = counted(scene, query(later, later.plus_ms(48 * HOUR_MS), PeriodLength::Day)).await;
    assert!((2..=3).contains(&periods.len()), "{periods:?}");
    assert!(periods.iter().all(|period| period.counts.total() == 0));
}

/// Of one type only, if that is asked for.
pub async fn one_type_is_counted_alone(scene: &Scene) {
    let since = scene.now();
    scene.post("1").await;
    let mut shipped = scene.acceptance("1");
    shipped.notifications = vec![scene.plan("order_shipped", "1")];
    scene.accept(shipped).await;
    let all = query(since, since.plus_ms(1), PeriodLength::Day);
    let shipped = StatsQuery { notification_type: Some("order_shipped".to_owned()), ..all.clone() };
    let nobody = StatsQuery { notification_type: Some("order".to_owned()), ..all.clone() };
    for (query, expected) in [(all, 2), (shipped, 1), (nobody, 0)] {
        assert_eq!(counted(scene, query).await[0].counts.of(Status::Queued), expected);
    }
}

fn query(since: Timestamp, until: Timestamp, period: PeriodLength) -> StatsQuery {
    StatsQuery { since, until, period, notification_type: None }
}

async fn counted(scene: &Scene, query: StatsQuery) -> Vec<PeriodCounts> {
    match sure(scene.ledger.stats(query).await) {
        Stats::Counted(periods) => periods,
        Stats::TooMany { most } => panic!("these are not more than {most}"),
    }
}
