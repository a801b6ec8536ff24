//! Runs the library on hidden secrets: under memcheck, a branch or an address that depends on one is
//! an error. What is run is the first argument; see `tests/constant_time.rs`.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Mutex;

use countersign::challenge::PhoneNumber;
use countersign::code::Digits;
use countersign::hotp::{LookAhead, Reach};
use countersign::mfa::{PendingEnrolment, RestrictedNotice};
use countersign::record::{Seal, SealError};
use countersign::totp::Parameters;
use countersign::vectors::seed;
use countersign::{
    AccountId, Algorithm, Code, Hotp, Keyring, MemoryStore, Mfa, OsRandom, Purpose, Recommended,
    Secret, Totp, UnixTime, Verdict, Window,
};
use countersign_evidence::{errors, hide, show, under_valgrind, wrappers};
use zeroize::Zeroizing;

fn main() {
    black_box(wrappers());
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["core"] => core(),
        ["accounts"] => accounts(),
        ["branch"] => branch(),
        ["table"] => table(),
        ["count", case] => count(case),
        other => panic!("what is {other:?}?"),
    }
    println!("{} errors, under valgrind: {}", errors(), under_valgrind());
}

// The planted leaks: if memcheck does not report these, it sees nothing.

fn branch() {
    let secret = *black_box(b"12345678901234567890");
    hide(&secret);
    if black_box(secret[3]) == b'4' {
        println!("a branch on the secret");
    }
}

fn table() {
    let (secret, table) = (*black_box(b"12345678901234567890"), black_box([7_u8; 256]));
    hide(&secret);
    black_box(table[usize::from(secret[3])]);
}

// The OTP core.

const ALL: [Algorithm; 3] = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];

/// A secret that nobody may look at.
fn hidden(bytes: &[u8]) -> Secret {
    let bytes = Zeroizing::new(bytes.to_vec());
    hide(bytes.as_slice());
    Secret::dangerously_allow_short(&bytes).expect("1 to 128 bytes")
}

/// The same code twice: as a person's typed text, and as bytes that nobody may look at.
fn typed(text: &str, digits: Digits) -> [Code; 2] {
    let [public, secret] = [(); 2].map(|()| Code::parse(text, digits).expect("digits"));
    hide(&text_of(&secret));
    [public, secret]
}

