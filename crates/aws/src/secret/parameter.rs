//! One call to AWS Systems Manager, signed here: its own SDK is the largest of all and takes minutes and gigabytes to
//! compile, for one request.

use std::time::{Duration, UNIX_EPOCH};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt as _, Limited};
use postrider_core::domain::time::Timestamp;
use postrider_core::limits::SECRET_ANSWER_BYTES_MAX;
use serde::Deserialize;
use serde_json::json;

use crate::http_client::{Roots, connector};
use crate::sdk::words_of;

const SERVICE: &str = "ssm";
const TARGET: &str = "AmazonSSM.GetParameter";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    parameter: Parameter,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    value: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type")]
    code: Option<String>,
}

/// The value of the parameter `name`, decrypted, from `region` or else from where `sdk` says.
///
/// # Errors
/// SSM's code, or what else went wrong; never anything of the value.
pub(super) async fn get(
    sdk: &SdkConfig,
    roots: Roots,
    region: Option<&str>,
    name: &str,
    now: Timestamp,
) -> Result<String, String> {
    let region = region.or_else(|| sdk.region().map(AsRef::as_ref));
    let region = region.ok_or("no region is known; set AWS_REGION, or name the parameter by its ARN")?;
    let request = signed(sdk, region, name, now).await?;
    let response = connector(roots).call(request).await.map_err(|error| words_of(&error))?;
    let is_success = response.status().is_success();
    let body = Limited::new(response.into_body(), SECRET_ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|_| "the answer broke off, or does not end")?.to_bytes();
    if is_success {
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| "the answer makes no sense")?;
        return Ok(answer.parameter.value);
    }
    let code = serde_json::from_slice::<Refusal>(&body).ok().and_then(|refusal| refusal.code);
    // The code may have its namespace before it.
    let code = code.as_deref().and_then(|code| code.rsplit('#').next()).unwrap_or("no code");
    Err(code.chars().filter(char::is_ascii_alphanumeric).take(64).collect())
}

async fn signed(sdk: &SdkConfig, region: &str, name: &str, now: Timestamp) -> Result<HttpRequest, String> {
    let provider = sdk.credentials_provider().ok_or("there are no credentials")?;
    let credentials = provider.provide_credentials().await.map_err(|error| words_of(&error))?;
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    let uri = match sdk.endpoint_url() {
        Some(endpoint) => format!("{}/", endpoint.trim_end_matches('/')),
        None => format!("https://ssm.{region}.amazonaws.com{suffix}/"),
    };
    let body = json!({ "Name": name, "WithDecryption": true }).to_string();
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", TARGET)];
    let identity = credentials.into();
    let ms = u64::try_from(now.as_millis()).unwrap_or(0);
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(UNIX_EPOCH + Duration::from_millis(ms))
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| words_of(&error))?;
    let signable =
        SignableRequest::new("POST", uri.as_str(), headers.into_iter(), SignableBody::Bytes(body.as_bytes()))
            .map_err(|error| words_of(&error))?;
    let (instructions, _) =
        sign(signable, &parameters.into()).map_err(|error| words_of(&error))?.into_parts();
    let mut request = http::Request::post(uri.as_str());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut request = request.body(SdkBody::from(body)).map_err(|error| words_of(&error))?;
    instructions.apply_to_request_http1x(&mut request);
    request.try_into().map_err(|error| words_of::<aws_smithy_runtime_api::http::HttpError>(&error))
}
