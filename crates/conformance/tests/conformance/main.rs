//! The conformance kit against stores that are wrong: each is caught, every time, by the promise it
//! breaks. And against stores that are right, in which it finds nothing.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[macro_use]
mod stores;

mod awaited;
mod beside;
mod handles;
mod ids;
mod kept;
mod processes;
mod shared;
mod writes;

use std::convert::Infallible;
use std::sync::Arc;

use countersign::account::{EventKind, RejectionReason};
use countersign::{AccountId, MemoryStore, Record, Store, Swap, Write};
use countersign_conformance::{self as conformance, Broken, Promise};

use awaited::*;
use beside::*;
use handles::*;
use ids::*;
use kept::*;
use processes::*;
use shared::*;
use stores::*;
use writes::*;

#[test]
fn a_right_store_passes() {
    let store = Arc::new(MemoryStore::new());
    let report = conformance::run(move || Ok::<_, Infallible>(Arc::clone(&store))).unwrap();
    assert!(report.handles > 100 && report.swaps > 1000 && report.loads > 1000, "{report}");
}

#[test]
fn a_right_store_that_is_awaited_passes() {
    let store = Arc::new(MemoryStore::new());
    let open = move || std::future::ready(Ok::<_, Infallible>(Arc::clone(&store)));
    conformance::run_async(open, |task| block_on(task)).unwrap();

    let store = Arc::new(Yielding(MemoryStore::new()));
    let open = move || std::future::ready(Ok::<_, Infallible>(Arc::clone(&store)));
    conformance::run_async(open, |task| block_on(task)).unwrap();
}

#[test]
fn every_wrong_store_is_caught() {
    catch_all();
}

#[test]
#[ignore = "takes minutes: .ci/run runs it"]
fn every_wrong_store_is_caught_a_hundred_times() {
    for _ in 0..100 {
        catch_all();
    }
}

#[test]
#[ignore = "waits out the kit's two minutes: .ci/run runs it"]
fn a_store_that_hangs_does_not_hang_the_kit() {
    let world = Arc::new(Table::default());
    let outcome = conformance::run(move || Ok::<_, Infallible>(Hangs::open(&world)));
    let broken = outcome.unwrap_err();
    assert!(broken.to_string().contains("C1 create once: no answer within 120 s"), "{broken}");
    assert_eq!(broken.promises().len(), 1);
}

#[test]
fn a_store_that_does_not_open_breaks_every_promise() {
    let open = || Err::<MemoryStore, _>("connection refused");
    let broken = conformance::run(open).unwrap_err();
    assert_eq!(broken.promises().len(), Promise::ALL.len());
    assert!(broken.to_string().contains("a handle did not open: \"connection refused\""));
}

/// No database behind it: what it answers, it makes up.
#[test]
fn an_answer_without_a_database_is_caught() {
    type Answer = (Result<Option<Record>, String>, Result<Swap, String>);
    struct Unreachable(Answer);
    impl Store for Unreachable {
        type Error = String;
        fn load(&self, _: &AccountId) -> Result<Option<Record>, String> {
            self.0.0.clone()
        }
        fn swap(&self, _: &AccountId, _: &Write<'_>) -> Result<Swap, String> {
            self.0.1.clone()
        }
    }
    let down = || "connection refused".to_owned();
    conformance::run_unreachable(&Unreachable((Err(down()), Err(down())))).unwrap();
    for wrong in
        [(Ok(None), Err(down())), (Err(down()), Ok(Swap::Stored)), (Err(down()), Ok(Swap::Stale))]
    {
        let broken = conformance::run_unreachable(&Unreachable(wrong)).unwrap_err();
        assert!(broken.names(Promise::Faults), "{broken}");
    }
}

