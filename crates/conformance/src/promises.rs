//! The trials, one function for each promise.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use countersign::mfa::NotDone;
use countersign::{AccountId, Record, Store, Summary, Swap, Write};

use crate::draft::{Draft, NEVER_ENDS, PANICKED, id_of, next, record_of, successor};
use crate::kit::Kit;
use crate::opened::{Handle, LOAD_FAILED, SWAP_FAILED};
use crate::{BrokenPromise, CROWD, Promise, Sentence};

mod attempts;
mod beside;
mod ids;
mod kept;
mod processes;
mod tools;

use attempts::{end_to_end, faults};
use beside::events_and_summary;
use ids::bytewise_ids;
use kept::nothing_expires;
use tools::*;

pub(crate) use beside::same_events;
pub(crate) use kept::Witnesses;
pub(crate) use tools::put;

pub(crate) fn try_one(promise: Promise, kit: &Kit) -> Result<(), BrokenPromise> {
    let broken = |what| BrokenPromise { promise, what };
    let trial = match promise {
        Promise::CreateOnce => create_once,
        Promise::StaleRefused => stale_refused,
        Promise::NoLostUpdate => no_lost_update,
        Promise::ReadYourWrite => read_your_write,
        Promise::RoundTrip => round_trip,
        Promise::BytewiseIds => bytewise_ids,
        Promise::Tombstone => tombstone,
        Promise::Independence => independence,
        Promise::EndToEnd => end_to_end,
        Promise::Faults => faults,
        Promise::EventsAndSummary => events_and_summary,
        Promise::NothingExpires => |_: &Kit| Ok(()),
    };
    kit.witnesses.appear(kit);
    trial(kit).map_err(broken)?;
    let races =
        [Promise::CreateOnce, Promise::NoLostUpdate, Promise::Independence, Promise::EndToEnd];
    if races.contains(&promise)
        && let Some(one) = kit.over_one_handle().map_err(broken)?
    {
        let shared = |sentence| {
            format!(
                "where threads share one handle: {sentence}; lock the connection from the first \
                 statement of a call to its last, not for each"
            )
        };
        trial(&one).map_err(shared).map_err(broken)?;
    }
    match promise {
        Promise::CreateOnce => processes::create_once(kit).map_err(broken),
        Promise::NoLostUpdate => processes::no_lost_update(kit).map_err(broken),
        Promise::ReadYourWrite => processes::read_your_write(kit).map_err(broken),
        Promise::NothingExpires => nothing_expires(kit),
        _ => Ok(()),
    }
}

/// How long two processes or threads race at least.
const A_WHILE: Duration = Duration::from_millis(400);

/// How long they race at most, where they seldom meet.
const AT_MOST: Duration = Duration::from_secs(3);

fn create_once(kit: &Kit) -> Result<(), Sentence> {
    let started = Instant::now();
    create_at_once(kit)?;
    while started.elapsed() < A_WHILE {
        create_at_once(kit)?;
    }
    Ok(())
}

fn create_at_once(kit: &Kit) -> Result<(), Sentence> {
    const ROUNDS: usize = 8;
    let ids: Vec<AccountId> = (0..ROUNDS).map(|_| kit.account()).collect::<Result<_, _>>()?;
    // In every second round all of them write the same bytes: the rows may be equal, one is the first.
    let writer = |round: usize, thread| if round.is_multiple_of(2) { thread } else { 0 };
    let rounds = race(kit, CROWD, ROUNDS, |round, thread, handle| {
        let id = ids.get(round).ok_or(PANICKED)?;
        put(handle, id, None, &record_of(id, 1, writer(round, thread)))
    })?;
    let handle = kit.open()?;
    for (round, (id, swaps)) in ids.iter().zip(rounds).enumerate() {
        let winners: Vec<usize> =
            (0..).zip(swaps).filter(stored).map(|(thread, _)| thread).collect();
        let [winner] = winners.as_slice() else {
            return Err(created(
                winners.len(),
                &format!("{CROWD} that created one account at once"),
            ));
        };
        let record = record_of(id, 1, writer(round, *winner));
        holds(&handle, id, &record, "after a race to create it")?;
    }
    Ok(())
}

