//! What a server's refusals mean, by phase.

use postrider_core::domain::outcome::{FailureClass, FaultScope};
use postrider_core::ports::mailer::Mailer as _;
use postrider_testkit::smtp_server::{Action, Phase, Script};

use crate::common::{
    USUAL, accepted, fail, failure, hello, later, never, permanent, route_down, route_paused, start, verdict,
};

const BEFORE_MAIL: [Phase; 2] = [Phase::Greeting, Phase::Ehlo];
const ABOUT_THE_MESSAGE: [Phase; 3] = [Phase::Rcpt, Phase::Data, Phase::FinalDot];

/// With and without PIPELINING, which must make no difference.
async fn check(phase: Phase, reply: &str, expected: (FailureClass, FaultScope, bool, &str)) {
    for offers in [USUAL, &[]] {
        let script = Script::new().offer(offers).on(phase, Action::reply(reply));
        let refused = fail(script).await;
        assert_eq!(verdict(&refused), expected, "{reply} at {phase:?} with {offers:?}");
        assert_eq!(refused.words.as_str(), reply);
    }
}

#[tokio::test]
async fn a_421_closes_the_connection_and_is_tried_again() {
    for phase in BEFORE_MAIL {
        check(phase, "421 4.3.2 Closing", route_down("smtp_421_4.3.2")).await;
    }
    check(Phase::Mail, "421 Closing", route_down("smtp_421")).await;
    for phase in ABOUT_THE_MESSAGE {
        check(phase, "421 Closing", later("smtp_421")).await;
    }
}

#[tokio::test]
async fn a_451_is_tried_again() {
    for phase in BEFORE_MAIL {
        check(phase, "451 Not now", route_down("smtp_451")).await;
    }
    check(Phase::Mail, "451 4.3.0 Not now", route_down("smtp_451_4.3.0")).await;
    for phase in ABOUT_THE_MESSAGE {
        check(phase, "451 4.3.0 Not now", later("smtp_451_4.3.0")).await;
    }
}

#[tokio::test]
async fn a_550_before_any_recipient_is_about_us() {
    for phase in BEFORE_MAIL {
        check(phase, "550 Go away", route_paused("smtp_550")).await;
    }
    check(Phase::Mail, "550 5.1.8 Bad sender", route_paused("smtp_550_5.1.8")).await;
}

#[tokio::test]
async fn a_550_about_recipient_or_message_is_permanent() {
    for phase in ABOUT_THE_MESSAGE {
        check(phase, "550 5.1.1 No such user", permanent("smtp_550_5.1.1")).await;
        check(phase, "550 No", permanent("smtp_550")).await;
    }
}

#[tokio::test]
async fn a_policy_refusal_pauses_the_route_and_spends_an_attempt_once_it_may_be_about_the_message() {
    for phase in [Phase::Greeting, Phase::Ehlo, Phase::Mail] {
        check(phase, "550 5.7.1 Your network is blocked", route_paused("smtp_550_5.7.1")).await;
    }
    for phase in ABOUT_THE_MESSAGE {
        check(phase, "550 5.7.1 Your network is blocked", route_down("smtp_550_5.7.1")).await;
    }
}

#[tokio::test]
async fn throttling_pauses_the_route_and_spends_no_attempt() {
    check(Phase::Mail, "421 4.7.0 Too fast", route_paused("smtp_421_4.7.0")).await;
    for phase in ABOUT_THE_MESSAGE {
        check(phase, "454 Throttling failure: Maximum sending rate exceeded.", route_paused("smtp_454"))
            .await;
        check(phase, "421 4.7.28 Too many", route_paused("smtp_421_4.7.28")).await;
        check(phase, "452 4.5.3 Too many recipients", route_paused("smtp_452_4.5.3")).await;
    }
}

#[tokio::test]
async fn after_a_refusal_the_connection_goes_on_with_the_next_message() {
    for phase in [Phase::Mail, Phase::Rcpt, Phase::Data, Phase::FinalDot] {
        for offers in [USUAL, &[]] {
            let refusal = Action::reply("450 4.2.0 Greylisted");
            let script = Script::new().offer(offers).on_message(0, 0, phase, refusal);
            let (server, mailer) = start(script).await;
            failure(mailer.send(&hello(), never()).await);
            accepted(mailer.send(&hello(), never()).await);
            assert_eq!(server.connections(), 1, "after {phase:?} with {offers:?}");
            assert_eq!(server.taken().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_refusal_of_several_lines_is_kept_as_one() {
    let lines = ["550-5.1.1 The mailbox does not exist.", "550 5.1.1 Check the spelling."];
    let lines = lines.map(str::to_owned).to_vec();
    let refused = fail(Script::new().on(Phase::Rcpt, Action::Reply(lines))).await;
    assert_eq!(verdict(&refused), permanent("smtp_550_5.1.1"));
    assert_eq!(refused.words.as_str(), "550 5.1.1 The mailbox does not exist. Check the spelling.");
}

#[tokio::test]
async fn consent_where_none_was_asked_for_is_not_acceptance() {
    let refused = fail(Script::new().on(Phase::Data, Action::reply("250 Already taken"))).await;
    assert_eq!(verdict(&refused), later("smtp_250"));
    let refused = fail(Script::new().offer(USUAL).on(Phase::FinalDot, Action::reply("354 More"))).await;
    assert_eq!(refused.class, FailureClass::Unknown);
}