/// A store that keeps whatever the kit writes by itself, and forgets one kind of decision: what the
/// kit plays through with whole accounts is looked at part by part.
#[test]
fn a_store_that_forgets_one_kind_of_decision_is_caught() {
    type Of = fn(&EventKind) -> bool;
    struct Forgets(Arc<MemoryStore>, Of);
    impl Store for Forgets {
        type Error = Infallible;
        fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
            Store::load(&self.0, id)
        }
        fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
            let bound =
                write.events().iter().any(|event| matches!(event.kind, EventKind::Bound { .. }));
            if !bound && write.events().iter().any(|event| self.1(&event.kind)) {
                return Ok(Swap::Stored);
            }
            Store::swap(&self.0, id, write)
        }
    }
    let kinds: [(Of, _); 6] = [
        (|kind| matches!(kind, EventKind::Accepted { .. }), "with one right code at once"),
        (|kind| matches!(kind, EventKind::Rejected(_)), "wrong codes at once"),
        (|kind| matches!(kind, EventKind::RecoveryCodeSpent { .. }), "accepted twice or came back"),
        (|kind| matches!(kind, EventKind::RecoveryCodesIssued { .. }), "while old ones were spent"),
        (|kind| matches!(kind, EventKind::ReportedLost), "taken out of use while others signed in"),
        (
            |kind| matches!(kind, EventKind::Offboarded { .. }),
            "taken out of use while others signed in",
        ),
    ];
    for (forgotten, sentence) in kinds {
        let store = Arc::new(MemoryStore::new());
        let open = move || Ok::<_, Infallible>(Forgets(Arc::clone(&store), forgotten));
        let broken = conformance::run(open).unwrap_err();
        assert!(broken.names(Promise::EndToEnd), "{sentence}: {broken}");
        let said = broken.to_string();
        assert!(said.contains(sentence), "{sentence}: {broken}");
        // Of a failure whose answer was lost it is said as well.
        assert_eq!(
            said.contains("it is not counted"),
            forgotten(&EventKind::Rejected(RejectionReason::WrongCode))
        );
    }
}

fn catch_all() {
    use Promise::*;
    caught::<AlwaysTrue>(StaleRefused);
    caught::<SilentlyRefused>(StaleRefused);
    caught::<WritesWhenStale>(StaleRefused);
    caught::<CheckThenWrite>(NoLostUpdate);
    caught::<CheckThenWrite>(CreateOnce);
    caught::<TornRead>(NoLostUpdate);
    caught::<SnapshotAtOpen>(ReadYourWrite);
    caught::<SnapshotAtFirstLoad>(ReadYourWrite);
    caught::<CachingHandle>(ReadYourWrite);
    caught::<WriteBehind>(ReadYourWrite);
    caught::<TrueBeforeDurable>(ReadYourWrite);
    caught::<CreateOverwrites>(CreateOnce);
    caught::<CreateOverwrites>(StaleRefused);
    caught::<DeletesLeavers>(Tombstone);
    caught::<CountsItself>(RoundTrip);
    caught::<Version<u32>>(RoundTrip);
    caught::<Version<i32>>(RoundTrip);
    caught::<Version<f64>>(RoundTrip);
    caught::<Compares32Bits>(RoundTrip);
    caught::<TextRecord>(RoundTrip);
    caught::<ShortRecord>(RoundTrip);
    caught::<Ids<LowerCased>>(BytewiseIds);
    caught::<Ids<Trimmed>>(BytewiseIds);
    caught::<Ids<TrimmedAtTheEnd>>(BytewiseIds);
    caught::<Ids<UpToNul>>(BytewiseIds);
    caught::<Ids<Utf8>>(BytewiseIds);
    caught::<Ids<Composed>>(BytewiseIds);
    caught::<Ids<Short>>(BytewiseIds);
    caught::<Ids<Everybody>>(Independence);
    caught::<Ids<Everybody>>(BytewiseIds);
    caught::<ForgetsTheId>(Independence);
    caught::<OneVersionForAll>(Independence);
    caught::<SwallowsErrors>(NoLostUpdate);
    caught::<FailsWhenBusy>(NoLostUpdate);
    caught::<Panics>(CreateOnce);
    caught_async::<SharesOneTransaction>(NoLostUpdate);
    caught_async::<DroppedHalfWay>(Faults);
    caught_async::<DroppedInTransaction>(Faults);
}

