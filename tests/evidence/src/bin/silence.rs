//! Runs the library on hidden secrets: under memcheck, a branch or an address that depends on one is
//! an error. What is run is the first argument; see `tests/machine/constant_time.rs`.

#[path = "../../../common/keys.rs"]
mod keys;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::hint::black_box;
use std::ops::Range;
use std::sync::Mutex;

use countersign::account::{
    Deployment, ExistingDevice, KeyName, Operator, PassLength, PhoneNumber, RecoveryCode, Seal,
    SealError, Text,
};
use countersign::mfa::{Attempt, Decided, RestrictedNotice};
use countersign::otp::Digits;
use countersign::otp::Parameters;
use countersign::otp::{LookAhead, Reach};
use countersign::vectors::seed;
use countersign::{
    AccountId, ActForOther, Algorithm, Bounded, ChangeFactors, Code, DeviceId, Hotp, Keyring,
    MemoryStore, Mfa, Policy, Proof, ProvisioningUri, Purpose, Record, Secret, SignIn, Store, Totp,
    UnixTime, Verdict, Window,
};
use countersign_evidence::{errors, hide, show, under_valgrind, wrappers};
use zeroize::Zeroizing;

#[path = "../known.rs"]
mod known;
#[path = "../../../data/rows.rs"]
mod rows;

use known::Known;

fn main() {
    black_box(wrappers());
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["core"] => core(),
        ["text"] => text(),
        ["typed-text"] => typed_text(),
        ["accounts"] => ALL.into_iter().for_each(|algorithm| accounts(algorithm, None)),
        ["leaks_by_a_branch"] => leaks_by_a_branch(),
        ["leaks_by_a_table"] => leaks_by_a_table(),
        ["leaks_a_typed_code"] => {
            let [_, code] = typed("492039", Digits::Six);
            leaks_a_typed_code(code.expose_str().as_bytes());
        }
        ["leaks_a_generated_code"] => {
            let hotp = Hotp::new(&hidden(seed(Algorithm::Sha1)), Algorithm::Sha1, Digits::Six);
            leaks_a_generated_code(hotp.generate(9).expose_str().as_bytes());
        }
        ["leaks_a_printed_secret"] => {
            let text = hidden(seed(Algorithm::Sha1)).expose_base32();
            leaks_a_printed_secret(text.expose_str().as_bytes());
        }
        [name] if name.starts_with("leaks_") => accounts(Algorithm::Sha1, Some(name)),
        ["count", algorithm, step] => count(named(algorithm), step.parse().expect("a step")),
        ["count-pairs", algorithm, place] => count_pairs(named(algorithm), place),
        ["count-verify", algorithm, typed] => count_verify(named(algorithm), typed),
        ["count-recover", typed] => count_recover(typed),
        ["count-refused", typed] => count_refused(typed),
        other => panic!("what is {other:?}?"),
    }
    println!("{} errors, under valgrind: {}", errors(), under_valgrind());
}

fn named(algorithm: &str) -> Algorithm {
    Algorithm::from_name(algorithm).expect("an algorithm")
}

// The planted leaks: if memcheck does not report these, it sees nothing. The first two are of bytes
// hidden here; the others, of what the library made of what was hidden. Each is out of line, so that
// the report can be asked for its name.

#[inline(never)]
fn leaks_by_a_branch() {
    let secret = *black_box(b"12345678901234567890");
    hide(&secret);
    if black_box(secret[3]) == b'4' {
        println!("it is a four");
    }
}

#[inline(never)]
fn leaks_by_a_table() {
    let (secret, table) = (*black_box(b"12345678901234567890"), black_box([7_u8; 256]));
    hide(&secret);
    black_box(table[usize::from(black_box(&secret)[3])]);
}

/// One function for each kind of thing: what differs is the name.
macro_rules! leaks {
    ($($name:ident)*) => {
        $(#[inline(never)]
        fn $name(bytes: &[u8]) {
            if black_box(bytes[0]) == b'4' {
                println!("{} begins with a four", stringify!($name));
            }
        })*

        fn leak(name: &str, bytes: &[u8]) {
            match name {
                $(stringify!($name) => $name(bytes),)*
                other => panic!("what is {other:?}?"),
            }
        }
    };
}

leaks! {
    leaks_a_typed_code
    leaks_a_generated_code
    leaks_a_printed_secret
    leaks_an_issued_secret
    leaks_an_issued_pass
    leaks_an_issued_recovery_code
    leaks_an_issued_sent_code
    leaks_a_kept_secret
    leaks_a_kept_recovery_code
    leaks_a_kept_sent_code
}

// The OTP core.

const ALL: [Algorithm; 3] = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];

/// A secret that nobody may look at.
fn hidden(bytes: &[u8]) -> Secret {
    let bytes = Zeroizing::new(bytes.to_vec());
    hide(bytes.as_slice());
    Secret::dangerously_allow_short(&bytes).expect("1 to 128 bytes")
}

