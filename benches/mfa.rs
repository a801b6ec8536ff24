//! One whole attempt over `MemoryStore`: load, open, decide, seal, swap; accepted and rejected, with
//! one account and with a million. Beside it the two parts that cannot be left out: the sealing
//! (opening one record and sealing the next) and the one-time password (keying and one window); the
//! store's own part (load and swap); and the floor of any store in memory, "fetch": as many bytes
//! copied from as many places, in the same order, without a map to find them. Whoever is rejected was
//! accepted a moment before, so that record is in the processor's caches, and the accepted one is
//! not: what grows from one account to a million is the waiting for memory.
//!
//! Everything is timed one piece at a time, as an attempt is: a loop over one piece would overlap it
//! with itself.
//!
//! ```text
//! cargo bench --bench mfa               # about a minute and two gigabytes
//! cargo bench --bench mfa -- --quick    # a few seconds, at most 10,000 accounts
//! ```
//!
//! Contestants take turns (`shared/turns.rs`); the ratios are the result.
#![allow(missing_docs, clippy::expect_used, clippy::panic, clippy::arithmetic_side_effects)]
#![allow(clippy::indexing_slicing)]

#[path = "shared/turns.rs"]
mod turns;

#[path = "../tests/common/keys.rs"]
mod keys;

use std::cell::RefCell;
use std::convert::Infallible;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use countersign::account::ExistingDevice;
use countersign::account::Text;
use countersign::account::{Deployment, KeyName, Seal, SealError};
use countersign::otp::Parameters;
use countersign::{
    AccountId, ChangeFactors, Code, Digits, Keyring, MemoryStore, Mfa, OsRandom, Proof,
    Recommended, Record, Secret, SignIn, Store, Swap, Totp, UnixTime, Verdict, Window, Write,
};
use turns::{Batch, take_turns};
use zeroize::Zeroizing;

const SECRET: &[u8] = b"12345678901234567890";

fn main() {
    let quick = std::env::args().any(|argument| matches!(&*argument, "--quick" | "--test"));
    let populations: &[u64] =
        if quick { &[1, 100, 10_000] } else { &[1, 1_000, 100_000, 1_000_000] };
    let (rounds, times) = if quick { (40, 20) } else { (400, 40) };

    println!(
        "{:>10}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "accounts", "accepted", "rejected", "sealing", "OTP", "store", "fetch"
    );
    for accounts in populations {
        let people = Rc::new(RefCell::new(People::new(*accounts)));
        let mut contestants = [
            Some(attempts(&people, true)),
            Some(attempts(&people, false)),
            Some(part(&people, Part::Sealing)),
            Some(one_time_password()),
            Some(part(&people, Part::Store)),
            Some(fetch(&people)),
        ];
        let nanoseconds = take_turns(&mut contestants, rounds, times);
        let [Some(accepted), Some(rejected), Some(sealing), Some(otp), Some(store), Some(fetch)] =
            nanoseconds[..]
        else {
            panic!("every contestant ran");
        };
        println!(
            "{accounts:>10}{accepted:>12.0}{rejected:>12.0}{sealing:>12.0}{otp:>12.0}{store:>12.0}\
             {fetch:>12.0}"
        );
        println!(
            "{:>10}  sealing {:.0} %, OTP {:.0} %, store {:.0} % of an accepted attempt; {:.2} x \
             sealing and OTP, {:.2} x without the store, {:.2} x without the fetch, rejected {:.2} x",
            "",
            100.0 * sealing / accepted,
            100.0 * otp / accepted,
            100.0 * store / accepted,
            accepted / (sealing + otp),
            (accepted - store) / (sealing + otp),
            (accepted - fetch) / (sealing + otp),
            rejected / (sealing + otp),
        );
    }
}

/// People with one authenticator and ten recovery codes each, in one store. They all have the same
/// secret, so that the code of a step is known for whoever comes next.
struct People {
    mfa: Mfa<Keyring, Recommended>,
    store: MemoryStore,
    totp: Totp,
    accounts: u64,
    next: u64,
    now: UnixTime,
}

