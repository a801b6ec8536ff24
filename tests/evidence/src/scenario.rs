//! What `tests/evidence/tests/wiping.rs` has a program do while it looks on. The test does the same
//! itself, with the same randomness, to learn what to look for. Between two looks everything that held
//! a secret is dropped.

use countersign::account::{CarriedProof, HostsWord, Operator, PassLength};
use std::sync::atomic::{AtomicBool, Ordering};

use countersign::account::ExistingDevice;
use countersign::account::Seal;
use countersign::account::Text;
use countersign::account::{Assertion, ChallengeId, PhoneNumber, Refusal};
use countersign::mfa::{Entered, ExternalMethod, RestrictedNotice};
use countersign::otp::Digits;
use countersign::otp::Parameters;
use countersign::otp::Reach;
use countersign::{
    AccountId, ActForOther, Algorithm, Bounded, ChangeFactors, Code, DeviceId, Hotp, Key,
    MemoryStore, Mfa, Policy, Proof, ProvisioningUri, Purpose, Secret, SignIn, Totp, UnixTime,
    Verdict, Window,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Digest;
use zeroize::{Zeroize, Zeroizing};

pub const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

mod known;
pub use known::Known;

/// The randomness of what the program leaves behind on purpose, before anything else.
pub const FREED: u64 = 11;
pub const OUTGROWN: u64 = 12;
pub const NEAR: u64 = 13;
pub const DEEP: u64 = 14;

/// The core: a secret is taken, a code is made, a window is searched. `look` is called after each, then
/// while something of every kind is held, and again after it was dropped.
#[inline(never)]
pub fn core(algorithm: Algorithm, len: usize, seed: u64, mut look: impl FnMut(&str)) {
    let parameters = Parameters { algorithm, digits: Digits::Eight, ..Parameters::default() };
    {
        let secret = secret_of(len, seed, (0, algorithm));
        zeroize::zeroize_stack::<1024>(); // where it was made and moved
        let totp = Totp::new(&secret, parameters);
        look("keyed");
        let code = totp.generate(NOW);
        let code = code.as_ref().expect("after T0");
        look("generated");
        assert!(totp.find(code, NOW, Window::ONE_EACH_WAY, None).is_some());
        look("found");
        let next = totp.generate(NOW.plus(30)).expect("after T0");
        let both = [totp.generate(NOW).expect("after T0"), next];
        assert!(totp.resynchronise(&both, NOW, Reach::of::<1000>(), None).is_some());
        look("resynchronised");
        // Boxed, as a host may keep it.
        let hotp = Box::new(Hotp::new(&secret, algorithm, Digits::Eight));
        look("keyed by counter");
        assert!(hotp.generate(7) != *code);
        look("by counter");
        assert!(hotp.resynchronise(&both, 0, Reach::of::<1000>()).is_none());
        look("resynchronised by counter");
        let _parts = parts(len, seed, (0, algorithm), NOW.as_secs() / 30);
        // The number of the code, as a host should not keep it.
        let _number = number(code);
        zeroize::zeroize_stack::<1024>(); // where it was read and moved
        look("held");
    }
    look("dropped");
}

/// What the library makes of a secret on the way to a code and wipes before it answers, made here by
/// other means (but the key schedule) and kept, so that a look finds each of them.
struct Parts {
    _schedule: Box<Key>,
    _hashed: Zeroizing<Vec<u8>>,
    _inner_pad: Box<Zeroizing<[u8; 128]>>,
    _outer_pad: Box<Zeroizing<[u8; 128]>>,
    _inner_digest: Zeroizing<Vec<u8>>,
    _mac: Zeroizing<Vec<u8>>,
    _truncated: Box<Zeroizing<u32>>,
}

/// The stack on which they are made is wiped: what the library left there was looked at before.
fn parts(len: usize, seed: u64, of: (u64, Algorithm), factor: u64) -> Parts {
    #[inline(never)]
    fn make(len: usize, seed: u64, of: (u64, Algorithm), factor: u64) -> Parts {
        let secret = secret_of(len, seed, of);
        let block = if of.1 == Algorithm::Sha512 { 128 } else { 64 };
        let hashed = Zeroizing::new(hash(of.1, secret.expose_bytes()));
        let pad = |with: u8| {
            let mut padded = Box::new(Zeroizing::new([0; 128]));
            let place = &mut padded[..block];
            if secret.len() > block {
                // RFC 2104 section 2: a key longer than the block is hashed.
                place[..hashed.len()].copy_from_slice(&hashed);
            } else {
                place[..secret.len()].copy_from_slice(secret.expose_bytes());
            }
            place.iter_mut().for_each(|byte| *byte ^= with);
            padded
        };
        let (inner, outer) = (pad(0x36), pad(0x5c));
        let message = Zeroizing::new([&inner[..block], &factor.to_be_bytes()].concat());
        let inner_digest = Zeroizing::new(hash(of.1, &message));
        let mac = Zeroizing::new(mac(of.1, secret.expose_bytes(), factor));
        // RFC 4226 section 5.3.
        let offset = usize::from(mac[mac.len() - 1] & 0xf);
        let window = u32::from_be_bytes(mac[offset..][..4].try_into().expect("four bytes"));
        Parts {
            _schedule: Box::new(Key::new(of.1, &secret)),
            _hashed: hashed,
            _inner_pad: inner,
            _outer_pad: outer,
            _inner_digest: inner_digest,
            _mac: mac,
            _truncated: Box::new(Zeroizing::new(window & 0x7fff_ffff)),
        }
    }
    let parts = make(len, seed, of, factor);
    zeroize::zeroize_stack::<16_384>();
    parts
}

pub fn hash(algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Sha1 => sha1::Sha1::digest(message).to_vec(),
        Algorithm::Sha256 => sha2::Sha256::digest(message).to_vec(),
        Algorithm::Sha512 => sha2::Sha512::digest(message).to_vec(),
    }
}

