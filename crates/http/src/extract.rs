//! Path and query as axum reads them, refused as every other error is: `application/problem+json`.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::Problem;

/// The parameters in the path.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => {
                let detail = format!(
                    "the path cannot be read: {}. Percent-encode it as UTF-8",
                    rejection.body_text().trim_end_matches('.')
                );
                Err(Problem::bad_request("invalid_path", detail))
            }
        }
    }
}

/// The parameters in the query string.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        query(&parts.uri).map(Self)
    }
}

/// The parameters in the query string of `uri`.
pub fn query<T: DeserializeOwned>(uri: &http::Uri) -> Result<T, Problem> {
    match axum::extract::Query::try_from_uri(uri) {
        Ok(axum::extract::Query(value)) => Ok(value),
        Err(rejection) => {
            let detail = format!("the query string cannot be read: {}", rejection.body_text());
            Err(Problem::bad_request("invalid_parameter", detail))
        }
    }
}
