//! `/types`: every type, sample and locale as a customer would see it, on a phone and on a desk, by day and by night.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};

use super::page;
use crate::Problem;
use crate::access::Caller;
use crate::api::v1::types::refusal;
use crate::extract::{Path, Query};
use crate::state::Api;

/// One type on the page.
#[derive(Serialize)]
struct TypeOnPage {
    name: String,
    description: String,
    events: Vec<String>,
    category: String,
    samples: Vec<String>,
    locales: Vec<String>,
}

/// The page. Messages are in frames that load when they are looked at; nothing on it needs a script.
pub async fn types(State(api): State<Api>, Extension(caller): Extension<Caller>) -> Response {
    let types = api.types.current().types().into_iter().map(|known| TypeOnPage {
        name: known.name,
        description: known.description,
        events: known.events,
        category: known.category.as_str().to_owned(),
        samples: known.samples,
        locales: known.locales,
    });
    let types: Vec<_> = types.collect();
    page::render(
        "types",
        StatusCode::OK,
        context! { types => Value::from(Serde(types)), keyless => caller == Caller::Anybody },
    )
}

/// Which message a frame shows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Frame {
    /// The sample's place in the list, from 0.
    sample: usize,
    locale: Option<String>,
    scheme: Scheme,
}

/// The colours a reader prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    #[default]
    Light,
    Dark,
}

/// The HTML of one message, for a frame on the page.
pub async fn frame(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(frame): Query<Frame>,
) -> Result<Response, Problem> {
    let types = api.types.current();
    let known = types.types().into_iter().find(|known| known.name == name);
    let sample = known.and_then(|known| known.samples.into_iter().nth(frame.sample));
    let preview =
        types.preview_in(&name, None, sample.as_deref(), frame.locale.as_deref()).map_err(refusal)?;
    Ok(page::message(in_scheme(&preview.html, frame.scheme)))
}

/// `html` as a reader who prefers `scheme` sees it, whatever the browser prefers: in its style sheets the question is
/// replaced by its answer.
fn in_scheme(html: &str, scheme: Scheme) -> String {
    const YES: &str = "(min-width: 0)";
    const NO: &str = "(max-width: 0)";
    let mut html = html.to_owned();
    for (asked, name) in [(Scheme::Dark, "dark"), (Scheme::Light, "light")] {
        let answer = if asked == scheme { YES } else { NO };
        for space in ["", " "] {
            html = html.replace(&format!("(prefers-color-scheme:{space}{name})"), answer);
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_about_colours_is_answered_for_the_frame() {
        let html = "@media (prefers-color-scheme: dark) and (max-width:480px){a{}} @media (prefers-color-scheme:light){b{}}";
        let dark = "@media (min-width: 0) and (max-width:480px){a{}} @media (max-width: 0){b{}}";
        assert_eq!(in_scheme(html, Scheme::Dark), dark);
        let light = "@media (max-width: 0) and (max-width:480px){a{}} @media (min-width: 0){b{}}";
        assert_eq!(in_scheme(html, Scheme::Light), light);
    }
}
