//! Who may ask for what: keys and their scopes, before anything else of a request is looked at.
//!
//! As long as there was never a key, everybody whom the [`gate`](crate::gate) lets in may do everything; the server then
//! listens on loopback alone. From the first key on every request shows one, whatever address it comes by, and revoking the
//! last one does not change that.

mod credentials;
mod keyring;
mod rate;
pub mod routes;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use postrider_core::domain::api_key::{KeyHash, KeyToken, Scope, Scopes};
use postrider_core::domain::id::ApiKeyId;
use postrider_core::ports::clock::Clock;
use postrider_core::ports::ledger::{Ledger, LedgerError};

use crate::Problem;
use crate::gate::{Gate, Names};
use crate::state::Api;
use credentials::Credentials;
use keyring::{KeySource, Keys, Remembered};
pub use rate::{Quota, RateLimits};
use routes::{Needs, Route};

/// What the token of a server's run begins with. No key does.
pub const RUN_TOKEN_PREFIX: &str = "pr_run_";

/// Marks a request that a command in this process makes. It is put beside the request and is no part of it, so that nothing
/// that comes over a connection can have it.
#[derive(Clone, Copy, Debug)]
pub struct InProcess;

/// Who asks, once that is known. Handlers find it beside the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Anybody who reaches this server: there was never a key.
    Anybody,
    /// A command of whoever may read the data directory.
    Insider,
    /// Somebody whom the gateway in front has let in.
    BehindGateway,
    /// The holder of a key.
    Key(ApiKeyId),
}

/// How callers are told apart.
pub struct Access {
    /// `None` where a gateway does it.
    keys: Option<KeySource>,
    /// Whether a key is asked for whatever the ledger says: one was seen there before, or the server is in reach of others.
    asked_for: AtomicBool,
    /// What commands beside this server show.
    run_token: Option<KeyHash>,
    limits: Option<RateLimits>,
}

impl Access {
    fn by(keys: Option<KeySource>) -> Self {
        Self { keys, asked_for: AtomicBool::new(false), run_token: None, limits: None }
    }

    /// By the keys of a ledger that is this process's own.
    #[must_use]
    pub fn by_own_keys() -> Self {
        Self::by(Some(KeySource::Memory(RwLock::new(Remembered::default()))))
    }

    /// By the keys of a ledger in which others make and revoke keys as well: each request reads them.
    #[must_use]
    pub fn by_shared_keys() -> Self {
        Self::by(Some(KeySource::Ledger))
    }

    /// By the gateway in front, which authorizes every request that comes here. `Authorization` is its header; keys of our
    /// own are not looked at, and cannot be made.
    #[must_use]
    pub fn by_gateway() -> Self {
        Self::by(None)
    }

    /// The same, asking for a key also where the ledger has none. For a server in reach of other machines, under which its
    /// ledger may be put back to a time before the first key.
    #[must_use]
    pub fn always_asking(self) -> Self {
        Self { asked_for: AtomicBool::new(true), ..self }
    }

    /// The same, for whoever shows `token` as well, which begins with [`RUN_TOKEN_PREFIX`]: the commands on this data
    /// directory.
    #[must_use]
    pub fn with_run_token(self, token: &str) -> Self {
        Self { run_token: Some(KeyHash::of(token)), ..self }
    }

    /// The same, with so many requests a second for each key.
    #[must_use]
    pub fn limited(self, limits: Option<RateLimits>) -> Self {
        Self { limits, ..self }
    }

