//! Revocation wins, and cannot be held up: whatever a stranger with the password does over many
//! connections, or a leaver with the password, the app, the passkey, the telephone, the recovery codes
//! and a session, the offboarding is stored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use countersign::account::HostsWord;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::keys::keyring;
use countersign::account::{Assertion, ChallengeId, PhoneNumber};
use countersign::mfa::{ExternalMethod, RestrictedNotice};
use countersign::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A database at the other end of a line. Fewer connections than attackers would only help.
#[derive(Default)]
struct Remote {
    store: MemoryStore,
    stored: AtomicU64,
    stale: AtomicU64,
}

const LINE: Duration = Duration::from_millis(4);

impl Store for Remote {
    type Error = Infallible;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
        thread::sleep(LINE);
        Store::load(&self.store, id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        thread::sleep(LINE);
        let swap = Store::swap(&self.store, id, write)?;
        let count = if swap == Swap::Stored { &self.stored } else { &self.stale };
        count.fetch_add(1, Ordering::Relaxed);
        Ok(swap)
    }
}

/// Counts the rounds of one operation.
struct Rounds<'s>(&'s Remote, AtomicU64);

impl Store for Rounds<'_> {
    type Error = Infallible;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.load(id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        self.0.swap(id, write)
    }

    fn pause(&self, lost: usize) {
        self.0.pause(lost);
    }
}

const START: u64 = 1_800_000_000;

/// Who is to leave, and what they have in hand.
struct Leaver {
    id: AccountId,
    app: Totp,
    device: DeviceId,
    key: DeviceId,
    browser: String,
    /// Recovery codes that are not used yet, and the id of their set.
    codes: Mutex<(Vec<String>, ChallengeId)>,
    began: Instant,
    clock: u64,
}

impl Leaver {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.clock + self.began.elapsed().as_secs())
    }

    /// With an app, a passkey, a telephone, a remembered browser and recovery codes.
    fn enrol(mfa: &Mfa<Keyring, Recommended>, store: &MemoryStore, number: u64) -> Leaver {
        let (id, rng) =
            (AccountId::new(number.to_be_bytes()).unwrap(), &mut StdRng::seed_from_u64(number));
        let clock = START + number * 600;
        let at = |later| UnixTime::from_secs(clock - 300 + later);
        let pending = mfa.account(&id).at(at(0)).enrol("app", rng).run(store).unwrap();
        let uri = pending.uri("Acme", "person").unwrap();
        let app = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
        let code = |later| app.generate(at(later)).unwrap().expose_str().to_owned();
        let bound = mfa.account(&id).at(at(0)).confirm(pending.id(), &code(0), rng).run(store);
        let bound = bound.accepted().unwrap();
        let device = bound.device();
        let codes = bound.recovery_codes().unwrap();
        let set = codes.set();
        let codes = codes.iter().map(|code| code.expose_text().to_string()).collect();
        let proof = |later| {
            let verify = mfa.account(&id).at(at(later)).verify(&code(later), ChangeFactors);
            verify.run(store).accepted().unwrap()
        };
        let dana = mfa.account(&id).at(at(30));
        let bind = dana.bind_external("key", ExternalMethod::Passkey, rng);
        let key = bind.proven_by(proof(30)).run(store).unwrap().device();
        let (told, dana) = (RestrictedNotice::given_by_host(), mfa.account(&id).at(at(60)));
        let phone = PhoneNumber::new("+15550100100").unwrap();
        let sent = dana.enrol_phone("phone", phone, told, rng).proven_by(proof(60)).run(store);
        let sent = sent.unwrap();
        let typed = sent.to_send().unwrap().expose_str();
        let bound = dana.confirm(sent.id(), typed, rng).run(store).accepted().unwrap();
        let signed_in = bound.into_proof();
        let browser = dana.remember_browser(&signed_in, rng).run(store).unwrap();
        Leaver {
            id,
            app,
            device,
            key,
            browser: browser.expose_token().into(),
            codes: Mutex::new((codes, set)),
            began: Instant::now(),
            clock,
        }
    }
}