/// A copy of a secret that nobody may look at.
fn hidden_copy(secret: &Secret) -> Secret {
    hidden(secret.expose_bytes())
}

/// The same code twice: as a person's typed text, and as bytes that nobody may look at.
fn typed(text: &str, digits: Digits) -> [Code; 2] {
    let [public, secret] = [(); 2].map(|()| Code::parse(text, digits).expect("digits"));
    hide(secret.expose_str().as_bytes()); // where its digits are; their number is public
    [public, secret]
}

fn core() {
    for algorithm in ALL {
        for digits in [Digits::Six, Digits::Seven, Digits::Eight] {
            windows(algorithm, digits);
        }
        // Longer than a block: the key is hashed first.
        let long = hidden(&[0x5a; 128]);
        show_code(&Hotp::new(&long, algorithm, Digits::Six).generate(7));
    }
    equal_codes();
    comparisons();
}

fn show_code(code: &Code) -> String {
    show(code);
    code.expose_str().to_owned()
}

fn windows(algorithm: Algorithm, digits: Digits) {
    let known = Secret::from_bytes(seed(algorithm)).expect("a seed of the RFC");
    let parameters = Parameters { algorithm, digits, ..Parameters::default() };
    let public = Totp::new(&known, parameters);
    let totp = Totp::new(&hidden(seed(algorithm)), parameters);
    let (now, window) =
        (UnixTime::from_secs(1_111_111_111), Window::new(10, 10).expect("a window"));
    let present = totp.step_at(now).expect("after T0");

    let code = totp.generate(now).expect("after T0");
    let at = |step: u64| {
        let code = public.generate(UnixTime::from_secs(step * 30)).expect("after T0");
        code.expose_str().to_owned()
    };
    assert_eq!(show_code(&code), at(present));

    // Hit first, in the middle, last; used up; and a miss.
    for (step, after, found) in [
        (present - 10, None, true),
        (present, None, true),
        (present + 10, None, true),
        (present, Some(present), false),
        (present + 11, None, false),
    ] {
        for (totp, code) in apart([&public, &totp], &typed(&at(step), digits)) {
            let found_at = totp.find(code, now, window, after).map(|found| found.step());
            assert_eq!(found_at, found.then_some(step));
            let one = totp.find_with_drift(code, now, Window::ONE_EACH_WAY, 2, after);
            black_box(one.is_some());
        }
    }
    for [first, second] in [[3, 4], [4, 3]] {
        let codes = [first, second].map(|step| {
            let [_, code] = typed(&at(present + step), digits);
            code
        });
        let reach = Reach::new(20).expect("a reach");
        let found = totp.resynchronise(&codes, now, reach, None).map(|found| found.step());
        assert_eq!(found, (second > first).then_some(present + second));
    }

    let counters = Hotp::new(&known, algorithm, digits);
    let hotp = Hotp::new(&hidden(seed(algorithm)), algorithm, digits);
    assert_eq!(show_code(&hotp.generate(9)), counters.generate(9).expose_str());
    let ten = LookAhead::new(10).expect("a look-ahead");
    for (counter, found) in [(100, true), (104, true), (109, true), (99, false), (110, false)] {
        let typed = typed(counters.generate(counter).expose_str(), digits);
        for (hotp, code) in apart([&counters, &hotp], &typed) {
            let found_at = hotp.find(code, 100, ten).map(|found| found.counter());
            assert_eq!(found_at, found.then_some(counter));
        }
    }
    let codes = [103, 104, 105].map(|counter| {
        let [_, code] = typed(counters.generate(counter).expose_str(), digits);
        code
    });
    let found = hotp.resynchronise(&codes, 100, Reach::new(20).expect("a reach"));
    assert_eq!(found.map(|found| found.counter()), Some(105));
}

/// Two hits in one window: neighbouring moving factors whose codes are the same.
fn equal_codes() {
    let rows = rows::rows(include_str!("../../../data/v5-equal-codes.txt"));
    for [name, first, second, code, _, time] in rows {
        let algorithm = Algorithm::from_name(name).expect("an algorithm");
        let [first, second, time] = [first, second, time].map(|n| n.parse().expect("a number"));
        let known = Secret::from_bytes(seed(algorithm)).expect("a seed of the RFC");
        let secrets = [known, hidden(seed(algorithm))];
        let codes = typed(code, Digits::Six);
        let parameters = Parameters { algorithm, ..Parameters::default() };
        let [public, secret] = secrets.each_ref().map(|secret| Totp::new(secret, parameters));
        let (now, window) = (UnixTime::from_secs(time), Window::new(2, 2).expect("a window"));
        for (totp, code) in apart([&public, &secret], &codes) {
            for (after, found) in [
                (None, Some(second)),
                (Some(first - 1), Some(second)),
                (Some(first), Some(second)),
                (Some(second), None),
            ] {
                let found_at = totp.find(code, now, window, after).map(|found| found.step());
                assert_eq!(found_at, found);
            }
        }
        let hotp = |secret| Hotp::new(secret, algorithm, Digits::Six);
        let [public, secret] = secrets.each_ref().map(hotp);
        for (hotp, code) in apart([&public, &secret], &codes) {
            for (counter, found) in [(first, Some(second)), (second + 1, None)] {
                let found_at = hotp.find(code, counter, LookAhead::of::<5>());
                assert_eq!(found_at.map(|found| found.counter()), found);
            }
        }
    }
}

