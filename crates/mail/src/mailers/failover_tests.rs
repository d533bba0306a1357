use std::collections::VecDeque;

use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::outcome::{Failure, FaultScope, Words};
use postrider_core::ports::mailer::Envelope;
use postrider_testkit::clock::ManualClock;

use super::*;

struct Scripted {
    name: &'static str,
    answers: Mutex<VecDeque<AttemptOutcome>>,
}

impl Scripted {
    fn new(name: &'static str, answers: Vec<AttemptOutcome>) -> Arc<Self> {
        Arc::new(Self { name, answers: Mutex::new(answers.into()) })
    }
}

#[async_trait]
impl Mailer for Scripted {
    fn name(&self) -> &'static str {
        self.name
    }

    fn deadline_ms(&self) -> u64 {
        1_000
    }

    async fn send(&self, _: &OutgoingMessage, _: Stop<'_>) -> AttemptOutcome {
        self.answers.lock().unwrap().pop_front().unwrap_or_else(accepted)
    }
}

fn accepted() -> AttemptOutcome {
    AttemptOutcome::Accepted { words: Words::new("250 Ok") }
}

fn failed(class: FailureClass, reach: Reach, is_account_fault: bool) -> AttemptOutcome {
    AttemptOutcome::NotAccepted(Failure {
        class,
        scope: FaultScope::Route,
        cause: Cause::known("ses_sending_paused"),
        words: Words::default(),
        spends_attempt: false,
        reach,
        is_account_fault,
    })
}

fn paused() -> AttemptOutcome {
    failed(FailureClass::Retryable, Reach::BeforeMessage, true)
}

struct Scene {
    mailer: FailoverMailer,
    clock: Arc<ManualClock>,
    told: Arc<Mutex<Vec<Option<String>>>>,
}

impl Scene {
    fn new(first: Vec<AttemptOutcome>) -> Self {
        let (clock, told) = (Arc::new(ManualClock::default()), Arc::new(Mutex::new(Vec::new())));
        let hear = Arc::clone(&told);
        let tell: Tell = Box::new(move |cause| hear.lock().unwrap().push(cause.map(ToString::to_string)));
        let (first, second) = (Scripted::new("ses", first), Scripted::new("smtp", Vec::new()));
        let mailer = FailoverMailer::new(first, second, Arc::clone(&clock) as Arc<dyn Clock>, tell);
        Self { mailer, clock, told }
    }

    /// Who handed the next message on, and whether it was taken.
    async fn next(&self) -> (&'static str, bool) {
        let message = OutgoingMessage {
            notification_id: NotificationId::new(self.clock.now(), 7),
            attempt: 1,
            envelope: Envelope {
                return_path: EmailAddress::parse("bounces@shop.example").unwrap(),
                recipient: EmailAddress::parse("ada@example.com").unwrap(),
            },
            message: Vec::new(),
        };
        let HandedOn { by, outcome } = self.mailer.hand_on(&message, &mut std::future::pending()).await;
        (by, matches!(outcome, AttemptOutcome::Accepted { .. }))
    }
}

#[tokio::test]
async fn the_second_takes_over_at_once_and_the_first_is_probed_until_it_works() {
    let scene = Scene::new(vec![accepted(), paused(), paused(), accepted()]);
    assert_eq!(scene.next().await, ("ses", true));
    assert_eq!(scene.next().await, ("smtp", true), "the message that met the fault goes by the second");
    scene.clock.advance_ms(FALLBACK_PAUSE_MS_MIN - 1);
    assert_eq!(scene.next().await, ("smtp", true));
    scene.clock.advance_ms(1);
    assert_eq!(scene.next().await, ("smtp", true), "the probe that fails goes by the second, too");
    scene.clock.advance_ms(FALLBACK_PAUSE_MS_MIN);
    assert_eq!(scene.next().await, ("smtp", true), "the pause is twice as long now");
    scene.clock.advance_ms(FALLBACK_PAUSE_MS_MIN);
    assert_eq!(scene.next().await, ("ses", true));
    assert_eq!(scene.next().await, ("ses", true));
    assert_eq!(*scene.told.lock().unwrap(), [Some("ses_sending_paused".to_owned()), None]);
}

#[tokio::test]
async fn what_the_first_may_have_taken_never_goes_to_the_second() {
    let outcomes = [
        failed(FailureClass::Unknown, Reach::Unanswered, false),
        // Contradicts itself, and must do no harm either.
        failed(FailureClass::Unknown, Reach::Unanswered, true),
        failed(FailureClass::Permanent, Reach::AnsweredByService, false),
        failed(FailureClass::Retryable, Reach::BeforeMessage, false),
        AttemptOutcome::Released,
    ];
    for outcome in outcomes {
        let scene = Scene::new(vec![outcome.clone()]);
        assert_eq!(scene.next().await, ("ses", false), "{outcome:?}");
        assert_eq!(scene.next().await, ("ses", true), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_probe_of_unknown_outcome_proves_nothing() {
    let scene = Scene::new(vec![paused(), failed(FailureClass::Unknown, Reach::Unanswered, false)]);
    assert_eq!(scene.next().await, ("smtp", true));
    scene.clock.advance_ms(FALLBACK_PAUSE_MS_MIN);
    assert_eq!(scene.next().await, ("ses", false));
    assert_eq!(scene.next().await, ("smtp", true));
}