    /// Whether a key is asked for; never behind a gateway.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn asks_for_keys(&self, ledger: &dyn Ledger) -> Result<bool, LedgerError> {
        match &self.keys {
            Some(_) if self.asked_for.load(Ordering::Relaxed) => Ok(true),
            Some(keys) => Ok(self.are_asked_for(&*keys.keys(ledger).await?)),
            None => Ok(false),
        }
    }

    /// From the first key on, for good: also if the ledger is put back to a time before it while this process runs.
    fn are_asked_for(&self, keys: &Keys) -> bool {
        if keys.were_ever() {
            self.asked_for.store(true, Ordering::Relaxed);
        }
        self.asked_for.load(Ordering::Relaxed)
    }

    /// Carries out a change of keys in the ledger, to its end even if whoever asked for it has gone, and forgets what was
    /// known of keys: the next request sees what has changed.
    pub(crate) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        change: impl Future<Output = Result<T, LedgerError>> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let access = Arc::clone(self);
        let changing = tokio::spawn(async move {
            let changed = change.await;
            if let Some(keys) = &access.keys {
                keys.forget();
            }
            changed
        });
        let defect =
            |error| LedgerError::Unavailable { reason: format!("the change of a key broke off: {error}") };
        changing.await.map_err(defect)?
    }

    /// The beginning of the text spares everybody else the hash.
    fn is_run_token(&self, text: &str) -> bool {
        text.starts_with(RUN_TOKEN_PREFIX)
            && self.run_token.is_some_and(|expected| KeyHash::of(text) == expected)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("keys", &self.keys)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What is needed to tell who asks.
pub struct Door {
    access: Arc<Access>,
    gate: Arc<Gate>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
}

impl Door {
    /// The door of `api`.
    #[must_use]
    pub fn of(api: &Api) -> Self {
        let (access, gate) = (Arc::clone(&api.access), Arc::clone(&api.gate));
        Self { access, gate, ledger: Arc::clone(&api.ledger), clock: Arc::clone(&api.clock) }
    }

    /// Tells who asks and what they may do, or refuses them.
    async fn identify(&self, head: &Parts, needs: Option<Needs>) -> Result<(Caller, Scopes), Problem> {
        if head.extensions.get::<InProcess>().is_some() {
            return Ok((Caller::Insider, Scopes::ALL));
        }
        let (method, uri, headers) = (&head.method, &head.uri, &head.headers);
        let check = |names| self.gate.check(method, uri, headers, names);
        let Some(keys) = &self.access.keys else {
            if needs != Some(Needs::ReadOnceKeysExist) {
                check(Names::Own)?;
            }
            return Ok((Caller::BehindGateway, Scopes::ALL));
        };
        let shown = Credentials::of(headers);
        // Commands show it like this; a browser that was given it would add it to what strange pages send.
        if let Credentials::Bearer(text) = &shown
            && self.access.is_run_token(text)
        {
            return Ok((Caller::Insider, Scopes::ALL));
        }
        let token = shown.text().and_then(KeyToken::parse);
        // What cannot be a key need not be looked up, and so costs a shared ledger nothing.
        let is_hopeless = token.is_none() && self.access.asked_for.load(Ordering::Relaxed);
        let keys = if is_hopeless { Arc::default() } else { keys.keys(&*self.ledger).await? };
        if !self.access.are_asked_for(&keys) {
            if needs != Some(Needs::ReadOnceKeysExist) {
                check(Names::Own)?;
            }
            return Ok((Caller::Anybody, Scopes::ALL));
        }
        // What a browser may have added by itself says nothing about the page it was on.
        if !matches!(shown, Credentials::Bearer(_)) {
            check(Names::OwnAndAddresses)?;
        }
        if needs == Some(Needs::OurName) {
            return Ok((Caller::Anybody, Scopes::ALL));
        }
        let (id, scopes) = token.and_then(|token| keys.recognize(&token)).ok_or_else(unauthorized)?;
        Ok((Caller::Key(id), scopes))
    }

    /// The problem as an answer, with the ways to sign in if that is what it asks for. A browser is asked for a password only
    /// on pages under a name of ours.
    fn refuse(&self, head: &Parts, problem: Problem) -> Response {
        let is_ours = self.gate.check(&head.method, &head.uri, &head.headers, Names::OwnAndAddresses).is_ok();
        with_challenge(problem, is_ours)
    }

    fn count(&self, caller: Caller) -> Option<Quota> {
        let limits = self.access.limits.as_ref()?;
        match caller {
            Caller::Anybody => Some(limits.take(None, self.clock.now())),
            Caller::Key(id) => Some(limits.take(Some(id), self.clock.now())),
            // Gateways have limits of their own; commands are whoever runs the server.
            Caller::Insider | Caller::BehindGateway => None,
        }
    }
}

/// Lets in who may, before anything else of the request is looked at, and answers everybody else.
pub async fn guard(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let path = head.extensions.get::<MatchedPath>().cloned();
    let path = path.as_ref().map(MatchedPath::as_str);
    let needs = match routes::route(&head.method, path) {
        Route::Known(Needs::Nothing) => return next.run(Request::from_parts(head, body)).await,
        Route::Known(needs) => Ok(needs),
        Route::OtherMethod => Err(method_not_allowed(path.unwrap_or_default())),
        Route::Unknown => Err(no_such_path().into_response()),
    };
    let (caller, scopes) = match door.identify(&head, needs.as_ref().ok().copied()).await {
        Ok(known) => known,
        Err(problem) => return door.refuse(&head, problem),
    };
    let needs = match needs {
        Ok(needs) => needs,
        Err(answer) => return answer,
    };
    let is_free = match needs {
        Needs::Nothing | Needs::OurName => true,
        // Without keys its collectors are nobody in particular.
        Needs::ReadOnceKeysExist => caller == Caller::Anybody,
        Needs::Scope(_) => false,
    };
    let quota = if is_free { None } else { door.count(caller) };
    let mut response = match admit(&head, needs, caller, scopes, quota) {
        Ok(()) => {
            head.extensions.insert(caller);
            head.extensions.insert(scopes);
            next.run(Request::from_parts(head, body)).await
        }
        Err(problem) => problem.into_response(),
    };
    if let Some(quota) = quota {
        quota.tell(response.headers_mut());
    }
    response
}

fn admit(
    head: &Parts,
    needs: Needs,
    caller: Caller,
    scopes: Scopes,
    quota: Option<Quota>,
) -> Result<(), Problem> {
    if let Some(quota) = quota.filter(|quota| quota.is_over) {
        return Err(rate_limited(quota));
    }
    let scope = match needs {
        Needs::Nothing | Needs::OurName => return Ok(()),
        Needs::ReadOnceKeysExist => Scope::Read,
        Needs::Scope(scope) => scope,
    };
    if !scopes.contains(scope) {
        return Err(forbidden(head, caller, scope));
    }
    let is_about_keys = head.uri.path().starts_with(routes::KEYS);
    if caller == Caller::BehindGateway && is_about_keys {
        let detail = "there are no keys here: the gateway in front of this API authorizes every request. Let somebody in, \
                      or out, where it does that";
        return Err(Problem::not_found("no_such_path", detail));
    }
    Ok(())
}

/// 401, the same whatever is wrong with what was shown.
pub(crate) fn unauthorized() -> Problem {
    let detail = "this server asks for an API key, and the request shows none that is good here; nothing was done. Send it as \
                  `Authorization: Bearer pr_…`, or sign in with it as password. `postrider keys create` on the server's \
                  machine makes one";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}

/// The problem, with the ways to sign in if that is what it asks for: also the one of browsers, if `to_browsers`.
pub(crate) fn with_challenge(problem: Problem, to_browsers: bool) -> Response {
    let is_challenge = problem.status() == StatusCode::UNAUTHORIZED;
    let mut response = problem.into_response();
    if is_challenge {
        let ways = ["Bearer realm=\"postrider\"", "Basic realm=\"postrider\", charset=\"UTF-8\""];
        for challenge in &ways[..if to_browsers { 2 } else { 1 }] {
            response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }
    response
}

fn forbidden(head: &Parts, caller: Caller, scope: Scope) -> Problem {
    let who = match caller {
        Caller::Key(id) => id.to_string(),
        Caller::Anybody | Caller::Insider | Caller::BehindGateway => "whoever asks".to_owned(),
    };
    let detail = format!(
        "{who} has not the scope `{scope}`, which this {} request needs; nothing was looked at and nothing was done. Use a \
         key that has it: `postrider keys create --scopes {scope}` makes one",
        head.method
    );
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
}

fn rate_limited(quota: Quota) -> Problem {
    let detail = format!(
        "more than {} requests a second came with this key (server.rate_limit_per_second); nothing was done. Send the \
         request again when Retry-After says, and send many events in one request to /v1/events/batch",
        quota.limit
    );
    // Within a second there is at least one more.
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail).retry_after(1)
}

fn no_such_path() -> Problem {
    Problem::not_found("no_such_path", "there is nothing here; /openapi.json lists every path")
}

fn method_not_allowed(path: &str) -> Response {
    let detail = "this path exists, but not for this method; /openapi.json lists the methods";
    let mut response =
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response();
    if let Ok(allowed) = HeaderValue::from_str(&routes::methods(path)) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}
