//! Tables of other versions.

use super::super::tests::{database, link};
use super::*;

const FIRST_STEP: Step = Step { oldest: 1, sql: "CREATE TABLE one (a INT)" };
/// What a node that knows one step can go on with.
const ADDED: Step = Step { oldest: 1, sql: "ALTER TABLE one ADD COLUMN b INT" };
/// What it cannot.
const CHANGED: Step = Step { oldest: 3, sql: "ALTER TABLE one RENAME COLUMN a TO c" };

#[tokio::test]
async fn versions_go_side_by_side_as_long_as_the_tables_say_so() {
    let Some(database) = database() else { return };
    let mut client = link(&database).await;
    take(&mut client, &[FIRST_STEP]).await.unwrap();
    take(&mut client, &[FIRST_STEP, ADDED]).await.unwrap();
    // The older one starts again, and changes nothing.
    take(&mut client, &[FIRST_STEP]).await.unwrap();
    client.execute("INSERT INTO one (a, b) VALUES (1, 2)", &[]).await.unwrap();
    take(&mut client, &[FIRST_STEP, ADDED, CHANGED]).await.unwrap();
    client.query_one("SELECT c, b FROM one", &[]).await.unwrap();
    let refused = take(&mut client, &[FIRST_STEP, ADDED]).await.unwrap_err();
    assert!(matches!(refused, SchemaError::Newer { found: 3, oldest: 3, known: 2 }), "{refused}");
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing() {
    let Some(database) = database() else { return };
    let mut client = link(&database).await;
    let broken = Step { oldest: 1, sql: "CREATE TABLE two (a INT); nonsense" };
    assert!(take(&mut client, &[FIRST_STEP, broken]).await.is_err());
    take(&mut client, &[FIRST_STEP]).await.unwrap();
    assert!(client.query("SELECT * FROM two", &[]).await.is_err());
}
