//! Operations as futures: they can be sent between threads, interleave at every await without
//! accepting a code twice, and accept nothing if they are dropped half-way. That awaiting comes to
//! the same as not awaiting, on every schedule and byte for byte, is shown in `model.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use countersign::account::{HostsWord, Operator, PassLength};
use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::keys::keyring;
use countersign::account::{Assertion, ChallengeId, ExistingDevice, PhoneNumber, Text};
use countersign::mfa::{ExternalMethod, NotDone, RestrictedNotice};
use countersign::otp::Parameters;
use countersign::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Counts how often it was called, as a runtime that schedules would.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Not ready once.
#[derive(Default)]
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A store that takes its time, before and after what it does.
#[derive(Default)]
struct Slow(MemoryStore);

impl AsyncStore for Slow {
    type Error = Infallible;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
        Yield::default().await;
        let record = Store::load(&self.0, id);
        Yield::default().await;
        record
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        Yield::default().await;
        let swap = Store::swap(&self.0, id, write);
        Yield::default().await;
        swap
    }

    async fn note(&self, _: &AccountId, _: &[Event]) -> Result<(), Infallible> {
        Yield::default().await;
        Ok(())
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let calls = Arc::new(Calls::default());
    let waker = Waker::from(Arc::clone(&calls));
    let mut future = pin!(future);
    for polls in 1.. {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        assert_eq!(calls.0.load(Ordering::SeqCst), polls, "it asked to be polled again");
    }
    panic!("never ready")
}

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// Somebody with an app.
fn enrolled() -> (Mfa<Keyring, Recommended>, Slow, AccountId, Totp) {
    let mfa = Mfa::new(keyring(7), Recommended);
    let (store, id) = (Slow::default(), AccountId::new("person").unwrap());
    let secret = Secret::from_bytes(&[1; 20]).unwrap();
    let totp = Totp::new(&secret, Parameters::default());
    let device =
        ExistingDevice::totp(Text::new("app").unwrap(), secret, Parameters::default(), None);
    let mut op = mfa.account(&id).at(NOW).import(device, &mut StdRng::seed_from_u64(1));
    block_on(op.run_async(&store)).unwrap();
    drop(op);
    (mfa, store, id, totp)
}

fn code(totp: &Totp, now: UnixTime) -> String {
    totp.generate(now).unwrap().expose_str().to_owned()
}

#[test]
fn every_operation_is_a_future_that_can_be_sent() {
    fn sent<T: Send>(future: T) -> T {
        future
    }
    let (mfa, store, id, totp) = enrolled();
    let mut rng = StdRng::seed_from_u64(2);
    let rng = &mut rng;
    let (device, challenge) = (DeviceId::from_u64(1), ChallengeId::from_bytes([0; 16]));
    let started = mfa.account(&id).at(NOW).start_external(SignIn, rng).unwrap();
    let assertion = Assertion::verified_by_host(started.token(), device);
    let number = PhoneNumber::new("+4915112345678").unwrap();
    let told = RestrictedNotice::given_by_host();
    let existing = || {
        let secret = Secret::from_bytes(&[2; 20]).unwrap();
        ExistingDevice::totp(Text::new("t").unwrap(), secret, Parameters::default(), None)
    };
    fn proof<P: Purpose>(
        (mfa, store, id, totp): (&Mfa<Keyring, Recommended>, &Slow, &AccountId, &Totp),
        later: &mut UnixTime,
        purpose: P,
    ) -> Proof<P> {
        *later = later.plus(30);
        let op = mfa.account(id).at(*later).verify(&code(totp, *later), purpose);
        block_on(op.run_async(store)).accepted().unwrap()
    }
    let dana = mfa.account(&id).at(NOW);
    let later = &mut NOW.plus(0);
    let from = (&mfa, &store, &id, &totp);
    let recovery = "0000-1111-2222-3333-4444-5555-6666";
    macro_rules! attempts {
        ($($op:expr,)*) => {$(
            let _ = block_on(sent($op.run_async(&store))).decided().unwrap();
        )*};
    }
    macro_rules! changes {
        ($($op:expr,)*) => {$(
            if let Err(NotDone::Undecided(fault)) = block_on(sent($op.run_async(&store))) {
                panic!("{fault:?}");
            }
        )*};
    }
    attempts! {
        dana.verify("123456", SignIn),
        dana.resynchronise(device, ["123456"; 2]),
        dana.recover(recovery, SignIn),
    }
    changes! {
        dana.send_code(SignIn, rng),
    }
    attempts! {
        dana.verify_sent_code(challenge, "123456", SignIn),
    }
    attempts! {
        dana.finish_external(assertion, SignIn),
        dana.enter_pass("0000-0000"),
    }
    changes! {
        dana.enrol("t", rng),
        dana.enrol_hotp("t", Digits::Six, rng),
        dana.enrol_existing(existing(), rng),
        dana.enrol_phone("t", number, told, rng),
        dana.replace(device, "t", proof(from, later, ChangeFactors), rng),
    }
    attempts! {
        dana.confirm(challenge, "123456", rng),
        dana.confirm_pair(challenge, ["123456"; 2], rng),
    }
    let signed_in = proof(from, later, SignIn);
    changes! {
        dana.remember_browser(&signed_in, rng),
        dana.forget_browser("0000000000000001".parse().unwrap()),
        dana.acknowledge_recovery_codes(challenge),
        dana.unlock(proof(from, later, ChangeFactors)),
        dana.bind_external("t", ExternalMethod::Passkey, rng),
        dana.import(existing(), rng),
        dana.regenerate_recovery_codes(proof(from, later, ChangeFactors), rng),
        dana.replace_leaked_recovery_codes(proof(from, later, ChangeFactors), rng),
        dana.revoke(device, proof(from, later, ChangeFactors)),
        dana.report_lost(device, proof(from, later, SignIn)),
        dana.reset(Operator::checked_by_host(proof(from, later, ActForOther), "help desk"), PassLength::Long, "r", rng),
        dana.grant_emergency_access(Operator::checked_by_host(proof(from, later, ActForOther), "help desk"), PassLength::Long, 60, "r", rng),
        dana.invite(Operator::checked_by_host(proof(from, later, ActForOther), "help desk"), PassLength::Short, "r", rng),
        dana.revoke_passes(proof(from, later, ChangeFactors)),
        dana.bar(HostsWord::Process, "r"),
        dana.offboard(HostsWord::Process, "r"),
    }
    block_on(sent(dana.summary().run_async(&store))).unwrap();
    block_on(sent(dana.standing().run_async(&store))).unwrap();
}

