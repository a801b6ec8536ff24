//! The ten trials, one function for each promise.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;

use super::*;

pub(super) fn try_one(promise: Promise, kit: &Kit) -> Result<(), Sentence> {
    match promise {
        Promise::CreateOnce => create_once(kit),
        Promise::StaleRefused => stale_refused(kit),
        Promise::NoLostUpdate => no_lost_update(kit),
        Promise::ReadYourWrite => read_your_write(kit),
        Promise::RoundTrip => round_trip(kit),
        Promise::BytewiseIds => bytewise_ids(kit),
        Promise::Tombstone => tombstone(kit),
        Promise::Independence => independence(kit),
        Promise::EndToEnd => end_to_end(kit),
        Promise::Faults => faults(kit),
    }
}

fn create_once(kit: &Kit) -> Result<(), Sentence> {
    const ROUNDS: usize = 8;
    let ids: Vec<AccountId> = (0..ROUNDS).map(|_| kit.account()).collect::<Result<_, _>>()?;
    let rounds = race(kit, CROWD, ROUNDS, |round, thread, handle| {
        let id = ids.get(round).ok_or(PANICKED)?;
        put(handle, id, None, &record_of(id, 1, thread))
    })?;
    let handle = kit.open()?;
    for (id, swaps) in ids.iter().zip(rounds) {
        let winners: Vec<usize> =
            (0..).zip(swaps).filter(stored).map(|(thread, _)| thread).collect();
        let [winner] = winners.as_slice() else {
            return Err(format!(
                "{} of {CROWD} handles that created one account at once were told Stored: insert \
                 only where there is no row (ON CONFLICT DO NOTHING), and say Stored if one row \
                 was inserted",
                winners.len()
            ));
        };
        holds(&handle, id, &record_of(id, 1, *winner), "after a race to create it")?;
    }
    Ok(())
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

    let id = kit.account()?;
    accepts(&handle, &id, None, &record_of(&id, 1, 0), "for a new account")?;
    let before = version(&handle, &id)?;
    handle.interleave(&id, 8, 25)?;
    if version(&handle, &id)? != before {
        reached(&handle, &id, 8 * 25, "8 futures on one handle stored 25 writes each")?;
    }
    Ok(())
}