/// The key hidden, the typed code hidden, and both: what is hidden of one hides nothing of the other.
fn apart<'a, T>(
    [public_key, hidden_key]: [&'a T; 2],
    [public, secret]: &'a [Code; 2],
) -> [(&'a T, &'a Code); 3] {
    [(hidden_key, public), (public_key, secret), (hidden_key, secret)]
}

fn comparisons() {
    let [one, other] = typed("492039", Digits::Six);
    let same = one == other;
    show(&same);
    assert!(same);
}

// Text: out of secrets, and into them.

fn text() {
    for len in [16, 17, 20, 32, 64, 128] {
        let bytes = seed(Algorithm::Sha512).repeat(2);
        let (known, secret) = (Secret::from_bytes(&bytes[..len]), hidden(&bytes[..len]));
        let known = known.expect("16 to 128 bytes");
        assert_eq!(shown(secret.expose_base32().expose_str()), known.expose_base32().expose_str());
        let uri = |secret: &Secret| {
            let totp = ProvisioningUri::totp("Acme", "dana", secret, Parameters::default());
            let hotp = ProvisioningUri::hotp("A", "d", secret, Algorithm::Sha1, Digits::Six, 7);
            [totp, hotp].map(|uri| shown(&uri.expect("two names").expose_uri()))
        };
        assert_eq!(uri(&secret), uri(&known));
    }
}

/// A copy of a secret text that anybody may read.
fn shown(secret: &str) -> String {
    let text = secret.to_owned();
    show(text.as_str());
    text
}

/// What is typed is looked at as it is read: where the separators are and where it ends, and whether
/// it has the form of a secret or a code at all. So this branches on hidden characters, and memcheck
/// reports it; but none of them may be part of an address. That the branches go the same way for
/// every secret is for `steps` to show. There too: a URI, which is searched for its parts, and where
/// a part begins is an address that memcheck takes to depend on all that was searched.
fn typed_text() {
    let text = |typed: &str| {
        let text = Zeroizing::new(typed.to_owned());
        for (at, _) in typed.match_indices(|it: char| it.is_ascii_alphanumeric()) {
            hide(&text.as_bytes()[at..=at]);
        }
        text
    };
    assert!(Secret::from_base32(&text("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")).is_ok());
    let grouped = "gezd gnbv-gy3t qojq gezd gnbv gy3t qoi=";
    assert!(Secret::from_base32_lenient(&text(grouped)).is_ok());
    let odd = "gezd gnbv\ngy3t-qojq\u{a0}gezd gnbv gy3t qoj=";
    assert!(Secret::import_base32(&text(odd)).is_ok());
    assert!(RecoveryCode::parse(&text("0O1I-lL23-4567-89AB-CDEF-xyzw-GHJK")).is_ok());
    let pasted = "\u{feff}\u{201c}(3) 0O1I lL23\u{2013}4567\t89AB-CDEF-xyzw-GHJK.\u{201d}\n";
    assert!(RecoveryCode::parse(&text(pasted)).is_ok());
    assert!(Code::parse(&text("492039"), Digits::Six).is_ok());
    assert!(Code::parse_lenient(&text("492 039"), Digits::Six).is_ok());
}

// The account layer: what a record keeps is hidden as it is opened, and shown as it is sealed.

/// What a record keeps of secrets.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kept {
    RecoveryCode,
    Secret,
    SentCode,
}

impl Kept {
    const fn leak(self) -> &'static str {
        match self {
            Kept::RecoveryCode => "leaks_a_kept_recovery_code",
            Kept::Secret => "leaks_a_kept_secret",
            Kept::SentCode => "leaks_a_kept_sent_code",
        }
    }
}

struct Hiding<'a> {
    keys: Keyring,
    /// The secrets of the devices.
    secrets: &'a Mutex<Vec<Vec<u8>>>,
    /// What was hidden, and how many bytes of it.
    hidden: &'a Mutex<BTreeSet<(Kept, usize)>>,
    leak: Option<&'a str>,
}

