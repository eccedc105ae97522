//! Everything out of a data folder, or into one.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, TransactionBehavior, params_from_iter};

use crate::moving::{
    Arriving, KINDS, Kind, Leaving, MoveError, Moved, NUMBERED, Parcel, Used, Value,
};

use super::{beside, schema, sync};

/// Reads everything, and marks the databases as moved once the target has it.
pub(crate) fn give(folder: &Path, leaving: Leaving) -> Result<(), MoveError> {
    let mut relay = schema::open(&folder.join(schema::RELAY.file), &schema::RELAY)?;
    let mut blobs = schema::open(&folder.join(schema::BLOBS.file), &schema::BLOBS)?;
    // Nothing changes until this is over: a command beside it waits, or fails.
    let relay = relay.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let blobs = blobs.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for kind in &KINDS {
        read(if of_blobs(kind.name) { &blobs } else { &relay }, kind, &leaving)?;
    }
    let mut used = Used::default();
    for (used, (table, _)) in used.iter_mut().zip(NUMBERED) {
        let database = if of_blobs(table) { &blobs } else { &relay };
        *used = database.query_row(
            "SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = ?1",
            [table],
            |row| row.get(0),
        )?;
    }
    leaving.send_from_thread(Parcel::End(used))?;
    leaving.kept_from_thread()?;
    for database in [relay, blobs] {
        database.pragma_update(None, "user_version", schema::MOVED)?;
        database.commit()?;
    }
    Ok(())
}

/// Writes everything into new databases, which get their names once they are whole.
pub(crate) fn take(folder: &Path, mut arriving: Arriving) -> Result<Moved, MoveError> {
    for schema in [&schema::RELAY, &schema::BLOBS] {
        let file = folder.join(schema.file);
        if file.exists() {
            return Err(MoveError::Exists(file));
        }
    }
    let (relay, blobs) = (New::begin(folder, &schema::RELAY)?, New::begin(folder, &schema::BLOBS)?);
    let of = |table: &str| if of_blobs(table) { &blobs.database } else { &relay.database };
    loop {
        match arriving.next_in_thread()? {
            Parcel::Rows(kind, rows) => write(of(kind.name), kind, rows)?,
            Parcel::End(used) => {
                for ((table, _), used) in NUMBERED.into_iter().zip(used) {
                    go_on_after(of(table), table, used)?;
                }
                break;
            }
        }
    }
    // Whether a folder has a relay's data is told by the other one: this one first.
    blobs.finish()?;
    relay.finish()?;
    Ok(arriving.moved())
}

fn of_blobs(kind: &str) -> bool {
    matches!(kind, "blobs" | "pieces" | "removed_blobs")
}

/// Each file has a table of what is to be removed.
fn table(kind: &Kind) -> &'static str {
    if kind.name == "removed_blobs" { "removed" } else { kind.name }
}

fn read(database: &Connection, kind: &'static Kind, leaving: &Leaving) -> Result<(), MoveError> {
    // Segments are in the order in which they were stored; none is sorted in memory.
    let order = if kind.name == "segments" { "id" } else { kind.order };
    let mut statement = database.prepare(&format!(
        "SELECT {} FROM {} ORDER BY {order}",
        kind.columns,
        table(kind)
    ))?;
    let columns = statement.column_count();
    let mut found = statement.query(())?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let values = (0..columns).map(|column| value(row.get_ref(column)?));
        rows.push(values.collect::<Result<_, MoveError>>()?);
        if rows.len() == kind.page {
            leaving.send_from_thread(Parcel::Rows(kind, std::mem::take(&mut rows)))?;
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    leaving.send_from_thread(Parcel::Rows(kind, rows))
}

fn value(value: ValueRef<'_>) -> Result<Value, MoveError> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Integer(number)),
        ValueRef::Text(text) => {
            let text = String::from_utf8(text.to_vec()).map_err(|_| MoveError::Damaged)?;
            Ok(Value::Text(text))
        }
        ValueRef::Blob(bytes) => Ok(Value::Bytes(bytes.to_vec())),
        ValueRef::Real(_) => Err(MoveError::Damaged),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Integer(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

fn write(database: &Connection, kind: &Kind, rows: Vec<Vec<Value>>) -> Result<(), MoveError> {
    let places = vec!["?"; kind.columns.split(',').count()].join(", ");
    let mut insert = database.prepare_cached(&format!(
        "INSERT INTO {} ({}) VALUES ({places})",
        table(kind),
        kind.columns
    ))?;
    for row in rows {
        insert.execute(params_from_iter(row))?;
    }
    Ok(())
}

/// The next id is above all that were ever used.
fn go_on_after(database: &Connection, table: &str, used: i64) -> Result<(), MoveError> {
    database.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [table])?;
    database.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (table, used))?;
    Ok(())
}

/// A database that is being written, under another name; without [`New::finish`] it is removed.
struct New {
    database: Connection,
    unfinished: PathBuf,
    file: PathBuf,
}

impl New {
    fn begin(folder: &Path, schema: &schema::Schema) -> Result<Self, MoveError> {
        let file = folder.join(schema.file);
        let unfinished = beside(&file, ".moving");
        remove(&unfinished).map_err(|error| MoveError::File { file: unfinished.clone(), error })?;
        let database = schema::open(&unfinished, schema)?;
        // All of it into the one file that is moved, and no log as long as that.
        database.pragma_update(None, "journal_mode", "DELETE")?;
        database.execute_batch("BEGIN IMMEDIATE")?;
        Ok(Self { database, unfinished, file })
    }

    fn finish(self) -> Result<(), MoveError> {
        self.database.execute_batch("COMMIT")?;
        fs::rename(&self.unfinished, &self.file)
            .and_then(|()| sync(&self.file))
            .map_err(|error| MoveError::File { file: self.file.clone(), error })
    }
}

impl Drop for New {
    fn drop(&mut self) {
        // What is left is in nobody's way; one that is finished has another name.
        let _ = remove(&self.unfinished);
    }
}

/// Removes a file that may not be there.
fn remove(file: &Path) -> std::io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
