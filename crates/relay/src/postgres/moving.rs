//! Everything out of a database on a server, or into one.

use std::error::Error;
use std::pin::pin;

use bytes::BytesMut;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, IsolationLevel, Row, Transaction};

use crate::moving::{
    Arriving, KINDS, Kind, Leaving, MoveError, Moved, NUMBERED, Parcel, Used, Value,
};

use super::{presence, schema};

/// The tables, and with their columns what goes into them of the rows of a kind.
type Places = Vec<(&'static str, &'static str, Vec<usize>)>;

/// Reads everything, and makes the tables unusable once the target has it.
pub(crate) async fn give(url: &str, leaving: Leaving) -> Result<(), MoveError> {
    let mut client = presence::alone(url).await?;
    let transaction = begin(&mut client).await?;
    for kind in &KINDS {
        read(&transaction, kind, &leaving).await?;
    }
    leaving.send(Parcel::End(used(&transaction).await?)).await?;
    leaving.kept().await?;
    transaction.batch_execute(schema::MOVE_AWAY).await?;
    Ok(transaction.commit().await?)
}

/// Writes everything into empty tables.
pub(crate) async fn take(url: &str, mut arriving: Arriving) -> Result<Moved, MoveError> {
    let mut client = presence::alone(url).await?;
    let transaction = begin(&mut client).await?;
    let invited = transaction.query_opt("SELECT 1 FROM invitations LIMIT 1", &[]).await?;
    if used(&transaction).await? != Used::default() || invited.is_some() {
        return Err(MoveError::NotEmpty);
    }
    loop {
        match arriving.next().await? {
            Parcel::Rows(kind, rows) => write(&transaction, kind, &rows).await?,
            Parcel::End(used) => {
                go_on_after(&transaction, used).await?;
                break;
            }
        }
    }
    transaction.commit().await?;
    Ok(arriving.moved())
}

/// One transaction for everything, which nobody else gets in between.
async fn begin(client: &mut Client) -> Result<Transaction<'_>, MoveError> {
    let transaction =
        client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).start().await?;
    transaction.batch_execute(schema::LOCK_ALL).await?;
    Ok(transaction)
}

async fn read(
    transaction: &Transaction<'_>,
    kind: &'static Kind,
    leaving: &Leaving,
) -> Result<(), MoveError> {
    let from = if kind.name == "counters" { COUNTERS } else { kind.name };
    let select = format!("SELECT {} FROM {from} ORDER BY {}", kind.columns, kind.order);
    let portal = transaction.bind(&select, &[]).await?;
    let page = i32::try_from(kind.page).unwrap_or(i32::MAX);
    loop {
        let rows = transaction.query_portal(&portal, page).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let rows = rows.iter().map(values).collect::<Result<_, MoveError>>()?;
        leaving.send(Parcel::Rows(kind, rows)).await?;
    }
}

/// What every message moves is in three tables, so that those who move it do not wait for each other.
const COUNTERS: &str = "( \
    SELECT m.device, m.next_seq, r.acknowledged, greatest(m.stored - r.released, 0) AS waiting, \
    greatest(m.stored_bytes - r.released_bytes, 0) AS waiting_bytes, s.mark AS sent_mark, \
    s.ring AS sent_window FROM mailboxes m JOIN receipts r ON r.device = m.device \
    JOIN senders s ON s.device = m.device) AS counters";

/// Where rows of a kind go. Of those that waited, none is released yet.
fn places(kind: &'static Kind) -> Places {
    if kind.name == "counters" {
        vec![
            ("mailboxes", "device, next_seq, stored, stored_bytes", vec![0, 1, 3, 4]),
            ("receipts", "device, acknowledged", vec![0, 2]),
            ("senders", "device, mark, ring", vec![0, 5, 6]),
        ]
    } else {
        vec![(kind.name, kind.columns, (0..kind.columns.split(',').count()).collect())]
    }
}

async fn write(
    transaction: &Transaction<'_>,
    kind: &'static Kind,
    rows: &[Vec<Value>],
) -> Result<(), MoveError> {
    for (table, columns, which) in places(kind) {
        let described = transaction.prepare(&format!("SELECT {columns} FROM {table}")).await?;
        let types: Vec<_> = described.columns().iter().map(|of| of.type_().clone()).collect();
        let copy = format!("COPY {table} ({columns}) FROM STDIN (FORMAT binary)");
        let mut writer = pin!(BinaryCopyInWriter::new(transaction.copy_in(&copy).await?, &types));
        for row in rows {
            let values = which.iter().map(|column| row.get(*column).ok_or(MoveError::Damaged));
            let values: Vec<_> = values.collect::<Result<_, MoveError>>()?;
            writer.as_mut().write_raw(values).await?;
        }
        writer.finish().await?;
    }
    Ok(())
}

/// The highest ids that were ever used.
async fn used(transaction: &Transaction<'_>) -> Result<Used, MoveError> {
    let mut used = Used::default();
    for (used, (table, column)) in used.iter_mut().zip(NUMBERED) {
        let last = format!(
            "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END \
             FROM {table}_{column}_seq"
        );
        *used = transaction.query_one(&last, &[]).await?.try_get(0)?;
    }
    Ok(used)
}

/// The next ids are above all that were ever used. Undone with the transaction, as `setval` would not be.
async fn go_on_after(transaction: &Transaction<'_>, used: Used) -> Result<(), MoveError> {
    for ((table, column), used) in NUMBERED.into_iter().zip(used) {
        let next = used.saturating_add(1);
        let restart = format!("ALTER TABLE {table} ALTER COLUMN {column} RESTART WITH {next}");
        transaction.batch_execute(&restart).await?;
    }
    Ok(())
}

fn values(row: &Row) -> Result<Vec<Value>, MoveError> {
    let value = |column: usize, of: &Type| {
        Ok(match *of {
            Type::INT2 => Value::Integer(row.try_get::<_, i16>(column)?.into()),
            Type::INT8 => Value::Integer(row.try_get(column)?),
            Type::TEXT => Value::Text(row.try_get(column)?),
            Type::BYTEA => row.try_get::<_, Option<_>>(column)?.map_or(Value::Null, Value::Bytes),
            _ => return Err(MoveError::Damaged),
        })
    };
    row.columns().iter().enumerate().map(|(at, column)| value(at, column.type_())).collect()
}

impl ToSql for Value {
    fn to_sql(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) if *of == Type::INT2 => i16::try_from(*number)?.to_sql(of, out),
            Self::Integer(number) => number.to_sql(of, out),
            Self::Text(text) => text.to_sql(of, out),
            Self::Bytes(bytes) => bytes.to_sql(of, out),
        }
    }

    fn accepts(of: &Type) -> bool {
        [Type::INT2, Type::INT8, Type::TEXT, Type::BYTEA].contains(of)
    }

    to_sql_checked!();
}
