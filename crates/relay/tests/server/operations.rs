//! The operations port.

use sprag_relay::config::Rate;

use crate::world::start;

#[tokio::test]
async fn the_port_answers_health_readiness_and_metrics() {
    let world = start(|_| {}).await;
    let mut client = world.operations().await;
    let health = client.get("/healthz").await;
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
    let ready = client.get("/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));
    let metrics = client.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.head.contains("content-type: text/plain; version=0.0.4"), "{}", metrics.head);
    for line in [
        "# TYPE sprag_http_requests_total counter",
        r#"sprag_http_requests_total{method="GET",route="/readyz",status="200"} "#,
        "# TYPE sprag_http_request_seconds histogram",
        r#"sprag_connections{port="ops"} "#,
        "# TYPE sprag_commit_batch_jobs histogram",
    ] {
        assert!(metrics.body.contains(line), "{line} is not in\n{}", metrics.body);
    }
    assert_eq!(client.get("/v1/accounts/alice").await.status, 404);
}

#[tokio::test]
async fn the_main_port_answers_health_and_readiness_but_no_metrics() {
    let world = start(|_| {}).await;
    let mut client = world.connect().await;
    assert_eq!(client.get("/healthz").await.status, 200);
    assert_eq!(client.get("/readyz").await.status, 200);
    assert_eq!(client.get("/metrics").await.status, 404);
}

#[tokio::test]
async fn on_the_main_port_nobody_asks_as_often_as_he_likes() {
    let rate = Rate { burst: 2, per_hour: 0 };
    let world = start(|config| config.limits.calls_per_address = rate).await;
    let mut client = world.connect().await;
    assert_eq!(client.get("/readyz").await.status, 200);
    assert_eq!(client.get("/readyz").await.status, 200);
    let refused = client.get("/readyz").await;
    assert_eq!(refused.status, 429);
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);
    // Whoever runs the relay does.
    let mut operator = world.operations().await;
    for _ in 0..4 {
        assert_eq!(operator.get("/readyz").await.status, 200);
    }
}

#[tokio::test]
async fn a_path_that_a_client_made_up_is_no_label() {
    let world = start(|_| {}).await;
    let mut client = world.connect().await;
    assert_eq!(client.get("/made-up-by-a-client").await.status, 404);
    client.send("MADEUP /healthz HTTP/1.1\r\nHost: relay\r\n\r\n").await;
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(405));
    let metrics = world.operations().await.get("/metrics").await.body;
    assert!(metrics.contains(r#"{method="GET",route="none",status="404"}"#), "{metrics}");
    assert!(metrics.contains(r#"{method="other",route="/healthz",status="405"}"#), "{metrics}");
    assert!(!metrics.to_ascii_lowercase().contains("made"), "{metrics}");
}

#[tokio::test]
async fn there_need_not_be_such_a_port() {
    let world = start(|config| config.ops_listen = None).await;
    assert_eq!(world.relay.ops_address(), None);
}
