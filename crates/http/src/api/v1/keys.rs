//! `/v1/keys`: who may ask, and for what.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use http::{HeaderValue, Request, StatusCode, header};
use postrider_core::domain::api_key::{ApiKey, KeyToken, Scope, Scopes};
use postrider_core::domain::id::ApiKeyId;
use postrider_core::domain::problem::FieldError;
use postrider_core::limits::{API_KEY_NAME_CHARS_MAX, API_KEYS_MAX};
use postrider_core::ports::clock::Random;
use postrider_core::ports::keys::{KeyCreated, NewKey};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::webhooks::read_body;
use crate::Problem;
use crate::access::{self, Caller};
use crate::extract::Path;
use crate::state::Api;

/// A key to be made. Everything may be left out.
#[derive(ToSchema)]
#[schema(as = NewKey)]
#[expect(
    dead_code,
    reason = "describes the body, which is read member by member so that every wrong one is named"
)]
pub struct NewKeyBody {
    /// For people; at most 64 characters.
    name: Option<String>,
    /// `send`, `read`, `manage`; all of them if left out.
    scopes: Option<Vec<String>>,
}

/// One key, without its secret, which is kept nowhere.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Key)]
pub struct KeyView {
    /// `key_…`.
    id: String,
    /// For people.
    name: String,
    /// What its holder may do: `send`, `read`, `manage`. None includes another.
    scopes: Vec<&'static str>,
    /// When it was made.
    created_at: String,
    /// Since when it is good for nothing; null while it lives.
    revoked_at: Option<String>,
}

/// Every key that lives and the last that were revoked, oldest first.
#[derive(Serialize, ToSchema)]
pub struct KeyList {
    /// The keys.
    data: Vec<KeyView>,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyWithToken {
    /// What is kept of it.
    #[serde(flatten)]
    view: KeyView,
    /// The key itself: `pr_…`. It is not shown again.
    key: String,
}

impl From<&ApiKey> for KeyView {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            scopes: key.scopes.iter().map(Scope::as_str).collect(),
            created_at: key.created_at.to_string(),
            revoked_at: key.revoked_at.map(|at| at.to_string()),
        }
    }
}

/// Lists the keys, without their secrets, oldest first. At most 100 live; of the revoked ones the last 20 are shown.
#[utoipa::path(get, path = "/v1/keys", tag = "keys",
    responses((status = 200, description = "All of them.", body = KeyList)))]
pub async fn list(State(api): State<Api>) -> Result<Json<KeyList>, Problem> {
    let keys = api.ledger.keys().await?;
    Ok(Json(KeyList { data: keys.iter().map(KeyView::from).collect() }))
}

/// Makes a key and shows it, this once. The first may be made without one; from then on every request needs one. A key makes
/// none that may do what it may not do itself.
///
/// A request that is repeated makes another key, whatever its `Idempotency-Key`: an answer with a secret is not remembered.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", request_body = NewKeyBody,
    responses((status = 201, description = "Made.", body = KeyWithToken),
              (status = 403, description = "It would have a scope that the key that asks has not.", body = crate::ProblemBody),
              (status = 409, description = "There are 100 already.", body = crate::ProblemBody),
              (status = 422, description = "A field is wrong.", body = crate::ProblemBody)))]
