//! `/v1/feedback`: what mail services and mail servers tell about messages.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::{Request, StatusCode};
use postrider_aws::ses_event;
use postrider_aws::sns::{Content, Refusal};
use postrider_core::limits::SNS_BODY_BYTES_MAX;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Problem;
use crate::body::{self, Received};
use crate::sns::SnsEndpoint;
use crate::state::Api;

/// What a message of SNS came to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackTaken {
    /// Reports that are recorded now, or were before.
    reports: usize,
}

/// Takes a message of Amazon SNS: an event of SES, or a question whether this endpoint wants a topic's messages.
///
/// Signature, certificate, host, freshness and topic are checked together before anything else is believed. It is the
/// one path that answers whatever the `Host`, because the signature says who asks.
#[utoipa::path(post, path = "/v1/feedback/sns", tag = "feedback",
    request_body(content = String, content_type = "text/plain", description = "As SNS posts it to an HTTPS subscription without raw delivery."),
    responses((status = 200, description = "Recorded, or known already.", body = FeedbackTaken),
              (status = 400, description = "Not a message of SNS.", body = crate::ProblemBody),
              (status = 403, description = "Not from SNS, or not from an allowed topic.", body = crate::ProblemBody),
              (status = 413, description = "Larger than any message of SNS.", body = crate::ProblemBody),
              (status = 422, description = "From SNS, but no event of SES.", body = crate::ProblemBody),
              (status = 503, description = "Could not be recorded or checked now; SNS tries again.", body = crate::ProblemBody)))]
pub async fn sns(State(api): State<Api>, request: Request<Body>) -> Result<Json<FeedbackTaken>, Problem> {
    let Some(endpoint) = api.sns.clone() else {
        let detail = "no topic may write here: name those that may in feedback.sns_topics";
        return Err(Problem::new(StatusCode::FORBIDDEN, "sns_not_configured", detail));
    };
    let Received { bytes, room: _room } =
        body::read_within(&endpoint.room, request.into_body(), SNS_BODY_BYTES_MAX)
            .await
            .map_err(to_be_tried_again)?;
    let now = api.clock.now();
    let message = endpoint.verifier.verify(&bytes, now).await.map_err(|refusal| refused(&api, &refusal))?;
    if message.repeated {
        return Ok(Json(FeedbackTaken { reports: 0 }));
    }
    let reports = match &message.content {
        Content::Notification(event) => take_event(&api, event.as_bytes()).await?,
        Content::SubscriptionConfirmation(url) => {
            confirm(&endpoint, url, &message.topic).await?;
            0
        }
        Content::UnsubscribeConfirmation(_) => {
            tracing::error!(
                topic = message.topic,
                "the subscription to this topic was ended: no more feedback will come. Subscribe this endpoint again"
            );
            0
        }
    };
    endpoint.verifier.remember(&message, now);
    Ok(Json(FeedbackTaken { reports }))
}

/// SNS takes most 4xx for final; what did not arrive whole is to come again.
fn to_be_tried_again(problem: Problem) -> Problem {
    if matches!(problem.status(), StatusCode::BAD_REQUEST | StatusCode::REQUEST_TIMEOUT) {
        let detail = "the message did not arrive whole; nothing was recorded";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "incomplete_body", detail).retry_after(20);
    }
    problem
}

async fn take_event(api: &Api, event: &[u8]) -> Result<usize, Problem> {
    let event = ses_event::read(event).map_err(|error| {
        tracing::warn!(%error, "a message of SNS is no event of SES");
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_ses_event",
            format!("{error}. Nothing was recorded."),
        )
    })?;
    Ok(api.take_reports(&event.references, event.reports).await?.len())
}

async fn confirm(endpoint: &SnsEndpoint, url: &str, topic: &str) -> Result<(), Problem> {
    match endpoint.confirmer.confirm(url).await {
        Ok(()) => {
            tracing::info!(topic, "subscribed to the topic");
            Ok(())
        }
        Err(error) => {
            tracing::error!(topic, error, "the subscription could not be confirmed");
            let detail = "the subscription could not be confirmed now; SNS asks again";
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "confirmation_failed", detail).retry_after(20))
        }
    }
}

fn refused(api: &Api, refusal: &Refusal) -> Problem {
    api.metrics.sns_refused.inc();
    tracing::warn!(reason = refusal.as_str(), "a message to the SNS endpoint was refused");
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN);
    let code = match status {
        StatusCode::BAD_REQUEST => "invalid_sns_message",
        StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
        StatusCode::SERVICE_UNAVAILABLE => "sns_unverifiable",
        _ => "forbidden_sns_message",
    };
    let problem = Problem::new(status, code, format!("{refusal}. Nothing was recorded."));
    if status == StatusCode::SERVICE_UNAVAILABLE { problem.retry_after(20) } else { problem }
}
