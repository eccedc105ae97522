//! Pages as browsers ask for them: headers, forms, what is cached, and paths that lead nowhere.

use axum::body::to_bytes;

use super::*;

fn pages() -> Pages {
    let file = |name: &str, content: &'static str| (name.to_owned(), content.as_bytes().into());
    Pages::new([
        file("index.html", "<!doctype html><title>Sprag</title>"),
        file("index.html.br", "brotli"),
        file("index.html.gz", "gzipped"),
        file("learn/index.html", "<!doctype html><title>Learn</title>"),
        file("assets/app-1a2b.js", "export {}"),
        file("assets/app-1a2b.js.map", "{}"),
        file("icon.svg", "<svg/>"),
        file("secret", "no kind"),
    ])
}

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
}

fn get(path: &str, asked: &[(HeaderName, &str)]) -> Response {
    let pages = pages();
    let Found::Page(page) = pages.find(path) else { panic!("nothing at {path}") };
    answer(page, &Method::GET, &headers(asked))
}

async fn body(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_page_says_what_it_is_and_what_it_may_do() {
    let page = get("/", &[]);
    let headers = page.headers().clone();
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
    assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
    assert!(headers["permissions-policy"].to_str().unwrap().contains("camera=(self)"));
    assert!(body(page).await.contains("<title>Sprag</title>"));
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ] {
        assert!(policy.split("; ").any(|found| found == part), "{part} is not in {policy}");
    }
    assert!(!policy.contains("unsafe-inline") && !policy.contains("data:"));
}

#[test]
fn what_has_a_hash_in_its_name_is_kept_for_good_and_nothing_else() {
    let forever = |path| get(path, &[]).headers()[header::CACHE_CONTROL] == FOREVER;
    assert!(forever("/assets/app-1a2b.js"));
    assert!(!forever("/icon.svg") && !forever("/learn/"));
}

#[tokio::test]
async fn what_a_browser_has_is_not_sent_again() {
    let first = get("/icon.svg", &[]);
    let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let again = get("/icon.svg", &[(header::IF_NONE_MATCH, &known)]);
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
        assert!(again.headers().contains_key(header::CONTENT_SECURITY_POLICY));
        assert!(body(again).await.is_empty());
    }
    let changed = get("/icon.svg", &[(header::IF_NONE_MATCH, "\"other\"")]);
    assert_eq!(changed.status(), StatusCode::OK);
    // Each form has a tag of its own.
    let plain = get("/", &[]);
    let small = get("/", &[(header::ACCEPT_ENCODING, "br")]);
    assert_ne!(plain.headers()[header::ETAG], small.headers()[header::ETAG]);
}

#[tokio::test]
async fn it_comes_compressed_where_that_is_accepted() {
    for (accepted, encoding) in [
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip", Some("gzip")),
        ("GZIP;q=0.5, br;q=0", Some("gzip")),
        ("*", Some("br")),
        ("br;q=0, *;q=0", None),
        ("deflate", None),
        ("br;q=nonsense", None),
        ("", None),
    ] {
        let page = get("/", &[(header::ACCEPT_ENCODING, accepted)]);
        let found = page.headers().get(header::CONTENT_ENCODING).map(|it| it.to_str().unwrap());
        assert_eq!(found, encoding, "{accepted}");
        assert_eq!(page.headers()[header::VARY], "accept-encoding");
        let length: usize =
            page.headers()[header::CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
        assert_eq!(body(page).await.len(), length, "{accepted}");
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let pages = pages();
    let Found::Page(page) = pages.find("/") else { panic!("no page") };
    let head = answer(page, &Method::HEAD, &HeaderMap::new());
    let get = answer(page, &Method::GET, &HeaderMap::new());
    assert_eq!(head.headers(), get.headers());
    assert!(body(head).await.is_empty());
}

#[test]
fn paths_lead_to_what_is_in_the_table_and_nowhere_else() {
    let pages = pages();
    assert!(matches!(pages.find("/learn"), Found::Folder));
    assert!(matches!(pages.find("/learn/"), Found::Page(_)));
    for path in [
        "",
        "*",
        "//",
        "/..",
        "/../Cargo.toml",
        "/assets/../index.html",
        "/assets/..%2findex.html",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets",
        "/assets/",
        "/index.html.br",
        "/assets/app-1a2b.js.map",
        "/assets/app-1a2b.js/",
        "/INDEX.HTML",
        "/index.html%00",
        "/secret",
        "/learn//",
    ] {
        assert!(matches!(pages.find(path), Found::Nothing), "{path}");
    }
    assert!(matches!(Pages::default().find("/"), Found::Nothing));
}