impl Seal for Hiding<'_> {
    fn seal(
        &self,
        context: &[u8],
        nonce: [u8; 12],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        if self.leak.is_some() {
            self.look_into(plaintext);
        }
        // The cipher sees the hidden bytes as well; its output is public.
        let sealed = self.keys.seal(context, nonce, plaintext)?;
        show(sealed.as_slice());
        Ok(sealed)
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let plaintext = self.keys.open(context, sealed)?;
        for (kept, place) in self.secrets_in(&plaintext) {
            let secret = &plaintext[place];
            hide(secret);
            self.hidden.lock().expect("one thread").insert((kept, secret.len()));
        }
        Ok(plaintext)
    }

    fn fingerprint(&self, secret: &[u8]) -> Option<[u8; 16]> {
        // For a column of the host, under a key: public.
        self.keys.fingerprint(secret).inspect(show)
    }

    fn deployment(&self) -> &Deployment {
        self.keys.deployment()
    }

    fn is_current(&self, key: KeyName) -> bool {
        self.keys.is_current(key)
    }
}

impl Hiding<'_> {
    /// Where the plaintext of a record has the devices' secrets, the hashes of the recovery codes,
    /// and the key and MAC of a sent code. The first are known; the others are found by their CBOR
    /// heads.
    fn secrets_in(&self, plaintext: &[u8]) -> Vec<(Kept, Range<usize>)> {
        let mut found = Vec::new();
        for secret in self.secrets.lock().expect("one thread").iter() {
            for (at, part) in plaintext.windows(secret.len()).enumerate() {
                if part == secret {
                    found.push((Kept::Secret, at..at + secret.len()));
                }
            }
        }
        for at in 0..plaintext.len() {
            // [[name, 16 bytes, failures, spent]; 10]; a name is public.
            let heads = (0..10).map(|n| at + 7 + n * 25);
            let is_hash = |head: usize| {
                plaintext[head - 6..].starts_with(&[0x84, 0x1a])
                    && plaintext.get(head) == Some(&0x50)
                    && plaintext.get(head + 16).is_some()
            };
            let ten = plaintext[at] == 0x8a && plaintext.len() > at + 10 * 25;
            if ten && heads.clone().all(is_hash) {
                found.extend(heads.map(|head| (Kept::RecoveryCode, head + 1..head + 17)));
            }
            // [32 bytes, 32 bytes]
            let sent = plaintext.get(at..at + 1 + 2 * 34);
            if sent.is_some_and(|it| it.starts_with(&[0x82, 0x58, 32]) && it[35..37] == [0x58, 32])
            {
                found.extend([at + 3, at + 37].map(|from| (Kept::SentCode, from..from + 32)));
            }
        }
        found
    }

    /// Leaks what the library wrote again of what was hidden as it read it.
    fn look_into(&self, plaintext: &[u8]) {
        let public = plaintext.to_vec();
        show(public.as_slice());
        for (kept, place) in self.secrets_in(&public) {
            if self.leak == Some(kept.leak()) {
                leak(kept.leak(), &plaintext[place]);
            }
        }
    }
}

/// Randomness of which nobody may look at what becomes a secret. By its length: a secret, the secret of a
/// recovery code or a pass behind its name, a short pass, the key of a sent code and then its number; ids, names and salts are
/// public.
struct HidingRandom {
    random: Known,
    number_follows: bool,
}

impl rand::TryRng for HidingRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.random.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.random.try_fill_bytes(&mut bytes)?;
        if std::mem::take(&mut self.number_follows) {
            hide(&bytes);
        }
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.random.try_fill_bytes(bytes)?;
        match bytes.len() {
            18 => hide(&bytes[4..]), // of the fourth byte, half is name
            5 | 20 | 32 | 64 => hide(bytes),
            _ => {}
        }
        self.number_follows = bytes.len() == 32;
        Ok(())
    }
}

impl rand::TryCryptoRng for HidingRandom {}

/// The recommended numbers, for apps of any hash.
struct Apps(Algorithm);

impl Policy for Apps {
    fn parameters(&self) -> Parameters {
        Parameters { algorithm: self.0, ..Parameters::default() }
    }

    fn trusted_browsers(&self, _: &AccountId) -> Option<Bounded<3600, 2_592_000>> {
        Some(Bounded::of::<86_400>())
    }
}

/// A device's secret as its owner has it; from here on it is hidden in every record.
fn owned(uri: &ProvisioningUri, secrets: &Mutex<Vec<Vec<u8>>>) -> Secret {
    let bytes = uri.secret().expose_bytes().to_vec();
    show(bytes.as_slice());
    let secret = Secret::from_bytes(&bytes).expect("long enough");
    secrets.lock().expect("one thread").push(bytes);
    secret
}

