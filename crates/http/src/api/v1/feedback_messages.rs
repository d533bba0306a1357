//! `/v1/feedback/messages`: a bounce, a complaint or an answer that came as mail.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, Request, StatusCode, header};
use postrider_core::domain::feedback::ReportKind;
use postrider_core::domain::suppression::SuppressionReason;
use postrider_core::domain::timeline::TimelineKind;
use postrider_core::limits::FEEDBACK_MESSAGE_BYTES_MAX;
use postrider_core::ports::feedback::FeedbackRecorded;
use postrider_mail::bounce::MessageKind;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Problem;
use crate::body::{self, Received};
use crate::feedback::MessageTaken;
use crate::state::Api;

/// What a mail came to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackMessage {
    /// `delivery_status`, `bounce` (one that follows no standard), `complaint`, `auto_reply` or `other`.
    kind: &'static str,
    /// What it says, one for each recipient it names.
    reports: Vec<FeedbackMessageReport>,
}

/// One report of a mail, and what recording it came to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackMessageReport {
    /// The notification it is about; null if it is about nothing that was sent from here.
    notification_id: Option<String>,
    /// What it says, as the timeline calls it: `bounced`, `soft_bounced`, `complained`, `delivered`, `auto_reply`, …
    report: &'static str,
    /// `recorded`, `repeated` (known before), `orphan` (about nothing that was sent from here), `dropped` (it
    /// establishes nothing, and there are enough of its kind on the timeline) or `kept` (until its message is known).
    result: &'static str,
    /// The notification's status now, if the report was recorded.
    status: Option<&'static str>,
    /// The reason for which its recipient is on the suppression list from now on.
    suppressed: Option<&'static str>,
}

impl FeedbackMessageReport {
    fn new(kind: ReportKind, recorded: &FeedbackRecorded) -> Self {
        let (result, id) = match recorded {
            FeedbackRecorded::Recorded(effect) => ("recorded", Some(effect.id)),
            FeedbackRecorded::Repeated(id) => ("repeated", Some(*id)),
            FeedbackRecorded::Dropped(id) => ("dropped", Some(*id)),
            FeedbackRecorded::Kept => ("kept", None),
            FeedbackRecorded::Orphan => ("orphan", None),
        };
        let effect = match recorded {
            FeedbackRecorded::Recorded(effect) => Some(effect),
            _ => None,
        };
        Self {
            notification_id: id.map(|id| id.to_string()),
            report: TimelineKind::of_report(kind).as_str(),
            result,
            status: effect.map(|effect| effect.status.as_str()),
            suppressed: effect.and_then(|effect| effect.suppressed).map(SuppressionReason::as_str),
        }
    }
}

impl From<MessageTaken> for FeedbackMessage {
    fn from(taken: MessageTaken) -> Self {
        let kind = match taken.kind {
            MessageKind::DeliveryStatus => "delivery_status",
            MessageKind::Bounce => "bounce",
            MessageKind::Complaint => "complaint",
            MessageKind::AutoReply => "auto_reply",
            MessageKind::Other => "other",
        };
        let report = |(kind, recorded): &_| FeedbackMessageReport::new(*kind, recorded);
        Self { kind, reports: taken.reports.iter().map(report).collect() }
    }
}

/// Takes a bounce, a complaint or an answer out of a mailbox, reads it and records what it says.
///
/// A signed return path among the addresses it went to says what it is about, or else the Message-ID in what it
/// returns. Posted again it changes nothing.
#[utoipa::path(post, path = "/v1/feedback/messages", tag = "feedback",
    request_body(content = String, content_type = "message/rfc822", description = "The mail, header and body."),
    responses((status = 200, description = "What it is, and what it came to.", body = FeedbackMessage),
              (status = 413, description = "Larger than 10 MiB.", body = crate::ProblemBody),
              (status = 415, description = "Not `message/rfc822`.", body = crate::ProblemBody),
              (status = 503, description = "Could not be made durable; post it again.", body = crate::ProblemBody)))]
pub async fn post(State(api): State<Api>, request: Request<Body>) -> Result<Json<FeedbackMessage>, Problem> {
    let (head, body) = request.into_parts();
    if !is_mail(&head.headers) {
        let detail = "a mail is posted as it is: send Content-Type message/rfc822";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    let Received { bytes, room: _room } = body::read(&api, body, FEEDBACK_MESSAGE_BYTES_MAX).await?;
    let taken = api.take_message(bytes.into(), None).await?;
    Ok(Json(taken.into()))
}

fn is_mail(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("message/rfc822"))
}
