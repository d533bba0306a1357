//! Reports come in any order, any number of times, before and after the sender's own word: the end is the same.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

use postrider_core::domain::bounce::BounceClass;
use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::feedback::{Report, ReportKind, ReportSource, Truth};
use postrider_core::domain::lifecycle::{Lifecycle, Step, Verdict};
use postrider_core::domain::outcome::{Cause, Words};
use postrider_core::domain::status::Status;
use postrider_core::domain::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

/// What happens to a notification that a sender has.
#[derive(Clone, Debug)]
enum Happening {
    Reported(Report),
    Finished(Verdict),
}

fn kinds() -> Vec<ReportKind> {
    let mut kinds = vec![
        ReportKind::Accepted,
        ReportKind::Delivered,
        ReportKind::Complained,
        ReportKind::Rejected,
        ReportKind::RenderingFailed,
        ReportKind::Opened,
        ReportKind::Clicked,
        ReportKind::NotSpam,
        ReportKind::AutoReply,
        ReportKind::Other,
    ];
    for class in BounceClass::ALL {
        kinds.extend([
            ReportKind::Bounced(class),
            ReportKind::SoftBounced(class),
            ReportKind::Delayed(class),
        ]);
    }
    kinds
}

fn report() -> impl Strategy<Value = Report> {
    let status = proptest::option::of(select(vec!["5.1.1", "4.2.2", "5.7.1"]));
    (select(kinds()), status).prop_map(|(kind, status)| Report {
        kind,
        status: status.and_then(|text| text.parse().ok()),
        diagnostic: Words::default(),
        source: ReportSource::Ses,
        occurred_at: None,
        recipient: None,
        fingerprint: Fingerprint::of_parts(&[]),
    })
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let at = Timestamp::from_millis(50);
    let cause = Cause::known("smtp_451");
    select(vec![
        Verdict::Sent,
        Verdict::Deferred { cause: cause.clone(), until: at, spends_attempt: true },
        Verdict::Unknown { cause: cause.clone(), judge_at: at },
        Verdict::Failed { cause },
    ])
}

/// Every order of `items`, by Heap's algorithm.
fn permutations(items: &[Happening]) -> Vec<Vec<Happening>> {
    fn heap(k: usize, items: &mut Vec<Happening>, out: &mut Vec<Vec<Happening>>) {
        if k <= 1 {
            out.push(items.clone());
            return;
        }
        for i in 0..k {
            heap(k - 1, items, out);
            items.swap(if k.is_multiple_of(2) { i } else { 0 }, k - 1);
        }
    }
    let mut out = Vec::new();
    heap(items.len(), &mut items.to_vec(), &mut out);
    out
}

fn claimed() -> Lifecycle {
    let claim = Step::Claim { now: Timestamp::EPOCH, lease_until: Timestamp::from_millis(100) };
    Lifecycle::accepted(Timestamp::EPOCH).apply(&claim).expect("what is due can be claimed")
}

fn play(happenings: &[Happening]) -> Lifecycle {
    let mut now = claimed();
    for happening in happenings {
        let step = match happening {
            Happening::Reported(report) => report.establishes().map(Step::Report),
            Happening::Finished(verdict) => Some(Step::Finish { fence: 1, verdict: verdict.clone() }),
        };
        if let Some(step) = step {
            now = now.apply(&step).expect("a claimed notification takes reports and its sender's word");
        }
    }
    now
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_order_ends_the_same(reports in proptest::collection::vec(report(), 0..5), verdict in verdict()) {
        let mut happenings: Vec<_> = reports.iter().cloned().map(Happening::Reported).collect();
        happenings.push(Happening::Finished(verdict));
        let expected = play(&happenings);
        for order in permutations(&happenings) {
            prop_assert_eq!(&play(&order), &expected, "{:?}", order);
        }
    }

    #[test]
    fn a_report_again_changes_nothing(reports in proptest::collection::vec(report(), 1..6), again in any::<usize>()) {
        let happenings: Vec<_> = reports.into_iter().map(Happening::Reported).collect();
        let mut repeated = happenings.clone();
        repeated.push(happenings[again % happenings.len()].clone());
        prop_assert_eq!(play(&repeated), play(&happenings));
    }

    #[test]
    fn the_greatest_truth_is_the_status(reports in proptest::collection::vec(report(), 0..8)) {
        let mut happenings: Vec<_> = reports.iter().cloned().map(Happening::Reported).collect();
        happenings.push(Happening::Finished(Verdict::Sent));
        let greatest = reports.iter().filter_map(|report| report.establishes().map(|it| it.truth)).max();
        let expected = greatest.map_or(Status::Sent, Truth::status);
        prop_assert_eq!(play(&happenings).status, expected);
    }
}

#[test]
fn complaint_outweighs_bounce_outweighs_delivery_outweighs_the_send() {
    let statuses: Vec<_> = Truth::ALL.into_iter().map(Truth::status).collect();
    assert_eq!(
        statuses,
        [Status::Sent, Status::Failed, Status::Delivered, Status::Bounced, Status::Complained]
    );
    assert!(Truth::ALL.is_sorted());
}