fn accounts(algorithm: Algorithm, leaked: Option<&str>) {
    let issued = |name: &str, bytes: &[u8]| {
        if leaked == Some(name) {
            leak(name, bytes);
        }
    };
    let store = MemoryStore::new();
    let mut rng = HidingRandom { random: Known(1), number_follows: false };
    let id = AccountId::new(b"42").expect("an id");
    let now = UnixTime::from_secs(1_800_000_000);
    let (secrets, hidden) = (Mutex::default(), Mutex::default());
    let keys = Hiding { keys: keys::keyring(7), secrets: &secrets, hidden: &hidden, leak: leaked };
    let mfa = Mfa::with_policy(keys, Apps(algorithm)).expect("the recommended windows");

    let pending = mfa.account(&id).at(now).enrol("phone", &mut rng).run(&store);
    let pending = pending.expect("nothing is bound");
    let uri = pending.uri("Acme", "dana").expect("a uri");
    issued("leaks_an_issued_secret", uri.secret().expose_bytes());
    let app = Totp::new(&owned(&uri, &secrets), uri.totp_parameters().expect("TOTP"));
    let code = |now| app.generate(now).expect("after T0").expose_str().to_owned();
    let confirm = mfa.account(&id).at(now).confirm(pending.id(), &code(now), &mut rng);
    let bound = confirm.run(&store).decided().expect("memory").accepted().expect("the app's code");
    let again = confirm.run(&store).decided().expect("memory");
    assert!(matches!(again, Verdict::AlreadyConfirmed));
    let recovery = bound.recovery_codes().expect("the first factor");
    // Behind the name, which the first six characters and two bits of the next one print.
    issued("leaks_an_issued_recovery_code", &recovery.expose_lines().as_bytes()[8..]);
    let lines = shown(&recovery.expose_lines());
    let recovery: Vec<_> = recovery.iter().map(|code| shown(&code.expose_text())).collect();
    assert!(lines.lines().eq(&recovery));

    let now = now.plus(30);
    let verify = |typed: &str, now| {
        mfa.account(&id).at(now).verify(typed, SignIn).run(&store).decided().expect("memory")
    };
    let wrong = if code(now) == "000000" { "000001" } else { "000000" };
    assert!(matches!(verify(wrong, now), Verdict::Rejected { .. }));
    let proof = verify(&code(now.plus(30)), now).accepted().expect("a right code");
    assert!(matches!(verify(&code(now.plus(30)), now), Verdict::Rejected { .. }));
    let account = mfa.account(&id).at(now);
    let browser = account.remember_browser(&proof, &mut rng).run(&store).expect("a proof");
    let from = account.verify(wrong, SignIn).from_browser(browser.expose_token());
    assert!(matches!(from.run(&store).decided().expect("memory"), Verdict::Rejected { .. }));
    account.forget_browser(browser.id()).run(&store).expect("it is remembered");
    let browser = account.trust_browser(&proof, &mut rng).run(&store).expect("a proof");
    let visit = account.visit(browser.expose_token()).run(&store).decided().expect("memory");
    assert!(visit.accepted().is_some());

    let spend = |typed: &str| {
        mfa.account(&id)
            .at(now)
            .recover(typed, ChangeFactors)
            .run(&store)
            .decided()
            .expect("memory")
    };
    assert!(spend(&recovery[0]).accepted().is_some());
    assert!(spend(&recovery[0]).accepted().is_none());
    assert!(spend("0000-0000-0000-0000-0000-0000-0000").accepted().is_none());
    // The name of a code, and another secret behind it: counted.
    let (name, last) = recovery[1].split_at(recovery[1].len() - 1);
    assert!(spend(&format!("{name}{}", if last == "0" { "1" } else { "0" })).accepted().is_none());
    // A new set, beside which the old one lives on.
    let proof = spend(&recovery[2]).accepted().expect("unspent");
    let renewed = account.regenerate_recovery_codes(proof, &mut rng).run(&store).expect("a proof");
    assert!(renewed.len() == 10 && spend(&recovery[3]).accepted().is_some());

    // A token, beside the app.
    let proof = spend(&recovery[8]).accepted().expect("unspent");
    let mut pending =
        mfa.account(&id).at(now).enrol_hotp("token", Digits::Eight, &mut rng).proven_by(proof);
    let pending = pending.run(&store).expect("a proof");
    let secret = owned(&pending.uri("Acme", "dana").expect("a uri"), &secrets);
    let token = Hotp::new(&secret, Algorithm::Sha1, Digits::Eight);
    let pressed = |counter| token.generate(counter).expose_str().to_owned();
    let bound = mfa.account(&id).at(now).confirm(pending.id(), &pressed(0), &mut rng).run(&store);
    let device = bound.decided().expect("memory").accepted().expect("the token's code").device();
    assert!(verify(&pressed(4), now).accepted().is_some());
    assert!(verify(&pressed(4), now).accepted().is_none());
    let codes = [pressed(20), pressed(21)];
    let codes = codes.each_ref().map(String::as_str);
    let again = mfa.account(&id).at(now).resynchronise(device, codes).run(&store);
    assert!(again.decided().expect("memory").accepted().is_some());

    // The token's secret once more, after it was taken out of use.
    let proof = spend(&recovery[4]).accepted().expect("unspent");
    account.revoke(device, proof).run(&store).expect("a proof");
    let proof = spend(&recovery[5]).accepted().expect("unspent");
    let label = Text::new("token").expect("a label");
    let known = hidden_copy(&secret);
    let token = ExistingDevice::hotp(label, known, Algorithm::Sha1, Digits::Eight, 0);
    let mut pending = account.enrol_existing(token, &mut rng).proven_by(proof);
    let pending = pending.run(&store).expect("a proof");
    let codes = [pressed(30), pressed(31)];
    let codes = codes.each_ref().map(String::as_str);
    let confirm = account.confirm_pair(pending.id(), codes, &mut rng);
    assert!(confirm.run(&store).decided().expect("memory").accepted().is_some());
    let again = confirm.run(&store).decided().expect("memory");
    assert!(matches!(again, Verdict::AlreadyConfirmed));

    let proof = spend(&recovery[9]).accepted().expect("unspent");
    let number = PhoneNumber::new("+15005550006").expect("E.164");
    let told = RestrictedNotice::given_by_host();
    let mut sent =
        mfa.account(&id).at(now).enrol_phone("mobile", number, told, &mut rng).proven_by(proof);
    let sent = sent.run(&store).expect("a proof");
    let sent_code = sent.to_send().expect("sent");
    issued("leaks_an_issued_sent_code", sent_code.expose_str().as_bytes());
    let sent_code = shown(sent_code.expose_str());
    let bound = mfa.account(&id).at(now).confirm(sent.id(), &sent_code, &mut rng);
    assert!(bound.run(&store).decided().expect("memory").accepted().is_some());
    let again = bound.run(&store).decided().expect("memory");
    assert!(matches!(again, Verdict::AlreadyConfirmed));

    let now = now.plus(60);
    let sent = mfa.account(&id).at(now).send_code(SignIn, &mut rng).run(&store);
    let sent = sent.expect("a bound telephone");
    let sent_code = shown(sent.to_send().expect("sent").expose_str());
    let answer = |typed: &str| {
        mfa.account(&id)
            .at(now)
            .verify_sent_code(sent.id(), typed, SignIn)
            .run(&store)
            .decided()
            .expect("memory")
    };
    let wrong = if sent_code == "000000" { "000001" } else { "000000" };
    assert!(answer(wrong).accepted().is_none());
    assert!(answer(&sent_code).accepted().is_some());
    assert!(answer(&sent_code).accepted().is_none());

    passes(&mfa, &store, &mut rng, (&id, now), &secrets, &issued);

    // Of everything, something was in a record; of an app and a token, both.
    let lengths = [
        (Kept::RecoveryCode, 16),
        (Kept::Secret, algorithm.secret_len()),
        (Kept::Secret, Algorithm::Sha1.secret_len()),
        (Kept::SentCode, 32),
    ];
    let hidden = hidden.lock().expect("one thread");
    assert_eq!(*hidden, BTreeSet::from(lengths), "not everything was hidden");
}