pub fn mac(algorithm: Algorithm, key: &[u8], factor: u64) -> Vec<u8> {
    fn of<M: Mac + KeyInit>(key: &[u8], factor: u64) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes any key");
        mac.update(&factor.to_be_bytes());
        mac.finalize().into_bytes().to_vec()
    }
    match algorithm {
        Algorithm::Sha1 => of::<Hmac<sha1::Sha1>>(key, factor),
        Algorithm::Sha256 => of::<Hmac<sha2::Sha256>>(key, factor),
        Algorithm::Sha512 => of::<Hmac<sha2::Sha512>>(key, factor),
    }
}

/// The recommended numbers, but for long secrets and codes: an allocator writes its own notes over the
/// first sixteen bytes of what it takes back, and would hide that nobody wiped a short secret; and six
/// digits are too few to be told from chance.
struct Long;

impl Policy for Long {
    fn parameters(&self) -> Parameters {
        let (algorithm, digits) = (Algorithm::Sha512, Digits::Eight);
        Parameters { algorithm, digits, ..Parameters::default() }
    }

    fn challenge_digits(&self) -> Digits {
        Digits::Eight
    }

    fn trusted_browsers(&self, _: &AccountId) -> Option<Bounded<3600, 2_592_000>> {
        Some(Bounded::of::<86_400>())
    }
}

/// The look at which the host still holds what it was handed.
pub const HELD: &str = "held";
/// Whether a `Seal` is to look from within an operation: at the plaintext that it has opened, and at
/// the next one before it is sealed.
pub static LOOK_INSIDE: AtomicBool = AtomicBool::new(false);
/// The looks straight after a secret was read from text.
pub const STRICT: &str = "base32, strict";
pub const LENIENT: &str = "base32, lenient";
/// The last look, when the keyring is gone as well.
pub const ALL_DROPPED: &str = "all dropped";

/// The secrets of the account layer: which is drawn from which randomness, for which hash.
pub const PHONE: (u64, Algorithm) = (0, Algorithm::Sha512);
pub const NEW_PHONE: (u64, Algorithm) = (1, Algorithm::Sha512);
pub const TOKEN: (u64, Algorithm) = (2, Algorithm::Sha1);
pub const OLD_TOKEN: (u64, Algorithm) = (3, Algorithm::Sha256);
pub const MOVED: (u64, Algorithm) = (4, Algorithm::Sha512);
pub const OPERATORS: (u64, Algorithm) = (5, Algorithm::Sha512);

/// Everything that the chapters share.
struct Stage<K, I, L> {
    mfa: Mfa<K, Long>,
    store: MemoryStore,
    rng: Known,
    seed: u64,
    now: UnixTime,
    issued: I,
    look: L,
}

