//! A store whose database is out of reach: every call fails, and none is answered.
//!
//! Standard: the contract of [`Store`]: a fault is never an answer.
//!
//! Cuts no line: the host does, before it calls.

use std::fmt::Debug;

use countersign::{AccountId, AsyncStore, Record, Store};

use crate::draft::{Draft, next};
use crate::opened::{BlockOn, wait_for};
use crate::{Broken, BrokenPromise, Promise, Task};

/// Tries a store whose database is out of reach: every call must fail. A swap that is answered without
/// a database loses a counted failure, and a load that says "no record" makes an account look new.
///
/// Give it a handle that worked and whose server was stopped since, or whose connection was cut;
/// [`run`](crate::run) cannot do that to your store itself. Each call is made several times, because a
/// broken connection is often reported once. C10 is what it breaks.
///
/// # Errors
/// [`Broken`] if a call was answered.
pub fn run_unreachable<S>(store: &S) -> Result<(), Broken>
where
    S: Store + ?Sized,
    S::Error: Debug,
{
    every_call_fails(
        |id| store.load(id).map_or(Ok(()), |loaded| Err(format!("load answered {loaded:?}"))),
        |id, draft| {
            let swap = store.swap(id, &draft.write());
            swap.map_or(Ok(()), |swap| Err(format!("swap answered {swap:?}")))
        },
    )
}

/// As [`run_unreachable`], for a store that is awaited; `block_on` as for
/// [`run_async`](crate::run_async).
///
/// # Errors
/// As [`run_unreachable`].
pub fn run_unreachable_async<S>(
    store: &S,
    block_on: impl for<'a> Fn(Task<'a>) + Send + Sync + 'static,
) -> Result<(), Broken>
where
    S: AsyncStore + Sync + ?Sized,
    S::Error: Debug,
{
    let block_on: &BlockOn = &block_on;
    every_call_fails(
        |id| {
            let loaded = wait_for(block_on, store.load(id))?;
            loaded.map_or(Ok(()), |loaded| Err(format!("load answered {loaded:?}")))
        },
        |id, draft| {
            let swap = wait_for(block_on, async { store.swap(id, &draft.write()).await })?;
            swap.map_or(Ok(()), |swap| Err(format!("swap answered {swap:?}")))
        },
    )
}

/// Calls each several times; each says what was answered.
fn every_call_fails(
    load: impl Fn(&AccountId) -> Result<(), String>,
    swap: impl Fn(&AccountId, &Draft) -> Result<(), String>,
) -> Result<(), Broken> {
    let Ok(id) = AccountId::new(b"countersign: out of reach") else { return Ok(()) };
    for _ in 0..3 {
        let mut answered = load(&id);
        for expected in [None, Some(1)] {
            let record = Record::new(expected.map_or(1, next), Vec::new());
            answered = answered.and_then(|()| swap(&id, &Draft::new(&id, expected, record)));
        }
        answered.map_err(|what| {
            let what = format!(
                "{what} although the database is out of reach: pass every error of the driver on, \
                 and turn none into an answer"
            );
            Broken { promises: Vec::from([BrokenPromise { promise: Promise::Faults, what }]) }
        })?;
    }
    Ok(())
}