impl People {
    fn new(accounts: u64) -> People {
        let secret = Secret::from_bytes(SECRET).expect("a secret");
        let mut people = People {
            mfa: Mfa::new(keys::keyring(7), Recommended),
            store: MemoryStore::new(),
            totp: Totp::new(&secret, Parameters::default()),
            accounts,
            next: 0,
            now: UnixTime::EARLIEST_PLAUSIBLE,
        };
        people.settle();
        people
    }

    /// Everybody anew, on the first day.
    fn settle(&mut self) {
        let mut rng = OsRandom::new().expect("randomness");
        self.store = MemoryStore::new();
        self.now = UnixTime::EARLIEST_PLAUSIBLE;
        for number in 0..self.accounts {
            let secret = Secret::from_bytes(SECRET).expect("a secret");
            let label = Text::new("Dana's phone").expect("a label");
            let device = ExistingDevice::totp(label, secret, Parameters::default(), Some(1));
            let id = person(number);
            let mut imported = self.mfa.account(&id).at(self.now).import(device, &mut rng);
            imported.run(&self.store).expect("a new account");
            // Recovery codes, so that the record is as long as a person's.
            let code = self.totp.generate(self.now).expect("after T0");
            let proof = self.mfa.account(&id).at(self.now).verify(code.expose_str(), ChangeFactors);
            let proof = proof.run(&self.store).accepted().expect("the right code");
            let mut codes =
                self.mfa.account(&id).at(self.now).regenerate_recovery_codes(proof, &mut rng);
            let _ = codes.run(&self.store).expect("codes");
        }
        self.now = self.now.plus(86_400); // the code of that day is used up
    }

    /// The next person in a scattered order, a day after their last attempt: whoever fails does so
    /// within the free failures, and is forgiven by the success in between.
    fn come_in(&mut self) -> AccountId {
        self.next = self.next.wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.now = self.now.plus(86_400_u64.div_ceil(self.accounts).max(30));
        if !self.now.plus(86_400).is_plausible() {
            self.settle();
        }
        person(self.next % self.accounts)
    }

    fn attempt(&self, id: &AccountId, code: &str) -> Verdict<Proof<SignIn>> {
        let attempt = self.mfa.account(id).at(self.now).verify(code, SignIn);
        attempt.run(&self.store).decided().expect("a store in memory")
    }

    fn sign_in(&self, id: &AccountId) -> Verdict<Proof<SignIn>> {
        self.attempt(id, self.totp.generate(self.now).expect("after T0").expose_str())
    }

    /// A code of none of the steps in the window.
    fn wrong_code(&self) -> Code {
        let mut codes = (0..).map(|number| Code::parse(&format!("{number:06}"), Digits::Six));
        let wrong = codes.find(|code| {
            code.as_ref().is_ok_and(|code| {
                self.totp.find(code, self.now, Window::ONE_EACH_WAY, None).is_none()
            })
        });
        wrong.expect("most codes are wrong").expect("six digits")
    }
}

fn person(number: u64) -> AccountId {
    AccountId::new(number.to_be_bytes()).expect("eight bytes")
}

/// Attempts, timed one by one, because what stands between two of them is not to be timed.
fn attempts(people: &Rc<RefCell<People>>, right: bool) -> Batch {
    let people = Rc::clone(people);
    Box::new(move |times| {
        let people = &mut *people.borrow_mut();
        let mut spent = Duration::ZERO;
        for _ in 0..times {
            let id = people.come_in();
            let code = if right {
                people.totp.generate(people.now).expect("after T0")
            } else {
                assert!(matches!(people.sign_in(&id), Verdict::Accepted(_)));
                people.now = people.now.plus(90);
                people.wrong_code()
            };
            let (verdict, took) = timed(|| people.attempt(black_box(&id), code.expose_str()));
            spent += took;
            match verdict {
                Verdict::Accepted(_) => assert!(right),
                Verdict::Rejected { .. } => assert!(!right),
                other => panic!("{other:?}"),
            }
        }
        spent
    })
}

/// Does the work and says how long it took, less what reading the clock takes: parts are timed in
/// several pieces and the whole in one.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    static CLOCK: OnceLock<Duration> = OnceLock::new();
    let clock = CLOCK.get_or_init(|| {
        let readings = (0..100_000).map(|_| Instant::now().elapsed());
        readings.min().expect("many readings")
    });
    let start = Instant::now();
    let done = work();
    (done, start.elapsed().saturating_sub(*clock))
}

