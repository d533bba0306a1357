//! What each route asks of its caller: the one table of it. What is not in it is not answered, so that a new route without
//! a scope is noticed at its first request and not after somebody has found it.

use http::Method;
use postrider_core::domain::api_key::Scope;

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it tells nothing about anybody, or what it is given is signed.
    Nothing,
    /// To ask by a name of ours, and nothing else.
    OurName,
    /// Nothing as long as there are no keys, so that a collector may ask by whatever name; then a key that may read.
    ReadOnceKeysExist,
    /// A key with this scope, as soon as there are keys.
    Scope(Scope),
}

/// Where keys are made and revoked. Behind a gateway there are none.
pub const KEYS: &str = "/v1/keys";

const SEND: Needs = Needs::Scope(Scope::Send);
const READ: Needs = Needs::Scope(Scope::Read);
const MANAGE: Needs = Needs::Scope(Scope::Manage);

/// Every route. What is asked most comes first.
pub const ROUTES: &[(Method, &str, Needs)] = &[
    (Method::POST, "/v1/events", SEND),
    (Method::POST, "/v1/events/batch", SEND),
    (Method::POST, "/v1/emails", SEND),
    (Method::GET, "/v1/notifications", READ),
    (Method::GET, "/v1/notifications/{id}", READ),
    (Method::GET, "/v1/notifications/{id}/message", READ),
    (Method::POST, "/v1/notifications/{id}/retry", MANAGE),
    (Method::POST, "/v1/notifications/{id}/cancel", MANAGE),
    (Method::POST, "/v1/notifications/{id}/hold", MANAGE),
    (Method::GET, "/v1/dead-letters", READ),
    (Method::POST, "/v1/dead-letters/redrive", MANAGE),
    (Method::POST, "/v1/feedback/sns", Needs::Nothing),
    (Method::POST, "/v1/feedback/messages", MANAGE),
    (Method::GET, "/v1/suppressions", READ),
    (Method::POST, "/v1/suppressions", MANAGE),
    (Method::GET, "/v1/suppressions/{address}", READ),
    (Method::PUT, "/v1/suppressions/{address}", MANAGE),
    (Method::DELETE, "/v1/suppressions/{address}", MANAGE),
    (Method::DELETE, "/v1/recipients/{address}", MANAGE),
    (Method::GET, "/v1/stats", READ),
    (Method::GET, "/v1/cost", READ),
    (Method::POST, "/v1/cost/release", MANAGE),
    (Method::GET, "/v1/types", READ),
    (Method::POST, "/v1/types/reload", MANAGE),
    (Method::POST, "/v1/types/{type}/preview", READ),
    (Method::GET, "/v1/webhooks", READ),
    (Method::POST, "/v1/webhooks", MANAGE),
    (Method::GET, "/v1/webhooks/{id}", READ),
    (Method::PATCH, "/v1/webhooks/{id}", MANAGE),
    (Method::DELETE, "/v1/webhooks/{id}", MANAGE),
    (Method::POST, "/v1/webhooks/{id}/rotate-secret", MANAGE),
    (Method::POST, "/v1/webhooks/{id}/replay", MANAGE),
    (Method::GET, KEYS, READ),
    (Method::POST, KEYS, MANAGE),
    (Method::DELETE, "/v1/keys/{id}", MANAGE),
    (Method::GET, "/v1/unsubscribe/{token}", Needs::Nothing),
    (Method::POST, "/v1/unsubscribe/{token}", Needs::Nothing),
    (Method::GET, "/healthz", Needs::Nothing),
    (Method::GET, "/readyz", Needs::Nothing),
    (Method::GET, "/metrics", Needs::ReadOnceKeysExist),
    (Method::GET, "/openapi.json", Needs::OurName),
    (Method::GET, "/", READ),
    (Method::GET, "/notifications/{id}", READ),
    (Method::GET, "/notifications/{id}/html", READ),
    (Method::GET, "/types", READ),
    (Method::GET, "/types/{type}/frame", READ),
];

/// What the table says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// It is answered, if its caller has what it needs.
    Known(Needs),
    /// The path is there, but not for this method.
    OtherMethod,
    /// There is no such path.
    Unknown,
}

/// Looks a request up by the path of its route, `None` where no route takes it.
#[must_use]
pub fn route(method: &Method, path: Option<&str>) -> Route {
    let Some(path) = path else { return Route::Unknown };
    // HEAD is GET without the body.
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let mut of_path = ROUTES.iter().filter(|(_, known, _)| *known == path).peekable();
    if of_path.peek().is_none() {
        return Route::Unknown;
    }
    of_path
        .find(|(known, _, _)| known == method)
        .map_or(Route::OtherMethod, |(_, _, needs)| Route::Known(*needs))
}

/// The methods of the route at `path`, for `Allow`.
#[must_use]
pub fn methods(path: &str) -> String {
    let mut names: Vec<&str> =
        ROUTES.iter().filter(|(_, known, _)| *known == path).map(|(method, _, _)| method.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.join(",")
}
