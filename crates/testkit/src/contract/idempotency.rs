//! Idempotency keys.

use postrider_core::domain::document::Fingerprint;
use postrider_core::domain::lifecycle::OnUnknown;
use postrider_core::limits::{ANSWERS_FORGOTTEN_MAX, IDEMPOTENCY_KEPT_MS};
use postrider_core::ports::ledger::{
    AcceptResult, Acceptance, Accepted, Idempotency, ListQuery, RememberedAnswer,
};

use super::scene::{Scene, sure};

/// A key, for a request of this content.
#[must_use]
pub fn idempotency(key: &str, request: &str) -> Idempotency {
    Idempotency { key: fingerprint(key), request: fingerprint(request), answer: write_answer }
}

fn fingerprint(text: &str) -> Fingerprint {
    Fingerprint::of_parts(&[text.as_bytes()])
}

fn write_answer(accepted: &Accepted) -> RememberedAnswer {
    let ids: Vec<_> = accepted.notifications.iter().map(|each| each.id.to_string()).collect();
    RememberedAnswer { status: 202, body: format!("{} {}", accepted.event_id, ids.join(" ")) }
}

fn with_key(acceptance: Acceptance, key: &str, request: &str) -> Acceptance {
    Acceptance { idempotency: Some(idempotency(key, request)), ..acceptance }
}

/// The answer is stored with the acceptance and given again, even for an event with new ids.
pub async fn the_same_request_gets_the_same_answer(scene: &Scene) {
    let accepted = scene.accept(with_key(scene.acceptance("1"), "k", "r")).await;
    let answer = write_answer(&accepted);
    assert_eq!(
        sure(scene.ledger.recall_answer(fingerprint("k"), scene.now()).await),
        Some((fingerprint("r"), answer.clone()))
    );
    // The replay wins over everything else the event might say.
    let again = sure(scene.ledger.accept(with_key(scene.acceptance("2"), "k", "r")).await);
    assert_eq!(again, AcceptResult::Replayed(answer));
    assert_eq!(scene.list(ListQuery::default()).await.len(), 1);
}

/// One key, two requests: the second stores nothing.
pub async fn another_request_under_the_key_is_refused(scene: &Scene) {
    scene.accept(with_key(scene.acceptance("1"), "k", "r")).await;
    let other = with_key(scene.acceptance("2"), "k", "other");
    assert_eq!(sure(scene.ledger.accept(other).await), AcceptResult::IdempotencyKeyReused);
    assert_eq!(scene.list(ListQuery::default()).await.len(), 1);
}

/// A conflict stores nothing, not even an answer: the same key may come with a corrected event.
pub async fn a_refused_event_leaves_the_key_free(scene: &Scene) {
    scene.post("1").await;
    let mut conflict = with_key(scene.acceptance("1"), "k", "r");
    conflict.data_fingerprint = fingerprint("other");
    assert!(matches!(sure(scene.ledger.accept(conflict).await), AcceptResult::BusinessKeyConflict { .. }));
    assert_eq!(sure(scene.ledger.recall_answer(fingerprint("k"), scene.now()).await), None);
    scene.accept(with_key(scene.acceptance("2"), "k", "corrected")).await;
}

/// Answers that came without an acceptance are remembered too.
pub async fn an_answer_of_its_own_is_remembered(scene: &Scene) {
    let answer = RememberedAnswer { status: 200, body: "{\"data\":[]}".to_owned() };
    remember(scene, "k", "r", &answer).await;
    assert_eq!(
        sure(scene.ledger.recall_answer(fingerprint("k"), scene.now()).await),
        Some((fingerprint("r"), answer))
    );
}

/// A taken key keeps its answer.
pub async fn the_first_answer_stays(scene: &Scene) {
    let first = RememberedAnswer { status: 200, body: "first".to_owned() };
    let second = RememberedAnswer { status: 409, body: "second".to_owned() };
    remember(scene, "k", "r", &first).await;
    remember(scene, "k", "other", &second).await;
    assert_eq!(
        sure(scene.ledger.recall_answer(fingerprint("k"), scene.now()).await),
        Some((fingerprint("r"), first))
    );
}