fn created(winners: usize, of: &str) -> Sentence {
    format!(
        "{winners} of {of} were told Stored, not 1: insert only where there is no row (ON CONFLICT DO \
         NOTHING), and say Stored if one row was inserted, even if the row is the same"
    )
}

fn stored<T>((_, swap): &(T, Swap)) -> bool {
    *swap == Swap::Stored
}

fn stale_refused(kit: &Kit) -> Result<(), Sentence> {
    let (handle, id) = (kit.open()?, kit.account()?);
    refuses(&handle, &id, Some(1), "for an account that is not there")?;
    absent(&handle, &id, "after a refused write")?;

    let first = record_of(&id, 1, 1);
    accepts(&handle, &id, None, &first, "for a new account")?;
    if put(&handle, &id, None, &first)? == Swap::Stored {
        return Err(
            "the same account was created twice, with the same bytes, and both were told Stored: the \
             second one finds a record, and is Stale"
                .into(),
        );
    }
    for expected in [None, Some(2), Some(3), Some(Record::MAX_VERSION - 1)] {
        refuses(&handle, &id, expected, "for an account at version 1")?;
        holds(&handle, &id, &first, "after a refused write")?;
    }

    let second = record_of(&id, 2, 2);
    accepts(&handle, &id, Some(1), &second, "for the version that is stored")?;
    // A driver that sends a statement again after a broken connection does this.
    if put(&handle, &id, Some(1), &second)? == Swap::Stored {
        return Err(
            "the same write was Stored twice: the second one no longer finds its version, \
                    and is Stale"
                .into(),
        );
    }
    refuses(&handle, &id, Some(1), "for an account at version 2")?;
    holds(&handle, &id, &second, "after a refused write")
}

fn no_lost_update(kit: &Kit) -> Result<(), Sentence> {
    const WRITERS: usize = 8;
    const WRITES: usize = 50;
    let id = kit.account()?;
    let handle = kit.open()?;
    accepts(&handle, &id, None, &record_of(&id, 1, 0), "for a new account")?;
    race(kit, WRITERS, 1, |_, writer, handle| climb(handle, &id, writer, WRITES))?;
    reached(&handle, &id, WRITERS.saturating_mul(WRITES), "8 handles stored 50 writes each")?;
    races_are_lost(kit)?;

    let id = kit.account()?;
    accepts(&handle, &id, None, &record_of(&id, 1, 0), "for a new account")?;
    let before = version(&handle, &id)?;
    handle.interleave(&id, 8, 25)?;
    if version(&handle, &id)? != before {
        reached(&handle, &id, 8 * 25, "8 futures on one handle stored 25 writes each")?;
    }
    Ok(())
}

/// Races as fast as the store is, until many writes met another: between a check and a write lies next to
/// nothing in memory, and threads that start together do not often meet there.
fn races_are_lost(kit: &Kit) -> Result<(), Sentence> {
    const WRITERS: usize = 8;
    const WRITES: usize = 50;
    const LOST: usize = 2_000;
    let (handle, id) = (kit.open()?, kit.account()?);
    accepts(&handle, &id, None, &Record::new(1, Vec::new()), "for a new account")?;
    let (started, mut written, mut lost) = (Instant::now(), 0_usize, 0_usize);
    while lost < LOST && started.elapsed() < AT_MOST {
        let rounds = race(kit, WRITERS, 1, |_, _, handle| spin(handle, &id, WRITES))?;
        lost = rounds.into_iter().flatten().fold(lost, usize::saturating_add);
        written = written.saturating_add(WRITERS.saturating_mul(WRITES));
        let who = format!("8 handles that raced stored {written} writes in all");
        reached(&handle, &id, written, &who)?;
    }
    Ok(())
}

