//! The page that shows the API, and the document behind it.

use hyper::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use hyper::{Method, StatusCode};
use serde_json::Value;
use sprag_api::problem::Code;

use crate::here::Here;
use crate::support::http::{Answer, Body, Http};

async fn get(here: &Here, path: &str) -> Answer {
    Http::to(&here.place).call(Method::GET, path, None, Body::None).await.unwrap()
}

#[tokio::test]
async fn the_document_is_there_and_names_the_calls() {
    let here = Here::plain().await;
    let document: Value = get(&here, "/docs/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert!(document["paths"]["/v1/messages/{name}"]["post"].is_object());
    assert!(document["paths"]["/v1/socket"]["get"].is_object());
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let here = Here::plain().await;
    let start = get(&here, "/docs").await;
    assert_eq!(start.status, StatusCode::SEE_OTHER);
    assert_eq!(start.headers[LOCATION], "/docs/");
    let page = get(&here, "/docs/").await;
    page.yes();
    assert_eq!(page.headers[CONTENT_TYPE], "text/html");
    let policy = page.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");

    let page = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(!page.contains("://"), "{page}");
    let files = page.split(['"', '\'']).filter(|part| {
        part.strip_prefix("./").is_some_and(|file| file.contains('.')) || *part == "index.css"
    });
    let mut count = 0;
    for file in files {
        count += 1;
        get(&here, &format!("/docs/{}", file.trim_start_matches("./"))).await.yes();
    }
    assert!(count >= 4, "{page}");
    let start = get(&here, "/docs/swagger-initializer.js").await;
    let start = String::from_utf8(start.body.to_vec()).unwrap();
    assert!(start.contains("\"/docs/openapi.json\"") && !start.contains("http"), "{start}");
}

#[tokio::test]
async fn what_the_page_does_not_have_is_a_problem_too() {
    let here = Here::plain().await;
    for path in ["/docs/nothing.js", "/docs/../../etc/passwd", "/docs/%2e%2e/Cargo.toml"] {
        get(&here, path).await.refuses(Code::NotFound);
    }
}
