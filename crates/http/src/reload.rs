//! `POST /v1/types/reload`: exchanges the notification types of a running server, if the new ones are good.

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use postrider_core::domain::problem::FieldError;
use postrider_core::ports::ledger::LedgerError;
use postrider_mail::types::TypeError;

use crate::Problem;
use crate::api::v1::types::{TypeList, list};
use crate::state::Api;

/// Why the types stay as they are.
#[derive(Debug)]
pub enum ReloadRefused {
    /// What is wrong with the new ones.
    Types(Vec<TypeError>),
    /// What they are made of could not be stored.
    Ledger(LedgerError),
    /// Something else, in words.
    Other(String),
}

/// Reads the types again and puts them in force.
#[async_trait]
pub trait ReloadTypes: Send + Sync {
    /// Puts the types as they are now in force, all of them or none, and tells how many there are. What is being sent
    /// keeps those it began with.
    ///
    /// # Errors
    /// [`ReloadRefused`]; the types in force stay.
    async fn reload(&self) -> Result<usize, ReloadRefused>;
}

/// Reads the notification types again. All of them come into force if all are good, otherwise none does and every error
/// is named. What is being sent keeps the types it began with.
#[utoipa::path(post, path = "/v1/types/reload", tag = "types",
    responses((status = 200, description = "The types now in force, by name.", body = TypeList),
              (status = 409, description = "`types_not_reloadable`: here the types come with the program.", body = crate::ProblemBody),
              (status = 422, description = "`types_broken`: the old ones stay. Every error is named by type and file.", body = crate::ProblemBody),
              (status = 503, description = "`ledger_unavailable`: what they are made of could not be stored; the old ones stay.", body = crate::ProblemBody)))]
pub async fn reload(State(api): State<Api>) -> Result<Json<TypeList>, Problem> {
    let Some(reloader) = &api.reload else {
        let detail = "this server's notification types come with the program; deploy it again to change them";
        return Err(Problem::new(StatusCode::CONFLICT, "types_not_reloadable", detail));
    };
    reloader.reload().await.map_err(refusal)?;
    Ok(list(State(api)).await)
}

fn refusal(refused: ReloadRefused) -> Problem {
    match refused {
        ReloadRefused::Types(errors) => {
            let field = |error: &TypeError| {
                let place = [error.type_name.as_str(), error.file.as_str()];
                let pointer: String =
                    place.iter().filter(|part| !part.is_empty()).map(|part| format!("/{part}")).collect();
                FieldError::new(pointer, error.to_string())
            };
            Problem::invalid("types_broken", errors.iter().map(field).collect())
        }
        ReloadRefused::Ledger(error) => error.into(),
        ReloadRefused::Other(words) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "types_broken", words),
    }
}
