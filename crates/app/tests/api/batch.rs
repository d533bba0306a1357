use serde_json::{Value, json};

use crate::server::{TestServer, event, order};

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_item_does_not_spoil_the_others() {
    let server = TestServer::start().await;
    let mut bad = event("bad");
    bad["data"]["total"] = json!(-1);
    let mut conflict = event("a");
    conflict["data"]["total"] = json!("1.00");
    let batch = json!([event("a"), bad, order("b"), 7, event("a"), conflict]);
    let answer = server.post("/v1/events/batch", &batch).await;
    assert_eq!(answer.status, 202);
    let body = answer.json();
    let statuses: Vec<_> =
        body["data"].as_array().unwrap().iter().map(|item| item["status"].clone()).collect();
    assert_eq!(
        (statuses[1].as_u64(), statuses[2].as_u64(), statuses[3].as_u64()),
        (Some(422), Some(202), Some(422))
    );
    assert_eq!(body["data"][1]["errors"][0]["pointer"], "/data/total");
    // The three about order `a` run side by side: whichever came first stays, the others agree or conflict.
    let about_a = [&body["data"][0], &body["data"][4], &body["data"][5]];
    let accepted = about_a.iter().filter(|item| item["status"] == 202).count();
    assert!(accepted == 2 || accepted == 1, "{body:#}");
    server.order_in_status("a", "sent").await;
    server.order_in_status("b", "sent").await;
    assert_eq!(server.outbox().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_five_hundred_is_taken_and_one_more_is_not() {
    let server = TestServer::start().await;
    let mut events: Vec<Value> = (0..500).map(|n| event(&format!("o-{n}"))).collect();
    let answer = server.post("/v1/events/batch", &Value::from(events.clone())).await;
    assert_eq!(answer.status, 202);
    assert!(answer.json()["data"].as_array().unwrap().iter().all(|item| item["status"] == 202));
    events.push(event("o-500"));
    server.post("/v1/events/batch", &Value::from(events)).await.expect(422, "invalid_batch");
    server.post("/v1/events/batch", &json!([])).await.expect(422, "invalid_batch");
    server.post("/v1/events/batch", &event("x")).await.expect(422, "invalid_batch");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_over_the_limit_is_refused_alone() {
    let server = TestServer::start().await;
    let mut huge = event("huge");
    huge["data"]["metadata"]["padding"] = json!("x".repeat(257 * 1024));
    let answer = server.post("/v1/events/batch", &json!([event("small"), huge])).await.json();
    assert_eq!((&answer["data"][0]["status"], &answer["data"][1]["status"]), (&json!(202), &json!(413)));
}
