//! What SMTP replies mean, case by case.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]

use postrider_core::domain::outcome::{FailureClass, FaultScope, Reach};
use postrider_mail::mailers::smtp::outcome::{
    Breakage, ConnectTrouble, Phase, TlsTrouble, Trouble, classify,
};
use postrider_mail::mailers::smtp::reply::parse;

use FailureClass::{Permanent, Retryable};
use FaultScope::{Message, Route};

/// Class, scope, and whether the attempt is spent.
type Verdict = (FailureClass, FaultScope, bool);

const REFUSED: Verdict = (Permanent, Message, true);
const LATER: Verdict = (Retryable, Message, true);
const ROUTE_DOWN: Verdict = (Retryable, Route, true);
const ROUTE_PAUSED: Verdict = (Retryable, Route, false);

const ABOUT_THE_MESSAGE: [Phase; 3] = [Phase::Rcpt, Phase::Data, Phase::FinalDot];

fn verdict(phase: Phase, line: &str) -> Verdict {
    let (reply, _) = parse(format!("{line}\r\n").as_bytes()).unwrap().unwrap();
    let failure = classify(phase, Trouble::Reply(&reply));
    (failure.class, failure.scope, failure.spends_attempt)
}

#[track_caller]
fn check(phases: &[Phase], expected: Verdict, lines: &[&str]) {
    for phase in phases {
        for line in lines {
            assert_eq!(verdict(*phase, line), expected, "{line} at {phase:?}");
        }
    }
}

#[test]
fn bad_recipients_and_content_are_permanent() {
    let lines = [
        "550 5.1.1 No such user",
        "553 Mailbox name not allowed",
        "550 5.1.10 Null MX",
        "550 5.2.1 Mailbox disabled",
        "552 5.2.3 Too long",
        "552 5.3.4 Too big",
        "550 5.4.1 Recipient address rejected",
        "554 5.6.0 Bad content",
        "554 Transaction failed",
        "551 User not local",
        "501 Bad address",
        "556 Domain takes no mail",
        "550 5.7.2 Closed list",
        "550 5.7.17 New owner",
    ];
    check(&ABOUT_THE_MESSAGE, REFUSED, &lines);
}

#[test]
fn too_large_is_permanent_from_mail_on() {
    check(&[Phase::Mail, Phase::FinalDot], REFUSED, &["552 Too big", "552 5.3.4 Too big"]);
}

#[test]
fn a_full_mailbox_may_have_room_later() {
    check(&ABOUT_THE_MESSAGE, LATER, &["552 5.2.2 Full", "452 4.2.2 Full", "550 5.2.2 Full"]);
    check(&[Phase::Rcpt], LATER, &["552 Too many recipients"]);
}

#[test]
fn refusals_of_us_pause_the_route() {
    let credentials =
        ["530 Must issue STARTTLS first", "530 5.7.0 Authentication required", "535 5.7.8 Wrong credentials"];
    check(&ABOUT_THE_MESSAGE, ROUTE_PAUSED, &credentials);
    check(&[Phase::Mail], ROUTE_PAUSED, &credentials);
    check(&[Phase::Mail], ROUTE_PAUSED, &POLICY);
    let before = [Phase::Greeting, Phase::Ehlo, Phase::StartTls, Phase::Auth];
    check(&before, ROUTE_PAUSED, &["554 No SMTP here", "550 5.7.1 Blocked", "535 5.7.8 No", "501 What?"]);
}

/// What sounds like a refusal of us, and may be about one message once it is said of one.
const POLICY: [&str; 11] = [
    "550 5.7.1 Relaying denied",
    "554 5.7.0 Blocked",
    "554 5.7.1 Looks like spam",
    "550 5.7.7 Altered",
    "550 5.7.26 Unauthenticated sender",
    "550 5.7.509 DMARC",
    "550 5.1.8 Bad sender domain",
    "553 5.1.7 Bad sender",
    "521 Takes no mail",
    "554 5.3.2 Takes no mail",
    "554 5.3.5 Loops back to myself",
];

#[test]
fn a_policy_that_refuses_a_recipient_or_content_pauses_the_route_but_not_for_ever() {
    check(&ABOUT_THE_MESSAGE, ROUTE_DOWN, &POLICY);
}

fn reach(phase: Phase, line: &str) -> Reach {
    let (reply, _) = parse(format!("{line}\r\n").as_bytes()).unwrap().unwrap();
    classify(phase, Trouble::Reply(&reply)).reach
}