/// A pass of each length, from an operator: wrong, and right.
fn passes(
    mfa: &Mfa<Hiding<'_>, Apps>,
    store: &MemoryStore,
    rng: &mut HidingRandom,
    (id, now): (&AccountId, UnixTime),
    secrets: &Mutex<Vec<Vec<u8>>>,
    issued: &dyn Fn(&str, &[u8]),
) {
    let operator = mfa.account(&AccountId::new(b"boss").expect("an id"));
    let pending = operator.at(now).enrol("phone", rng).run(store).expect("nothing is bound");
    let uri = pending.uri("Acme", "boss").expect("a uri");
    let app = Totp::new(&owned(&uri, secrets), uri.totp_parameters().expect("TOTP"));
    let code = |now| app.generate(now).expect("after T0").expose_str().to_owned();
    let bound = operator.at(now).confirm(pending.id(), &code(now), rng).run(store);
    assert!(bound.decided().expect("memory").accepted().is_some());
    for (secs, length) in [(30, PassLength::Long), (60, PassLength::Short)] {
        let now = now.plus(secs);
        let verdict = operator.at(now).verify(&code(now), ActForOther).run(store);
        let proof = verdict.decided().expect("memory").accepted().expect("the app's code");
        let lee = Operator::checked_by_host(proof, "help desk");
        let account = mfa.account(id).at(now);
        let mut grant = account.grant_emergency_access(lee, length, 600, "on call", rng);
        let pass = grant.run(store).expect("an operator");
        // Behind the name, and the last character of a short one.
        issued("leaks_an_issued_pass", &pass.expose_text().as_bytes()[8..]);
        let pass = shown(&pass.expose_text());
        let enter = |typed: &str| account.enter_pass(typed).run(store).decided().expect("memory");
        let (start, last) = pass.split_at(pass.len() - 1);
        assert!(
            enter(&format!("{start}{}", if last == "0" { "1" } else { "0" })).accepted().is_none()
        );
        assert!(enter(&pass).accepted().is_some());
    }
}

// For callgrind: what is to take the same instructions whatever it finds. The names of the cases of one
// kind are as long as each other; see `instructions` in `tests/machine/constant_time.rs`.

#[inline(never)]
fn counted(totp: &Totp, code: &Code, now: UnixTime) -> bool {
    totp.find(code, now, Window::ONE_EACH_WAY, None).is_some()
}

