//! A mail service that behaves like SES: it takes messages, or does not, or nobody hears of it, and reports later.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use postrider_aws::ses_event::TAG;
use postrider_core::domain::id::NotificationId;
use postrider_core::domain::outcome::{
    AttemptOutcome, Cause, Failure, FailureClass, FaultScope, Reach, Words,
};
use postrider_core::domain::status::Status;
use postrider_core::ports::clock::Random;
use postrider_core::ports::mailer::{Mailer, OutgoingMessage, Stop};
use serde_json::{Value, json};
use tokio::task::yield_now;

/// The longest a send may take.
const DEADLINE_MS: u64 = 10_000;

/// A message it took.
#[derive(Clone)]
pub struct Taken {
    pub notification: NotificationId,
    /// What its reports establish once all are in.
    pub truth: Status,
}

#[derive(Default)]
struct State {
    taken: Vec<Taken>,
    reports: Vec<Value>,
    lost_answers: u64,
    is_well: bool,
}

/// The service.
pub struct MailService {
    random: Arc<dyn Random>,
    state: Mutex<State>,
}

impl MailService {
    pub fn new(random: Arc<dyn Random>) -> Self {
        Self { random, state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on nothing fails.
    pub fn recover(&self) {
        self.state().is_well = true;
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.state().taken.clone()
    }

    pub fn lost_answers(&self) -> u64 {
        self.state().lost_answers
    }

    /// What is to be reported and was not fetched yet.
    pub fn reports(&self) -> Vec<Value> {
        std::mem::take(&mut self.state().reports)
    }

    fn draw(&self, below: u64) -> u64 {
        self.random.next_u64() % below
    }

    /// Takes the message and tells under which id.
    fn take(&self, message: &OutgoingMessage) -> String {
        let id = format!("{:016x}-7f8e9d0c-1b2a-4938-8475-665544332211-000000", self.random.next_u64());
        let recipient = message.envelope.recipient.as_str();
        let mail = json!({
            "timestamp": "2026-11-20T09:15:30.123Z", "messageId": id, "source": "orders@shop.example",
            "destination": [recipient], "tags": { TAG: [message.notification_id.to_string()] },
        });
        let mut reports = vec![json!({ "eventType": "Send", "mail": mail, "send": {} })];
        let delivery = json!({
            "eventType": "Delivery", "mail": mail,
            "delivery": { "timestamp": "2026-11-20T09:15:31.000Z", "recipients": [recipient], "smtpResponse": "250 ok" },
        });
        let truth = match self.draw(12) {
            0 => {
                let who = json!({ "emailAddress": recipient, "action": "failed", "status": "5.7.1", "diagnosticCode": "smtp; 550 5.7.1 refused" });
                reports.push(json!({
                    "eventType": "Bounce", "mail": mail,
                    "bounce": {
                        "bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [who],
                        "timestamp": "2026-11-20T09:16:41.456Z", "feedbackId": id,
                    },
                }));
                if self.draw(2) == 0 {
                    reports.push(delivery);
                }
                Status::Bounced
            }
            1 => {
                reports.push(delivery);
                reports.push(json!({
                    "eventType": "Complaint", "mail": mail,
                    "complaint": {
                        "complainedRecipients": [{ "emailAddress": recipient }], "complaintFeedbackType": "abuse",
                        "timestamp": "2026-11-20T09:16:41.456Z", "feedbackId": id,
                    },
                }));
                Status::Complained
            }
            2 => Status::Sent,
            _ => {
                reports.push(delivery);
                Status::Delivered
            }
        };
        let mut state = self.state();
        state.taken.push(Taken { notification: message.notification_id, truth });
        state.reports.extend(reports);
        id
    }
}

fn failure(class: FailureClass, scope: FaultScope, cause: &'static str, reach: Reach) -> AttemptOutcome {
    AttemptOutcome::NotAccepted(Failure {
        class,
        scope,
        cause: Cause::known(cause),
        words: Words::default(),
        spends_attempt: scope == FaultScope::Message,
        is_account_fault: false,
        reach,
    })
}

#[async_trait]
impl Mailer for MailService {
    fn name(&self) -> &'static str {
        "ses"
    }

    fn deadline_ms(&self) -> u64 {
        DEADLINE_MS
    }

    async fn send(&self, message: &OutgoingMessage, _stop: Stop<'_>) -> AttemptOutcome {
        yield_now().await;
        let fate = if self.state().is_well { 99 } else { self.draw(10) };
        let outcome = match fate {
            0 => failure(
                FailureClass::Retryable,
                FaultScope::Route,
                "ses_too_many_requests",
                Reach::BeforeMessage,
            ),
            1 => failure(FailureClass::Unknown, FaultScope::Route, "ses_no_answer", Reach::Unanswered),
            2 => {
                self.take(message);
                self.state().lost_answers += 1;
                failure(FailureClass::Unknown, FaultScope::Route, "ses_no_answer", Reach::Unanswered)
            }
            _ => AttemptOutcome::Accepted { words: Words::new(&format!("250 Ok {}", self.take(message))) },
        };
        yield_now().await;
        outcome
    }
}
