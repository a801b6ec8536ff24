//! What `tests/wiping.rs` has a program do while it looks on. The test does the same itself, with
//! the same randomness, to learn what to look for. Between two looks everything that held a secret
//! is dropped.

use countersign::challenge::PhoneNumber;
use countersign::code::Digits;
use countersign::mfa::RestrictedNotice;
use countersign::record::Seal;
use countersign::totp::Parameters;
use countersign::{
    AccountId, Algorithm, Code, Hotp, MemoryStore, Mfa, Policy, Purpose, Secret, Totp, UnixTime,
    Window,
};
use zeroize::Zeroize;

pub const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// Randomness that both sides know (SplitMix64).
pub struct Known(pub u64);

impl Known {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut drawn = self.0;
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        drawn ^ (drawn >> 31)
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.draw() as u8;
        }
    }
}

impl rand::TryRng for Known {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.draw() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.draw())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.fill(bytes);
        Ok(())
    }
}

impl rand::TryCryptoRng for Known {}

/// The core: a secret is taken, a code is made, a window is searched. `look` is called while all of
/// it is held, and again after it was dropped.
#[inline(never)]
pub fn core(algorithm: Algorithm, seed: u64, mut look: impl FnMut(&str)) {
    let parameters = Parameters { algorithm, digits: Digits::Eight, ..Parameters::default() };
    {
        let secret = secret(algorithm, seed);
        let totp = Totp::new(&secret, parameters);
        let code = totp.generate(NOW);
        let code = code.as_ref().expect("after T0");
        assert!(totp.find(code, NOW, Window::ONE_EACH_WAY, None).is_some());
        // Boxed, as a host may keep it.
        let hotp = Box::new(Hotp::new(&secret, algorithm, Digits::Eight));
        assert!(hotp.generate(7) != *code);
        look("held");
    }
    look("dropped");
}

#[inline(never)]
pub fn secret(algorithm: Algorithm, seed: u64) -> Secret {
    let mut bytes = [0; 64];
    let bytes = &mut bytes[..algorithm.secret_len()];
    Known(seed).fill(bytes);
    let secret = Secret::from_bytes(bytes).expect("long enough");
    bytes.zeroize();
    secret
}

/// The recommended numbers, but for a long secret: an allocator writes its own notes over the first
/// sixteen bytes of what it takes back, and would hide that nobody wiped a short one.
struct Long;

impl Policy for Long {
    fn parameters(&self) -> Parameters {
        Parameters { algorithm: Algorithm::Sha512, ..Parameters::default() }
    }
}

/// The look at which the host still holds what it was handed.
pub const HELD: &str = "held";
/// The last look, when the keyring is gone as well.
pub const ALL_DROPPED: &str = "all dropped";

/// The account layer, operation by operation; `look` is called after each, when everything that the
/// host was handed has been dropped. `issued` is told of each recovery code.
pub fn accounts<K: Seal>(
    keys: K,
    seed: u64,
    mut issued: impl FnMut(&str),
    mut look: impl FnMut(&str),
) {
    let (mfa, store, mut rng) = (Mfa::new(keys, Long), MemoryStore::new(), Known(seed));
    let id = AccountId::new(b"42").expect("an id");
    let run = "memory does not fail";

    let pending = {
        let pending = mfa.enrol(&id, "phone", &mut rng, NOW).run(&store).expect(run);
        let pending = pending.done().expect("nothing is bound");
        let uri = pending.uri("Acme Billing", "dana").expect("a uri");
        assert!(uri.expose_uri().len() > 60);
        pending.id()
    };
    look("enrol");
    let recovery = {
        let code = code(seed, NOW);
        let bound = mfa.confirm(&id, pending, code.expose_str(), &mut rng, NOW).run(&store);
        let bound = bound.expect(run).accepted().expect("the app's code");
        let codes = bound.recovery_codes().expect("the first factor");
        codes.iter().for_each(|code| issued(&code.expose_text()));
        codes.iter().next().map(|code| code.expose_text()).expect("ten codes")
    };
    {
        let spent = mfa.recover(&id, &recovery, Purpose::SignIn, NOW).run(&store).expect(run);
        assert!(spent.accepted().is_some());
        drop(recovery);
    }
    look("confirm and recover");

    let now = NOW.plus(30);
    let proof = {
        let code = code(seed, now);
        let verdict = mfa.verify(&id, code.expose_str(), Purpose::ChangeFactors, now).run(&store);
        verdict.expect(run).accepted().expect("the app's code")
    };
    look("verify");
    {
        let verdict = mfa.verify(&id, "00000000", Purpose::SignIn, now).run(&store).expect(run);
        assert!(verdict.accepted().is_none());
    }
    look("verify, wrong");
    {
        let number = PhoneNumber::new("+15005550006").expect("E.164");
        let told = RestrictedNotice::given_by_host();
        let sent = mfa.enrol_phone(&id, "mobile", number, told, &mut rng, now).proven_by(proof);
        let sent = sent.run(&store).expect(run).done().expect("a proof");
        let bound = mfa.confirm(&id, sent.id(), sent.code().expose_str(), &mut rng, now);
        assert!(bound.run(&store).expect(run).accepted().is_some());
    }
    look("enrol and confirm a telephone");
    let now = now.plus(60);
    {
        let sent = mfa.challenge(&id, Purpose::SignIn, &mut rng, now).run(&store).expect(run);
        let sent = sent.done().expect("a telephone");
        let answer = mfa.answer(&id, sent.id(), sent.code().expose_str(), Purpose::SignIn, now);
        assert!(answer.run(&store).expect(run).accepted().is_some());
    }
    look("challenge and answer");
    let proof = {
        let now = now.plus(30);
        let code = code(seed, now);
        let verdict = mfa.verify(&id, code.expose_str(), Purpose::ChangeFactors, now).run(&store);
        verdict.expect(run).accepted().expect("the app's code")
    };
    let now = now.plus(30);
    {
        // What an operation and its answer hold while the host holds them.
        let started = mfa.challenge(&id, Purpose::SignIn, &mut rng, now);
        let _sent = started.run(&store).expect(run).done().expect("a telephone");
        let renewed = mfa.regenerate_recovery_codes(&id, proof, &mut rng, now);
        let codes = renewed.run(&store).expect(run).done().expect("a proof");
        let texts: Vec<_> = codes.iter().map(|code| code.expose_text()).collect();
        texts.iter().for_each(|text| issued(text));
        let _held = secret(Algorithm::Sha512, seed);
        // `secret` returned it by value, and a move leaves a copy: this is the host's to wipe.
        zeroize::zeroize_stack::<1024>();
        look(HELD);
    }
    look("and dropped");
    drop((mfa, store));
    look(ALL_DROPPED);
}

/// What the app shows: its secret is the first thing that was drawn.
#[inline(never)]
fn code(seed: u64, now: UnixTime) -> Code {
    let totp = Totp::new(&secret(Algorithm::Sha512, seed), Long.parameters());
    totp.generate(now).expect("after T0")
}