/// Every operation of the account layer; `look` is called after each few, when everything that the
/// host was handed has been dropped. `issued` is told of each code.
pub fn accounts<K: Seal>(keys: K, seed: u64, issued: impl FnMut(&str), look: impl FnMut(&str)) {
    let mfa = Mfa::with_policy(keys, Long).expect("the recommended windows");
    let (store, rng) = (MemoryStore::new(), Known(seed.rotate_left(9)));
    let mut stage = Stage { mfa, store, rng, seed, now: NOW, issued, look };
    let dana = AccountId::new(b"42").expect("an id");
    let phone = stage.sign_in(&dana);
    stage.telephone(&dana);
    stage.held(&dana);
    stage.replaced(&dana, phone);
    stage.named(&dana);
    stage.browsers(&dana);
    stage.tokens(&dana);
    stage.passkey(&dana);
    stage.text();
    let moved = AccountId::new(b"43").expect("an id");
    stage.moved(&moved);
    stage.operator(&dana, &moved);
    stage.gone(&dana);
    let Stage { mfa, store, mut look, .. } = stage;
    drop((mfa, store));
    look(ALL_DROPPED);
}

const RUN: &str = "memory does not fail";
const RIGHT: &str = "a right code";
const SENT: &str = "the first time it is asked for";

/// The text with another last character.
fn other_end(text: &str) -> Zeroizing<String> {
    let mut wrong = Zeroizing::new(String::from(text));
    let last = if wrong.ends_with('0') { "1" } else { "0" };
    let _ = wrong.pop();
    wrong.push_str(last);
    wrong
}

impl<K: Seal, I: FnMut(&str), L: FnMut(&str)> Stage<K, I, L> {
    fn sign_in(&mut self, id: &AccountId) -> DeviceId {
        let Stage { mfa, store, rng, seed, now, issued, look } = self;
        let pending = {
            let pending =
                mfa.account(id).at(*now).enrol("phone", &mut drawn(*seed, PHONE)).run(store);
            let pending = pending.expect("nothing is bound");
            let uri = pending.uri("Acme Billing", "dana").expect("a uri");
            assert!(uri.expose_uri().len() > 60);
            pending.id()
        };
        look("enrol");
        let (device, recovery) = {
            let code = code(*seed, PHONE, *now);
            issued(code.expose_str());
            let confirm = mfa.account(id).at(*now).confirm(pending, code.expose_str(), rng);
            look("made: confirm");
            let bound = confirm.run(store).decided().expect(RUN).accepted().expect(RIGHT);
            drop(confirm);
            let codes = bound.recovery_codes().expect("the first factor");
            codes.iter().for_each(|code| issued(&code.expose_text()));
            assert!(codes.expose_lines().len() > 200);
            let first = codes.iter().next().map(|code| code.expose_text());
            (bound.device(), first.expect("ten codes"))
        };
        {
            let recovery = recovery;
            let recover = mfa.account(id).at(*now).recover(&recovery, SignIn);
            look("made: recover");
            assert!(recover.run(store).decided().expect(RUN).accepted().is_some());
            assert!(recover.run(store).decided().expect(RUN).accepted().is_none());
        }
        look("confirm and recover");
        *now = now.plus(30);
        {
            let code = code(*seed, PHONE, *now);
            issued(code.expose_str());
            let sign_in = mfa.account(id).at(*now).verify(code.expose_str(), SignIn);
            look("made: verify");
            assert!(sign_in.run(store).decided().expect(RUN).accepted().is_some());
            assert!(sign_in.run(store).decided().expect(RUN).accepted().is_none());
        }
        look("verify, and once more");
        {
            let wrong = mfa.account(id).at(*now).verify("00000000", SignIn).run(store);
            assert!(wrong.decided().expect(RUN).accepted().is_none());
        }
        look("verify, wrong");
        {
            let malformed = mfa.account(id).at(*now).verify("not a code", SignIn).run(store);
            assert!(malformed.decided().expect(RUN).accepted().is_none());
        }
        look("verify, malformed");
        *now = now.plus(60);
        {
            let first = code(*seed, PHONE, *now);
            let second = code(*seed, PHONE, now.plus(30));
            let codes = [first.expose_str(), second.expose_str()];
            codes.iter().for_each(|code| issued(code));
            let again = mfa.account(id).at(*now).resynchronise(device, codes);
            look("made: resynchronise");
            assert!(again.run(store).decided().expect(RUN).accepted().is_some());
        }
        *now = now.plus(30);
        look("resynchronise");
        device
    }

