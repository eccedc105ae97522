//! Addresses of databases.

use super::*;

fn mode(url: &str) -> SslMode {
    Link::to(url).unwrap().config.get_ssl_mode()
}

#[test]
fn only_the_way_to_this_machine_may_be_plain_unasked() {
    for here in ["postgres://127.0.0.1/x", "postgres://a:b@localhost/x", "postgres://[::1]/x"] {
        assert_eq!(mode(here), SslMode::Disable, "{here}");
    }
    assert_eq!(mode("postgres:///x?host=/run/postgresql"), SslMode::Disable);
    assert_eq!(mode("postgres://db.example/x"), SslMode::Require);
    assert_eq!(mode("postgres://127.0.0.1,db.example/x"), SslMode::Require);
    assert_eq!(mode("postgres://db.example/x?sslmode=disable"), SslMode::Disable);
    assert_eq!(mode("postgres://127.0.0.1/x?sslmode=require"), SslMode::Require);
}

#[test]
fn what_is_no_address_is_refused_without_being_repeated() {
    for wrong in ["", "mysql://secret", "postgres://secret:secret@/x?port=secret"] {
        let refused = Link::to(wrong).unwrap_err().to_string();
        assert!(!refused.contains("secret") && refused.contains("postgres://USER"), "{refused}");
    }
}
