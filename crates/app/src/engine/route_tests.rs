use std::time::Duration;

use postrider_core::domain::id::NotificationId;
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::HASTENED_MAX;
use tokio::time::Instant;

use super::{Allowance, Change, Departure, LONGEST_PAUSE, Route, Sign};

const BROKEN: Sign = Sign::Broken { waits_blameless: true };
const BLAMED: Sign = Sign::Broken { waits_blameless: false };
const FIRST: Duration = Duration::from_secs(1);

fn id(n: u128) -> NotificationId {
    NotificationId::new(Timestamp::EPOCH, n)
}

/// A route that a message found broken at `now`.
fn paused(now: Instant) -> Route {
    let mut route = Route::default();
    let departure = route.departs(now);
    assert_eq!(route.arrived(id(0), departure, BROKEN, now), Change::Paused);
    route
}

/// The probe that departs at `now`.
fn probe(route: &mut Route, now: Instant) -> Departure {
    assert_eq!(route.allowance(now), Allowance::Probe);
    let departure = route.departs(now);
    assert_eq!(route.allowance(now), Allowance::PausedUntil(now + LONGEST_PAUSE));
    departure
}

#[test]
fn a_fault_pauses_and_then_one_probe_is_allowed() {
    let start = Instant::now();
    let mut route = paused(start);
    assert_eq!(route.allowance(start), Allowance::PausedUntil(start + FIRST));
    probe(&mut route, start + FIRST);
}

#[test]
fn faults_of_one_moment_count_once() {
    let start = Instant::now();
    let mut route = Route::default();
    let departures: Vec<_> = (0..50).map(|_| route.departs(start)).collect();
    for (n, departure) in departures.into_iter().enumerate() {
        route.arrived(id(n as u128), departure, BROKEN, start);
    }
    assert_eq!(route.allowance(start + FIRST), Allowance::Probe);
}

#[test]
fn what_left_before_the_pause_neither_opens_the_route_nor_extends_the_pause() {
    let start = Instant::now();
    let mut route = Route::default();
    let early: Vec<_> = (0..4).map(|_| route.departs(start)).collect();
    route.arrived(id(0), early[0], BROKEN, start);
    for sign in [Sign::Works, Sign::Silent, Sign::NotAsked] {
        assert_eq!(route.arrived(id(1), early[1], sign, start), Change::None);
        assert_eq!(route.allowance(start), Allowance::PausedUntil(start + FIRST));
    }
    let probe = probe(&mut route, start + FIRST);
    route.arrived(id(2), early[2], BROKEN, start + FIRST);
    assert_eq!(route.allowance(start + FIRST), Allowance::PausedUntil(start + FIRST + LONGEST_PAUSE));
    assert_eq!(route.take_waiting(), []);
    assert_eq!(route.arrived(id(9), probe, Sign::Works, start + FIRST), Change::Opened);
    // Nor does it close a route that was opened since; it waited for it all the same.
    assert_eq!(route.arrived(id(3), early[3], BROKEN, start + FIRST), Change::None);
    assert_eq!(route.allowance(start), Allowance::Open);
    assert_eq!(route.take_waiting(), [id(0), id(2), id(3)]);
}

#[test]
fn a_probe_that_fails_or_gets_no_answer_doubles_the_pause() {
    for sign in [BROKEN, BLAMED, Sign::Silent] {
        let start = Instant::now();
        let mut route = paused(start);
        let probed = start + FIRST;
        let departure = probe(&mut route, probed);
        assert_eq!(route.arrived(id(1), departure, sign, probed), Change::None);
        assert_eq!(route.allowance(probed), Allowance::PausedUntil(probed + 2 * FIRST), "{sign:?}");
    }
}

#[test]
fn a_probe_that_was_never_handed_over_is_followed_by_another_at_once() {
    let start = Instant::now();
    let mut route = paused(start);
    let probed = start + FIRST;
    let departure = probe(&mut route, probed);
    assert_eq!(route.arrived(id(1), departure, Sign::NotAsked, probed), Change::None);
    let next = probe(&mut route, probed);
    assert_eq!(route.arrived(id(2), next, Sign::Works, probed), Change::Opened);
}