    fn telephone(&mut self, id: &AccountId) {
        let proof = self.prove(id, PHONE, ChangeFactors);
        let Stage { mfa, store, rng, now, issued, look, .. } = self;
        {
            let number = PhoneNumber::new("+15005550006").expect("E.164");
            let told = RestrictedNotice::given_by_host();
            let mut sent =
                mfa.account(id).at(*now).enrol_phone("mobile", number, told, rng).proven_by(proof);
            let sent = sent.run(store).expect("a proof");
            let code = sent.to_send().expect(SENT);
            issued(code.expose_str());
            let bound = mfa.account(id).at(*now).confirm(sent.id(), code.expose_str(), rng);
            assert!(bound.run(store).decided().expect(RUN).accepted().is_some());
            let again = bound.run(store).decided().expect(RUN);
            assert!(matches!(again, Verdict::AlreadyConfirmed));
        }
        look("enrol and confirm a telephone, and once more");
        *now = now.plus(60);
        {
            let sent = mfa.account(id).at(*now).send_code(SignIn, rng).run(store);
            let sent = sent.expect("a telephone");
            let code = sent.to_send().expect(SENT);
            issued(code.expose_str());
            let again = mfa.account(id).at(*now).send_code(SignIn, rng).run(store);
            assert!(again.expect("a telephone").to_send().is_none());
            let answer = |code| mfa.account(id).at(*now).verify_sent_code(sent.id(), code, SignIn);
            let wrong = answer("00000000").run(store);
            assert!(wrong.decided().expect(RUN).accepted().is_none());
            let right = answer(code.expose_str());
            look("made: verify a sent code");
            assert!(right.run(store).decided().expect(RUN).accepted().is_some());
        }
        look("challenge and answer");
    }

    /// What an operation and its answer hold while the host holds them.
    fn held(&mut self, id: &AccountId) {
        self.now = self.now.plus(30);
        let sign_in = self.prove(id, PHONE, SignIn);
        let proof = self.prove(id, PHONE, ChangeFactors);
        let Stage { mfa, store, rng, seed, now, issued, look } = self;
        {
            let browser = mfa.account(id).at(*now).remember_browser(&sign_in, rng).run(store);
            let browser = browser.expect("a proof");
            issued(browser.expose_token());
            let _parts = parts(PHONE.1.secret_len(), *seed, PHONE, now.as_secs() / 30);
            let mut started = mfa.account(id).at(*now).send_code(SignIn, rng);
            LOOK_INSIDE.store(true, Ordering::Relaxed);
            let sent = started.run(store).expect("a telephone");
            let code = sent.to_send().expect(SENT);
            issued(code.expose_str());
            let account = mfa.account(id).at(*now);
            let carried = account.carry(proof, "session", rng).expect("the keys are there");
            issued(carried.expose_text());
            let back = CarriedProof::new(carried.expose_text(), "session");
            let mut renewed = account.regenerate_recovery_codes(back, rng);
            let codes = renewed.run(store).expect("a proof");
            let texts: Vec<_> = codes.iter().map(|code| code.expose_text()).collect();
            texts.iter().for_each(|text| issued(text));
            let _held = secret(*seed, PHONE);
            // As in the core.
            let _number = number(code);
            // `secret` returned it by value, and a move leaves a copy: this is the host's to wipe.
            zeroize::zeroize_stack::<1024>();
            look(HELD);
        }
        look("regenerate, and dropped");
    }

    fn replaced(&mut self, id: &AccountId, old: DeviceId) {
        let proof = self.prove(id, PHONE, ChangeFactors);
        let Stage { mfa, store, rng, seed, now, issued, look } = self;
        let pending = {
            let new = &mut drawn(*seed, NEW_PHONE);
            let pending = mfa.account(id).at(*now).replace(old, "new phone", proof, new).run(store);
            pending.expect("a proof").id()
        };
        look("replace");
        {
            let wrong = mfa.account(id).at(*now).confirm(pending, "00000000", rng).run(store);
            assert!(wrong.decided().expect(RUN).accepted().is_none());
        }
        look("confirm, wrong");
        {
            let code = code(*seed, NEW_PHONE, *now);
            issued(code.expose_str());
            let confirm = mfa.account(id).at(*now).confirm(pending, code.expose_str(), rng);
            assert!(confirm.run(store).decided().expect(RUN).accepted().is_some());
            let again = confirm.run(store).decided().expect(RUN);
            assert!(matches!(again, Verdict::AlreadyConfirmed));
        }
        look("confirm, replaced, and once more");
    }

