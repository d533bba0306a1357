//! The API behind a gateway.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http_body_util::BodyExt as _;
use postrider_aws::emf::{Measurements, Metric};
use postrider_core::domain::address::EmailAddress;
use postrider_core::domain::outcome::FaultScope;
use postrider_core::domain::status::Status;
use postrider_core::limits::REQUEST_BYTES_MAX;
use postrider_core::ports::feedback::FeedbackLedger as _;
use postrider_core::ports::ledger::Ledger;
use postrider_http::BodyRoom;
use postrider_http::access::Access;
use postrider_http::gate::Gate;
use postrider_http::health::Health;
use postrider_http::idempotency::RunningKeys;
use postrider_http::metrics::Metrics;
use postrider_http::state::{Api, Tariff};
use postrider_lambda::api::ApiFunction;
use postrider_lambda::invocation::Invocation;
use postrider_mail::types::{LiveTypes, Sender, TypeSet, TypeSource};
use postrider_mail::unsubscribe::Unsubscribe;
use postrider_testkit::api::gateway::{self, HOST};
use postrider_testkit::posting::post_in_category;
use serde_json::{Value, json};

use crate::orders::order;
use crate::world::{Act, MAILER_DEADLINE_MS, World, passing};

fn function(world: &World) -> ApiFunction {
    let sender = Sender::new(None, EmailAddress::parse("orders@shop.example").unwrap());
    let parts = world.parts.clone();
    let api = Api {
        ledger: Arc::clone(&world.ledger) as Arc<dyn Ledger>,
        types: Arc::new(LiveTypes::new(TypeSet::load(&TypeSource::Shipped, sender).unwrap())),
        health: Arc::new(Health::new(world.now())),
        clock: Arc::clone(&parts.clock),
        random: Arc::clone(&parts.random),
        secret: parts.secret.clone(),
        metrics: Arc::new(Metrics::default()),
        wake: Arc::new(|| ()),
        request_limit_bytes: REQUEST_BYTES_MAX,
        running_keys: RunningKeys::default(),
        body_room: BodyRoom::default(),
        return_paths: None,
        sns: None,
        webhook_targets: Arc::default(),
        wake_webhooks: Arc::new(|| ()),
        access: Arc::new(Access::by_gateway()),
        gate: Arc::new(Gate::new(IpAddr::V4(Ipv4Addr::LOCALHOST), None)),
        captured: None,
        list_elsewhere: None,
        reload: None,
        sender: None,
        hold: Arc::clone(&parts.hold),
        tariff: Tariff::default(),
    };
    ApiFunction::new(api, parts)
}

/// What API Gateway hands over, with the context of an IAM authorizer.
fn payload(method: &str, path: &str, body: Option<&str>) -> Value {
    gateway::payload(method, path, &[], body.unwrap_or_default().as_bytes())
}

async fn ask(function: &ApiFunction, payload: &Value, invocation: &Invocation) -> (u16, Value, Measurements) {
    let request = lambda_http::request::from_str(&payload.to_string()).unwrap();
    let (response, measured) = function.handle(request, invocation).await;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null), measured)
}

async fn post(world: &World, function: &ApiFunction, body: &Value) -> (u16, Value, Measurements) {
    ask(function, &payload("POST", "/v1/events", Some(&body.to_string())), &world.invocation()).await
}