/// T15: a future that is dropped has accepted nothing, and what it wrote stays written.
#[test]
fn a_future_dropped_half_way_accepts_nothing() {
    let now = NOW.plus(30);
    let (mut unwritten, mut written) = (0, 0);
    for polls in 0.. {
        let (mfa, store, id, totp) = enrolled();
        let typed = code(&totp, now);
        let version = || Store::load(&store.0, &id).unwrap().unwrap().version();
        let before = version();
        let op = mfa.account(&id).at(now).verify(&typed, SignIn);
        {
            let mut future = pin!(op.run_async(&store));
            let mut cx = Context::from_waker(Waker::noop());
            if (0..polls).any(|_| future.as_mut().poll(&mut cx).is_ready()) {
                break; // it was done: nothing left to drop
            }
        }
        // The same operation once more, and the same code by another one.
        let again = block_on(op.run_async(&store)).decided().unwrap().accepted();
        let other = mfa.account(&id).at(now).verify(&typed, SignIn);
        let other = block_on(other.run_async(&store)).decided().unwrap().accepted();
        // Dropped before the swap, it is as if nothing had been; after it, the answer is gone. One
        // acceptance is written, and the copies of its code are not.
        if again.is_some() {
            unwritten += 1;
        } else {
            written += 1;
        }
        assert_eq!(version(), before + 1);
        assert!(other.is_none(), "never twice");
    }
    assert!(unwritten == 4 && written == 1, "{unwritten} {written}");
}

/// Two futures of one code, polled in every order: one acceptance.
#[test]
fn futures_that_interleave_accept_one_code_once() {
    let now = NOW.plus(30);
    for order in 0..1_u32 << 12 {
        let (mfa, store, id, totp) = enrolled();
        let typed = code(&totp, now);
        let ops = [0; 2].map(|_| mfa.account(&id).at(now).verify(&typed, SignIn));
        let mut futures = ops.each_ref().map(|op| Box::pin(op.run_async(&store)));
        let mut answers = [None, None];
        let mut cx = Context::from_waker(Waker::noop());
        let turns = (0..12).map(|bit| usize::from(order >> bit & 1 == 1));
        // What the order leaves unfinished is finished in turn.
        for at in turns.chain([0, 1].repeat(12)) {
            if answers[at].is_none()
                && let Poll::Ready(verdict) = futures[at].as_mut().poll(&mut cx)
            {
                answers[at] = Some(verdict.decided().unwrap().accepted().is_some());
            }
        }
        assert!(
            matches!(answers, [Some(true), Some(false)] | [Some(false), Some(true)]),
            "{order:b}"
        );
    }
}