    /// A recovery code by its name: the name with a wrong secret, the right one, and once more.
    fn named(&mut self, id: &AccountId) {
        let proof = self.prove(id, NEW_PHONE, ChangeFactors);
        let Stage { mfa, store, rng, now, issued, look, .. } = self;
        let account = mfa.account(id).at(*now);
        let (set, right) = {
            let mut renewed = account.replace_leaked_recovery_codes(proof, rng);
            let codes = renewed.run(store).expect("a proof");
            codes.iter().for_each(|code| issued(&code.expose_text()));
            let first = codes.iter().next().map(|code| code.expose_text());
            (codes.set(), first.expect("ten codes"))
        };
        look("made: replace leaked recovery codes");
        account.acknowledge_recovery_codes(set).run(store).expect("the newest set");
        look("made: acknowledge recovery codes");
        {
            let right = right;
            let wrong = other_end(&right);
            let counted = account.recover(&wrong, ChangeFactors).run(store).decided();
            assert!(matches!(counted.expect(RUN), Verdict::Rejected { .. }));
            let recover = account.recover(&right, ChangeFactors);
            let proof = recover.run(store).decided().expect(RUN).accepted().expect(RIGHT);
            assert!(recover.run(store).decided().expect(RUN).accepted().is_none());
            account.unlock(proof).run(store).expect("a recovery code");
        }
        look("recover: wrong behind a name, right, and once more; unlock");
    }

    /// A browser is remembered, used and forgotten.
    fn browsers(&mut self, id: &AccountId) {
        let proof = self.prove(id, NEW_PHONE, SignIn);
        let Stage { mfa, store, rng, seed, now, issued, look } = self;
        let account = mfa.account(id).at(*now);
        let number = {
            let browser = account.remember_browser(&proof, rng).run(store).expect("a proof");
            issued(browser.expose_token());
            let later = mfa.account(id).at(now.plus(30));
            let code = code(*seed, NEW_PHONE, now.plus(30));
            issued(code.expose_str());
            let from = |code| later.verify(code, SignIn).from_browser(browser.expose_token());
            let wrong = from("00000000").run(store).decided().expect(RUN);
            assert!(wrong.accepted().is_none());
            assert!(from(code.expose_str()).run(store).decided().expect(RUN).accepted().is_some());
            browser.id()
        };
        look("remember a browser, and use it");
        {
            let trusted = account.trust_browser(&proof, rng).run(store).expect("a proof");
            issued(trusted.expose_token());
            let visit = account.visit(trusted.expose_token());
            let (_, next) = visit.run(store).decided().expect(RUN).accepted().expect(RIGHT);
            issued(next.expose_token());
        }
        look("trust a browser, and visit");
        account.forget_browser(number).run(store).expect("it is remembered");
        *now = now.plus(30);
        look("forget a browser");
    }

