//! A store in 40 lines: two methods over SQLite. `countersign-rusqlite` is this with the audit trail.
//!
//! `cargo run --example a_store`

use std::error::Error;

use countersign::account::SealingKey;
use countersign::{
    AccountId, Keyring, Mfa, OsRandom, Recommended, Record, Store, Swap, UnixTime, Write,
};
use rand::Rng;
use rusqlite::{Connection, OptionalExtension, params};

struct MyStore(Connection);

impl Store for MyStore {
    type Error = rusqlite::Error;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, rusqlite::Error> {
        let select = "SELECT version, record FROM mfa WHERE id = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?));
        let found = self.0.query_row(select, [id.as_bytes()], row).optional()?;
        Ok(found.map(|(version, bytes)| Record::new(version.cast_unsigned(), bytes)))
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, rusqlite::Error> {
        let (id, record) = (id.as_bytes(), write.record());
        let (version, bytes) = (record.version().cast_signed(), record.as_bytes());
        let changed = match write.expected().map(u64::cast_signed) {
            None => {
                let insert = "INSERT INTO mfa VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
                self.0.execute(insert, params![id, version, bytes])?
            }
            Some(expected) => {
                let update =
                    "UPDATE mfa SET version = ?2, record = ?3 WHERE id = ?1 AND version = ?4";
                self.0.execute(update, params![id, version, bytes, expected])?
            }
        };
        Ok(if changed == 1 { Swap::Stored } else { Swap::Stale })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let connection = Connection::open_in_memory()?; // yours is a file, with synchronous = FULL
    connection
        .execute_batch("CREATE TABLE mfa (id BLOB PRIMARY KEY, version BIGINT, record BLOB)")?;
    let (mut rng, mut key) = (OsRandom::new()?, [0; 32]);
    rng.fill_bytes(&mut key);
    let mfa = Mfa::new(Keyring::new("acme", SealingKey::new(&key)?)?, Recommended);
    let dana = mfa.account(&AccountId::new("42")?).at(UnixTime::now()?);
    let pending = dana.enrol("Phone", &mut rng).run(&MyStore(connection))?;
    println!("waiting for a code until {}", pending.until());
    Ok(())
}