/// One request of a stranger who has the password.
fn stranger(mfa: &Mfa<Keyring, Recommended>, store: &Remote, of: &Leaver, rng: &mut StdRng) {
    let dana = mfa.account(&of.id).at(of.now());
    let typed = format!("{:06}", rng.next_u64() % 1_000_000);
    match rng.next_u32() % 11 {
        0..3 => drop(dana.verify(&typed, SignIn).run(store)),
        3 => drop(dana.resynchronise(of.device, [&typed, &typed]).run(store)),
        4 => drop(dana.recover("0000-1111-2222-3333-4444-5555-6666", SignIn).run(store)),
        5 => {
            let started = dana.start_external(SignIn, rng).unwrap();
            let failed = Assertion::failed_at_host(started.token(), of.key);
            drop(dana.finish_external(failed, SignIn).run(store));
        }
        6 => drop(dana.enrol("mine", rng).run(store)),
        7 => drop(dana.verify(&typed, SignIn).from_browser("no token").run(store)),
        8 => {
            // Texts for one purpose after the other, each answered wrongly.
            let action = Action::new(&format!("a{}", rng.next_u32() % 1000)).unwrap();
            if let Ok(sent) = dana.send_code(action.clone(), rng).run(store) {
                drop(dana.verify_sent_code(sent.id(), "00000000", action).run(store));
            }
        }
        9 => drop(dana.enter_pass("0000-0000").run(store)),
        _ => drop(dana.enter_pass("0000-0000-0000-0000-0000-0000-0000").run(store)),
    }
}

/// One request, or a few that belong together, of a leaver who sees what is coming.
fn leaver(mfa: &Mfa<Keyring, Recommended>, store: &Remote, me: &Leaver, rng: &mut StdRng) {
    let now = me.now();
    let dana = mfa.account(&me.id).at(now);
    let passkey = |rng: &mut StdRng| {
        let started = dana.start_external(ChangeFactors, rng).unwrap();
        let verified = Assertion::verified_by_host(started.token(), me.key);
        dana.finish_external(verified, ChangeFactors).run(store).accepted()
    };
    let a_code = || {
        let (codes, _) = &mut *me.codes.lock().unwrap();
        codes.pop()
    };
    let fresh_codes = |proof| {
        let rng = &mut StdRng::seed_from_u64(now.as_secs());
        if let Ok(renewed) = dana.regenerate_recovery_codes(proof, rng).run(store) {
            let codes = renewed.iter().map(|code| code.expose_text().to_string()).collect();
            *me.codes.lock().unwrap() = (codes, renewed.set());
        }
    };
    match rng.next_u32() % 24 {
        0 | 1 => {
            let step = [0, 30, 60][rng.next_u32() as usize % 3];
            let code = me.app.generate(now.plus(step)).unwrap();
            let verdict =
                dana.verify(code.expose_str(), SignIn).from_browser(&me.browser).run(store);
            if let Some(proof) = verdict.accepted() {
                drop(dana.remember_browser(&proof, rng).run(store));
            }
        }
        2 => {
            if let Some(proof) = passkey(rng) {
                fresh_codes(proof);
            }
        }
        3 => {
            if let Some(proof) = passkey(rng) {
                drop(dana.unlock(proof).run(store));
            }
        }
        4 => {
            if let Some(proof) = passkey(rng) {
                let tablet = dana.enrol("tablet", rng).proven_by(proof).run(store);
                if let Ok(pending) = tablet {
                    drop(dana.confirm(pending.id(), "000000", rng).run(store));
                }
            }
        }
        5..8 => {
            if let Some(code) = a_code() {
                drop(dana.recover(&code, SignIn).run(store));
            }
        }
        8 => {
            let proof =
                a_code().and_then(|code| dana.recover(&code, ChangeFactors).run(store).accepted());
            if let Some(proof) = proof {
                fresh_codes(proof);
            }
        }
        9..18 => {
            // A code that is right but for its end: it is named, so its failure is counted.
            let named = {
                let (codes, _) = &*me.codes.lock().unwrap();
                codes.get(rng.next_u32() as usize % codes.len().max(1)).cloned()
            };
            if let Some(named) = named {
                let wrong = format!("{}0000-0000", &named[..25]);
                drop(dana.recover(&wrong, SignIn).run(store));
            }
        }
        18..23 => {
            // The page "I have printed them", again and again.
            let set = me.codes.lock().unwrap().1;
            drop(dana.acknowledge_recovery_codes(set).run(store));
        }
        _ => stranger(mfa, store, me, rng),
    }
}

