//! Whether rows stay: beside many others, when the clock moves, and when nobody asks for them.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::*;

/// Rows of a fast store: two of so many ids meet in a hash of 32 bits, with odds of 0.9997.
const ROWS: u64 = 1 << 18;

/// How long a slow store is filled.
const FILLING: Duration = Duration::from_secs(5);

/// A write of a fast store takes less.
const FAST: Duration = Duration::from_micros(100);

/// Accounts from before the first trial, of which no trial knows; or why there are none.
#[derive(Default)]
pub(crate) struct Witnesses(OnceLock<Result<Vec<(AccountId, Record)>, Sentence>>);

impl Witnesses {
    /// Creates them, once. What goes wrong here, a trial names; C12 does if none did.
    pub(super) fn appear(&self, kit: &Kit) {
        self.0.get_or_init(|| Witnesses::created(kit));
    }

    fn created(kit: &Kit) -> Result<Vec<(AccountId, Record)>, Sentence> {
        let handle = kit.open()?;
        let mut accounts = Vec::new();
        for version in 1..=3_u64 {
            let id = kit.account()?;
            accepts(&handle, &id, None, &record_of(&id, 1, 0), "for a new account")?;
            for version in 2..=version {
                let expected = Some(version.saturating_sub(1));
                accepts(
                    &handle,
                    &id,
                    expected,
                    &record_of(&id, version, 0),
                    "for the next version",
                )?;
            }
            accounts.push(id);
        }
        let person = Person::enrol(kit, &handle)?;
        let (unknown, leaver) = (kit.account()?, Person::enrol(kit, &handle)?);
        person.offboard(&handle, &unknown)?;
        leaver.offboard(&handle, &leaver.id)?;
        accounts.extend([person.id, unknown, leaver.id]);
        let found = |id: AccountId| {
            Ok((id, handle.load(&id)?.ok_or("load found no record of a new account")?))
        };
        accounts.into_iter().map(found).collect()
    }

    /// Looks for each of them, and tries to create it anew.
    fn stay(&self, kit: &Kit, when: &str) -> Result<(), Sentence> {
        let handle = kit.open()?;
        let witnesses = self.0.get().ok_or(PANICKED)?.as_ref().map_err(String::clone)?;
        for (id, record) in witnesses {
            holds(&handle, id, record, when).map_err(gone)?;
            refuses(&handle, id, None, &format!("for an account that was there, {when}"))?;
        }
        Ok(())
    }
}

fn gone(sentence: Sentence) -> Sentence {
    format!(
        "{sentence}: a row that expires or makes way takes used codes, failures and leavers with it; \
         set no time to live and no eviction, and let no job remove rows"
    )
}

pub(super) fn nothing_expires(kit: &Kit) -> Result<(), BrokenPromise> {
    let broken = |what| BrokenPromise { promise: Promise::NothingExpires, what };
    // What is broken already is not worth the time.
    if !kit.is_broken.load(Ordering::Relaxed) {
        let met = |what| BrokenPromise { promise: Promise::BytewiseIds, what };
        let filled = fill(kit).map_err(met)?;
        still_there(kit, &filled).map_err(broken)?;
    }
    kit.witnesses.stay(kit, "after many others were written").map_err(broken)?;
    if let Some(forward) = &kit.clock {
        const DAY: u64 = 24 * 60 * 60;
        let steps = [(DAY, "a day"), (100 * DAY, "a hundred days"), (3_650 * DAY, "ten years")];
        for (secs, name) in steps {
            forward(Duration::from_secs(secs));
            let when = format!("after the clock moved on by {name}");
            kit.witnesses.stay(kit, &when).map_err(broken)?;
        }
    }
    if !kit.idle.is_zero() {
        thread::sleep(kit.idle);
        let when = format!("after {} s without a call", kit.idle.as_secs_f32());
        kit.witnesses.stay(kit, &when).map_err(broken)?;
    }
    Ok(())
}

/// The ids of the rows, and how many there are: random bytes, because a checksum keeps similar ids
/// apart.
struct Filled {
    seed: u64,
    rows: u64,
}

impl Filled {
    fn id(&self, row: u64) -> Result<AccountId, Sentence> {
        let half = |nth| mixed(self.seed.wrapping_add(row.wrapping_mul(2)).wrapping_add(nth));
        id_of([half(0).to_be_bytes(), half(1).to_be_bytes()].concat())
    }
}

/// SplitMix64: different for every number.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn row_of(row: u64) -> Record {
    Record::new(1, row.to_be_bytes().to_vec())
}

fn fill(kit: &Kit) -> Result<Filled, Sentence> {
    let handle = kit.open()?;
    let mut seed = [0; 8];
    rand::Rng::fill_bytes(&mut rng()?, &mut seed);
    let mut filled = Filled { seed: u64::from_be_bytes(seed), rows: 0 };
    let summary = Summary::default();
    let (started, mut lap, mut fastest) = (Instant::now(), Instant::now(), Duration::MAX);
    let rows = kit.rows.unwrap_or(ROWS);
    while filled.rows < rows {
        let (id, record) = (filled.id(filled.rows)?, row_of(filled.rows));
        if handle.swap(&id, &Write::new(None, &record, &summary, &[]))? == Swap::Stale {
            return Err(format!(
                "swap answered Stale for a new account beside {} others: ids are hashed or cut, and \
                 two of them are one account; the key is the id itself, in a binary column",
                filled.rows
            ));
        }
        filled.rows = next(filled.rows);
        if filled.rows.is_multiple_of(100) {
            // The fastest hundred, because others may use the machine as well.
            fastest = fastest.min(lap.elapsed());
            lap = Instant::now();
            let slow = fastest > FAST.saturating_mul(100);
            if kit.rows.is_none() && slow && started.elapsed() > FILLING {
                break;
            }
        }
    }
    kit.filled.store(filled.rows, Ordering::Relaxed);
    Ok(filled)
}

/// The first rows, and some of the others.
fn still_there(kit: &Kit, filled: &Filled) -> Result<(), Sentence> {
    let handle = kit.open()?;
    let step = usize::try_from(filled.rows / 2_000).unwrap_or(0).max(1);
    for row in (0..filled.rows).take(500).chain((0..filled.rows).step_by(step)) {
        let when = format!("though it was Stored, as row {row} of {}", filled.rows);
        holds(&handle, &filled.id(row)?, &row_of(row), &when).map_err(gone)?;
    }
    Ok(())
}
