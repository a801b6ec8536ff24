//! The host's side: its own table of people, the key that seals the records, and where both are.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign::account::{ChallengeId, SealingKey};
use countersign::{AccountId, Keyring, OsRandom};
use rand::Rng;
use rusqlite::{Connection, params};
use zeroize::Zeroizing;

use crate::stores::Fault;

/// What this office is called, above the codes in the app.
pub const ISSUER: &str = "Northgate Billing";

/// The directory for what has to outlive a call: `billing` in cargo's target directory, wherever that
/// is, because this program was built into it.
pub fn state_directory() -> Result<PathBuf, Fault> {
    let program = std::env::current_exe()?;
    // TARGET/debug/examples/billing; or the directory of a program that was copied elsewhere.
    let beside = program.parent().unwrap_or(&program);
    let target = match beside.ends_with("examples") {
        true => beside.ancestors().nth(2).unwrap_or(beside),
        false => beside,
    };
    let directory = target.join("billing");
    fs::create_dir_all(&directory).map_err(|error| in_file(&directory, &error))?;
    Ok(directory)
}

/// The key beside `database`, made at the first use.
///
/// Only for this example: a real host keeps the key elsewhere, in its key management or at least on
/// another machine. Whoever copies this directory has both the records and what opens them.
pub fn keyring(database: &Path) -> Result<Keyring, Fault> {
    let key = Zeroizing::new(key_bytes(database)?);
    let in_file = |error| format!("{}: {error}", beside(database, ".key").display());
    Ok(Keyring::new("northgate", SealingKey::new(&*key).map_err(in_file)?)?)
}

fn key_bytes(database: &Path) -> Result<[u8; 32], Fault> {
    let path = beside(database, ".key");
    let mut key = [0; 32];
    match File::open(&path) {
        Ok(mut file) => {
            let length = file.metadata().map_err(|error| in_file(&path, &error))?.len();
            if length != 32 {
                return Err(format!("{}: {length} bytes, and a key has 32", path.display()).into());
            }
            file.read_exact(&mut key).map_err(|error| in_file(&path, &error))?;
            return Ok(key);
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(in_file(&path, &error)),
    }
    // A new key beside old records opens none of them, and what it seals from then on nobody else
    // can read. Better to stop here, while the old one can still be found.
    if database.exists() && !path.exists() {
        let (database, path) = (database.display(), path.display());
        return Err(format!("{database} is there, and its key {path} is gone").into());
    }
    OsRandom::new()?.fill_bytes(&mut key);
    // Whole under another name first: a second process at its first use then reads all of a key or
    // none, and whoever is second takes the first one's.
    let draft = beside(database, &format!(".key.{}", std::process::id()));
    let written = private(&draft)
        .and_then(|mut file| file.write_all(&key).and_then(|()| file.sync_all()))
        .and_then(|()| fs::hard_link(&draft, &path));
    let removed = fs::remove_file(&draft);
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => key_bytes(database),
        Err(error) => Err(in_file(&path, &error)),
        Ok(()) => removed.map(|()| key).map_err(|error| in_file(&draft, &error)),
    }
}

/// A new file that only its owner can read.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The path with `ending` after it: `beside("a.db", ".key")` is `a.db.key`.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn in_file(path: &Path, error: &std::io::Error) -> Fault {
    format!("{}: {error}", path.display()).into()
}

/// The host's own table. What the library needs of it is one number for each person, for ever.
///
/// An account id is never a name. Names change, and one name has many spellings: in the systems of
/// CVE-2025-6004 and CVE-2026-47203 each spelling had a failure budget of its own. So the exact name
/// is looked up here, once, and everything after that knows the number only.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS people (
        id      INTEGER NOT NULL PRIMARY KEY,
        name    TEXT    NOT NULL UNIQUE,  -- compared bytewise: dana is not Dana
        pending BLOB                      -- the started enrolment that `confirm` has to name
    ) STRICT;
";

/// One person of the table.
pub struct Person {
    pub name: String,
    pub account: AccountId,
    pub pending: Option<ChallengeId>,
}

/// The people of the host, on a connection of the host's own. It is never in a transaction while the
/// library runs: the store would wait for it.
pub struct People {
    connection: Connection,
}

impl People {
    pub fn open(database: &Path) -> Result<People, Fault> {
        let connection = Connection::open(database)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.execute_batch(SCHEMA)?;
        Ok(People { connection })
    }

    /// The person of exactly this name.
    pub fn find(&self, name: &str) -> Result<Option<Person>, Fault> {
        Ok(self.select("WHERE name = ?1", [name])?.pop())
    }

    /// Everybody, by name.
    pub fn all(&self) -> Result<Vec<Person>, Fault> {
        self.select("ORDER BY name", [])
    }

    /// The person of this name, who is new if there was none.
    pub fn find_or_add(&self, name: &str, rng: &mut OsRandom) -> Result<Person, Fault> {
        // Random, so that another list of people over the same store never meets these records.
        let id = rng.next_u64() >> 1;
        self.connection.execute(
            "INSERT INTO people (id, name) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
            params![i64::try_from(id)?, name],
        )?;
        self.find(name)?.ok_or_else(|| "the person was not stored".into())
    }

    /// Keeps which enrolment the person's next `confirm` is for.
    pub fn remember(&self, name: &str, pending: ChallengeId) -> Result<(), Fault> {
        self.connection.execute(
            "UPDATE people SET pending = ?2 WHERE name = ?1",
            params![name, pending.as_bytes()],
        )?;
        Ok(())
    }

    fn select(
        &self,
        condition: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Vec<Person>, Fault> {
        let select = format!("SELECT id, name, pending FROM people {condition}");
        let mut statement = self.connection.prepare(&select)?;
        let rows = statement.query_map(parameters, |row| {
            let pending: Option<[u8; 16]> = row.get(2)?;
            Ok((row.get::<_, i64>(0)?, row.get(1)?, pending.map(ChallengeId::from_bytes)))
        })?;
        rows.map(|row| {
            let (id, name, pending) = row?;
            Ok(Person { name, account: AccountId::new(id.to_be_bytes())?, pending })
        })
        .collect()
    }
}

/// The id for a name that is nobody's. A person's has eight bytes, so this one never has a record, and
/// the library does the same work and says the same words.
pub fn nobody() -> Result<AccountId, Fault> {
    Ok(AccountId::new("nobody")?)
}
