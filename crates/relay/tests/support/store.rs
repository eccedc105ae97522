//! What a relay of a test keeps everything in: a folder, or, where `SPRAG_TEST_STORE` is `postgres`, a schema of its
//! own in the database that `SPRAG_TEST_POSTGRES` names.

use std::env;

use sprag_relay::config::{ServiceAddress, Store};

/// What this run of the tests is about.
pub(crate) fn store() -> Store {
    match env::var("SPRAG_TEST_STORE").as_deref() {
        Ok("postgres") => Store::Postgres(database().expect("SPRAG_TEST_POSTGRES")),
        _ => Store::Folder,
    }
}

/// A schema that nobody else uses; nothing where there is no database for tests.
pub(crate) fn database() -> Option<ServiceAddress> {
    let Ok(address) = env::var("SPRAG_TEST_POSTGRES") else {
        eprintln!("not run: SPRAG_TEST_POSTGRES names no database");
        return None;
    };
    let mut schema = [0; 8];
    getrandom::fill(&mut schema).expect("random bytes");
    let schema = u64::from_be_bytes(schema);
    Some(ServiceAddress(format!("{address}?options=-csearch_path%3Dtest_{schema:016x}")))
}
