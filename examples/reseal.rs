//! Moves every record to the newest key, while people sign in, and proves when the old key may go.
//!
//! `cargo run --example reseal`: a database of its own, with six people under the old key. Yours has the
//! table already; take [`sweep`] and [`records_under`] over. `docs/KEYS.md` has the steps around it.

use std::error::Error;

use countersign::account::{KeyName, SealingKey};
use countersign::{AccountId, Keyring, Mfa, OsRandom, Recommended, SignIn, UnixTime, Verdict};
use countersign_rusqlite::SqliteStore;
use rand::Rng;
use rusqlite::{Connection, params};

/// Reseals the records of the people behind `after`, in the order of the host's table. Returns the last one:
/// keep it, and a sweep that was stopped goes on behind it. What is resealed already costs one read.
fn sweep(
    mfa: &Mfa<Keyring, Recommended>,
    store: &SqliteStore,
    host: &Connection,
    after: u32,
) -> Result<Option<u32>, Box<dyn Error>> {
    let mut page = host.prepare("SELECT id FROM staff WHERE id > ?1 ORDER BY id LIMIT 100")?;
    let page: Vec<u32> = page.query_map([after], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut moved: Vec<u32> = Vec::new();
    for number in &page {
        let account =
            mfa.account(&AccountId::numbered("staff", (*number).into())?).at(UnixTime::now()?);
        match account.reseal().run(store) {
            Ok(resealed) => moved.extend((*resealed).then_some(number)),
            // One record that does not open holds up no other. It is counted below as long as it is there.
            Err(fault) => println!("staff {number}: {fault}"),
        }
    }
    println!("{} of {} records were resealed", moved.len(), page.len());
    Ok(page.last().copied())
}

type Counts = Vec<(Option<KeyName>, u32)>;

/// Counts the records under each key, tombstones and torn records too: without opening one.
fn records_under(host: &Connection) -> Result<Counts, Box<dyn Error>> {
    // Bytes 16 to 19 of a record; `Record::key_name` says the same.
    let query = "SELECT substr(record, 16, 4), count(*) FROM mfa_account GROUP BY 1";
    let mut query = host.prepare(query)?;
    let rows = query.query_map([], |row| {
        let name = <[u8; 4]>::try_from(row.get::<_, Vec<u8>>(0)?).ok();
        Ok((name.map(KeyName::from_bytes), row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Yours come from files: see `keys_from_a_file`.
fn two_keys(rng: &mut OsRandom) -> Result<[[u8; 32]; 2], Box<dyn Error>> {
    let mut keys = [[0; 32]; 2];
    keys.iter_mut().for_each(|key| rng.fill_bytes(key));
    Ok(keys)
}

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::temp_dir().join(format!("countersign-reseal-{}", std::process::id()));
    let (store, host) = (SqliteStore::open(&file)?, Connection::open(&file)?);
    host.execute_batch("CREATE TABLE staff (id INTEGER PRIMARY KEY)")?;
    let mut rng = OsRandom::new()?;
    let [old, new] = two_keys(&mut rng)?;
    let mfa = Mfa::new(Keyring::new("acme", SealingKey::new(&old)?)?, Recommended);
    for number in 1..=6_u32 {
        host.execute("INSERT INTO staff VALUES (?1)", params![number])?;
        let account =
            mfa.account(&AccountId::numbered("staff", number.into())?).at(UnixTime::now()?);
        account.enrol("Phone", &mut rng).run(&store)?;
    }

    // Every node has the new key by now, and seals with it; the old one only opens.
    let old = SealingKey::new(&old)?;
    let retiring = old.name();
    let keys = Keyring::new("acme", SealingKey::new(&new)?)?.opening_older(old);
    println!("{keys:?}");
    let mfa = Mfa::new(keys, Recommended);
    let mut after = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // A sign-in meanwhile, through another connection.
            let (store, id) = (SqliteStore::open(&file)?, AccountId::numbered("staff", 3)?);
            let verdict =
                mfa.account(&id).at(UnixTime::now()?).verify("000000", SignIn).run(&store);
            let decided = !matches!(verdict, Verdict::Undecided(_));
            println!("a sign-in during the sweep is decided: {decided}");
            Ok::<(), Box<dyn Error + Send + Sync>>(())
        });
        while let Some(last) = sweep(&mfa, &store, &host, after)? {
            after = last;
        }
        Ok::<(), Box<dyn Error>>(())
    })?;

    let counts = records_under(&host)?;
    let under_it = counts.iter().filter(|(key, _)| *key == Some(retiring));
    let left: u32 = under_it.map(|(_, count)| count).sum();
    println!("{left} records need {retiring}; the last browser token under it ends in 90 days");
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", file.display()));
    }
    if left == 0 { Ok(()) } else { Err("the old key has to stay".into()) }
}
