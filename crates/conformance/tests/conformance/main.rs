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
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use countersign::account::{EventKind, RejectionReason};
use countersign::{AccountId, MemoryStore, Record, Store, Swap, Write};
use countersign_conformance::{self as conformance, Broken, Kit, Promise};

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

/// `KIT_ROUNDS` of them, a hundred if it is not set.
#[test]
#[ignore = "takes minutes: .ci/stores runs ten rounds"]
fn every_wrong_store_is_caught_a_hundred_times() {
    let rounds = std::env::var("KIT_ROUNDS").map_or(100, |rounds| rounds.parse().unwrap());
    // Side by side: most of the time is spent in waiting.
    let all = [
        catch_all,
        catch_shared,
        catch_processes,
        catch_beside,
        catch_kept,
        catch_ids,
        catch_writes,
    ];
    thread::scope(|scope| {
        for catch in all {
            scope.spawn(move || (0..rounds).for_each(|_| catch()));
        }
    });
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
    caught::<ThreadCache>(NoLostUpdate);
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

fn caught<S: Wrong + Send + Sync>(promise: Promise) -> Broken {
    named::<S>(kit_of::<S>(), promise)
}

fn caught_async<S: WrongAsync>(promise: Promise) {
    let world = Arc::new(S::World::default());
    let open = move || std::future::ready(Ok::<_, Infallible>(S::open(&world)));
    named::<S>(Kit::new_async(open, |task| block_on(task)), promise);
}

/// The trial of the promise is enough: with the others it is the same, and takes longer.
fn named<S>(kit: Kit, promise: Promise) -> Broken {
    let broken = kit.only(&[promise]).run().expect_err(name_of::<S>());
    names::<S>(&broken, promise);
    broken
}

fn names<S>(broken: &Broken, promise: Promise) {
    assert!(broken.names(promise), "{}: not {promise}, but {broken}", std::any::type_name::<S>());
}

/// Locked for each statement, or remembered between two of them.
fn catch_shared() {
    for broken in [
        caught::<ChangesAfterwards>(Promise::CreateOnce),
        caught::<SharesItsTransaction>(Promise::NoLostUpdate),
        caught::<BindsThenExecutes>(Promise::Independence),
        caught::<OneCursor>(Promise::Independence),
    ] {
        assert!(broken.to_string().contains("where threads share one handle"), "{broken}");
    }
}

fn catch_processes() {
    use Promise::*;
    for broken in [
        caught_beside_a_process::<ProcessMutex>(NoLostUpdate),
        caught_beside_a_process::<WriteThroughCache>(ReadYourWrite),
        caught_beside_a_process::<RemembersTheUnknown>(ReadYourWrite),
        caught_beside_a_process::<InternsIds>(ReadYourWrite),
        caught_beside_a_process::<SharedMemory>(CreateOnce),
        caught_beside_a_process::<ReadsItsWritesOnly>(ReadYourWrite),
    ] {
        assert!(broken.to_string().contains("beside a second process"), "{broken}");
    }
}

fn catch_beside() {
    caught_with_tables::<NoEvents>("0 are kept");
    caught_with_tables::<OneEventAWrite>("events were written");
    caught_with_tables::<NewestEvents>("events were written");
    caught_with_tables::<EventsOfTheStale>("events were written");
    caught_with_tables::<EventsOfAKind>("after three wrong codes");
    caught_with_tables::<NoSummary>("the columns hold None");
    caught_with_tables::<SummaryOnce>("the columns hold Some");
    caught_with_tables::<SummaryAfterwards>("between two loads of version");
    caught::<NotesMakeARow>(Promise::EventsAndSummary);
    caught::<NotesNeedARow>(Promise::EventsAndSummary);
}

fn catch_kept() {
    caught_by_the_clock::<Expires>("after the clock moved on by a day");
    caught_by_the_clock::<ExpiresInAYear>("after the clock moved on by ten years");
    caught_by_the_clock::<RemovesLeaversLater>("after the clock moved on by a hundred days");
    named::<EvictsTheOldest>(kit_of::<EvictsTheOldest>().rows(12_000), Promise::NothingExpires);
    let world = Arc::new(<EvictsTheIdle as Wrong>::World::default());
    let kit = Kit::new(move || Ok::<_, Infallible>(EvictsTheIdle::open(&world)));
    let kit = kit.rows(100).idle(Duration::from_millis(3_100));
    named::<EvictsTheIdle>(kit, Promise::NothingExpires);
}

fn catch_ids() {
    caught::<Ids<Decimal>>(Promise::BytewiseIds);
    caught::<Ids<Float>>(Promise::BytewiseIds);
    caught::<Ids<BigEndian>>(Promise::BytewiseIds);
    caught::<Ids<LittleEndian>>(Promise::BytewiseIds);
    caught::<Ids<Double>>(Promise::BytewiseIds);
    caught::<Ids<Signed>>(Promise::BytewiseIds);
    caught::<Ids<Unhexed>>(Promise::BytewiseIds);
    caught::<Ids<Uuid>>(Promise::BytewiseIds);
    caught::<Ids<Padded>>(Promise::BytewiseIds);
    caught::<Ids<LastBytes>>(Promise::BytewiseIds);
    caught::<Ids<BothEnds>>(Promise::BytewiseIds);
    caught::<Ids<Percent>>(Promise::BytewiseIds);
    caught::<Ids<Backslash>>(Promise::BytewiseIds);
    caught::<Ids<Crc32>>(Promise::BytewiseIds);
    caught::<Ids<Fnv1a>>(Promise::BytewiseIds);
    caught::<Ids<LowSip>>(Promise::BytewiseIds);
    // No list has a pair for this one: so many rows do.
    let world = Arc::new(Table::default());
    let kit = Kit::new(move || Ok::<_, Infallible>(Ids::<Homemade>::open(&world)));
    let broken = kit.only(&[Promise::NothingExpires]).run().unwrap_err();
    names::<Ids<Homemade>>(&broken, Promise::BytewiseIds);
}

fn catch_writes() {
    caught::<IdenticalCreate>(Promise::StaleRefused);
    caught::<CreatesAreMerged>(Promise::CreateOnce);
    caught::<KeepsTheTail>(Promise::RoundTrip);
    caught::<UpdatesByPattern>(Promise::BytewiseIds);
    caught::<UpdatesAnyCase>(Promise::BytewiseIds);
    caught::<CheckThenWriteAtOnce>(Promise::NoLostUpdate);
    caught_async::<AnswersTheLastQuestion>(Promise::Faults);
    caught_async::<PoolLeaks>(Promise::Faults);
    for (broken, sentence) in [
        (caught::<Overflows>(Promise::RoundTrip), "if it overflows its column or its type"),
        (caught::<TooLong>(Promise::RoundTrip), "a binary one for 20480 bytes"),
    ] {
        let broken = broken.to_string();
        assert!(broken.contains(sentence) && !broken.contains("a busy timeout"), "{broken}");
    }
}

#[test]
fn a_handle_that_threads_cannot_share_is_caught() {
    catch_shared();
}

#[test]
fn a_store_that_is_wrong_beside_a_second_process_is_caught() {
    catch_processes();
}

#[test]
fn lost_events_and_wrong_columns_are_caught() {
    catch_beside();
}

#[test]
fn rows_that_expire_or_make_way_are_caught() {
    catch_kept();
}

#[test]
fn ids_that_become_other_ids_are_caught() {
    catch_ids();
}

#[test]
fn writes_and_dropped_futures_that_are_wrong_are_caught() {
    catch_writes();
}

/// The test that the kit starts again: which store, and where its records are.
#[test]
fn the_second_process() {
    fn kit<S: Wrong<World = Directory> + Send + Sync>(path: &str) -> Kit {
        let world = Arc::new(Directory::at(path));
        Kit::new(move || Ok::<_, Infallible>(S::open(&world)))
    }
    conformance::second_process(|location| {
        let (name, path) = location.split_once(' ').unwrap();
        match name {
            _ if name == name_of::<Files>() => kit::<Files>(path),
            _ if name == name_of::<ProcessMutex>() => kit::<ProcessMutex>(path),
            _ if name == name_of::<WriteThroughCache>() => kit::<WriteThroughCache>(path),
            _ if name == name_of::<RemembersTheUnknown>() => kit::<RemembersTheUnknown>(path),
            _ if name == name_of::<InternsIds>() => kit::<InternsIds>(path),
            _ if name == name_of::<SharedMemory>() => kit::<SharedMemory>(path),
            _ if name == name_of::<ReadsItsWritesOnly>() => kit::<ReadsItsWritesOnly>(path),
            _ => panic!("no store {name}"),
        }
    });
}

/// What the right stores among them show: the others fail for what is wrong with them alone.
#[test]
fn right_stores_of_the_same_parts_pass() {
    let report = beside_a_process::<Files>().rows(100).run().unwrap();
    assert!(!report.to_string().contains("a second process"), "{report}");
    let report = with_tables::<Complete>().rows(100).run().unwrap();
    for seen in ["lost events", "wrong columns"] {
        assert!(!report.to_string().contains(seen), "{report}");
    }
    let world = Arc::new(Server::default());
    let server = Arc::clone(&world);
    let kit = Kit::new(move || Ok::<_, Infallible>(Stays::open(&server)));
    let report = kit.clock(move |by| world.forward(by)).rows(100).run().unwrap();
    assert!(!report.to_string().contains("rows that expire"), "{report}");
}

/// A hook that returns nothing of the summary has not shown it.
#[test]
fn what_was_not_seen_is_listed() {
    let world = Arc::new(Tables::default());
    let tables = Arc::clone(&world);
    let kit = Kit::unshared(move || Ok::<_, Infallible>(Complete::open(&world)));
    let read = move |id: &AccountId| Ok::<_, Infallible>((tables.trail(id), ()));
    let report = kit.beside(read, |_| ()).rows(1_000).run().unwrap();
    let listed: Vec<&str> = report.not_seen.iter().map(|unseen| unseen.what.as_str()).collect();
    assert_eq!(
        listed,
        [
            "a second process",
            "one handle that threads share",
            "wrong columns of the summary",
            "rows that expire later than this run",
            "rows that make way beyond 1000",
            "ids hashed to more than 16 bits",
            "a loss of power",
            "a replica that answers loads",
            "a failover",
            "a split network",
            "a backup that is put back",
            "an outage",
        ]
    );
    assert!(report.not_seen.iter().all(|unseen| unseen.ask.len() > 20), "{report}");
}

#[test]
fn a_second_process_that_is_not_there_is_told() {
    let kit = beside_a_process::<Files>().second_process("no_such_test", "");
    let broken = kit.rows(1).run().unwrap_err();
    assert!(broken.to_string().contains("is there a test of that name?"), "{broken}");
}

/// An answer after one error, and the answers of a store that is awaited.
#[test]
fn an_answer_without_a_database_is_caught_later_and_awaited() {
    let broken = conformance::run_unreachable(&FailsOnce::default()).unwrap_err();
    names::<FailsOnce>(&broken, Promise::Faults);
    let store = NoneWithoutAConnection::open(&Arc::default());
    store.is_down.store(true, Ordering::SeqCst);
    let broken = conformance::run_unreachable_async(&store, |task| block_on(task)).unwrap_err();
    names::<NoneWithoutAConnection>(&broken, Promise::Faults);
    conformance::run_unreachable_async(&AllFail, |task| block_on(task)).unwrap();
}

fn name_of<S>() -> &'static str {
    std::any::type_name::<S>()
}