/// The window is three steps wide: it holds the code of step 0, 1 and 2, and of no other.
fn count(algorithm: Algorithm, step: u64) {
    let secret = Secret::from_bytes(seed(algorithm)).expect("a seed of the RFC");
    let totp = Totp::new(&secret, Parameters { algorithm, ..Parameters::default() });
    let at = |step| UnixTime::from_secs(1_111_111_111 + 30 * step);
    let now = at(1);
    let code = totp.generate(at(step)).expect("after T0");
    counted(&totp, &code, now); // the processor's features are looked up once
    assert_eq!(counted(&totp, &code, now), step < 3);
}

/// Two codes and three of an app, and of a token: each is a search of its own.
#[inline(never)]
fn counted_pairs(totp: &Totp, hotp: &Hotp, shown: &[Code; 3], pressed: &[Code; 3]) -> [bool; 4] {
    let (now, reach) = (UnixTime::from_secs(1_111_111_111), Reach::new(10).expect("a reach"));
    let app =
        [&shown[1..], shown].map(|codes| totp.resynchronise(codes, now, reach, None).is_some());
    let ahead = Reach::new(21).expect("a reach");
    let token =
        [&pressed[1..], pressed].map(|codes| hotp.resynchronise(codes, 100, ahead).is_some());
    [app[0], app[1], token[0], token[1]]
}

/// Codes in a row: the first of the 21 that are tried, some among them, the last, and none of them.
fn count_pairs(algorithm: Algorithm, place: &str) {
    let from = match place {
        "first" => 0,
        "among" => 9,
        "final" => 18,
        "wrong" => 30,
        other => panic!("where is {other:?}?"),
    };
    let secret = Secret::from_bytes(seed(algorithm)).expect("a seed of the RFC");
    let totp = Totp::new(&secret, Parameters { algorithm, ..Parameters::default() });
    let hotp = Hotp::new(&secret, algorithm, Digits::Six);
    let shown = [0, 1, 2].map(|next| {
        let step = UnixTime::from_secs(1_111_111_111 - 10 * 30 + (from + next) * 30);
        totp.generate(step).expect("after T0")
    });
    let pressed = [0, 1, 2].map(|next| hotp.generate(100 + from + next));
    counted_pairs(&totp, &hotp, &shown, &pressed); // the processor's features are looked up once
    assert_eq!(counted_pairs(&totp, &hotp, &shown, &pressed), [place != "wrong"; 4]);
}

/// People whose codes are tried: the same for every case, but for the one attempt that follows.
struct People {
    mfa: Mfa<Keyring, Apps>,
    store: MemoryStore,
    rng: Known,
    now: UnixTime,
}

impl People {
    fn new(algorithm: Algorithm) -> People {
        let mfa = Mfa::with_policy(keys::keyring(7), Apps(algorithm));
        let mfa = mfa.expect("the recommended windows");
        let now = UnixTime::from_secs(1_800_000_000);
        People { mfa, store: MemoryStore::new(), rng: Known(2), now }
    }

    /// Binds an app; with the first one come the recovery codes.
    fn bind(
        &mut self,
        id: &AccountId,
        proof: Option<Proof<ChangeFactors>>,
    ) -> (Totp, DeviceId, Vec<String>) {
        let People { mfa, store, rng, now } = self;
        let mut pending = mfa.account(id).at(*now).enrol("phone", rng);
        if let Some(proof) = proof {
            pending = pending.proven_by(proof);
        }
        let pending = pending.run(&*store).expect("allowed");
        let uri = pending.uri("Acme", "dana").expect("a uri");
        let app = Totp::new(uri.secret(), uri.totp_parameters().expect("TOTP"));
        let bound =
            mfa.account(id).at(*now).confirm(pending.id(), &shown_at(&app, *now), rng).run(&*store);
        let bound = bound.decided().expect("memory").accepted().expect("the app's code");
        let recovery = bound.recovery_codes().into_iter().flat_map(|codes| codes.iter());
        (app, bound.device(), recovery.map(|code| code.expose_text().to_string()).collect())
    }

    fn verify<P: Purpose>(&self, id: &AccountId, typed: &str, purpose: P) -> Verdict<Proof<P>> {
        let verify = self.mfa.account(id).at(self.now).verify(typed, purpose);
        verify.run(&self.store).decided().expect("memory")
    }

    fn recover(&self, id: &AccountId, typed: &str) -> Verdict<Proof<ChangeFactors>> {
        let recover = self.mfa.account(id).at(self.now).recover(typed, ChangeFactors);
        recover.run(&self.store).decided().expect("memory")
    }
}

fn account(name: &[u8]) -> AccountId {
    AccountId::new(name).expect("an id")
}

fn shown_at(app: &Totp, now: UnixTime) -> String {
    app.generate(now).expect("after T0").expose_str().to_owned()
}

