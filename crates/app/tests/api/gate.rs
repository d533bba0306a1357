use crate::server::{TestServer, event};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_answers_to_its_own_names_and_to_no_other() {
    let server = TestServer::start_with(&[("server.public_url", "https://mail.shop.example/")]).await;
    let body = event("1").to_string();
    for host in ["localhost:8025", "mail.shop.example"] {
        assert_eq!(
            server.post_with("/v1/events", &[("host", host)], body.as_bytes()).await.status,
            202,
            "{host}"
        );
    }
    let rebound = [("host", "evil.example")];
    server.post_with("/v1/events", &rebound, body.as_bytes()).await.expect(403, "forbidden_host");
    let foreign = [("origin", "https://evil.example")];
    server.post_with("/v1/events", &foreign, body.as_bytes()).await.expect(403, "forbidden_origin");
    let own = [("origin", "https://mail.shop.example")];
    assert_eq!(server.post_with("/v1/events", &own, body.as_bytes()).await.status, 202);
}

#[test]
fn a_public_url_that_is_none_is_refused_at_start() {
    let mut raw = postrider_environment::config::RawSettings::default();
    let variable = ("POSTRIDER__SERVER__PUBLIC_URL".to_owned(), "mail.shop.example".to_owned());
    raw.read_environment(std::iter::once(variable)).unwrap();
    let error = postrider_environment::config::Settings::check(&raw).unwrap_err().to_string();
    assert!(error.contains("https://mail.shop.example"), "{error}");
}