    fn tokens(&mut self, id: &AccountId) {
        let proof = self.prove(id, NEW_PHONE, ChangeFactors);
        let Stage { mfa, store, rng, seed, now, issued, look } = self;
        let pending = {
            let new = &mut drawn(*seed, TOKEN);
            let mut pending =
                mfa.account(id).at(*now).enrol_hotp("token", Digits::Eight, new).proven_by(proof);
            pending.run(store).expect("a proof").id()
        };
        look("enrol a token");
        let device = {
            let code = pressed(*seed, TOKEN, 0);
            issued(code.expose_str());
            let bound =
                mfa.account(id).at(*now).confirm(pending, code.expose_str(), rng).run(store);
            bound.decided().expect(RUN).accepted().expect(RIGHT).device()
        };
        look("confirm a token");
        {
            let first = pressed(*seed, TOKEN, 20);
            let second = pressed(*seed, TOKEN, 21);
            let codes = [first.expose_str(), second.expose_str()];
            codes.iter().for_each(|code| issued(code));
            let again = mfa.account(id).at(*now).resynchronise(device, codes).run(store);
            assert!(again.decided().expect(RUN).accepted().is_some());
        }
        look("resynchronise a token");
        {
            let code = pressed(*seed, TOKEN, 23);
            issued(code.expose_str());
            let ahead = mfa.account(id).at(*now).verify(code.expose_str(), SignIn).run(store);
            assert!(ahead.decided().expect(RUN).accepted().is_some());
        }
        look("verify a token");
        let proof = self.prove(id, NEW_PHONE, ChangeFactors);
        let Stage { mfa, store, rng, seed, now, issued, look } = self;
        let pending = {
            let (label, algorithm) = (Text::new("old token").expect("a label"), OLD_TOKEN.1);
            let token =
                ExistingDevice::hotp(label, secret(*seed, OLD_TOKEN), algorithm, Digits::Eight, 5);
            zeroize::zeroize_stack::<1024>(); // `secret` returned it by value: the host's to wipe
            let pending =
                mfa.account(id).at(*now).enrol_existing(token, rng).proven_by(proof).run(store);
            pending.expect("a proof").id()
        };
        look("enrol an old token");
        let old = {
            let (first, second) = (pressed(*seed, OLD_TOKEN, 5), pressed(*seed, OLD_TOKEN, 6));
            let codes = [first.expose_str(), second.expose_str()];
            codes.iter().for_each(|code| issued(code));
            let confirm = mfa.account(id).at(*now).confirm_pair(pending, codes, rng);
            look("made: confirm with two codes");
            let bound = confirm.run(store).decided().expect(RUN).accepted().expect(RIGHT);
            let again = confirm.run(store).decided().expect(RUN);
            assert!(matches!(again, Verdict::AlreadyConfirmed));
            bound.device()
        };
        look("confirm an old token with two codes, and once more");
        let proof = self.prove(id, NEW_PHONE, ChangeFactors);
        self.mfa.account(id).at(self.now).revoke(device, proof).run(&self.store).expect(RIGHT);
        (self.look)("revoke");
        let proof = self.prove(id, NEW_PHONE, SignIn);
        let lost = self.mfa.account(id).at(self.now).report_lost(old, proof).run(&self.store);
        lost.expect("a proof");
        (self.look)("report lost");
        // The revoked secret comes back above its last code, the lost one never.
        let proof = self.prove(id, NEW_PHONE, ChangeFactors);
        let returned = self.existing(id, TOKEN, proof).expect("a revoked secret");
        (self.look)("enrol a secret that was revoked");
        let Stage { mfa, store, rng, seed, now, issued, look } = self;
        {
            let code = pressed(*seed, TOKEN, 24);
            issued(code.expose_str());
            let bound =
                mfa.account(id).at(*now).confirm(returned, code.expose_str(), rng).run(store);
            assert!(bound.decided().expect(RUN).accepted().is_some());
        }
        look("confirm a secret that was revoked");
        let proof = self.prove(id, NEW_PHONE, ChangeFactors);
        assert_eq!(self.existing(id, OLD_TOKEN, proof), Err(Some(Refusal::ReportedLost)));
        (self.look)("enrol a secret that was reported lost");
    }

    /// Starts the enrolment of a token whose secret exists already.
    fn existing(
        &mut self,
        id: &AccountId,
        token: (u64, Algorithm),
        proof: Proof<ChangeFactors>,
    ) -> Result<ChallengeId, Option<Refusal>> {
        let Stage { mfa, store, rng, seed, now, .. } = self;
        let label = Text::new("token").expect("a label");
        let device = ExistingDevice::hotp(label, secret(*seed, token), token.1, Digits::Eight, 0);
        zeroize::zeroize_stack::<1024>(); // `secret` returned it by value: the host's to wipe
        let mut pending = mfa.account(id).at(*now).enrol_existing(device, rng).proven_by(proof);
        match pending.run(store) {
            Ok(pending) => Ok(pending.id()),
            Err(not_done) => Err(not_done.refusal()),
        }
    }

    fn passkey(&mut self, id: &AccountId) {
        let proof = self.prove(id, NEW_PHONE, ChangeFactors);
        let Stage { mfa, store, rng, now, look, .. } = self;
        let bound = mfa.account(id).at(*now).bind_external("passkey", ExternalMethod::Passkey, rng);
        let bound = bound.proven_by(proof).run(store).expect("a proof");
        for passed in [false, true] {
            let outcome =
                if passed { Assertion::verified_by_host } else { Assertion::failed_at_host };
            let started = mfa.account(id).at(*now).start_external(SignIn, rng).expect("a keyring");
            let assertion = outcome(started.token(), bound.device());
            let settled = mfa.account(id).at(*now).finish_external(assertion, SignIn).run(store);
            assert_eq!(settled.decided().expect(RUN).accepted().is_some(), passed);
        }
        look("bind, start and settle a passkey");
    }