/// One namespace of keys, however the answer got there.
pub async fn a_remembered_answer_stops_an_acceptance(scene: &Scene) {
    let answer = RememberedAnswer { status: 422, body: "no".to_owned() };
    remember(scene, "k", "r", &answer).await;
    let same = sure(scene.ledger.accept(with_key(scene.acceptance("1"), "k", "r")).await);
    assert_eq!(same, AcceptResult::Replayed(answer));
    let other = sure(scene.ledger.accept(with_key(scene.acceptance("1"), "k", "other")).await);
    assert_eq!(other, AcceptResult::IdempotencyKeyReused);
    assert!(scene.list(ListQuery::default()).await.is_empty());
}

/// Nothing was ever answered under it.
pub async fn an_unused_key_has_no_answer(scene: &Scene) {
    assert_eq!(sure(scene.ledger.recall_answer(fingerprint("k"), scene.now()).await), None);
}

/// Time is judged by the clock of whoever asks, not by when somebody cleans up; then the key is free.
pub async fn an_answer_has_its_time(scene: &Scene) {
    let first = scene.accept(with_key(scene.acceptance("1"), "k", "r")).await;
    scene.clock.advance_ms(IDEMPOTENCY_KEPT_MS - 1);
    let again = sure(scene.ledger.accept(with_key(scene.acceptance("2"), "k", "r")).await);
    assert_eq!(again, AcceptResult::Replayed(write_answer(&first)));
    scene.clock.advance_ms(1);
    assert_eq!(sure(scene.ledger.recall_answer(fingerprint("k"), scene.now()).await), None);
    // Another request may use the key now, and has it for as long.
    let second = scene.accept(with_key(scene.acceptance("3"), "k", "other")).await;
    scene.clock.advance_ms(IDEMPOTENCY_KEPT_MS - 1);
    let expected = Some((fingerprint("other"), write_answer(&second)));
    assert_eq!(sure(scene.ledger.recall_answer(fingerprint("k"), scene.now()).await), expected);
    scene.clock.advance_ms(1);
    let answer = RememberedAnswer { status: 200, body: "third".to_owned() };
    remember(scene, "k", "r", &answer).await;
    let expected = Some((fingerprint("r"), answer));
    assert_eq!(sure(scene.ledger.recall_answer(fingerprint("k"), scene.now()).await), expected);
    // The notification outlives the answer: its business key is taken as before.
    assert!(scene.accept(with_key(scene.acceptance("1"), "new", "r")).await.notifications[0].duplicate);
}

/// What nobody will be given again is deleted, oldest first, in bounded steps.
pub async fn answers_whose_time_is_over_are_forgotten(scene: &Scene) {
    let answer = RememberedAnswer { status: 200, body: "old".to_owned() };
    for n in 0..=ANSWERS_FORGOTTEN_MAX {
        remember(scene, &format!("old {n}"), "r", &answer).await;
    }
    scene.clock.advance_ms(1);
    remember(scene, "k", "r", &answer).await;
    scene.clock.advance_ms(IDEMPOTENCY_KEPT_MS - 1);
    for expected in [ANSWERS_FORGOTTEN_MAX, 1, 0] {
        assert_eq!(scene.sweep(OnUnknown::Resend).await.answers_forgotten, expected);
    }
    assert!(sure(scene.ledger.recall_answer(fingerprint("k"), scene.now()).await).is_some());
}

async fn remember(scene: &Scene, key: &str, request: &str, answer: &RememberedAnswer) {
    let (key, request) = (fingerprint(key), fingerprint(request));
    sure(scene.ledger.remember_answer(key, request, answer.clone(), scene.now()).await);
}