/// Stores `writes` successors of the record, whoever else is writing.
fn climb(handle: &Handle, id: &AccountId, writer: usize, writes: usize) -> Result<(), Sentence> {
    let (mut left, mut lost, mut seen) = (writes, 0_usize, 0);
    // Each lost race is a write of somebody else; the rest is patience with spurious conflicts.
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
    Ok(())
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

    // A handle that is closed must not take its last write along, whoever else had read it.
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
    for length in [0, 1, 2, 255, 256, 257, 4096, 4097, Record::MAX_LEN] {
        let id = kit.account()?;
        let bytes: Vec<u8> = (0..=u8::MAX).rev().cycle().take(length).collect();
        let record = Record::new(1, bytes.clone());
        accepts(&writer, &id, None, &record, &format!("for a record of {length} bytes"))?;
        comes_back(&reader, &id, &record)?;
        let record = Record::new(2, bytes.into_iter().rev().collect());
        accepts(&writer, &id, Some(1), &record, &format!("for a record of {length} bytes"))?;
        comes_back(&reader, &id, &record)?;
    }
    for value in 0..=u8::MAX {
        let id = kit.account()?;
        let record = Record::new(1, Vec::from([value; 3]));
        accepts(&writer, &id, None, &record, &format!("for three bytes {value:#04x}"))?;
        comes_back(&reader, &id, &record)?;
    }
    let edges = [7, 8, 15, 16, 24, 31, 32, 33, 48, 52, 53, 54, 62];
    let edges = edges.iter().filter_map(|bits| 1_u64.checked_shl(*bits));
    let around = edges.flat_map(|edge| [edge.saturating_sub(1), edge, next(edge)]);
    for version in around.chain([Record::MAX_VERSION - 1]) {
        version_comes_back(kit, &writer, &reader, version)?;
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

fn bytewise_ids(kit: &Kit) -> Result<(), Sentence> {
    let (writer, reader) = (kit.open()?, kit.open()?);
    let ids = look_alikes(kit)?;
    for id in &ids {
        if let Some(found) = reader.load(id)? {
            return Err(one_account(&ids, id, &found));
        }
        accepts(
            &writer,
            id,
            None,
            &record_of(id, 1, 1),
            &format!("for the new id {}", printable(id)),
        )?;
    }
    for id in &ids {
        match reader.load(id)? {
            Some(found) if found == record_of(id, 1, 1) => {}
            Some(found) => return Err(one_account(&ids, id, &found)),
            None => {
                return Err(format!("{} was Stored, and load finds nothing", printable(id)));
            }
        }
    }
    Ok(())
}

/// Ids of which some engine, column type or program takes two for one.
fn look_alikes(kit: &Kit) -> Result<Vec<AccountId>, Sentence> {
    let base = format!("{}-id-", kit.prefix).into_bytes();
    let ends: [&[u8]; 48] = [
        b"",
        b" ",
        b"  ",
        b"\t",
        b"\n",
        b"\r\n",
        b"\0",
        b"\0\0",
        b"\0a",
        b"a\0",
        b"a\0b",
        b"a",
        b"A",
        b"a ",
        b" a",
        b"A ",
        b"b",
        b"_",
        b"%",
        b"*",
        b"?",
        b".",
        b"a.",
        b"'",
        b"''",
        b"\\",
        b"\\'",
        b"\"",
        b"/",
        b":",
        b"{",
        b"}",
        b"{}",
        b"1",
        b"01",
        b"1.0",
        b"1e0",
        b"+1",
        "\u{e1}".as_bytes(),   // one code point, and
        "a\u{301}".as_bytes(), // the same letter in two
        "\u{c1}".as_bytes(),
        "A\u{301}".as_bytes(),
        "\u{df}".as_bytes(),
        b"ss",
        "a\u{ad}".as_bytes(), // a soft hyphen, which collations ignore
        "\u{131}".as_bytes(),
        b"i",
        b"I",
    ];
    let mut ids = Vec::new();
    for end in ends {
        ids.push(id_of([&base, end].concat())?);
    }
    for start in [b" ".as_slice(), b"\0", b"0", b"\xef\xbb\xbf"] {
        ids.push(id_of([start, &base, b"a"].concat())?);
    }
    // Each byte value once: what is no UTF-8, and what a replacement character swallows.
    for value in 0..=u8::MAX {
        ids.push(id_of([&base, b"v".as_slice(), &[value]].concat())?);
    }
    // As long as an id can be, and alike up to the last byte.
    for last in [b"x", b"y"] {
        let mut long = base.clone();
        long.resize(AccountId::MAX_LEN.saturating_sub(1), b'-');
        long.extend_from_slice(last);
        ids.push(id_of(long)?);
    }
    Ok(ids)
}

fn one_account(ids: &[AccountId], id: &AccountId, found: &Record) -> Sentence {
    let Some(twin) = ids.iter().find(|twin| record_of(twin, 1, 1) == *found) else {
        return format!("load found {found:?} under {}, which nobody wrote there", printable(id));
    };
    format!(
        "{} and {} are one account: keep ids in a binary column (BLOB, bytea, VARBINARY), whole, \
         and compare them bytewise, without case, trimming, patterns, normal forms or text encoding",
        printable(twin),
        printable(id)
    )
}

fn printable(id: &AccountId) -> String {
    format!("\"{}\"", id.as_bytes().escape_ascii())
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

fn end_to_end(kit: &Kit) -> Result<(), Sentence> {
    one_code_is_accepted_once(kit)?;
    every_failure_is_counted(kit)?;
    recovery_codes_are_spent_once(kit)?;
    recovery_codes_are_spent_or_replaced(kit)?;
    revocation_wins(kit)
}

fn one_code_is_accepted_once(kit: &Kit) -> Result<(), Sentence> {
    const ROUNDS: usize = 3;
    let person = Person::enrol(kit, &kit.open()?)?;
    let rounds = race(kit, CROWD, ROUNDS, |round, _, handle| {
        let now = person.moment(round);
        person.verify(handle, &person.code(now)?, now)
    })?;
    for verdicts in rounds {
        let accepted = verdicts.iter().filter(|verdict| is_accepted(verdict)).count();
        if accepted != 1 {
            return Err(format!(
                "{CROWD} requests with one right code at once, and {accepted} were let in, not 1: \
                 see C1 to C4 for the cause"
            ));
        }
    }
    Ok(())
}

fn every_failure_is_counted(kit: &Kit) -> Result<(), Sentence> {
    let handle = kit.open()?;
    let person = Person::enrol(kit, &handle)?;
    let now = person.moment(0);
    let wrong = person.wrong_codes(now)?;
    let verdicts = race(kit, CROWD, 1, |_, thread, handle| {
        let code = wrong.get(thread).ok_or(PANICKED)?;
        person.verify(handle, code, now)
    })?;
    let answered = verdicts
        .iter()
        .flatten()
        .filter(|verdict| matches!(verdict, Some(Verdict::Rejected { .. })))
        .count();
    let counted = usize::from(person.summary(&handle, now)?.codes.consecutive_failures);
    if answered > 5 || counted < answered {
        return Err(format!(
            "of {CROWD} wrong codes at once {answered} were answered and {counted} counted, where \
             at most 5 may be answered and each has to be counted: see C3 for the cause"
        ));
    }
    Ok(())
}

fn recovery_codes_are_spent_once(kit: &Kit) -> Result<(), Sentence> {
    let handle = kit.open()?;
    let person = Person::enrol(kit, &handle)?;
    let now = person.moment(0);
    // Each of the ten codes is tried by three at once.
    let verdicts = race(kit, 30, 1, |_, thread, handle| {
        let code = person.recovery.get(thread / 3).ok_or(PANICKED)?;
        person.recover(handle, code, now)
    })?;
    let verdicts: Vec<_> = verdicts.into_iter().flatten().collect();
    let accepted = verdicts.iter().filter(|verdict| is_accepted(verdict)).count();
    let twice = verdicts
        .chunks(3)
        .any(|three| three.iter().filter(|verdict| is_accepted(verdict)).count() > 1);
    let left = usize::from(person.summary(&handle, now)?.recovery_codes_left);
    if twice || left.saturating_add(accepted) != person.recovery.len() {
        return Err(format!(
            "{accepted} recovery codes were accepted and {left} of 10 are left: one was accepted \
             twice or came back; see C3 for the cause"
        ));
    }
    Ok(())
}

fn recovery_codes_are_spent_or_replaced(kit: &Kit) -> Result<(), Sentence> {
    let handle = kit.open()?;
    let person = Person::enrol(kit, &handle)?;
    let now = person.moment(0);
    let codes = race(kit, 9, 1, |_, thread, handle| match thread.checked_sub(1) {
        Some(nth) => {
            let code = person.recovery.get(nth).ok_or(PANICKED)?;
            person.recover(handle, code, now).map(|_| 0)
        }
        None => {
            let proof = person.prove(handle, now)?;
            let mut rng = rng()?;
            let account = person.mfa.account(&person.id).at(now);
            let mut renew = account.regenerate_recovery_codes(proof, &mut rng);
            until_done("new recovery codes", &mut renew, handle).map(|codes| codes.len())
        }
    })?;
    let issued: usize = codes.into_iter().flatten().sum();
    let left = usize::from(person.summary(&handle, now)?.recovery_codes_left);
    if left != issued {
        return Err(format!(
            "{issued} recovery codes were issued while old ones were spent, and {left} are left: \
             one write went over another; see C3 for the cause"
        ));
    }
    Ok(())
}

fn revocation_wins(kit: &Kit) -> Result<(), Sentence> {
    for offboarded in [false, true] {
        let handle = kit.open()?;
        let person = Person::enrol(kit, &handle)?;
        let (before, now) = (person.moment(0), person.moment(1));
        let proof = Cell::new(Some(person.prove(&handle, before)?));
        if offboarded {
            let leave = || person.offboard(&handle, &person.id);
            race_with(kit, 8, &leave, &|handle| person.verify(handle, &person.code(now)?, now))?;
        } else {
            let lose = || match proof.take() {
                Some(proof) => {
                    let account = person.mfa.account(&person.id).at(before);
                    let mut report = account.report_lost(person.device, proof);
                    until_done("a lost phone", &mut report, &handle).map(drop)
                }
                None => Ok(()),
            };
            race_with(kit, 8, &lose, &|handle| person.verify(handle, &person.code(now)?, now))?;
        }
        let later = person.moment(10); // no wait reaches that far
        if is_accepted(&person.verify(&kit.open()?, &person.code(later)?, later)?) {
            return Err("a device that was taken out of use while others signed in was accepted \
                        afterwards: see C3 for the cause"
                .into());
        }
    }
    Ok(())
}

fn faults(kit: &Kit) -> Result<(), Sentence> {
    let person = Person::enrol(kit, &kit.open()?)?;
    for (round, fault) in
        [Fault::Load, Fault::BeforeWrite, Fault::AfterWrite].into_iter().cycle().take(9).enumerate()
    {
        let now = person.moment(round);
        let code = person.code(now)?;
        let before = version(&kit.open()?, &person.id)?;
        let faulty = Faulty { store: kit.open()?, fault };
        match person.mfa.account(&person.id).at(now).verify(&code, SignIn).run(&faulty) {
            Verdict::Undecided(Undecided::Store(_)) => {}
            other => return Err(format!("the store failed and the answer was {other:?}")),
        }
        let after = version(&kit.open()?, &person.id)?;
        let written = u64::from(fault == Fault::AfterWrite);
        if after != before.saturating_add(written) {
            return Err(format!(
                "a call failed {fault}, and the account went from version {before} to {after}"
            ));
        }
        // The person tries again: let in if nothing was written, and the code is used up if it was.
        let accepted = [(), ()].map(|()| person.verify(&kit.open()?, &code, now));
        let mut times = written;
        for verdict in accepted {
            times = times.saturating_add(u64::from(is_accepted(&verdict?)));
        }
        if times != 1 {
            return Err(format!(
                "a call failed {fault}, and the code was used {times} times in all, not once"
            ));
        }
    }
    failures_stay(kit, &person)?;
    (1..=6).try_for_each(|polls| dropped_half_way(kit, polls))
}

/// A wrong code whose answer was lost is counted all the same.
fn failures_stay(kit: &Kit, person: &Person) -> Result<(), Sentence> {
    let now = person.moment(9);
    let counted =
        || Ok::<_, Sentence>(person.summary(&kit.open()?, now)?.codes.consecutive_failures);
    let before = counted()?;
    let faulty = Faulty { store: kit.open()?, fault: Fault::AfterWrite };
    let wrong = person.wrong_codes(now)?;
    let code = wrong.first().ok_or(PANICKED)?;
    let verdict = person.mfa.account(&person.id).at(now).verify(code, SignIn).run(&faulty);
    if !matches!(verdict, Verdict::Undecided(_)) {
        return Err("the store failed and there was an answer".into());
    }
    if counted()? != before.saturating_add(1) {
        return Err("a failure was stored, its answer was lost, and it is not counted".into());
    }
    Ok(())
}

/// Drops a write half-way: all of it happened or nothing, and the handle works as before.
fn dropped_half_way(kit: &Kit, polls: u32) -> Result<(), Sentence> {
    let (handle, id) = (kit.open()?, kit.account()?);
    accepts(&handle, &id, None, &record_of(&id, 1, 0), "for a new account")?;
    handle.abandon(&id, &Draft::new(&id, Some(1), record_of(&id, 2, 1)).write(), polls)?;
    let half = |sentence| format!("after a swap whose future was dropped half-way: {sentence}");
    successor(&id, kit.open()?.load(&id)?, 2).map_err(half)?;
    climb(&handle, &id, 2, 3).map_err(half)?;
    let here = handle.load(&id)?;
    let there = kit.open()?.load(&id)?;
    if here != there {
        return Err(half(format!(
            "its handle has {here:?} and another one {there:?}: a transaction was left open"
        )));
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    AfterWrite,
    BeforeWrite,
    Load,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::AfterWrite => "after its write",
            Fault::BeforeWrite => "before its write",
            Fault::Load => "to load",
        })
    }
}

/// The host's store over a connection that fails.
struct Faulty {
    store: Handle,
    fault: Fault,
}

const INJECTED: &str = "a fault that the kit made";

impl Store for Faulty {
    type Error = Sentence;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Sentence> {
        match self.fault {
            Fault::Load => Err(INJECTED.into()),
            Fault::AfterWrite | Fault::BeforeWrite => self.store.load(id),
        }
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Sentence> {
        if self.fault == Fault::AfterWrite {
            self.store.swap(id, write)?;
        }
        Err(INJECTED.into())
    }
}

/// Long after every step that an enrolment burns.
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// Somebody with a phone, and the library in front of the store.
struct Person {
    mfa: Mfa<Keyring, Recommended>,
    id: AccountId,
    phone: Totp,
    device: DeviceId,
    recovery: Vec<String>,
}

impl Person {
    fn enrol(kit: &Kit, handle: &Handle) -> Result<Person, Sentence> {
        let mut rng = rng()?;
        let mut key = [0; 32];
        rand::Rng::fill_bytes(&mut rng, &mut key);
        let mfa = Mfa::new(Keyring::new(key), Recommended);
        let id = kit.account()?;
        let account = mfa.account(&id).at(NOW);
        let pending = account.enrol("phone", &mut rng).run(handle);
        let pending = pending.map_err(|not_done| not_done_of("a new account", &not_done))?;
        let uri = pending.uri("kit", "person").map_err(|error| format!("{error}"))?;
        let parameters = uri.totp_parameters().ok_or(PANICKED)?;
        let phone = Totp::new(uri.secret(), parameters);
        let code = phone.generate(NOW).ok_or(PANICKED)?;
        let verdict = account.confirm(pending.id(), code.expose_str(), &mut rng).run(handle);
        let bound = verdict.decided().map_err(undecided)?.accepted();
        let bound = bound.ok_or("a started enrolment was not found again: see C2 and C4")?;
        let codes = bound.recovery_codes().into_iter().flat_map(|codes| codes.iter());
        let recovery = codes.map(|code| String::from(code.expose_text().as_str())).collect();
        let device = bound.device();
        Ok(Person { mfa, id, phone, device, recovery })
    }

    /// The nth moment with a code of its own.
    fn moment(&self, nth: usize) -> UnixTime {
        let nth = u64::try_from(nth).unwrap_or(0);
        NOW.plus(nth.saturating_add(4).saturating_mul(30))
    }

    fn code(&self, now: UnixTime) -> Result<String, Sentence> {
        let code = self.phone.generate(now).ok_or(PANICKED)?;
        Ok(code.expose_str().into())
    }

    /// One for each of the crowd, none of them right around `now`.
    fn wrong_codes(&self, now: UnixTime) -> Result<Vec<String>, Sentence> {
        let steps = (0_u64..10).map(|step| now.plus(step.saturating_mul(30)).as_secs());
        let moments = steps.map(|secs| UnixTime::from_secs(secs.saturating_sub(150)));
        let right = moments.map(|at| self.code(at)).collect::<Result<Vec<String>, _>>()?;
        let codes = (0..1_000_000).map(|code| format!("{code:06}"));
        Ok(codes.filter(|code| !right.contains(code)).take(CROWD).collect())
    }

    /// `None` if the attempt was not decided because too many others were made at once.
    fn verify(
        &self,
        handle: &Handle,
        code: &str,
        now: UnixTime,
    ) -> Result<Option<Verdict<Proof<SignIn>>>, Sentence> {
        decided(self.mfa.account(&self.id).at(now).verify(code, SignIn).run(handle))
    }

    fn recover(
        &self,
        handle: &Handle,
        code: &str,
        now: UnixTime,
    ) -> Result<Option<Verdict<Proof<SignIn>>>, Sentence> {
        decided(self.mfa.account(&self.id).at(now).recover(code, SignIn).run(handle))
    }

    fn prove(&self, handle: &Handle, now: UnixTime) -> Result<Proof<ChangeFactors>, Sentence> {
        let code = self.code(now)?;
        let verify = self.mfa.account(&self.id).at(now).verify(&code, ChangeFactors);
        for _ in 0..CROWD {
            if let Some(verdict) = decided(verify.run(handle))? {
                return verdict.accepted().ok_or_else(|| "a right code was not accepted".into());
            }
        }
        Err(NEVER_ENDS.into())
    }

    fn offboard(&self, handle: &Handle, id: &AccountId) -> Result<(), Sentence> {
        let mut offboard = self.mfa.account(id).at(self.moment(0)).offboard(Actor::Host, "left");
        until_done("offboarding", &mut offboard, handle).map(drop)
    }

    fn summary(&self, handle: &Handle, now: UnixTime) -> Result<Summary, Sentence> {
        let summary =
            self.mfa.account(&self.id).at(now).summary().run(handle).map_err(undecided)?;
        summary.ok_or_else(|| "the record of an enrolled person is gone".into())
    }
}

fn is_accepted<T>(verdict: &Option<Verdict<T>>) -> bool {
    matches!(verdict, Some(Verdict::Accepted(_)))
}

fn decided<T>(verdict: Verdict<T, Undecided<Sentence>>) -> Result<Option<Verdict<T>>, Sentence> {
    match verdict.decided() {
        Ok(verdict) => Ok(Some(verdict)),
        Err(Undecided::Contended) => Ok(None),
        Err(fault) => Err(undecided(fault)),
    }
}

/// Runs a change that has to get through a crowd.
fn until_done<T, A>(
    what: &str,
    change: &mut Change<'_, T, A>,
    handle: &Handle,
) -> Result<Changed<T>, Sentence> {
    for _ in 0..CROWD {
        match change.run(handle) {
            Err(NotDone::Undecided(Undecided::Contended)) => {}
            done => return done.map_err(|not_done| not_done_of(what, &not_done)),
        }
    }
    Err(NEVER_ENDS.into())
}

fn not_done_of<A>(what: &str, not_done: &NotDone<Sentence, A>) -> Sentence {
    match not_done {
        NotDone::Refused { refusal, .. } => format!("{what}: {refusal}"),
        NotDone::Undecided(fault) => format!("{fault}"),
    }
}

fn undecided(error: Undecided<Sentence>) -> Sentence {
    format!("{error}")
}

fn rng() -> Result<OsRandom, Sentence> {
    OsRandom::new().map_err(|error| format!("{error}"))
}

fn put(
    handle: &Handle,
    id: &AccountId,
    expected: Option<u64>,
    record: &Record,
) -> Result<Swap, Sentence> {
    handle.swap(id, &Draft::new(id, expected, record.clone()).write())
}

fn accepts(
    handle: &Handle,
    id: &AccountId,
    expected: Option<u64>,
    record: &Record,
    when: &str,
) -> Result<(), Sentence> {
    match put(handle, id, expected, record) {
        Ok(Swap::Stored) => Ok(()),
        Ok(Swap::Stale) => Err(format!("swap answered Stale {when}; it expected {expected:?}")),
        Err(sentence) => Err(format!("{sentence} ({when})")),
    }
}

fn refuses(
    handle: &Handle,
    id: &AccountId,
    expected: Option<u64>,
    when: &str,
) -> Result<(), Sentence> {
    let record = record_of(id, expected.map_or(1, next), 9);
    match put(handle, id, expected, &record)? {
        Swap::Stale => Ok(()),
        Swap::Stored => Err(format!(
            "swap answered Stored {when}, though it expected {expected:?}: write only where the \
             stored version is the expected one, and say Stored only if one row changed"
        )),
    }
}

fn holds(handle: &Handle, id: &AccountId, record: &Record, when: &str) -> Result<(), Sentence> {
    match handle.load(id)? {
        Some(loaded) if loaded == *record => Ok(()),
        Some(loaded) if loaded.version() == record.version() => {
            Err(format!("load returned other bytes than were stored, {when}"))
        }
        Some(loaded) => Err(format!(
            "load returned version {}, where {} was stored, {when}",
            loaded.version(),
            record.version()
        )),
        None => Err(format!("load found no record, {when}")),
    }
}

fn absent(handle: &Handle, id: &AccountId, when: &str) -> Result<(), Sentence> {
    match handle.load(id)? {
        None => Ok(()),
        Some(found) => Err(format!("load found {found:?} of an account {when}")),
    }
}

/// Runs `work` on `threads` threads, each with a handle of its own, in `rounds` rounds that all of
/// them begin at once. The results by round.
fn race<T: Send>(
    kit: &Kit,
    threads: usize,
    rounds: usize,
    work: impl Fn(usize, usize, &Handle) -> Result<T, Sentence> + Sync,
) -> Result<Vec<Vec<T>>, Sentence> {
    let line = Barrier::new(threads);
    let lane = |thread: usize| -> Vec<Result<T, Sentence>> {
        let handle = kit.open();
        // Whatever fails, everybody comes to the line in every round, or the others would wait.
        let run = |round| {
            line.wait();
            let handle = handle.as_ref().map_err(String::clone)?;
            let work = AssertUnwindSafe(|| work(round, thread, handle));
            catch_unwind(work).unwrap_or_else(|_| Err(PANICKED.into()))
        };
        (0..rounds).map(run).collect()
    };
    let lanes: Vec<_> = thread::scope(|scope| {
        let lane = &lane;
        let lanes: Vec<_> = (0..threads).map(|nth| scope.spawn(move || lane(nth))).collect();
        lanes.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut results: Vec<Vec<T>> = Vec::new();
    results.resize_with(rounds, Vec::new);
    for lane in lanes {
        let lane = lane.map_err(|_| PANICKED)?;
        for (results, result) in results.iter_mut().zip(lane) {
            results.push(result?);
        }
    }
    Ok(results)
}

/// Runs `change` once, here, against `threads` threads that go on with `work` until it is done.
fn race_with<T: Send>(
    kit: &Kit,
    threads: usize,
    change: &dyn Fn() -> Result<(), Sentence>,
    work: &(dyn Fn(&Handle) -> Result<T, Sentence> + Sync),
) -> Result<(), Sentence> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let over = &over;
        let busy = move || -> Result<(), Sentence> {
            let handle = kit.open()?;
            while !over.load(Ordering::Relaxed) {
                work(&handle)?;
            }
            Ok(())
        };
        let others: Vec<_> = (0..threads).map(|_| scope.spawn(busy)).collect();
        let changed = change();
        over.store(true, Ordering::Relaxed);
        for other in others {
            other.join().map_err(|_| PANICKED)??;
        }
        changed
    })
}