/// The place of a code's digits in memory; the number of digits beside it is public.
fn text_of(code: &Code) -> &[u8] {
    code.expose_str().as_bytes()
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
        for code in typed(&at(step), digits) {
            let found_at = totp.find(&code, now, window, after).map(|found| found.step());
            assert_eq!(found_at, found.then_some(step));
            let one = totp.find_with_drift(&code, now, Window::ONE_EACH_WAY, 2, after);
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
        for code in typed(counters.generate(counter).expose_str(), digits) {
            let found_at = hotp.find(&code, 100, ten).map(|found| found.counter());
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

/// Two hits in one window: neighbouring steps whose codes are the same.
fn equal_codes() {
    let totp = Totp::new(&hidden(seed(Algorithm::Sha1)), Parameters::default());
    let now = UnixTime::from_secs(27_322_110);
    for code in typed("911617", Digits::Six) {
        let found = totp.find(&code, now, Window::ONE_EACH_WAY, None);
        assert_eq!(found.map(|found| found.step()), Some(910_738));
        let found = totp.find(&code, now, Window::ONE_EACH_WAY, Some(910_737));
        assert_eq!(found.map(|found| found.step()), Some(910_738));
    }
}

/// What else compares or prints a secret.
fn comparisons() {
    let [one, other] = typed("492039", Digits::Six);
    let same = one == other;
    show(&same);
    assert!(same);
    let text = hidden(seed(Algorithm::Sha1)).expose_base32();
    show(&text);
    assert_eq!(text.expose_str(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

// The account layer: what a record keeps is hidden as it is opened, and shown as it is sealed.

struct Hiding<'a> {
    keys: Keyring,
    secret: Vec<u8>,
    /// The lengths of what was hidden.
    hidden: &'a Mutex<BTreeSet<usize>>,
}

impl Seal for Hiding<'_> {
    fn seal(
        &self,
        context: &[u8],
        nonce: [u8; 12],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        // The cipher sees the hidden bytes as well; its output is public.
        let sealed = self.keys.seal(context, nonce, plaintext)?;
        show(sealed.as_slice());
        Ok(sealed)
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let plaintext = self.keys.open(context, sealed)?;
        for secret in secrets_in(&plaintext, &self.secret) {
            hide(secret);
            self.hidden.lock().expect("one thread").insert(secret.len());
        }
        Ok(plaintext)
    }
}

/// Where the plaintext of a record has the device's secret, the hashes of the recovery codes, and
/// the key and MAC of a sent code. The first is known; the others are found by their CBOR heads.
fn secrets_in<'p>(plaintext: &'p [u8], secret: &[u8]) -> Vec<&'p [u8]> {
    let mut found: Vec<_> =
        plaintext.windows(secret.len()).filter(|part| *part == secret).collect();
    for at in 0..plaintext.len() {
        // [[16 bytes; 10], ..]
        let hash = |n: usize| plaintext.get(at + 1 + n * 17..at + 1 + (n + 1) * 17);
        let hashes: Option<Vec<_>> = (0..10).map(hash).collect();
        let hashes =
            hashes.filter(|all| plaintext[at] == 0x8a && all.iter().all(|one| one[0] == 0x50));
        found.extend(hashes.into_iter().flatten().map(|hash| &hash[1..]));
        // [32 bytes, 32 bytes]
        let sent = plaintext.get(at..at + 1 + 2 * 34);
        let sent =
            sent.filter(|sent| sent.starts_with(&[0x82, 0x58, 32]) && sent[35..37] == [0x58, 32]);
        found.extend(sent.into_iter().flat_map(|sent| [&sent[3..35], &sent[37..]]));
    }
    found
}

fn accounts() {
    let store = MemoryStore::new();
    let mut rng = OsRandom::new().expect("randomness");
    let id = AccountId::new(b"42").expect("an id");
    let now = UnixTime::from_secs(1_800_000_000);
    let mfa = Mfa::new(Keyring::new([7; 32]), Recommended);
    let pending = mfa.enrol(&id, "phone", &mut rng, now).run(&store).expect("memory").done();
    let pending = pending.expect("nothing is bound");
    let uri = PendingEnrolment::uri(&pending, "Acme", "dana").expect("a uri");
    let secret = uri.secret().expose_bytes().to_vec();
    let app = Totp::new(uri.secret(), uri.totp_parameters().expect("TOTP"));
    let code = |now| app.generate(now).expect("after T0").expose_str().to_owned();

    // From here on nobody may look into the record.
    let hidden = Mutex::new(BTreeSet::new());
    let keys = Keyring::new([7; 32]);
    let mfa = Mfa::new(Hiding { keys, secret, hidden: &hidden }, Recommended);
    let bound = mfa.confirm(&id, pending.id(), &code(now), &mut rng, now).run(&store);
    let bound = bound.expect("memory").accepted().expect("the app's code");
    let recovery: Vec<_> = bound
        .recovery_codes()
        .expect("the first factor")
        .iter()
        .map(|code| code.expose_text())
        .collect();

    let now = now.plus(30);
    let verify = |typed: &str, now| {
        mfa.verify(&id, typed, Purpose::SignIn, now).run(&store).expect("memory")
    };
    let wrong = if code(now) == "000000" { "000001" } else { "000000" };
    assert!(matches!(verify(wrong, now), Verdict::Rejected { .. }));
    assert!(verify(&code(now.plus(30)), now).accepted().is_some());
    assert!(matches!(verify(&code(now.plus(30)), now), Verdict::Rejected { .. }));

    let spend = |typed: &str| {
        mfa.recover(&id, typed, Purpose::ChangeFactors, now).run(&store).expect("memory")
    };
    assert!(spend(&recovery[0]).accepted().is_some());
    assert!(spend(&recovery[0]).accepted().is_none());
    assert!(spend("0000-0000-0000-0000-0000-0000").accepted().is_none());
    let proof = spend(&recovery[9]).accepted().expect("unspent");

    let number = PhoneNumber::new("+15005550006").expect("E.164");
    let told = RestrictedNotice::given_by_host();
    let sent = mfa.enrol_phone(&id, "mobile", number, told, &mut rng, now).proven_by(proof);
    let sent = sent.run(&store).expect("memory").done().expect("a proof");
    let bound = mfa.confirm(&id, sent.id(), sent.code().expose_str(), &mut rng, now);
    assert!(bound.run(&store).expect("memory").accepted().is_some());

    let now = now.plus(60);
    let sent = mfa.challenge(&id, Purpose::SignIn, &mut rng, now).run(&store).expect("memory");
    let sent = sent.done().expect("a bound telephone");
    let answer = |typed: &str| {
        mfa.answer(&id, sent.id(), typed, Purpose::SignIn, now).run(&store).expect("memory")
    };
    let wrong = if sent.code().expose_str() == "000000" { "000001" } else { "000000" };
    assert!(answer(wrong).accepted().is_none());
    assert!(answer(sent.code().expose_str()).accepted().is_some());
    assert!(answer(sent.code().expose_str()).accepted().is_none());

    // The secret, the hashes, the sent code: each was in a record.
    let hidden = hidden.lock().expect("one thread");
    assert!(hidden.iter().eq(&[16, 20, 32]), "not everything was hidden");
}

// For callgrind: one search, which is to take the same instructions whatever it finds.

#[inline(never)]
fn counted(totp: &Totp, code: &Code, now: UnixTime) -> bool {
    totp.find(code, now, Window::ONE_EACH_WAY, None).is_some()
}

fn count(case: &str) {
    let secret = Secret::from_bytes(seed(Algorithm::Sha1)).expect("a seed of the RFC");
    let totp = Totp::new(&secret, Parameters::default());
    let now = UnixTime::from_secs(1_111_111_111);
    let at = match case {
        "first" => 1_111_111_111 - 30,
        "middle" => 1_111_111_111,
        "last" => 1_111_111_111 + 30,
        "miss" => 1_111_111_111 + 60,
        other => panic!("what is {other:?}?"),
    };
    let code = totp.generate(UnixTime::from_secs(at)).expect("after T0");
    counted(&totp, &code, now); // the processor's features are looked up once
    assert_eq!(counted(&totp, &code, now), case != "miss");
}