    /// Text in and out.
    fn text(&mut self) {
        let Stage { seed, look, .. } = self;
        {
            let moved = secret(*seed, MOVED);
            let text = moved.expose_base32();
            zeroize::zeroize_stack::<1024>(); // where these were made and moved
            let strict = Secret::from_base32(text.expose_str()).expect("base32");
            look(STRICT);
            let typed = Zeroizing::new(text.expose_str().to_lowercase());
            let lenient = Secret::from_base32_lenient(&typed).expect("base32");
            drop(typed);
            look(LENIENT);
            assert_eq!(strict.expose_bytes(), moved.expose_bytes());
            assert_eq!(lenient.expose_bytes(), moved.expose_bytes());
        }
        zeroize::zeroize_stack::<1024>(); // four secrets by value
        look("base32");
        {
            let uri = old_uri(*seed);
            let uri = ProvisioningUri::parse(&uri).expect("a uri");
            assert_eq!(uri.secret().len(), 64);
        }
        look("parse a uri");
        {
            let uri = old_uri(*seed);
            let uri = ProvisioningUri::dangerously_parse_allowing_short_secret(&uri);
            let uri = uri.expect("a uri");
            assert!(uri.expose_uri().len() > 60);
        }
        look("print a uri");
        {
            let uri = ProvisioningUri::parse(&old_uri(*seed)).expect("a uri");
            assert!(uri.expose_qr_svg().len() > 1000 && uri.expose_qr_text().len() > 1000);
        }
        look("draw a QR code");
    }

    fn moved(&mut self, id: &AccountId) {
        let Stage { mfa, store, rng, seed, now, look, .. } = self;
        {
            let uri = old_uri(*seed);
            let uri = ProvisioningUri::parse(&uri).expect("a uri");
            let label = Text::new("old app").expect("a label");
            let device = ExistingDevice::from_uri(label, &uri, Some(1));
            mfa.account(id).at(*now).import(device, rng).run(store).expect("nobody's");
        }
        look("import");
        {
            let uri = ProvisioningUri::parse(&old_uri(*seed)).expect("a uri");
            let device = ExistingDevice::from_uri(Text::new("twice").expect("a label"), &uri, None);
            let twice = mfa.account(id).at(*now).import(device, rng).run(store);
            assert!(twice.is_err_and(|not_done| not_done.refusal().is_some()));
        }
        look("import, refused");
        drop(self.prove(id, MOVED, SignIn));
        (self.look)("verify an imported app");
    }

    fn operator(&mut self, id: &AccountId, other: &AccountId) {
        let operator = AccountId::new(b"7").expect("an id");
        let Stage { mfa, store, rng, seed, now, issued, .. } = self;
        {
            let mut pending =
                mfa.account(&operator).at(*now).enrol("app", &mut drawn(*seed, OPERATORS));
            let pending = pending.run(store).expect("nothing is bound");
            let code = code(*seed, OPERATORS, *now);
            issued(code.expose_str());
            let bound =
                mfa.account(&operator).at(*now).confirm(pending.id(), code.expose_str(), rng);
            let bound = bound.run(store).decided().expect(RUN).accepted().expect(RIGHT);
            let codes = bound.recovery_codes().expect("the first factor");
            codes.iter().for_each(|code| issued(&code.expose_text()));
        }
        for length in [PassLength::Long, PassLength::Short] {
            let proof = self.prove(&operator, OPERATORS, ActForOther);
            self.passes(id, other, proof, length);
        }
    }

    /// A pass to enrol with and one for an emergency, of this length, each entered wrong and right.
    fn passes(
        &mut self,
        id: &AccountId,
        other: &AccountId,
        proof: Proof<ActForOther>,
        length: PassLength,
    ) {
        let operator = *proof.account();
        let lee = Operator::checked_by_host(proof, "role help-desk");
        let Stage { mfa, store, rng, now, issued, look, .. } = self;
        let mut reset = mfa.account(id).at(*now).reset(lee, length, "ticket 4711", rng);
        look("made: reset");
        let typed = reset.run(store).expect("an operator's proof").expose_text();
        issued(&typed);
        drop(reset);
        look("made: reset, and its pass");
        let account = mfa.account(id).at(*now);
        {
            let typed = typed; // it is wiped here
            let wrong = other_end(&typed);
            assert!(
                account.enter_pass(&wrong).run(store).decided().expect(RUN).accepted().is_none()
            );
            let enter = account.enter_pass(&typed);
            look("made: enter a pass");
            let entered = enter.run(store).decided().expect(RUN).accepted();
            let Some(Entered::Enrolment(proof)) = entered else { panic!("a pass to enrol with") };
            drop(account.enrol("phone", rng).proven_by(proof).run(store).expect(RUN));
        }
        look("enter a pass to enrol with: wrong, and right");
        let proof = self.prove(&operator, OPERATORS, ActForOther);
        let lee = Operator::checked_by_host(proof, "role help-desk");
        let Stage { mfa, store, rng, now, issued, look, .. } = self;
        let account = mfa.account(other).at(*now);
        {
            let mut grant = account.grant_emergency_access(lee, length, 600, "ticket 4712", rng);
            let typed = grant.run(store).expect("an operator's proof").expose_text();
            issued(&typed);
            drop(grant);
            look("made: an emergency pass");
            let entered = account.enter_pass(&typed).run(store).decided().expect(RUN).accepted();
            assert!(matches!(entered, Some(Entered::SignIn(_))));
        }
        look("enter an emergency pass");
    }

