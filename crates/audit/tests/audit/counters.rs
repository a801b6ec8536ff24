use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use countersign::{
    AccountId, AsyncStore, MemoryStore, Mfa, Recommended, Record, SignIn, Store, Swap, Write,
};
use countersign_audit::{Counted, Counters};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::keys;
use crate::samples::{NOW, account, samples};

/// Loses the first races.
#[derive(Default)]
struct Beaten(MemoryStore, std::sync::atomic::AtomicU64);

impl Beaten {
    fn swaps(&self, id: &AccountId, write: &Write<'_>) -> Swap {
        match self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0..2 => Swap::Stale,
            _ => Store::swap(&self.0, id, write).unwrap(),
        }
    }
}

impl Store for Beaten {
    type Error = Infallible;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
        Store::load(&self.0, id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        Ok(self.swaps(id, write))
    }
}

impl AsyncStore for Beaten {
    type Error = Infallible;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
        Store::load(&self.0, id)
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        Ok(self.swaps(id, write))
    }
}

fn ready<T>(future: impl Future<Output = T> + Send) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waited"),
    }
}

/// Both kinds of store: what is written and what is only noted, and each lost race once.
#[test]
fn a_store_counts_decisions_waits_and_lost_races() {
    let mfa = Mfa::new(keys::keyring(7), Recommended);
    let mut rng = StdRng::seed_from_u64(1);
    let dana = mfa.account(&account()).at(NOW);

    let store = Counted::new(Beaten::default());
    dana.enrol("Phone", &mut rng).run(&store).unwrap();
    let _ = dana.verify("12", SignIn).run(&store);
    let sync = store.counters().counts();

    let store = Counted::new(Beaten::default());
    ready(dana.enrol("Phone", &mut rng).run_async(&store)).unwrap();
    let _ = ready(dana.verify("12", SignIn).run_async(&store));
    assert_eq!(store.counters().counts(), sync);

    assert_eq!((sync.writes, sync.lost_races), (1, 2));
    assert_eq!(Vec::from_iter(sync.events), [("enrolment-started", 1), ("malformed", 1)]);
}

/// What is shown holds numbers, kinds and key names, and nothing of a person.
#[test]
fn the_text_has_no_account_in_it() {
    let counters = Counters::default();
    let samples = samples();
    samples.iter().for_each(|event| counters.observe(event));
    counters.set_records("k\"1\n", 3);
    counters.set_records("k\"1\n", 2);
    counters.swapped(Swap::Stale);
    let counts = counters.counts();
    assert_eq!(counts.events.values().sum::<u64>(), samples.len() as u64);
    assert_eq!(counts.seconds_to_wait, 600);
    let text = counts.to_string();
    assert!(text.contains("countersign_lost_races_total 1\n"), "{text}");
    assert!(text.ends_with("countersign_records{key=\"k\\\"1\\n\"} 2\n"), "{text}");
    for line in text.lines() {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-{}=\" #\\".contains(c);
        assert!(line.chars().all(plain), "{line}");
        assert!(!line.contains("3432") && !line.contains("192.0.2"), "{line}");
    }
}