fn beside_a_process<S: Wrong<World = Directory> + Send + Sync>() -> Kit {
    let world = Arc::new(S::World::default());
    let location = format!("{} {}", name_of::<S>(), world.path());
    Kit::new(move || Ok::<_, Infallible>(S::open(&world)))
        .second_process("the_second_process", location)
}

fn caught_beside_a_process<S: Wrong<World = Directory> + Send + Sync>(promise: Promise) -> Broken {
    named::<S>(beside_a_process::<S>(), promise)
}

fn with_tables<S: Wrong<World = Tables> + Send + Sync>() -> Kit {
    let world = Arc::new(Tables::default());
    let tables = Arc::clone(&world);
    Kit::new(move || Ok::<_, Infallible>(S::open(&world))).beside(
        move |id| {
            let columns = tables.columns.lock().unwrap().get(id).cloned();
            Ok::<_, Infallible>((tables.trail(id), columns))
        },
        |summary| Some(summary.clone()),
    )
}

fn caught_with_tables<S: Wrong<World = Tables> + Send + Sync>(sentence: &str) {
    let broken = named::<S>(with_tables::<S>(), Promise::EventsAndSummary);
    assert!(broken.to_string().contains(sentence), "{}: {broken}", name_of::<S>());
}

fn caught_by_the_clock<S: Wrong<World = Server> + Send + Sync>(sentence: &str) {
    let world = Arc::new(Server::default());
    let server = Arc::clone(&world);
    let kit = Kit::new(move || Ok::<_, Infallible>(S::open(&server)));
    let kit = kit.clock(move |by| world.forward(by)).rows(100);
    let broken = named::<S>(kit, Promise::NothingExpires);
    assert!(broken.to_string().contains(sentence), "{}: {broken}", name_of::<S>());
}

fn kit_of<S: Wrong + Send + Sync>() -> Kit {
    let world = Arc::new(S::World::default());
    Kit::new(move || Ok::<_, Infallible>(S::open(&world)))
}

/// Half of the times is not every time.
#[test]
fn a_window_of_nothing_is_caught_twenty_times() {
    for _ in 0..20 {
        caught::<CheckThenWriteAtOnce>(Promise::NoLostUpdate);
    }
}