    fn gone(&mut self, id: &AccountId) {
        let Stage { mfa, store, seed, now, issued, look, .. } = self;
        mfa.account(id).at(*now).offboard(HostsWord::Process, "left").run(store).expect("once");
        {
            let code = code(*seed, NEW_PHONE, now.plus(30));
            issued(code.expose_str());
            let refused = mfa.account(id).at(now.plus(30)).verify(code.expose_str(), SignIn);
            assert!(refused.run(store).decided().expect(RUN).accepted().is_none());
            assert!(mfa.account(id).at(*now).summary().run(store).expect(RUN).is_some());
        }
        look("offboard");
    }

    /// A proof by an app, half a minute later.
    fn prove<P: Purpose>(&mut self, id: &AccountId, app: (u64, Algorithm), purpose: P) -> Proof<P> {
        self.now = self.now.plus(30);
        let code = code(self.seed, app, self.now);
        (self.issued)(code.expose_str());
        let verdict =
            self.mfa.account(id).at(self.now).verify(code.expose_str(), purpose).run(&self.store);
        verdict.decided().expect(RUN).accepted().expect(RIGHT)
    }
}

/// The randomness from which a secret is drawn first.
fn drawn(seed: u64, (nth, _): (u64, Algorithm)) -> Known {
    Known(seed.wrapping_add(nth))
}

#[inline(always)]
pub fn secret(seed: u64, of: (u64, Algorithm)) -> Secret {
    secret_of(of.1.secret_len(), seed, of)
}

#[inline(never)]
pub fn secret_of(len: usize, seed: u64, of: (u64, Algorithm)) -> Secret {
    let mut bytes = [0; Secret::MAX_LEN];
    let bytes = &mut bytes[..len];
    drawn(seed, of).fill(bytes);
    let secret = Secret::from_bytes(bytes).expect("long enough");
    bytes.zeroize();
    secret
}

/// What a code says, where nothing but the heap keeps it.
#[inline(never)]
fn number(code: &Code) -> Box<Zeroizing<u32>> {
    Box::new(Zeroizing::new(code.expose_str().parse().expect("eight digits")))
}

/// What an app shows. Its owner's program wipes the stack on which it was made and handed on.
fn code(seed: u64, app: (u64, Algorithm), now: UnixTime) -> Code {
    #[inline(never)]
    fn generate(seed: u64, app: (u64, Algorithm), now: UnixTime) -> Code {
        let totp = Totp::new(&secret(seed, app), Long.parameters());
        totp.generate(now).expect("after T0")
    }
    let code = generate(seed, app, now);
    zeroize::zeroize_stack::<2048>();
    code
}

/// What a token shows, as well.
fn pressed(seed: u64, token: (u64, Algorithm), counter: u64) -> Code {
    #[inline(never)]
    fn generate(seed: u64, token: (u64, Algorithm), counter: u64) -> Code {
        Hotp::new(&secret(seed, token), token.1, Digits::Eight).generate(counter)
    }
    let code = generate(seed, token, counter);
    zeroize::zeroize_stack::<2048>();
    code
}

/// What the other system printed, as well.
fn old_uri(seed: u64) -> Zeroizing<String> {
    #[inline(never)]
    fn print(seed: u64) -> Zeroizing<String> {
        let uri = ProvisioningUri::totp("Old", "dana", &secret(seed, MOVED), Long.parameters());
        uri.expect("a uri").expose_uri()
    }
    let uri = print(seed);
    zeroize::zeroize_stack::<2048>();
    uri
}