/// The worst of it: a leaver with recovery codes in hand names one of them in each request, so each is a
/// failure that is counted, a hundred for each code.
fn namer(mfa: &Mfa<Keyring, Recommended>, store: &Remote, me: &Leaver, rng: &mut StdRng) {
    let dana = mfa.account(&me.id).at(me.now());
    let named = {
        let (codes, _) = &*me.codes.lock().unwrap();
        codes[rng.next_u32() as usize % codes.len()].clone()
    };
    let wrong = format!("{}0000-0000", &named[..25]);
    drop(dana.recover(&wrong, SignIn).run(store));
}

/// Offboards one after the other, each with 64 connections at its account.
fn offboard(accounts: u64, attack: fn(&Mfa<Keyring, Recommended>, &Remote, &Leaver, &mut StdRng)) {
    let mfa = Mfa::new(keyring(7), Recommended);
    let store = Remote::default();
    let target = RwLock::new(Arc::new(Leaver::enrol(&mfa, &store.store, 0)));
    let over = AtomicBool::new(false);
    let (mut refused, mut rounds, mut longest) = (Vec::new(), Vec::new(), Duration::ZERO);
    thread::scope(|scope| {
        for connection in 0..64 {
            let (mfa, store, target, over) = (&mfa, &store, &target, &over);
            scope.spawn(move || {
                let rng = &mut StdRng::seed_from_u64(connection);
                while !over.load(Ordering::Relaxed) {
                    let of = Arc::clone(&target.read().unwrap());
                    attack(mfa, store, &of, rng);
                }
            });
        }
        for number in 1..=accounts {
            let next = Arc::new(Leaver::enrol(&mfa, &store.store, number));
            *target.write().unwrap() = Arc::clone(&next);
            thread::sleep(LINE * 8);
            let began = Instant::now();
            let mut offboard = mfa
                .account(&next.id)
                .at(next.now())
                .offboard(HostsWord::Process, "left the practice");
            let counting = Rounds(&store, AtomicU64::new(0));
            if let Err(not_done) = offboard.run(&counting) {
                refused.push(not_done);
            }
            rounds.push(counting.1.into_inner());
            longest = longest.max(began.elapsed());
        }
        over.store(true, Ordering::Relaxed);
    });
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    rounds.sort_unstable();
    println!("rounds: {rounds:?}");
    println!(
        "{accounts} offboardings, {} writes and {} lost races of others, the longest took {longest:?}",
        count(&store.stored),
        count(&store.stale),
    );
    assert!(count(&store.stored) > accounts * 4, "the others were busy");
    assert_eq!(refused.len(), 0, "{:?}", refused.first());
}

#[test]
fn no_stranger_keeps_a_leaver_in() {
    offboard(12, stranger);
}

#[test]
fn no_leaver_keeps_themselves_in() {
    offboard(12, leaver);
}

#[test]
fn no_number_of_named_codes_keeps_a_leaver_in() {
    offboard(12, namer);
}

#[test]
#[ignore = "takes a minute or two"]
fn a_thousand_of_a_thousand_leavers_are_offboarded() {
    offboard(400, stranger);
    offboard(400, leaver);
    offboard(200, namer);
}