/// Stores `writes` small records while others write, with as little as possible between load and swap.
fn spin(handle: &Handle, id: &AccountId, writes: usize) -> Result<usize, Sentence> {
    let (summary, mut left, mut lost) = (Summary::default(), writes, 0_usize);
    let patience = CROWD.saturating_mul(writes).saturating_mul(4);
    while left > 0 {
        let version = version(handle, id)?;
        let record = Record::new(next(version), Vec::from(version.to_be_bytes()));
        match handle.swap(id, &Write::new(Some(version), &record, &summary, &[]))? {
            Swap::Stored => left = left.saturating_sub(1),
            Swap::Stale if lost >= patience => return Err(NEVER_ENDS.into()),
            Swap::Stale => lost = lost.saturating_add(1),
        }
    }
    Ok(lost)
}

/// Stores `writes` successors of the record while others write, and returns how many races it lost.
pub(crate) fn climb(
    handle: &Handle,
    id: &AccountId,
    writer: usize,
    writes: usize,
) -> Result<usize, Sentence> {
    let (mut left, mut lost, mut seen) = (writes, 0_usize, 0);
    // Each lost race is a write of another thread; the rest is patience with spurious conflicts.
    let patience = CROWD.saturating_mul(writes).saturating_mul(4);
    while left > 0 {
        let draft = successor(id, handle.load(id)?, writer)?;
        if draft.expected < Some(seen) {
            return Err(format!(
                "a handle loaded version {} after version {seen}: an older snapshot, a cache or a \
                 replica answers loads, or a write went over a newer one",
                draft.expected.unwrap_or(0)
            ));
        }
        match handle.swap(id, &draft.write())? {
            Swap::Stored => left = left.saturating_sub(1),
            Swap::Stale if lost >= patience => return Err(NEVER_ENDS.into()),
            Swap::Stale => lost = lost.saturating_add(1),
        }
        seen = draft.record.version().saturating_sub(1);
    }
    Ok(lost)
}

/// The account was created at version 1 and written `writes` times since.
fn reached(handle: &Handle, id: &AccountId, writes: usize, who: &str) -> Result<(), Sentence> {
    let expected = next(u64::try_from(writes).unwrap_or(0));
    let version = version(handle, id)?;
    if version == expected {
        return Ok(());
    }
    Err(format!(
        "{who}, and the account is at version {version}, not {expected}: the comparison and the \
         write have to be one step, `UPDATE .. WHERE id = .. AND version = ..` and one row changed"
    ))
}

fn version(handle: &Handle, id: &AccountId) -> Result<u64, Sentence> {
    Ok(handle.load(id)?.map_or(0, |record| record.version()))
}

fn read_your_write(kit: &Kit) -> Result<(), Sentence> {
    let id = kit.account()?;
    let (one, other) = (kit.open()?, kit.open()?);
    // Both have looked before anything is written: from here on, a snapshot or a cache is old.
    absent(&one, &id, "before it was written")?;
    absent(&other, &id, "before it was written")?;
    let first = record_of(&id, 1, 1);
    accepts(&one, &id, None, &first, "for a new account")?;
    holds(&other, &id, &first, FROM_ANOTHER)?;
    for version in 2..10 {
        let (writer, reader) = if version % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let record = record_of(&id, version, 2);
        accepts(writer, &id, Some(version.saturating_sub(1)), &record, "from the other handle")?;
        holds(reader, &id, &record, FROM_ANOTHER)?;
        holds(writer, &id, &record, "from the handle that wrote it")?;
    }
    drop((one, other));

    // A handle that is closed must not take its last write along, even if no other handle read it.
    let id = kit.account()?;
    let (writer, reader) = (kit.open()?, kit.open()?);
    let record = record_of(&id, 1, 1);
    accepts(&writer, &id, None, &record, "for a new account")?;
    holds(&reader, &id, &record, FROM_ANOTHER)?;
    drop(writer);
    holds(&reader, &id, &record, AFTER_CLOSING)?;
    drop(reader);
    holds(&kit.open()?, &id, &record, AFTER_CLOSING)?;

    // Nor one that was never closed, as in a process that was killed.
    let writer = kit.open()?;
    let record = record_of(&id, 2, 2);
    accepts(&writer, &id, Some(1), &record, "for the version that is stored")?;
    std::mem::forget(writer);
    holds(&kit.open()?, &id, &record, FROM_ANOTHER)
}

const FROM_ANOTHER: &str = "from another handle, right after Stored: commit before answering, and \
                            let no cache, snapshot or open transaction answer a load";

