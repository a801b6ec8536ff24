//! The trials beside a second process.

use super::*;
use crate::process::{self, OTHER, Other, soon, wait_until};

const PROCESSES: &str = "a lock, a cache or a counter of one process does not reach the other: the \
                         condition belongs in the statement, and the answer comes from the database";

fn beside(sentence: Sentence) -> Sentence {
    format!("beside a second process: {sentence}; {PROCESSES}")
}

/// Both create the same accounts, each at the same moment.
pub(super) fn create_once(kit: &Kit) -> Result<(), Sentence> {
    const ACCOUNTS: usize = 60;
    let Some(mut other) = kit.other()? else { return Ok(()) };
    let handle = kit.open()?;
    let ids: Vec<AccountId> = (0..ACCOUNTS).map(|_| kit.account()).collect::<Result<_, _>>()?;
    let names: Vec<String> = ids.iter().map(AccountId::to_string).collect();
    let start = soon();
    other.say(&format!("create {} {start}", names.join(",")))?;
    let here = process::create(&handle, &ids, start, 1)?;
    let there = other.heard()?;
    if there.len() != ACCOUNTS || there.contains(|won| won != '0' && won != '1') {
        return Err(beside(there));
    }
    for ((id, here), there) in ids.iter().zip(here).zip(there.chars()) {
        let there = there == '1';
        if here == there {
            let winners = usize::from(here).saturating_mul(2);
            return Err(beside(created(winners, "2 processes that created one account at once")));
        }
        let writer = if here { 1 } else { OTHER };
        holds(&handle, id, &record_of(id, 1, writer), "after two processes raced to create it")
            .map_err(beside)?;
    }
    Ok(())
}

/// Both write one account, until they have met often enough.
pub(super) fn no_lost_update(kit: &Kit) -> Result<(), Sentence> {
    const WRITES: usize = 100;
    let Some(mut other) = kit.other()? else { return Ok(()) };
    let (handle, id) = (kit.open()?, kit.account()?);
    accepts(&handle, &id, None, &record_of(&id, 1, 0), "for a new account")?;
    let (mut written, mut lost) = (0_usize, 0_usize);
    let began = Instant::now();
    for round in 0.. {
        let start = soon();
        other.say(&format!("climb {id} {WRITES} {start}"))?;
        wait_until(start);
        let here = climb(&handle, &id, 1, WRITES).map_err(beside);
        let there = other.heard()?;
        let there: usize = there.parse().map_err(|_| beside(there))?;
        lost = lost.saturating_add(here?).saturating_add(there);
        written = written.saturating_add(WRITES.saturating_mul(2));
        reached(&handle, &id, written, "2 processes stored 100 writes each").map_err(beside)?;
        // Both have met often, or never will: a store that locks for long lets one of them pass first.
        if began.elapsed() > A_WHILE && (lost >= WRITES || round >= 20) {
            break;
        }
    }
    Ok(())
}

/// Each reads what the other one wrote, also when it looked before, and when the writer was killed.
pub(super) fn read_your_write(kit: &Kit) -> Result<(), Sentence> {
    let Some(mut other) = kit.other()? else { return Ok(()) };
    let handle = kit.open()?;
    for created_here in [true, false] {
        let id = kit.account()?;
        absent(&handle, &id, "before it was written").map_err(beside)?;
        if let Some(found) = other.load(&id)? {
            return Err(beside(format!("load found {found:?} of an account that is new")));
        }
        for version in 1..12_u64 {
            let expected = version.checked_sub(1).filter(|expected| *expected > 0);
            let record = if (version % 2 == 1) == created_here {
                let record = record_of(&id, version, 1);
                accepts(&handle, &id, expected, &record, BETWEEN).map_err(beside)?;
                record
            } else {
                if other.put(&id, expected)? == Swap::Stale {
                    let stale = format!("swap answered Stale {BETWEEN}; it expected {expected:?}");
                    return Err(beside(stale));
                }
                record_of(&id, version, OTHER)
            };
            holds(&handle, &id, &record, "by another process, or seen by it").map_err(beside)?;
            if other.load(&id)?.as_ref() != Some(&record) {
                let version = record.version();
                let stale = format!("version {version} was Stored, and the other does not load it");
                return Err(beside(stale));
            }
        }
    }
    killed(kit, other, &handle)
}

const BETWEEN: &str = "where two processes write in turn";

fn killed(kit: &Kit, mut other: Other, handle: &Handle) -> Result<(), Sentence> {
    let id = kit.account()?;
    if other.put(&id, None)? == Swap::Stale {
        return Err(beside("swap answered Stale for a new account".into()));
    }
    other.kill();
    holds(handle, &id, &record_of(&id, 1, OTHER), "by a process that was told Stored and killed")
        .map_err(beside)
}