#[test]
fn only_a_refusal_of_its_recipient_or_content_is_an_answer_about_the_message() {
    for line in ["550 5.7.1 No", "451 Later", "450 4.7.0 Slow down"] {
        for phase in [Phase::Greeting, Phase::Ehlo, Phase::StartTls, Phase::Auth] {
            assert_eq!(reach(phase, line), Reach::BeforeMessage, "{line} at {phase:?}");
        }
        assert_eq!(reach(Phase::Mail, line), Reach::Unanswered);
        for phase in ABOUT_THE_MESSAGE {
            assert_eq!(reach(phase, line), Reach::Answered, "{line} at {phase:?}");
        }
    }
    for phase in ABOUT_THE_MESSAGE {
        assert_eq!(reach(phase, "421 Bye"), Reach::Unanswered, "the server takes its leave at {phase:?}");
        assert_eq!(reach(phase, "250 Well"), Reach::Unanswered, "no answer to {phase:?}");
        assert_eq!(classify(phase, Trouble::Broken(Breakage::Disconnected)).reach, Reach::Unanswered);
    }
    assert_eq!(classify(Phase::Ehlo, Trouble::Broken(Breakage::TimedOut)).reach, Reach::BeforeMessage);
    assert_eq!(classify(Phase::Mail, Trouble::MessageTooLarge).reach, Reach::NotAsked);
}

#[test]
fn disagreement_about_the_protocol_is_tried_again_at_the_cost_of_an_attempt() {
    let lines =
        ["503 5.5.1 Bad sequence", "500 What?", "502 Not here", "555 No such parameter", "501 5.5.4 No"];
    check(&ABOUT_THE_MESSAGE, LATER, &lines);
}

#[test]
fn throttling_costs_nothing() {
    let lines = [
        "454 Throttling failure: Maximum sending rate exceeded.",
        "454 4.7.0 Throttling",
        "421 4.7.0 Too fast",
        "421 4.7.28 Too many",
        "452 4.5.3 Too many recipients",
    ];
    check(&ABOUT_THE_MESSAGE, ROUTE_PAUSED, &lines);
    check(&[Phase::Greeting, Phase::Ehlo, Phase::Mail], ROUTE_PAUSED, &["421 4.7.0 Too fast"]);
    check(&ABOUT_THE_MESSAGE, ROUTE_DOWN, &["450 4.7.0 Slow down", "451 4.7.0 Slow down"]);
}

#[test]
fn greylisting_and_other_transient_refusals_cost_an_attempt() {
    check(
        &ABOUT_THE_MESSAGE,
        LATER,
        &["450 4.2.0 Greylisted", "451 4.7.1 Greylisted", "451 Not now", "421 Bye"],
    );
    check(
        &[Phase::Greeting, Phase::Ehlo, Phase::Mail],
        ROUTE_DOWN,
        &["451 Not now", "421 Bye", "450 4.3.0 No"],
    );
    check(&ABOUT_THE_MESSAGE, ROUTE_DOWN, &["452 4.3.1 Disk full", "450 4.3.2 Takes no mail"]);
}

#[test]
fn an_enhanced_code_that_contradicts_the_reply_code_is_ignored() {
    let (reply, _) = parse(b"550 4.7.0 Contradiction\r\n").unwrap().unwrap();
    let failure = classify(Phase::Rcpt, Trouble::Reply(&reply));
    assert_eq!(failure.cause.as_str(), "smtp_550");
    assert_eq!(failure.class, Permanent);
}

#[test]
fn nothing_is_unknown_before_the_final_dot_and_nothing_broken_is_anything_else_after_it() {
    let phases = [
        Phase::Greeting,
        Phase::Ehlo,
        Phase::StartTls,
        Phase::Auth,
        Phase::Mail,
        Phase::Rcpt,
        Phase::Data,
        Phase::Body,
        Phase::FinalDot,
    ];
    let breakages =
        [Breakage::Disconnected, Breakage::TimedOut, Breakage::Unintelligible, Breakage::ReplyTooLong];
    for phase in phases {
        for breakage in breakages {
            let failure = classify(phase, Trouble::Broken(breakage));
            let is_unknown = failure.class == FailureClass::Unknown;
            assert_eq!(is_unknown, phase == Phase::FinalDot, "{breakage:?} at {phase:?}");
            assert!(failure.spends_attempt);
        }
    }
}

#[test]
fn troubles_before_the_conversation_are_the_routes() {
    for trouble in [
        ConnectTrouble::DnsFailed,
        ConnectTrouble::Refused,
        ConnectTrouble::TimedOut,
        ConnectTrouble::Unreachable,
    ] {
        let failure = classify(Phase::Greeting, Trouble::Connect(trouble, "mail.example:25"));
        assert_eq!((failure.class, failure.scope, failure.spends_attempt), ROUTE_DOWN);
    }
    let failure =
        classify(Phase::Greeting, Trouble::Connect(ConnectTrouble::PlaintextRefused, "mail.example:25"));
    assert_eq!((failure.class, failure.scope, failure.spends_attempt), ROUTE_PAUSED);
    let failure = classify(Phase::StartTls, Trouble::Tls(TlsTrouble::TimedOut, "mail.example:25"));
    assert_eq!((failure.class, failure.scope, failure.spends_attempt), ROUTE_PAUSED);
    assert_eq!(failure.cause.as_str(), "tls_timeout");
    assert_eq!(failure.words.as_str(), "mail.example:25 did not end the TLS handshake in time");
}