#[test]
fn a_probe_that_hangs_is_followed_by_another_and_either_may_open_the_route() {
    let start = Instant::now();
    let mut route = paused(start);
    let hanging = probe(&mut route, start + FIRST);
    let later = start + FIRST + LONGEST_PAUSE;
    let next = probe(&mut route, later);
    assert_eq!(route.arrived(id(1), hanging, Sign::Silent, later), Change::None);
    assert_eq!(route.allowance(later), Allowance::PausedUntil(later + LONGEST_PAUSE), "the next still runs");
    assert_eq!(route.arrived(id(2), next, Sign::Works, later), Change::Opened);

    let mut route = paused(start);
    let hanging = probe(&mut route, start + FIRST);
    let next = probe(&mut route, later);
    assert_eq!(route.arrived(id(1), hanging, Sign::Works, later), Change::Opened);
    assert_eq!(
        route.arrived(id(2), next, BROKEN, later),
        Change::None,
        "it left before the route was opened"
    );
}

#[test]
fn a_probe_of_an_earlier_pause_does_not_open_the_route() {
    let start = Instant::now();
    let mut route = paused(start);
    let hanging = probe(&mut route, start + FIRST);
    let later = start + FIRST + LONGEST_PAUSE;
    let next = probe(&mut route, later);
    route.arrived(id(1), next, Sign::Works, later);
    let departure = route.departs(later);
    assert_eq!(route.arrived(id(2), departure, BROKEN, later), Change::Paused);
    assert_eq!(route.arrived(id(3), hanging, Sign::Works, later), Change::None);
    assert_eq!(route.allowance(later), Allowance::PausedUntil(later + FIRST));
}

#[test]
fn pauses_grow_to_a_bound_and_start_small_again() {
    let mut now = Instant::now();
    let mut route = paused(now);
    now += FIRST;
    for n in 0..20 {
        let departure = probe(&mut route, now);
        route.arrived(id(n), departure, BROKEN, now);
        let Allowance::PausedUntil(until) = route.allowance(now) else { panic!("not paused") };
        assert!(until - now <= LONGEST_PAUSE);
        now = until;
    }
    assert_eq!(route.pause, LONGEST_PAUSE);
    let departure = probe(&mut route, now);
    route.arrived(id(99), departure, Sign::Works, now);
    let departure = route.departs(now);
    route.arrived(id(100), departure, BROKEN, now);
    assert_eq!(route.allowance(now), Allowance::PausedUntil(now + FIRST));
}

#[test]
fn whoever_had_a_part_in_the_fault_is_not_hastened() {
    let start = Instant::now();
    let mut route = Route::default();
    let departures: Vec<_> = (0..2).map(|_| route.departs(start)).collect();
    route.arrived(id(1), departures[0], BLAMED, start);
    route.arrived(id(2), departures[1], BROKEN, start);
    let departure = probe(&mut route, start + FIRST);
    route.arrived(id(3), departure, Sign::Works, start + FIRST);
    assert_eq!(route.take_waiting(), [id(2)]);
    assert_eq!(route.take_waiting(), []);
}

#[test]
fn whoever_probed_in_vain_many_times_is_hastened_once() {
    let mut now = Instant::now();
    let mut route = paused(now);
    for _ in 0..10 {
        now += LONGEST_PAUSE;
        let departure = probe(&mut route, now);
        route.arrived(id(0), departure, BROKEN, now);
    }
    now += LONGEST_PAUSE;
    let departure = probe(&mut route, now);
    route.arrived(id(1), departure, Sign::Works, now);
    assert_eq!(route.take_waiting(), [id(0)]);
}

#[test]
fn no_more_are_remembered_than_the_bound_allows() {
    let start = Instant::now();
    let mut route = Route::default();
    let departure = route.departs(start);
    for n in 0..=HASTENED_MAX {
        route.arrived(id(n as u128), departure, BROKEN, start);
    }
    let departure = probe(&mut route, start + FIRST);
    route.arrived(id(u128::MAX), departure, Sign::Works, start + FIRST);
    let waiting = route.take_waiting();
    assert_eq!((waiting.len(), waiting[0]), (HASTENED_MAX, id(0)));
}
