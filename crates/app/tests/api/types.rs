use serde_json::json;

use crate::server::{TestServer, order};

#[tokio::test(flavor = "multi_thread")]
async fn types_are_listed_and_previewed_from_sample_and_from_data() {
    let server = TestServer::start().await;
    let list = server.get("/v1/types").await.json();
    let types = list["data"].as_array().unwrap();
    let confirmation = types.iter().find(|shipped| shipped["type"] == "order_confirmation").unwrap();
    assert_eq!(confirmation["events"], json!(["order.confirmed"]));
    for body in [json!({}), json!({ "sample": "long" }), json!({ "data": order("1042") })] {
        let preview = server.post("/v1/types/order_confirmation/preview", &body).await;
        assert_eq!(preview.status, 200, "{}", preview.text());
        let preview = preview.json();
        assert!(preview["html"].as_str().unwrap().contains("<html"));
        assert!(!preview["text"].as_str().unwrap().contains("<td"));
        assert!(!preview["subject"].as_str().unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_of_what_is_not_there_or_not_valid_says_so() {
    let server = TestServer::start().await;
    let unknown =
        server.post("/v1/types/order_confirmatoin/preview", &json!({})).await.expect(404, "type_not_found");
    assert!(unknown.text().contains("did you mean order_confirmation"));
    server
        .post("/v1/types/order_confirmation/preview", &json!({ "sample": "none" }))
        .await
        .expect(404, "sample_not_found");
    let invalid =
        server.post("/v1/types/order_confirmation/preview", &json!({ "data": { "orderId": "1" } })).await;
    assert!(invalid.expect(422, "invalid_event").pointers().contains(&"/data/total".to_owned()));
}
