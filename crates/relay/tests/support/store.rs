//! What a relay of a test keeps everything in: a folder, or, where `SPRAG_TEST_STORE` is `postgres`, a schema of its
//! own in the database that `SPRAG_TEST_POSTGRES` names.

use std::env;

use sprag_relay::config::{ServiceAddress, Store};

/// What this run of the tests is about.
pub(crate) fn store() -> Store {
    if env::var("SPRAG_TEST_STORE").as_deref() != Ok("postgres") {
        return Store::Folder;
    }
    let database = database();
    assert!(database.is_some(), "SPRAG_TEST_STORE needs SPRAG_TEST_POSTGRES");
    database.map_or(Store::Folder, Store::Postgres)
}

/// A schema that nobody else uses; nothing where there is no database for tests.
pub(crate) fn database() -> Option<ServiceAddress> {
    let Ok(address) = env::var("SPRAG_TEST_POSTGRES") else {
        eprintln!("not run: SPRAG_TEST_POSTGRES names no database");
        return None;
    };
    // Nobody else's name for a folder is nobody else's name for a schema.
    let folder = tempfile::tempdir().ok()?;
    let schema = folder.path().file_name()?.to_string_lossy().replace('.', "").to_lowercase();
    Some(ServiceAddress(format!("{address}?options=-csearch_path%3Dtest_{schema}")))
}
