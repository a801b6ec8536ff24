//! What is written beside a record: events, the summary's columns, notes.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use countersign::account::{EventId, EventKind, RejectionReason};
use countersign::{Event, SignIn, UnixTime, Verdict};

use super::*;

/// A handle that remembers what was written beside the records.
struct Recorder {
    store: Handle,
    written: Mutex<BTreeMap<AccountId, (Vec<Event>, Summary)>>,
}

impl Store for Recorder {
    type Error = Sentence;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Sentence> {
        self.store.load(id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Sentence> {
        let swap = self.store.swap(id, write)?;
        if swap == Swap::Stored {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            let (events, summary) = written.entry(*id).or_default();
            events.extend_from_slice(write.events());
            *summary = write.summary().clone();
        }
        Ok(swap)
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Sentence> {
        self.store.note(id, events)
    }
}

impl Recorder {
    /// Compares all that was written so far with what is kept.
    fn compare(&self, kit: &Kit, when: &str) -> Result<(), Sentence> {
        let Some(beside) = &kit.beside else { return Ok(()) };
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.iter().try_for_each(|(id, (events, summary))| {
            beside(id, events, summary).map_err(|sentence| format!("after {when}: {sentence}"))
        })
    }
}

pub(super) fn events_and_summary(kit: &Kit) -> Result<(), Sentence> {
    let recorder = Recorder { store: kit.open()?, written: Mutex::default() };
    unknown(kit, &recorder)?;
    let person = Person::enrol(kit, &recorder)?;
    recorder.compare(kit, "an enrolment")?;
    let now = person.moment(0);
    let right = person.code(now)?;
    if !is_accepted(&person.verify(&recorder, &right, now)?) {
        return Err("a right code was not accepted".into());
    }
    recorder.compare(kit, "a sign-in")?;
    let wrong = person.wrong_codes(now)?;
    for code in wrong.iter().take(3) {
        person.verify(&recorder, code, now)?;
    }
    recorder.compare(kit, "three wrong codes")?;
    notes(&person, &recorder)?;
    recorder.compare(kit, "a note, which is no event of the record")?;
    let recovery = person.recovery.first().ok_or(PANICKED)?;
    person.recover(&recorder, recovery, now)?;
    recorder.compare(kit, "a recovery code")?;
    person.offboard(&recorder, &person.id)?;
    recorder.compare(kit, "an offboarding")?;
    summaries_follow(kit, &recorder)?;
    raced(kit)?;
    in_step(kit)
}

/// An attempt on an account without a record writes a note at most: the account stays free.
fn unknown(kit: &Kit, recorder: &Recorder) -> Result<(), Sentence> {
    let (mfa, id) = (library()?, kit.account()?);
    for code in ["123456", "nonsense"] {
        let verdict = mfa.account(&id).at(NOW).verify(code, SignIn).run(recorder);
        if matches!(verdict, Verdict::Undecided(_)) {
            return Err(format!("a code for an unknown account: {verdict:?}"));
        }
    }
    absent(&recorder.store, &id, "that was noted and never created")?;
    accepts(&recorder.store, &id, None, &record_of(&id, 1, 1), "for an account that was only noted")
}

/// A note leaves the record alone.
fn notes(person: &Person, recorder: &Recorder) -> Result<(), Sentence> {
    let before = recorder.load(&person.id)?.ok_or(PANICKED)?;
    for _ in 0..3 {
        let event = Event::new(person.id, NOW, EventKind::Rejected(RejectionReason::WrongCode));
        recorder.note(&person.id, &[event])?;
    }
    holds(&recorder.store, &person.id, &before, "after a note: it changes no record")
}

/// Summaries of which any two differ, in what a host may keep of them.
fn summaries() -> Vec<Summary> {
    let at = |secs| Some(UnixTime::from_secs(secs));
    let plain = Summary::default();
    let mut throttled = plain.codes;
    throttled.consecutive_failures = 3;
    throttled.waiting_until = at(1_800_000_300);
    Vec::from([
        Summary { epoch: 1, recovery_codes_left: 10, ..plain.clone() },
        Summary { epoch: u32::MAX, first_bound_at: at(1_700_000_000), ..plain.clone() },
        Summary { recovery_codes_left: 9, recovery_replacement_due: true, ..plain.clone() },
        Summary { codes: throttled, recovery_codes_seen: true, ..plain.clone() },
        Summary {
            pending_until: at(1_800_000_600),
            emergency_until: at(1_800_000_900),
            ..plain.clone()
        },
        Summary { epoch: 2, offboarded_at: at(1_800_000_000), ..plain.clone() },
        plain,
    ])
}

/// Writes with made-up summaries and as many events as a write may carry, one after the other.
fn summaries_follow(kit: &Kit, recorder: &Recorder) -> Result<(), Sentence> {
    let id = kit.account()?;
    for (version, summary) in (1..).zip(summaries()) {
        let events: Vec<Event> = (0..4).map(|index| event(&id, version, index, 0)).collect();
        let expected = Some(version.saturating_sub(1)).filter(|expected| *expected > 0);
        let record = record_of(&id, version, 0);
        if recorder.swap(&id, &Write::new(expected, &record, &summary, &events))? == Swap::Stale {
            return Err(format!("swap answered Stale; it expected {expected:?}"));
        }
        recorder.compare(kit, "a write with four events")?;
    }
    Ok(())
}

/// An event that says by its time who wrote it.
fn event(id: &AccountId, version: u64, index: u16, writer: usize) -> Event {
    let at = NOW.plus(u64::try_from(writer).unwrap_or(0));
    let mut event = Event::new(*id, at, EventKind::Rejected(RejectionReason::WrongCode));
    event.id = Some(EventId { account: *id, version, index });
    event
}

/// Who loses a race leaves nothing beside the record of the one who won.
fn raced(kit: &Kit) -> Result<(), Sentence> {
    const WRITERS: usize = 8;
    const ROUNDS: usize = 25;
    let Some(beside) = &kit.beside else { return Ok(()) };
    let id = kit.account()?;
    let summary_of = |version: u64, writer: usize| {
        let marked = version.saturating_mul(100).saturating_add(u64::try_from(writer).unwrap_or(0));
        Summary { epoch: u32::try_from(marked).unwrap_or(0), ..Summary::default() }
    };
    let rounds = race(kit, WRITERS, ROUNDS, |round, writer, handle| {
        let version = next(u64::try_from(round).unwrap_or(0));
        let expected = Some(version.saturating_sub(1)).filter(|expected| *expected > 0);
        let (record, summary) = (record_of(&id, version, writer), summary_of(version, writer));
        let events = [0, 1].map(|index| event(&id, version, index, writer));
        handle.swap(&id, &Write::new(expected, &record, &summary, &events))
    })?;
    let (mut events, mut summary) = (Vec::new(), Summary::default());
    for (version, swaps) in (1..).zip(rounds) {
        let winners = (0..).zip(swaps).filter(stored);
        for (writer, _) in winners {
            events.extend([0, 1].map(|index| event(&id, version, index, writer)));
            summary = summary_of(version, writer);
        }
    }
    beside(&id, &events, &summary)
        .map_err(|sentence| format!("after {WRITERS} handles raced to write: {sentence}"))
}

/// A reader who finds one version before and after finds what belongs to it in between.
fn in_step(kit: &Kit) -> Result<(), Sentence> {
    const WRITES: u64 = 100;
    let Some(beside) = &kit.beside else { return Ok(()) };
    let (handle, id) = (kit.open()?, kit.account()?);
    let summary_of =
        |version: u64| Summary { epoch: u32::try_from(version).unwrap_or(0), ..Summary::default() };
    let write = |version: u64| {
        let expected = Some(version.saturating_sub(1)).filter(|expected| *expected > 0);
        let (record, summary) = (record_of(&id, version, 0), summary_of(version));
        let events = [event(&id, version, 0, 0)];
        handle.swap(&id, &Write::new(expected, &record, &summary, &events)).map(drop)
    };
    let (over, looks) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let handle = kit.open()?;
            while !over.load(Ordering::Relaxed) {
                looks.fetch_add(1, Ordering::Relaxed);
                let before = version(&handle, &id)?;
                let events: Vec<Event> = (1..=before).map(|nth| event(&id, nth, 0, 0)).collect();
                let found = beside(&id, &events, &summary_of(before));
                if before > 0 && version(&handle, &id)? == before {
                    found.map_err(|sentence| {
                        format!("between two loads of version {before}: {sentence}")
                    })?;
                }
            }
            Ok(())
        });
        let written = (1..=WRITES).try_for_each(|version| {
            let (written, before) = (write(version), looks.load(Ordering::Relaxed));
            // The reader looks twice before the next write, unless it has seen enough.
            while looks.load(Ordering::Relaxed) < before.saturating_add(2) && !reader.is_finished()
            {
                thread::yield_now();
            }
            written
        });
        over.store(true, Ordering::Relaxed);
        let read = reader.join().map_err(|_| PANICKED)?;
        written.and(read)
    })
}

/// Compares the events that are kept with those that were written.
pub(crate) fn same_events(written: &[Event], kept: &[Event]) -> Result<(), Sentence> {
    if written == kept {
        return Ok(());
    }
    let (w, k) = (written.len(), kept.len());
    let first = written.iter().zip(kept).position(|(written, kept)| written != kept);
    let first = first.unwrap_or(w.min(k));
    Err(format!(
        "{w} events were written with the record and {k} are kept, and the first difference is at place \
         {first}: written {:?}, kept {:?}; insert every event in the transaction of its write, under \
         account, version and place, and none where the write is Stale",
        written.get(first),
        kept.get(first)
    ))
}