/// A keyring or a store that says how long it was at work: what it costs within the attempt, where
/// the processor has other things in its caches too.
struct Timed<T> {
    inner: T,
    spent: Arc<AtomicU64>,
}

impl<T> Timed<T> {
    fn timed<U>(&self, work: impl FnOnce(&T) -> U) -> U {
        let (done, took) = timed(|| work(&self.inner));
        let took = u64::try_from(took.as_nanos()).expect("not that long");
        self.spent.fetch_add(took, Ordering::Relaxed);
        done
    }
}

impl Seal for Timed<Keyring> {
    fn seal(&self, context: &[u8], nonce: [u8; 12], text: &[u8]) -> Result<Vec<u8>, SealError> {
        self.timed(|keys| keys.seal(context, nonce, text))
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.timed(|keys| keys.open(context, sealed))
    }

    fn deployment(&self) -> &Deployment {
        self.inner.deployment()
    }

    fn is_current(&self, key: KeyName) -> bool {
        self.inner.is_current(key)
    }
}

impl Store for Timed<&MemoryStore> {
    type Error = Infallible;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
        self.timed(|store| Store::load(store, id))
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        self.timed(|store| Store::swap(store, id, write))
    }
}

enum Part {
    Sealing,
    Store,
}

/// One part of accepted attempts: one record opened and the next one sealed, or loaded and swapped.
fn part(people: &Rc<RefCell<People>>, part: Part) -> Batch {
    let (people, spent) = (Rc::clone(people), Arc::new(AtomicU64::new(0)));
    let keys = Timed { inner: keys::keyring(7), spent: Arc::clone(&spent) };
    let mfa = Mfa::new(keys, Recommended);
    Box::new(move |times| {
        let people = &mut *people.borrow_mut();
        spent.store(0, Ordering::Relaxed);
        for _ in 0..times {
            let id = people.come_in();
            let code = people.totp.generate(people.now).expect("after T0");
            let (code, purpose) = (code.expose_str(), SignIn);
            let verdict = match part {
                Part::Sealing => {
                    mfa.account(&id).at(people.now).verify(code, purpose).run(&people.store)
                }
                Part::Store => {
                    let store = Timed { inner: &people.store, spent: Arc::clone(&spent) };
                    people.mfa.account(&id).at(people.now).verify(code, purpose).run(&store)
                }
            };
            let verdict = verdict.decided().expect("a store in memory");
            assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");
        }
        Duration::from_nanos(spent.load(Ordering::Relaxed))
    })
}

/// Keying and a window, as the attempt does it from the opened record.
fn one_time_password() -> Batch {
    let secret = Secret::from_bytes(SECRET).expect("a secret");
    let now = UnixTime::from_secs(1_111_111_109);
    Box::new(move |times| {
        let once = || {
            let code = Code::parse(black_box("000000"), Digits::Six).expect("six digits");
            let totp = Totp::new(black_box(&secret), Parameters::default());
            black_box(totp.find(&code, black_box(now), Window::ONE_EACH_WAY, None));
        };
        (0..times).map(|_| timed(once).1).sum()
    })
}

/// A record's bytes, copied from the place of the next person: from an array in which they all
/// stand side by side.
fn fetch(people: &Rc<RefCell<People>>) -> Batch {
    let people = Rc::clone(people);
    let record = {
        let people = people.borrow();
        Store::load(&people.store, &person(0)).expect("a store in memory").expect("a record")
    };
    let len = record.as_bytes().len();
    let all = record.as_bytes().repeat(usize::try_from(people.borrow().accounts).expect("fits"));
    Box::new(move |times| {
        let people = &mut *people.borrow_mut();
        let fetched = |_| {
            let id = people.come_in();
            let number = u64::from_be_bytes(id.as_bytes().try_into().expect("eight bytes"));
            let at = len * usize::try_from(number).expect("fits");
            timed(|| black_box(black_box(&all)[black_box(at)..][..len].to_vec())).1
        };
        (0..times).map(fetched).sum()
    })
}
