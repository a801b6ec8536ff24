//! One handle to the host's store, blocking or awaited, with its errors as sentences.
//!
//! Standard: the contract of [`Store`] and [`AsyncStore`].
//!
//! Opens nothing: the kit does.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll};

use countersign::{AccountId, AsyncStore, Event, Record, Store, Swap, Write};

use crate::draft::{NEVER_ENDS, successor};
use crate::{Sentence, Task};

/// One open handle, its error already a sentence.
pub(crate) trait Opened: Store<Error = Sentence> {
    /// Many writers as futures on this one handle; nothing to try on a store that is not awaited.
    fn interleave(&self, id: &AccountId, writers: u64, writes: u64) -> Result<(), Sentence> {
        let _ = (id, writers, writes);
        Ok(())
    }

    /// Starts a write and drops its future after it was polled `polls` times.
    fn abandon(&self, id: &AccountId, write: &Write<'_>, polls: u32) -> Result<(), Sentence> {
        let _ = (id, write, polls);
        Ok(())
    }

    /// The same with a load; says whether there are futures at all.
    fn abandon_load(&self, id: &AccountId, polls: u32) -> Result<bool, Sentence> {
        let _ = (id, polls);
        Ok(false)
    }
}

pub(crate) type Handle = Box<dyn Opened>;

/// A handle that threads share.
pub(crate) type Shared = Arc<dyn Opened + Send + Sync>;

impl Opened for Shared {
    fn interleave(&self, id: &AccountId, writers: u64, writes: u64) -> Result<(), Sentence> {
        (**self).interleave(id, writers, writes)
    }

    fn abandon(&self, id: &AccountId, write: &Write<'_>, polls: u32) -> Result<(), Sentence> {
        (**self).abandon(id, write, polls)
    }

    fn abandon_load(&self, id: &AccountId, polls: u32) -> Result<bool, Sentence> {
        (**self).abandon_load(id, polls)
    }
}

#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) handles: AtomicU64,
    pub(crate) loads: AtomicU64,
    pub(crate) swaps: AtomicU64,
}

impl Calls {
    pub(crate) fn total(&self) -> u64 {
        let Calls { handles, loads, swaps } = self;
        let counts = [handles, loads, swaps].map(|calls| calls.load(Ordering::Relaxed));
        counts.into_iter().fold(0, u64::saturating_add)
    }
}

pub(crate) struct Plain<S> {
    pub(crate) store: S,
    pub(crate) calls: Arc<Calls>,
}

