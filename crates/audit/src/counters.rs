//! Numbers for monitoring: what was decided, and what was lost to others. No account, no secret, and
//! as many series as there are kinds and keys.
//!
//! Standard: OpenMetrics 1.0 (the text).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use countersign::account::EventKind;
use countersign::{AccountId, AsyncStore, Event, Record, Store, Swap, Write};

/// Counts what happens, for all threads of a program.
/// ```
/// use countersign::account::EventKind;
/// use countersign::{AccountId, Event, UnixTime};
/// use countersign_audit::Counters;
/// let (id, at) = (AccountId::new("42")?, UnixTime::from_secs(1_800_000_000));
/// let counters = Counters::default();
/// counters.observe(&Event::new(id, at, EventKind::Waiting { until: at.plus(30) }));
/// let counts = counters.counts();
/// assert_eq!((counts.events["waiting"], counts.seconds_to_wait), (1, 30));
/// assert!(counts.to_string().contains("countersign_events_total{kind=\"waiting\"} 1\n"));
/// # Ok::<(), countersign::account::AccountIdError>(())
/// ```
#[derive(Debug, Default)]
pub struct Counters(Mutex<Counts>);

/// What was counted since the start. Prints as the text of OpenMetrics.
/// ```
/// use countersign::Swap;
/// use countersign_audit::{Counters, Counts};
/// // A store of the host's own counts its lost races, and an alert reads them.
/// let counters = Counters::default();
/// counters.swapped(Swap::Stale);
/// let Counts { writes, lost_races, .. } = counters.counts();
/// assert!(lost_races > 2 * writes);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counts {
    /// Events by [`EventKind::name`], those of attempts that changed nothing too. `waiting` are the
    /// attempts that had to wait, `contended` those that lost every race.
    pub events: BTreeMap<&'static str, u64>,
    /// The seconds that attempts were told to wait, all together.
    pub seconds_to_wait: u64,
    /// Writes that were stored.
    pub writes: u64,
    /// Writes that lost their race and were decided again.
    pub lost_races: u64,
    /// Records under each sealing key, as the host's sweep found them.
    pub records: BTreeMap<String, u64>,
}

impl Counters {
    fn with(&self, count: impl FnOnce(&mut Counts)) {
        // Sums only: a thread that panicked left them whole.
        count(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Counts an event.
    pub fn observe(&self, event: &Event) {
        self.with(|counts| {
            add(counts.events.entry(event.kind.name()).or_default(), 1);
            if let EventKind::Waiting { until } = event.kind {
                add(&mut counts.seconds_to_wait, until.since(event.at));
            }
        });
    }

    /// Counts a write by what became of it. [`Counted`] does so for a whole store.
    pub fn swapped(&self, swap: Swap) {
        self.with(|counts| match swap {
            Swap::Stored => add(&mut counts.writes, 1),
            Swap::Stale => add(&mut counts.lost_races, 1),
        });
    }

    /// Sets how many records are sealed under the key of this name, from the host's own count over its
    /// table: an old key with none can go.
    pub fn set_records(&self, key: &str, records: u64) {
        self.with(|counts| {
            counts.records.insert(key.into(), records);
        });
    }

    /// Returns the counts of now.
    pub fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}

impl fmt::Display for Counts {
    /// In the text format of OpenMetrics, without its last line `# EOF`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("# TYPE countersign_events counter\n")?;
        for (kind, count) in &self.events {
            writeln!(f, "countersign_events_total{{kind=\"{kind}\"}} {count}")?;
        }
        for (name, count) in [
            ("seconds_to_wait", self.seconds_to_wait),
            ("writes", self.writes),
            ("lost_races", self.lost_races),
        ] {
            writeln!(f, "# TYPE countersign_{name} counter\ncountersign_{name}_total {count}")?;
        }
        f.write_str("# TYPE countersign_records gauge\n")?;
        for (key, count) in &self.records {
            let key = key.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            writeln!(f, "countersign_records{{key=\"{key}\"}} {count}")?;
        }
        Ok(())
    }
}

/// A store that counts what goes through it.
/// ```
/// use countersign::{AccountId, Keyring, MemoryStore, Mfa, OsRandom, Recommended, UnixTime};
/// # use countersign::account::SealingKey;
/// use countersign_audit::Counted;
/// let store = Counted::new(MemoryStore::new());
/// # let key = "b19c7a3f5e02d84466ab0f9e31c7d5288e4f6d7023b9a1cc05f87e9b1d3a6240";
/// let mfa = Mfa::new(Keyring::new("acme", SealingKey::parse(key)?)?, Recommended);
/// let dana = AccountId::new("42")?;
/// mfa.account(&dana).at(UnixTime::now()?).enrol("Phone", &mut OsRandom::new()?).run(&store)?;
/// let counts = store.counters().counts();
/// assert_eq!((counts.events["enrolment-started"], counts.writes, counts.lost_races), (1, 1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Counted<S> {
    store: S,
    counters: Counters,
}

impl<S> Counted<S> {
    /// Counts for this store.
    pub fn new(store: S) -> Counted<S> {
        Counted { store, counters: Counters::default() }
    }

    /// The numbers.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    fn swapped(&self, swap: Swap, write: &Write<'_>) {
        self.counters.swapped(swap);
        if swap == Swap::Stored {
            write.events().iter().for_each(|event| self.counters.observe(event));
        }
    }
}

impl<S: Store> Store for Counted<S> {
    type Error = S::Error;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, S::Error> {
        self.store.load(id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, S::Error> {
        let swap = self.store.swap(id, write)?;
        self.swapped(swap, write);
        Ok(swap)
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), S::Error> {
        events.iter().for_each(|event| self.counters.observe(event));
        self.store.note(id, events)
    }

    fn pause(&self, lost: usize) {
        self.store.pause(lost);
    }
}

impl<S: AsyncStore + Sync> AsyncStore for Counted<S> {
    type Error = S::Error;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, S::Error> {
        self.store.load(id).await
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, S::Error> {
        let swap = self.store.swap(id, write).await?;
        self.swapped(swap, write);
        Ok(swap)
    }

    async fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), S::Error> {
        events.iter().for_each(|event| self.counters.observe(event));
        self.store.note(id, events).await
    }

    async fn pause(&self, lost: usize) {
        self.store.pause(lost).await;
    }
}
