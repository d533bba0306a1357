//! A real mail server between us and the reader.

use std::time::Duration;

use postrider_core::domain::outcome::AttemptOutcome;
use postrider_core::ports::mailer::{Envelope, Mailer as _, OutgoingMessage};
use postrider_mail::mailers::smtp::{SmtpConfig, SmtpMailer, TlsMode};
use postrider_testkit::postfix::{Postfix, SmtpSink};

use crate::every::messages;
use crate::parsers::seen;

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn what_postfix_passes_on_is_decoded_byte_for_byte_the_same() {
    let sink = SmtpSink::start().unwrap();
    let postfix = Postfix::start(sink.addr()).unwrap();
    let mailer = SmtpMailer::new(SmtpConfig {
        host: postfix.addr().ip().to_string(),
        port: postfix.addr().port(),
        tls: TlsMode::None,
        allow_plaintext: false,
        credentials: None,
        connections: 4,
        timeout_ms: 60_000,
        ehlo_name: "shop.example.com".to_owned(),
        extra_roots: Vec::new(),
    })
    .unwrap();
    let messages = messages();
    for made in &messages {
        let message = OutgoingMessage {
            notification_id: made.notification,
            attempt: 1,
            envelope: Envelope { return_path: made.to.clone(), recipient: made.to.clone() },
            message: made.message.clone(),
        };
        let outcome = mailer.send(&message, &mut std::future::pending::<()>()).await;
        assert!(matches!(outcome, AttemptOutcome::Accepted { .. }), "{}: {outcome:?}", made.name);
    }
    assert_eq!(sink.wait_for_total(messages.len(), PATIENCE), messages.len(), "{}", postfix.log());
    for made in &messages {
        let arrived = sink.messages_of(&made.notification.to_string());
        assert_eq!(arrived.len(), 1, "{}", made.name);
        assert_eq!(seen(&arrived[0]), seen(&made.message), "{}", made.name);
    }
}