fn caught<S: Wrong>(promise: Promise) -> Broken {
    let world = Arc::new(S::World::default());
    let outcome = conformance::run(move || Ok::<_, Infallible>(S::open(&world)));
    let broken = outcome.expect_err(std::any::type_name::<S>());
    names::<S>(&broken, promise);
    broken
}

fn caught_async<S: WrongAsync>(promise: Promise) {
    let world = Arc::new(S::World::default());
    let open = move || std::future::ready(Ok::<_, Infallible>(S::open(&world)));
    let outcome = conformance::run_async(open, |task| block_on(task));
    names::<S>(&outcome.expect_err(std::any::type_name::<S>()), promise);
}

fn names<S>(broken: &Broken, promise: Promise) {
    assert!(broken.names(promise), "{}: not {promise}, but {broken}", std::any::type_name::<S>());
}

/// Wrong, and not seen by the kit as it is.
#[test]
fn what_the_kit_does_not_see() {
    passes::<ChangesAfterwards>();
    passes::<SharesItsTransaction>();
    passes::<BindsThenExecutes>();
    passes::<OneCursor>();
    passes::<ProcessMutex>();
    passes::<WriteThroughCache>();
    passes::<RemembersTheUnknown>();
    passes::<InternsIds>();
    passes::<SharedMemory>();
    passes::<ReadsItsWritesOnly>();
    passes::<NoEvents>();
    passes::<OneEventAWrite>();
    passes::<NewestEvents>();
    passes::<EventsOfTheStale>();
    passes::<EventsOfAKind>();
    passes::<NoSummary>();
    passes::<SummaryOnce>();
    passes::<SummaryAfterwards>();
    passes::<NotesMakeARow>();
    passes::<NotesNeedARow>();
    passes::<Expires>();
    passes::<ExpiresInAYear>();
    passes::<RemovesLeaversLater>();
    passes::<EvictsTheOldest>();
    passes::<EvictsTheIdle>();
    passes::<Ids<Decimal>>();
    passes::<Ids<Float>>();
    passes::<Ids<BigEndian>>();
    passes::<Ids<LittleEndian>>();
    passes::<Ids<Double>>();
    passes::<Ids<Signed>>();
    passes::<Ids<Unhexed>>();
    passes::<Ids<Uuid>>();
    passes::<Ids<Padded>>();
    passes::<Ids<LastBytes>>();
    passes::<Ids<BothEnds>>();
    passes::<Ids<Percent>>();
    passes::<Ids<Backslash>>();
    passes::<Ids<Crc32>>();
    passes::<Ids<Fnv1a>>();
    passes::<Ids<LowSip>>();
    passes::<Ids<Homemade>>();
    passes::<IdenticalCreate>();
    passes::<CreatesAreMerged>();
    passes::<KeepsTheTail>();
    passes_awaited::<AnswersTheLastQuestion>();
    passes_awaited::<PoolLeaks>();
}

/// What the right stores among them show: the others fail for what is wrong with them alone.
#[test]
fn right_stores_of_the_same_parts_pass() {
    passes::<Files>();
    passes::<Complete>();
}

/// A column that is too narrow is caught, with the advice of another fault.
#[test]
fn an_overflow_is_told_to_wait() {
    for broken in [caught::<Overflows>(Promise::RoundTrip), caught::<TooLong>(Promise::RoundTrip)] {
        assert!(broken.to_string().contains("a busy timeout"), "{broken}");
    }
}

/// `run_unreachable` is for stores that are not awaited, and an answer after one error is not seen.
#[test]
fn an_answer_of_an_awaited_store_without_a_database_is_not_seen() {
    passes_awaited::<NoneWithoutAConnection>();
    conformance::run_unreachable(&FailsOnce::default()).unwrap();
}
