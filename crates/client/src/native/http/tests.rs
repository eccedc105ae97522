//! Of HTTP.

use super::*;

fn to(origin: &str) -> (String, u16, bool) {
    let http = Http::to(&Origin::new(origin).unwrap(), &[]).unwrap();
    (http.host, http.port, http.tls.is_some())
}

#[test]
fn an_origin_says_where_to_connect() {
    assert_eq!(to("http://127.0.0.1:7474"), ("127.0.0.1".into(), 7474, false));
    assert_eq!(to("http://relay"), ("relay".into(), 80, false));
    assert_eq!(to("https://chat.example.org"), ("chat.example.org".into(), 443, true));
    assert_eq!(to("http://[::1]:7474"), ("::1".into(), 7474, false));
    assert_eq!(to("http://[::1]"), ("::1".into(), 80, false));
}