impl<S> Store for Plain<S>
where
    S: Store,
    S::Error: Debug,
{
    type Error = Sentence;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Sentence> {
        self.calls.loads.fetch_add(1, Ordering::Relaxed);
        self.store.load(id).map_err(load_failed)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Sentence> {
        self.calls.swaps.fetch_add(1, Ordering::Relaxed);
        self.store.swap(id, write).map_err(swap_failed)
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Sentence> {
        self.store.note(id, events).map_err(note_failed)
    }
}

impl<S> Opened for Plain<S>
where
    S: Store,
    S::Error: Debug,
{
}

pub(crate) const LOAD_FAILED: &str = "load failed: ";

fn load_failed(error: impl Debug) -> Sentence {
    format!("{LOAD_FAILED}{error:?}; an account that is not there is Ok(None)")
}

/// How the sentence of a failed swap begins, so that a race can add its advice.
pub(crate) const SWAP_FAILED: &str = "swap failed: ";

fn swap_failed(error: impl Debug) -> Sentence {
    format!("{SWAP_FAILED}{error:?}")
}

fn note_failed(error: impl Debug) -> Sentence {
    format!("note failed: {error:?}; an attempt that is throttled is then not answered")
}

pub(crate) type BlockOn = dyn for<'a> Fn(Task<'a>) + Send + Sync;

pub(crate) fn wait_for<T: Send>(
    block_on: &BlockOn,
    future: impl Future<Output = T> + Send,
) -> Result<T, Sentence> {
    let mut output = None;
    block_on(Box::pin(async { output = Some(future.await) }));
    output.ok_or_else(|| "block_on returned before its future was ready".into())
}

pub(crate) struct Awaited<S> {
    pub(crate) store: S,
    pub(crate) block_on: Arc<BlockOn>,
    pub(crate) calls: Arc<Calls>,
}

impl<S> Store for Awaited<S>
where
    S: AsyncStore + Sync,
    S::Error: Debug,
{
    type Error = Sentence;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Sentence> {
        self.calls.loads.fetch_add(1, Ordering::Relaxed);
        wait_for(&*self.block_on, self.store.load(id))?.map_err(load_failed)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Sentence> {
        self.calls.swaps.fetch_add(1, Ordering::Relaxed);
        wait_for(&*self.block_on, self.store.swap(id, write))?.map_err(swap_failed)
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Sentence> {
        wait_for(&*self.block_on, self.store.note(id, events))?.map_err(note_failed)
    }
}

impl<S> Opened for Awaited<S>
where
    S: AsyncStore + Sync,
    S::Error: Debug,
{
    fn interleave(&self, id: &AccountId, writers: u64, writes: u64) -> Result<(), Sentence> {
        let mut results: Vec<Result<(), Sentence>> = Vec::new();
        results.resize_with(usize::try_from(writers).unwrap_or(0), || Ok(()));
        let tasks = results.iter_mut().enumerate().map(|(writer, result)| -> Task<'_> {
            Box::pin(async move {
                let mut left = writes;
                let mut tries = writers.saturating_mul(writes).saturating_mul(4);
                while left > 0 && result.is_ok() {
                    match self.climb(id, writer).await {
                        Ok(Swap::Stored) => left = left.saturating_sub(1),
                        Ok(Swap::Stale) if tries == 0 => *result = Err(NEVER_ENDS.into()),
                        Ok(Swap::Stale) => tries = tries.saturating_sub(1),
                        Err(sentence) => *result = Err(sentence),
                    }
                }
            })
        });
        wait_for(&*self.block_on, AtOnce(tasks.collect()))?;
        results.into_iter().collect()
    }

    fn abandon(&self, id: &AccountId, write: &Write<'_>, polls: u32) -> Result<(), Sentence> {
        let abandoned = Abandoned { future: Box::pin(self.store.swap(id, write)), polls };
        wait_for(&*self.block_on, abandoned)
    }

    fn abandon_load(&self, id: &AccountId, polls: u32) -> Result<bool, Sentence> {
        let abandoned = Abandoned { future: Box::pin(self.store.load(id)), polls };
        wait_for(&*self.block_on, abandoned).map(|()| true)
    }
}

impl<S> Awaited<S>
where
    S: AsyncStore + Sync,
    S::Error: Debug,
{
    /// Replaces the record by its successor, once.
    async fn climb(&self, id: &AccountId, writer: usize) -> Result<Swap, Sentence> {
        self.calls.loads.fetch_add(1, Ordering::Relaxed);
        self.calls.swaps.fetch_add(1, Ordering::Relaxed);
        let loaded = self.store.load(id).await.map_err(load_failed)?;
        let draft = successor(id, loaded, writer)?;
        self.store.swap(id, &draft.write()).await.map_err(swap_failed)
    }
}

/// Polls all of them until all are ready.
struct AtOnce<'a>(Vec<Task<'a>>);

impl Future for AtOnce<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        self.0.retain_mut(|task| task.as_mut().poll(cx).is_pending());
        if self.0.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Drops a future after that many polls, ready or not.
struct Abandoned<F> {
    future: Pin<Box<F>>,
    polls: u32,
}

impl<F: Future> Future for Abandoned<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let ready = self.future.as_mut().poll(cx).is_ready();
        self.polls = self.polls.saturating_sub(1);
        if ready || self.polls == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}