pub async fn create(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Extension(held): Extension<Scopes>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (_, value) = read_body(&api, request).await?;
    let (name, scopes) = read_fields(&value)?;
    // Else whoever may manage could give themselves the rest.
    if let Some(scope) = scopes.iter().find(|scope| !held.contains(*scope)) {
        let detail = format!(
            "the key to be made would have the scope `{scope}`, which the key that asks has not; nothing was made. Name fewer \
             `scopes`, or ask with a key that has them"
        );
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    let now = api.clock.now();
    let id = ApiKeyId::new(now, api.random.next_u128());
    let token = KeyToken::new(id, secret(&*api.random));
    let key = ApiKey { id, name, scopes, hash: token.hash(), created_at: now, revoked_at: None };
    let only_as_first = caller == Caller::Anybody;
    let ledger = std::sync::Arc::clone(&api.ledger);
    let change = async move { ledger.create_key(NewKey { key, only_as_first }).await };
    match api.access.change(change).await? {
        KeyCreated::Created(key) => {
            tracing::info!(key_id = %key.id, scopes = %key.scopes, by = ?caller, "an API key was made");
            let shown = KeyWithToken { view: KeyView::from(&key), key: token.reveal().to_owned() };
            let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok((StatusCode::CREATED, [no_store], Json(shown)).into_response())
        }
        // Somebody was faster, and has keys asked for since.
        KeyCreated::NotTheFirst => Ok(access::with_challenge(access::unauthorized(), true)),
        KeyCreated::TooMany => {
            let detail = format!(
                "there are {API_KEYS_MAX} keys already; nothing was made. Revoke one that is not needed"
            );
            Err(Problem::new(StatusCode::CONFLICT, "too_many_keys", detail))
        }
    }
}

/// Revokes a key: it is good for nothing from now on, and there is no way back. One that is revoked already stays so.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "`key_…`")),
    responses((status = 204, description = "It is revoked."),
              (status = 404, description = "There is none.", body = crate::ProblemBody)))]
pub async fn revoke(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let none = || {
        let id: String = id.chars().filter(|c| !c.is_control()).take(64).collect();
        Problem::not_found(
            "key_not_found",
            format!("there is no key {id}; GET /v1/keys lists them by their ids"),
        )
    };
    let (key_id, now): (ApiKeyId, _) = (id.parse().map_err(|_| none())?, api.clock.now());
    let ledger = std::sync::Arc::clone(&api.ledger);
    let revoked = api.access.change(async move { ledger.revoke_key(key_id, now).await }).await?;
    let key = revoked.ok_or_else(none)?;
    tracing::info!(key_id = %key.id, by = ?caller, "an API key is revoked");
    Ok(StatusCode::NO_CONTENT)
}

fn secret(random: &dyn Random) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes[..16].copy_from_slice(&random.next_u128().to_be_bytes());
    bytes[16..].copy_from_slice(&random.next_u64().to_be_bytes()[..4]);
    bytes
}

/// Name and scopes, or what is wrong with them.
fn read_fields(value: &Value) -> Result<(String, Scopes), Problem> {
    let invalid = |errors| Problem::invalid("invalid_key", errors);
    let Value::Object(object) = value else {
        return Err(invalid(vec![FieldError::new("", "must be an object")]));
    };
    let mut errors = Vec::new();
    let name = read_name(object, &mut errors);
    let scopes = read_scopes(object, &mut errors);
    let unknown = object.keys().filter(|name| !["name", "scopes"].contains(&name.as_str()));
    errors.extend(
        unknown
            .take(1)
            .map(|name| FieldError::new("", format!("has a member {name:?}, which is not known here"))),
    );
    match (errors.is_empty(), name, scopes) {
        (true, Some(name), Some(scopes)) => Ok((name, scopes)),
        _ => Err(invalid(errors)),
    }
}

fn read_name(object: &Map<String, Value>, errors: &mut Vec<FieldError>) -> Option<String> {
    let name = match object.get("name") {
        None | Some(Value::Null) => Some(String::new()),
        Some(Value::String(name)) => Some(name.clone()),
        Some(_) => None,
    };
    let is_good =
        |name: &String| name.chars().count() <= API_KEY_NAME_CHARS_MAX && !name.chars().any(char::is_control);
    let name = name.filter(is_good);
    if name.is_none() {
        let message = format!(
            "must be text of at most {API_KEY_NAME_CHARS_MAX} characters, without control characters"
        );
        errors.push(FieldError::new("/name", message));
    }
    name
}

fn read_scopes(object: &Map<String, Value>, errors: &mut Vec<FieldError>) -> Option<Scopes> {
    let names = match object.get("scopes") {
        None | Some(Value::Null) => return Some(Scopes::ALL),
        Some(Value::Array(names)) => names.as_slice(),
        Some(_) => &[],
    };
    let scopes: Option<Vec<Scope>> = names.iter().map(|name| name.as_str()?.parse().ok()).collect();
    let scopes = scopes.and_then(Scopes::of);
    if scopes.is_none() {
        errors.push(FieldError::new("/scopes", "must be a list of at least one of send, read, manage"));
    }
    scopes
}
