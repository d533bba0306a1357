//! What a `SendEmail` that failed means: the one place that decides.
//!
//! Decided by the type of the error, its code, its HTTP status and how far the request came, never by prose. Three
//! questions in this order: can SES have taken the message (then the outcome is unknown); is it our account or SES
//! itself (then the route pauses and no attempt is spent); can another try succeed.

use std::error::Error;

use aws_sdk_sesv2::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use postrider_core::domain::outcome::{Cause, Failure, FailureClass, FaultScope, Reach, Words};

/// Why SES did not say that it took a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble<'a> {
    /// The request could not be made, or there were no credentials to sign it with. Nobody was asked.
    NotAsked,
    /// No connection came about, or it was gone before the request was begun.
    NotConnected,
    /// The connection broke once the request may have been on its way.
    Lost,
    /// The time was up once the request may have been on its way.
    TimedOut,
    /// An answer came and makes no sense.
    Unintelligible {
        /// Its HTTP status.
        status: u16,
    },
    /// SES refused.
    Refused {
        /// The HTTP status.
        status: u16,
        /// SES's code, such as `MessageRejected`.
        code: &'a str,
    },
}

impl<'a> Trouble<'a> {
    /// What `error` is. `is_on_its_way` says whether the request was handed to the transport.
    pub(super) fn of(error: &'a SdkError<SendEmailError>, is_on_its_way: bool) -> Self {
        match error {
            SdkError::ServiceError(refusal) => match refusal.raw().status().as_u16() {
                // An answer without an error in it that could not be read.
                status @ ..400 => Self::Unintelligible { status },
                status => Self::Refused { status, code: code_of(refusal.err()) },
            },
            SdkError::ResponseError(response) => {
                Self::Unintelligible { status: response.raw().status().as_u16() }
            }
            _ if !is_on_its_way => Self::NotAsked,
            SdkError::TimeoutError(_) => Self::TimedOut,
            SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                Some(connector) if never_began(connector) => Self::NotConnected,
                Some(connector) if connector.is_timeout() => Self::TimedOut,
                Some(_) | None => Self::Lost,
            },
            // Kinds of errors that the SDK did not have when this was written.
            _ => Self::Lost,
        }
    }
}

/// Whether the transport gave up before it wrote any of the request.
fn never_began(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let no_connection = error
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect);
        let not_taken = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        if no_connection || not_taken {
            return true;
        }
        next = error.source();
    }
    false
}

/// The code by type where the SDK knows one, and as SES wrote it otherwise.
fn code_of(error: &SendEmailError) -> &str {
    match error {
        SendEmailError::AccountSuspendedException(_) => "AccountSuspendedException",
        SendEmailError::BadRequestException(_) => "BadRequestException",
        SendEmailError::LimitExceededException(_) => "LimitExceededException",
        SendEmailError::MailFromDomainNotVerifiedException(_) => "MailFromDomainNotVerifiedException",
        SendEmailError::MessageRejected(_) => "MessageRejected",
        SendEmailError::NotFoundException(_) => "NotFoundException",
        SendEmailError::SendingPausedException(_) => "SendingPausedException",
        SendEmailError::TooManyRequestsException(_) => "TooManyRequestsException",
        other => other.code().unwrap_or_default(),
    }
}

/// What to do about a trouble, before anybody puts it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    /// SES may have taken it.
    Unknown,
    /// Nobody was asked, or SES is too busy: soon again, for everybody.
    Busy,
    /// Our account is at fault: later again, for everybody.
    Account,
    /// About this message, and another try may succeed.
    Later,
    /// About this message, and no other try will.
    Refused,
}

/// What `trouble` means.
#[must_use]
pub fn judge(trouble: Trouble<'_>, ses_words: &str) -> Failure {
    let (judgement, cause, words) = match trouble {
        Trouble::NotAsked => (
            Judgement::Account,
            Cause::known("ses_no_credentials"),
            "no request to SES could be made: give the process credentials and a region (environment, profile or role)",
        ),
        Trouble::NotConnected => (
            Judgement::Busy,
            Cause::known("ses_connect_failed"),
            "SES cannot be reached; check the network, mailer.ses.region and mailer.ses.endpoint_url",
        ),
        Trouble::Lost => {
            (Judgement::Unknown, Cause::known("ses_disconnected"), "the connection broke before SES answered")
        }
        Trouble::TimedOut => (Judgement::Unknown, Cause::known("ses_timeout"), "SES did not answer in time"),
        Trouble::Unintelligible { status } => (
            Judgement::Unknown,
            Cause::from_codes(&format!("ses_unintelligible_{status}")),
            "SES's answer makes no sense",
        ),
        Trouble::Refused { status, code } => judge_refusal(status, code),
    };
    failure(judgement, cause, words, ses_words)
}