const AFTER_CLOSING: &str = "after the handle that was told Stored was closed: commit before \
                             answering";

fn round_trip(kit: &Kit) -> Result<(), Sentence> {
    let (writer, reader) = (kit.open()?, kit.open()?);
    let too_long = |sentence| {
        format!(
            "{sentence}: if the record does not fit its column, make it a binary one for {} bytes",
            Record::MAX_LEN
        )
    };
    lengths_come_back(kit, &writer, &reader).map_err(|sentence| failed(sentence, too_long))?;
    let edges = [7, 8, 15, 16, 24, 31, 32, 33, 48, 52, 53, 54, 62];
    let edges = edges.iter().filter_map(|bits| 1_u64.checked_shl(*bits));
    let around = edges.flat_map(|edge| [edge.saturating_sub(1), edge, next(edge)]);
    for version in around.chain([Record::MAX_VERSION - 1]) {
        let overflows = |sentence| format!("{sentence}; version {version} is stored: {OVERFLOWS}");
        version_comes_back(kit, &writer, &reader, version).map_err(|sentence| {
            if sentence.starts_with(LOAD_FAILED) { overflows(sentence) } else { sentence }
        })?;
    }
    Ok(())
}

const OVERFLOWS: &str = "if it overflows its column or its type, both need 64 bits (BIGINT, u64 or i64), \
                         because every version below 2^63 may come";

/// Adds advice to a sentence if a call failed.
fn failed(sentence: Sentence, advice: impl FnOnce(Sentence) -> Sentence) -> Sentence {
    if sentence.contains(SWAP_FAILED) || sentence.contains(LOAD_FAILED) {
        return advice(sentence);
    }
    sentence
}

fn lengths_come_back(kit: &Kit, writer: &Handle, reader: &Handle) -> Result<(), Sentence> {
    for length in [0, 1, 2, 255, 256, 257, 4096, 4097, Record::MAX_LEN] {
        let id = kit.account()?;
        let bytes: Vec<u8> = (0..=u8::MAX).rev().cycle().take(length).collect();
        let record = Record::new(1, bytes.clone());
        accepts(writer, &id, None, &record, &format!("for a record of {length} bytes"))?;
        comes_back(reader, &id, &record)?;
        let record = Record::new(2, bytes.into_iter().rev().collect());
        accepts(writer, &id, Some(1), &record, &format!("for a record of {length} bytes"))?;
        comes_back(reader, &id, &record)?;
    }
    shrinks(kit, writer, reader)?;
    for value in 0..=u8::MAX {
        let id = kit.account()?;
        let record = Record::new(1, Vec::from([value; 3]));
        accepts(writer, &id, None, &record, &format!("for three bytes {value:#04x}"))?;
        comes_back(reader, &id, &record)?;
    }
    Ok(())
}

/// A shorter record leaves nothing of a longer one.
fn shrinks(kit: &Kit, writer: &Handle, reader: &Handle) -> Result<(), Sentence> {
    let id = kit.account()?;
    let mut expected = None;
    for length in [Record::MAX_LEN, 4096, 100, 0, 300, 64, 1, Record::MAX_LEN, 1] {
        let version = expected.map_or(1, next);
        let fill = u8::try_from(version).unwrap_or(0);
        let record = Record::new(version, (0..length).map(|_| fill).collect());
        let when = format!("for a record of {length} bytes over one of another length");
        accepts(writer, &id, expected, &record, &when)?;
        comes_back(reader, &id, &record)?;
        expected = Some(version);
    }
    Ok(())
}

fn version_comes_back(
    kit: &Kit,
    writer: &Handle,
    reader: &Handle,
    version: u64,
) -> Result<(), Sentence> {
    let id = kit.account()?;
    let record = record_of(&id, version, 1);
    accepts(writer, &id, None, &record, &format!("for a record of version {version}"))?;
    comes_back(reader, &id, &record)?;
    // What the version becomes in a column, a number or a comparison that is too narrow.
    let narrow = [8, 16, 31, 32, 53]
        .map(|bits: u32| version & 1_u64.checked_shl(bits).unwrap_or(0).saturating_sub(1));
    let near = [version.saturating_sub(1), next(version), version ^ 1 << 32, version ^ 1 << 53];
    for other in narrow.into_iter().chain(near) {
        let possible = other > 0 && other < Record::MAX_VERSION;
        if possible && other != version {
            let when = format!("for an account at version {version} (all 64 bits count)");
            refuses(writer, &id, Some(other), &when)?;
        }
    }
    let record = record_of(&id, next(version), 2);
    accepts(writer, &id, Some(version), &record, &format!("for an account at version {version}"))?;
    comes_back(reader, &id, &record)
}