#[tokio::test(start_paused = true)]
async fn what_is_posted_is_sent_in_the_same_invocation() {
    let world = World::new();
    let function = function(&world);
    let (status, body, measured) = post(&world, &function, &order("1")).await;
    assert_eq!((status, &body["notifications"][0]["status"]), (202, &json!("sending")));
    assert_eq!((world.status("1").await, world.sent()), (Status::Sent, 1));
    assert_eq!(measured.counted(Metric::EmailsSent), 1);
    let (status, body, measured) = post(&world, &function, &order("1")).await;
    assert_eq!((status, &body["notifications"][0]["duplicate"]), (202, &json!(true)));
    assert_eq!((world.sent(), measured.counted(Metric::Duplicates)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_time_for_waits_for_the_sweep() {
    let world = World::new();
    let function = function(&world);
    let short = world.invocation_of_ms(MAILER_DEADLINE_MS);
    let event = payload("POST", "/v1/events", Some(&order("1").to_string()));
    let (status, body, _) = ask(&function, &event, &short).await;
    assert_eq!((status, &body["notifications"][0]["status"]), (202, &json!("queued")));
    assert_eq!((world.status("1").await, world.sent()), (Status::Queued, 0));
    world.sweep().await;
    assert_eq!((world.status("1").await, world.sent()), (Status::Sent, 1));
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_as_many_are_sent_at_once_as_may_be_in_hand_and_the_rest_waits() {
    let mut world = World::with_mailer(|_| Act::TakeAfterMs(1_000));
    world.parts.concurrency = 4;
    let function = function(&world);
    let events: Vec<Value> = (0..10).map(|number| order(&number.to_string())).collect();
    let batch = payload("POST", "/v1/events/batch", Some(&json!(events).to_string()));
    let (status, body, _) = ask(&function, &batch, &world.invocation()).await;
    assert_eq!((status, body["data"].as_array().unwrap().len()), (202, 10));
    assert_eq!((world.sent(), world.most_in_hand()), (4, 4));
    world.sweep().await;
    assert_eq!(world.sent(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_mail_service_that_refuses_for_now_does_not_make_the_event_fail() {
    let world = World::with_mailer(|_| Act::Fail(passing(FaultScope::Route, "ses_sending_paused")));
    let (status, _, measured) = post(&world, &function(&world), &order("1")).await;
    assert_eq!((status, world.status("1").await), (202, Status::Deferred));
    assert_eq!(measured.counted(Metric::Retries), 1);
}

#[tokio::test(start_paused = true)]
async fn the_gateways_own_name_is_ours_and_pages_of_others_may_change_nothing() {
    let world = World::new();
    let function = function(&world);
    let (status, ..) = ask(&function, &payload("GET", "/v1/types", None), &world.invocation()).await;
    assert_eq!(status, 200);
    let mut own = payload("POST", "/v1/events", Some(&order("1").to_string()));
    own["headers"]["origin"] = json!(format!("https://{HOST}"));
    assert_eq!(ask(&function, &own, &world.invocation()).await.0, 202);
    own["headers"]["origin"] = json!("https://evil.example");
    let (status, body, _) = ask(&function, &own, &world.invocation()).await;
    assert_eq!((status, &body["code"]), (403, &json!("forbidden_origin")));
    let mut custom = payload("GET", "/v1/types", None);
    custom["headers"]["host"] = json!("mail.shop.example");
    assert_eq!(ask(&function, &custom, &world.invocation()).await.0, 403, "the gateway did not say so");
    custom["requestContext"]["domainName"] = json!("mail.shop.example");
    assert_eq!(ask(&function, &custom, &world.invocation()).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_no_authorizer_has_seen_is_refused_but_for_open_paths() {
    let world = World::new();
    let function = function(&world);
    let unseen = |method: &str, path: &str, body: Option<&str>| {
        let mut payload = payload(method, path, body);
        payload["requestContext"].as_object_mut().unwrap().remove("authorizer");
        payload
    };
    for (method, path) in
        [("POST", "/v1/events"), ("GET", "/v1/notifications"), ("GET", "/"), ("GET", "/healthz/")]
    {
        let body = order("1").to_string();
        let (status, answer, _) =
            ask(&function, &unseen(method, path, Some(&body)), &world.invocation()).await;
        assert_eq!((status, &answer["code"]), (403, &json!("not_authorized")), "{path}");
    }
    assert!(world.notifications().await.is_empty());
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(ask(&function, &unseen("GET", path, None), &world.invocation()).await.0, 200, "{path}");
    }
    // Nothing but a token lies below the path to unsubscribe.
    for path in [
        "/v1/unsubscribe/",
        "/v1/unsubscribe/a/../../notifications",
        "/v1/unsubscribe/a/b",
        "/v1/unsubscribed",
    ] {
        assert_eq!(ask(&function, &unseen("GET", path, None), &world.invocation()).await.0, 403, "{path}");
    }
}

/// What API Gateway hands over where a route asks nobody who they are.
#[tokio::test(start_paused = true)]
async fn a_mailbox_provider_unsubscribes_without_credentials_and_only_with_a_token_of_ours() {
    let world = World::new();
    let function = function(&world);
    let id = post_in_category(
        &*world.ledger,
        &world.parts.secret,
        "ada@example.com".parse().unwrap(),
        "newsletter".parse().unwrap(),
        world.now(),
    )
    .await;
    let token = Unsubscribe::new(world.parts.secret.clone()).token(id);
    let unseen = |method: &str, token: &str| {
        let mut payload =
            payload(method, &format!("/v1/unsubscribe/{token}"), Some("List-Unsubscribe=One-Click"));
        payload["routeKey"] = json!(format!("{method} /v1/unsubscribe/{{token}}"));
        payload["pathParameters"] = json!({ "token": token });
        payload["headers"]["content-type"] = json!("application/x-www-form-urlencoded");
        payload["requestContext"].as_object_mut().unwrap().remove("authorizer");
        payload
    };
    let listed = async || {
        let ada = EmailAddress::parse("ada@example.com").unwrap();
        world.ledger.suppressions_of(ada, world.now()).await.unwrap()
    };
    for method in ["GET", "POST"] {
        assert_eq!(ask(&function, &unseen(method, "forged"), &world.invocation()).await.0, 404, "{method}");
    }
    assert_eq!(ask(&function, &unseen("GET", &token), &world.invocation()).await.0, 200);
    assert_eq!(listed().await, [], "a link that is followed changes nothing");
    assert_eq!(ask(&function, &unseen("POST", &token), &world.invocation()).await.0, 200);
    let entries = listed().await;
    assert_eq!((entries.len(), entries[0].category.as_deref()), (1, Some("newsletter")));
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_is_refused_as_everywhere_else_and_base64_is_read() {
    let world = World::new();
    let function = function(&world);
    let large = format!("\"{}\"", "x".repeat(REQUEST_BYTES_MAX));
    let (status, body, _) =
        ask(&function, &payload("POST", "/v1/events", Some(&large)), &world.invocation()).await;
    assert_eq!((status, &body["code"]), (413, &json!("body_too_large")));
    let mut encoded = payload("POST", "/v1/events", Some("e30="));
    encoded["isBase64Encoded"] = json!(true);
    let (status, body, _) = ask(&function, &encoded, &world.invocation()).await;
    assert_eq!((status, &body["code"]), (422, &json!("invalid_event")), "an empty object was read");
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_however_long_nobody_asked() {
    let world = World::new();
    let function = function(&world);
    tokio::time::sleep(std::time::Duration::from_secs(3_600)).await;
    let (status, body, _) = ask(&function, &payload("GET", "/readyz", None), &world.invocation()).await;
    assert_eq!((status, &body["workers"]), (200, &json!("ok")));
}

#[tokio::test(start_paused = true)]
async fn a_person_is_forgotten_over_the_gateway() {
    let world = World::new();
    let function = function(&world);
    let (_, body, _) = post(&world, &function, &order("1")).await;
    let (id, to) = (&body["notifications"][0]["id"], &body["notifications"][0]["to"]);
    let path = format!("/v1/recipients/{}", to.as_str().unwrap().replace('@', "%40"));
    let (status, erased, _) = ask(&function, &payload("DELETE", &path, None), &world.invocation()).await;
    assert_eq!((status, &erased["notifications"], &erased["done"]), (200, &json!(1), &json!(true)));
    let shown = payload("GET", &format!("/v1/notifications/{}", id.as_str().unwrap()), None);
    let (status, shown, _) = ask(&function, &shown, &world.invocation()).await;
    assert_eq!((status, &shown["to"], &shown["status"]), (200, &Value::Null, &json!("sent")));
}