/// What a refusal by its code means; codes that are not in the SDK's model are those of signatures, of throttling in
/// front of SES, and whatever SES learns to say.
fn judge_refusal(status: u16, code: &str) -> (Judgement, Cause, &'static str) {
    match code {
        "TooManyRequestsException"
        | "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "RequestThrottledException"
        | "RequestThrottled"
        | "TooManyRequests"
        | "SlowDown"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded" => {
            (Judgement::Busy, Cause::known("ses_too_many_requests"), "SES asks to slow down")
        }
        "LimitExceededException" => (Judgement::Account, CAUSE_QUOTA, WORDS_QUOTA),
        "SendingPausedException" => (
            Judgement::Account,
            Cause::known("ses_sending_paused"),
            "SES has paused sending for this account or configuration set: see the reputation dashboard of the SES \
             console; messages wait",
        ),
        "AccountSuspendedException" => (
            Judgement::Account,
            Cause::known("ses_account_suspended"),
            "SES has suspended this account: answer the case in AWS Support; messages wait",
        ),
        "MailFromDomainNotVerifiedException" => (
            Judgement::Account,
            Cause::known("ses_mail_from_not_verified"),
            "SES does not know the sender's MAIL FROM domain: verify it in the SES console; messages wait",
        ),
        "NotFoundException" => (
            Judgement::Account,
            Cause::known("ses_not_found"),
            "SES knows no such configuration set in this region: correct mailer.ses.configuration_set or make it; \
             messages wait",
        ),
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" | "TokenRefreshRequired" => (
            Judgement::Account,
            Cause::known("ses_credentials_expired"),
            "the credentials for SES have expired, or this machine's clock is wrong: renew them; messages wait",
        ),
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "AuthFailure"
        | "NotAuthorized"
        | "OptInRequired"
        | "SubscriptionRequiredException" => (
            Judgement::Account,
            Cause::known("ses_credentials_invalid"),
            "SES does not accept the credentials: correct them; messages wait",
        ),
        "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" => (
            Judgement::Account,
            Cause::known("ses_access_denied"),
            "the credentials may not send: allow ses:SendEmail for the identity and the configuration set; messages \
             wait",
        ),
        "MessageRejected" => {
            (Judgement::Refused, Cause::known("ses_message_rejected"), "SES refused the message")
        }
        "BadRequestException" | "ValidationException" | "ValidationError" | "InvalidParameterValue" => {
            (Judgement::Refused, Cause::known("ses_bad_request"), "SES does not understand the request")
        }
        _ => judge_status(status),
    }
}

/// What a refusal means whose code says nothing here.
fn judge_status(status: u16) -> (Judgement, Cause, &'static str) {
    let named = |what: &str| Cause::from_codes(&format!("ses_{what}_{status}"));
    match status {
        429 => (Judgement::Busy, Cause::known("ses_too_many_requests"), "SES asks to slow down"),
        401 | 403 => (
            Judgement::Account,
            named("refused"),
            "SES does not let these credentials send: check them and their policy; messages wait",
        ),
        413 => (Judgement::Refused, named("refused"), "the message is more than SES takes"),
        400..=499 => (Judgement::Later, named("refused"), "SES refused the request"),
        // SES may have failed after it took the message.
        _ => (Judgement::Unknown, named("failed"), "SES failed, and may have taken the message"),
    }
}

/// The cause of a message that waits for the daily quota.
pub(super) const CAUSE_QUOTA: Cause = Cause::known("ses_daily_quota");
/// What to do about it.
pub(super) const WORDS_QUOTA: &str = "the account's daily quota of SES is used; messages wait until it frees, which it \
                                      does bit by bit. Ask AWS for a higher one if this comes again";

/// A fault of the account, known without asking SES about the message.
pub(super) fn account_fault(cause: Cause, words: &str) -> Failure {
    failure(Judgement::Account, cause, words, "")
}

/// Too many at once, known without asking SES about the message.
pub(super) fn busy(cause: Cause, words: &str) -> Failure {
    failure(Judgement::Busy, cause, words, "")
}

/// No request was made, because SES would not take such a message.
pub(super) fn refused_unasked(cause: Cause, words: &str) -> Failure {
    Failure { reach: Reach::NotAsked, ..failure(Judgement::Refused, cause, words, "") }
}

fn failure(judgement: Judgement, cause: Cause, words: &str, ses_words: &str) -> Failure {
    // What is said about the account goes into the log as well, and SES's words may name addresses.
    let says_ours_only = ses_words.is_empty() || judgement == Judgement::Account;
    let words = if says_ours_only { words.to_owned() } else { format!("{words}: {ses_words}") };
    let (class, scope, spends_attempt, reach) = match judgement {
        Judgement::Unknown => (FailureClass::Unknown, FaultScope::Message, true, Reach::Unanswered),
        // Any other message would have met the same.
        Judgement::Busy | Judgement::Account => {
            (FailureClass::Retryable, FaultScope::Route, false, Reach::BeforeMessage)
        }
        Judgement::Later => (FailureClass::Retryable, FaultScope::Message, true, Reach::AnsweredByService),
        Judgement::Refused => (FailureClass::Permanent, FaultScope::Message, true, Reach::AnsweredByService),
    };
    let is_account_fault = judgement == Judgement::Account;
    Failure { class, scope, cause, words: Words::new(&words), spends_attempt, reach, is_account_fault }
}