/// One person has two apps, whose codes are fresh or used up; another one has one app, and a third is
/// nobody. Of these two, two codes in a row are tried as well. A wrong code is wrong for all of them.
fn count_verify(algorithm: Algorithm, typed: &str) {
    let (two, one, nobody) = (account(b"42"), account(b"43"), account(b"44"));
    let mut people = People::new(algorithm);
    let (first, ..) = people.bind(&two, None);
    let (single, device, _) = people.bind(&one, None);
    people.now = people.now.plus(30);
    let proof = people.verify(&two, &shown_at(&first, people.now), ChangeFactors);
    let (other, ..) = people.bind(&two, proof.accepted());
    let (used, next) = (people.now, people.now.plus(30));
    people.now = next;

    let near: Vec<_> = [&first, &other, &single]
        .into_iter()
        .flat_map(|app| [used, next, next.plus(30)].map(|now| shown_at(app, now)))
        .collect();
    let wrong = (0..).map(|n| format!("{n:06}")).find(|it| !near.contains(it)).expect("a few");
    let (id, code) = match typed {
        "two-fresh-first" => (two, shown_at(&first, next)),
        "two-fresh-other" => (two, shown_at(&other, next)),
        "two-spent-first" => (two, shown_at(&first, used)),
        "two-spent-other" => (two, shown_at(&other, used)),
        "two-apps--wrong" => (two, wrong),
        "one-app---wrong" | "one-app-2-wrong" => (one, wrong),
        "nobodys---wrong" | "nobodys-2-wrong" => (nobody, wrong),
        other => panic!("what is {other:?}?"),
    };
    let verdict = if typed.ends_with("-2-wrong") {
        let codes = [code.as_str(); 2];
        let again = people.mfa.account(&id).at(people.now).resynchronise(device, codes);
        again.run(&people.store).decided().expect("memory").accepted().is_some()
    } else {
        people.verify(&id, &code, SignIn).accepted().is_some()
    };
    assert_eq!(verdict, typed.contains("fresh"));
}

/// Of the newest set the first code, the last, and the name of one with another secret; of the set before
/// it, which still lives, one that is fresh and one that is spent; one that is in no set, and one that
/// is typed for nobody.
fn count_recover(typed: &str) {
    let (id, nobody) = (account(b"42"), account(b"43"));
    let mut people = People::new(Algorithm::Sha1);
    let (.., old) = people.bind(&id, None);
    let proof = people.recover(&id, &old[4]).accepted().expect("unspent");
    let renewed = {
        let People { mfa, store, rng, now } = &mut people;
        let mut renewed = mfa.account(&id).at(*now).regenerate_recovery_codes(proof, rng);
        renewed.run(&*store).expect("a proof").into_inner()
    };
    let codes: Vec<_> = renewed.iter().map(|code| code.expose_text().to_string()).collect();
    assert_eq!(codes.len(), 10);
    let wrong = "0000-0000-0000-0000-0000-0000-0000".to_owned();
    let (name, last) = codes[7].split_at(codes[7].len() - 1);
    let named = format!("{name}{}", if last == "0" { "1" } else { "0" });
    let (id, code) = match typed {
        "first" => (id, &codes[0]),
        "final" => (id, &codes[9]),
        "named" => (id, &named),
        "older" => (id, &old[0]),
        "spent" => (id, &old[4]),
        "wrong" => (id, &wrong),
        "empty" => (nobody, &wrong),
        other => panic!("what is {other:?}?"),
    };
    let verdict = people.recover(&id, code);
    assert_eq!(verdict.accepted().is_some(), ["first", "final", "older"].contains(&typed));
}

#[inline(never)]
fn counted_decision(attempt: &Attempt<'_, Proof<SignIn>>, record: &Record) -> bool {
    let decided = attempt.operation().decide(Some(record.clone()), None);
    matches!(black_box(decided), Ok(Decided::Write(_)))
}

/// A whole decision on one record: of a wrong code, which is counted, and of the copy of the code that was
/// accepted last, which is not.
fn count_refused(typed: &str) {
    let id = account(b"42");
    let mut people = People::new(Algorithm::Sha1);
    let (app, ..) = people.bind(&id, None);
    people.now = people.now.plus(30);
    let used = shown_at(&app, people.now);
    assert!(people.verify(&id, &used, SignIn).accepted().is_some());
    let record = Store::load(&people.store, &id).expect("memory").expect("a record");
    let near: Vec<_> = [0, 30, 60, 90]
        .map(|secs| shown_at(&app, UnixTime::from_secs(people.now.as_secs() - 30 + secs)))
        .to_vec();
    let wrong = (0..).map(|n| format!("{n:06}")).find(|it| !near.contains(it)).expect("a few");
    let code = match typed {
        "repeated" => &used,
        "charged-" => &wrong,
        other => panic!("what is {other:?}?"),
    };
    let attempt = people.mfa.account(&id).at(people.now).verify(code, SignIn);
    assert_eq!(counted_decision(&attempt, &record), typed == "charged-");
}