fn comes_back(handle: &Handle, id: &AccountId, written: &Record) -> Result<(), Sentence> {
    let Some(loaded) = handle.load(id)? else {
        return Err(format!("{written:?} was Stored, and load finds nothing"));
    };
    if loaded.version() != written.version() {
        return Err(format!(
            "version {} came back as {}: a column of 64 bits is needed, and no floating point on \
             the way; the version is the record's own, the store does not count",
            written.version(),
            loaded.version()
        ));
    }
    if loaded.as_bytes() != written.as_bytes() {
        return Err(format!(
            "{} bytes came back as {} others: a binary column for {} bytes is needed, not text",
            written.as_bytes().len(),
            loaded.as_bytes().len(),
            Record::MAX_LEN
        ));
    }
    Ok(())
}

fn tombstone(kit: &Kit) -> Result<(), Sentence> {
    let (handle, id) = (kit.open()?, kit.account()?);
    // As it comes from the library, and for a person of whom there was no record.
    let person = Person::enrol(kit, &handle)?;
    for id in [&person.id, &id] {
        person.offboard(&handle, id)?;
        let Some(left) = kit.open()?.load(id)? else { return Err(REMOVED.into()) };
        for expected in [None, Some(1)] {
            if expected != Some(left.version()) {
                refuses(&handle, id, expected, "for an account that was offboarded")?;
            }
        }
        holds(&kit.open()?, id, &left, "after it was offboarded")?;
        let mut rng = rng()?;
        let mut enrol = person.mfa.account(id).at(NOW).enrol("another phone", &mut rng);
        match enrol.run(&handle) {
            Err(NotDone::Refused { .. }) => {}
            Err(NotDone::Undecided(fault)) => return Err(undecided(fault)),
            Ok(_) => return Err(format!("an offboarded person enrolled again: {REMOVED}")),
        }
    }
    Ok(())
}

const REMOVED: &str = "the record of an offboarded account is gone: it is never deleted, because \
                       whoever creates it anew begins with no factor and no failures";

fn independence(kit: &Kit) -> Result<(), Sentence> {
    const ACCOUNTS: usize = 8;
    let handle = kit.open()?;
    let ids: Vec<AccountId> = (0..ACCOUNTS).map(|_| kit.account()).collect::<Result<_, _>>()?;
    let mut written = Vec::new();
    for id in &ids {
        absent(&handle, id, "before it was written, after others were")?;
        accepts(&handle, id, None, &record_of(id, 1, 0), "for a new account beside others")?;
        written.push((id, record_of(id, 1, 0)));
        for (id, record) in &written {
            holds(&handle, id, record, OTHERS_WROTE)?;
        }
    }
    // All at one version, so that a condition without the id would fit them all.
    for place in 0..ACCOUNTS {
        let Some((id, record)) = written.get_mut(place) else { break };
        *record = record_of(id, 2, 1);
        accepts(&handle, id, Some(1), record, "for an account beside others")?;
        for (id, record) in &written {
            holds(&handle, id, record, OTHERS_WROTE)?;
        }
    }
    race(kit, ACCOUNTS, 25, |round, writer, handle| {
        let id = ids.get(writer).ok_or(PANICKED)?;
        let version = u64::try_from(round).unwrap_or(0).saturating_add(2);
        let record = record_of(id, next(version), 1);
        accepts(handle, id, Some(version), &record, "though only other accounts were written")?;
        holds(handle, id, &record, OTHERS_WROTE)
    })
    .map(drop)
}

const OTHERS_WROTE: &str = "after other accounts were written: every condition names the id";
