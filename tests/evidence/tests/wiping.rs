//! Wiping, by looking: `bash .ci/evidence` runs these, or
//! `cargo test -p countersign-evidence --test wiping -- --ignored`.
//!
//! A program (`tests/evidence/src/bin/wiping.rs`) handles secrets and stops; this test reads its
//! heap, its stack and its other writable memory, and searches them for every eight bytes of the
//! secrets, of the padded key, of the HMAC key schedule, of the inner digests and MACs, of the codes,
//! of what a record's plaintext holds, and of the key that seals it, in each order of bytes and words
//! in which a hash function may have them; and for the words of four bytes that a code is made of.
//! While they are held it must find each kind of them, or the search is worth nothing; what the
//! library never lets out, the program makes by other means and holds, and a record's plaintext is
//! looked at from within the `Seal` that opened it. Once they are dropped, it must find them nowhere
//! on the heap, what was freed included, and nowhere on the stack below the function that held them.
//! Every operation of `Mfa` is run, and looked at by itself. Before anything else the program leaves
//! something behind in each place on purpose, which must be found.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Write};
use std::iter;
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use countersign::account::{Deployment, KeyName, Seal, SealError, SealingKey};
use countersign::otp::Parameters;
use countersign::{Algorithm, Digits, Keyring, Totp};
use zeroize::Zeroizing;

#[path = "../programs.rs"]
#[allow(dead_code)] // each test uses a part
mod programs;

#[path = "../src/scenario.rs"]
#[allow(dead_code)] // the core's is for the program alone
mod scenario;

use scenario::{Known, LOOK_INSIDE, NOW};

// What to look for.

type Needle = [u8; 8];

/// Eight bytes, and whose they are; and words of four bytes, which chance finds as well.
#[derive(Default)]
struct Needles(HashMap<Needle, &'static str>, HashMap<[u8; 4], &'static str>);

impl Needles {
    /// Every eight bytes of `bytes`; and its words, each way round, in pairs, each way round.
    fn add(&mut self, name: &'static str, bytes: &[u8]) {
        for window in bytes.windows(8) {
            self.insert(name, window.try_into().unwrap());
        }
        for words in bytes.chunks_exact(4).collect::<Vec<_>>().windows(2) {
            let reversed = |word: &[u8]| word.iter().rev().copied().collect::<Vec<_>>();
            let (one, other) = (reversed(words[0]), reversed(words[1]));
            for needle in [[&*one, &*other], [&*other, &*one], [words[1], words[0]]] {
                self.insert(name, needle.concat().try_into().unwrap());
            }
        }
    }

    fn insert(&mut self, name: &'static str, needle: Needle) {
        // Repetition says nothing: padding, and the zeroes after it.
        if needle.iter().collect::<BTreeSet<_>>().len() > 4 {
            self.0.insert(needle, name);
        }
    }

    /// The words of a code are looked for if it `is_shown`: of too many, chance finds one.
    fn add_hmac(
        &mut self,
        (algorithm, secret): (Algorithm, &[u8]),
        factors: impl Iterator<Item = u64>,
        is_shown: impl Fn(&str) -> bool,
    ) {
        self.add("secret", secret);
        let block = if algorithm == Algorithm::Sha512 { 128 } else { 64 };
        let mut key = secret.to_vec();
        if key.len() > block {
            // RFC 2104 section 2: this is the key then, as good as the secret.
            key = scenario::hash(algorithm, secret);
            self.add(HASHED, &key);
        }
        key.resize(block, 0);
        let [inner, outer] =
            [0x36, 0x5c].map(|pad| key.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>());
        for (padded, [key, state]) in [(inner.as_slice(), INNER), (outer.as_slice(), OUTER)] {
            self.add(key, padded);
            self.add(state, &compressed(algorithm, padded));
        }
        for factor in factors {
            let message = [&*inner, &factor.to_be_bytes()].concat();
            self.add("inner digest", &scenario::hash(algorithm, &message));
            let mac = scenario::mac(algorithm, secret, factor);
            self.add("MAC", &mac);
            // RFC 4226 section 5.3; the codes of the scenario have eight digits.
            let offset = usize::from(mac[mac.len() - 1] & 0xf);
            let window = u32::from_be_bytes(mac[offset..offset + 4].try_into().unwrap());
            let truncated = window & 0x7fff_ffff;
            let code = format!("{:08}", truncated % 100_000_000);
            if is_shown(&code) {
                self.add_word([TRUNCATED, WINDOW], window);
                self.add_word([TRUNCATED, WINDOW], truncated);
                self.add_code(&code);
            }
        }
    }

    /// A code of eight digits: as text, and as the number it is.
    fn add_code(&mut self, text: &str) {
        self.0.insert(text.as_bytes().try_into().unwrap(), "code");
        self.add_word([VALUE; 2], text.parse().unwrap());
    }

    fn kinds(&self) -> BTreeSet<&'static str> {
        self.0.values().chain(self.1.values()).copied().collect()
    }

    /// As a processor writes a number, and as it stands in a MAC.
    fn add_word(&mut self, [number, in_mac]: [&'static str; 2], word: u32) {
        // A small number is somewhere anyway.
        if word > 0xffff {
            self.1.insert(word.to_le_bytes(), number);
            self.1.insert(word.to_be_bytes(), in_mac);
        }
    }
}

/// The chaining state after one block, big-endian.
fn compressed(algorithm: Algorithm, block: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Sha1 => {
            let mut state = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
            sha1::block_api::compress(&mut state, &[block.try_into().unwrap()]);
            state.iter().flat_map(|word: &u32| word.to_be_bytes()).collect()
        }
        Algorithm::Sha256 => {
            let mut state = square_roots().map(|root| (root >> 32) as u32);
            sha2::block_api::compress256(&mut state, &[block.try_into().unwrap()]);
            state.iter().flat_map(|word| word.to_be_bytes()).collect()
        }
        Algorithm::Sha512 => {
            let mut state = square_roots();
            sha2::block_api::compress512(&mut state, &[block.try_into().unwrap()]);
            state.iter().flat_map(|word| word.to_be_bytes()).collect()
        }
    }
}

/// The initial state of SHA-512 (FIPS 180-4 section 5.3.5); SHA-256 has the upper halves.
fn square_roots() -> [u64; 8] {
    [
        0x6A09_E667_F3BC_C908,
        0xBB67_AE85_84CA_A73B,
        0x3C6E_F372_FE94_F82B,
        0xA54F_F53A_5F1D_36F1,
        0x510E_527F_ADE6_82D1,
        0x9B05_688C_2B3E_6C1F,
        0x1F83_D9AB_FB41_BD6B,
        0x5BE0_CD19_137E_2179,
    ]
}

// Where to look.

/// A program that stops and waits to be looked at.
struct Stopped(Child);

impl Stopped {
    /// Starts a program that was built with these flags for the compiler.
    fn start(flags: &str, what: &str, seed: u64, len: usize) -> Stopped {
        let (program, built) =
            programs::build_with(flags, "countersign-evidence", "evidence", "wiping", "");
        assert!(built.status.success(), "{}", programs::said(&built));
        let mut program = Command::new(program);
        program
            .args([what, &seed.to_string(), &len.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut program = Stopped(program.spawn().unwrap());
        program.is_seen_through();
        program
    }

    /// What the program leaves behind first, on purpose, must be found in each place: what is not
    /// looked at is clean.
    fn is_seen_through(&mut self) {
        use scenario::{DEEP, FREED, NEAR, OUTGROWN};
        let planted = [
            (FREED, (HEAP, "freed")),
            (OUTGROWN, (HEAP, "outgrown")),
            (DEEP, (BELOW, "deep")),
            (NEAR, (BELOW, "near")),
        ];
        let mut needles = Needles::default();
        for (randomness, (_, name)) in planted {
            let mut bytes = [0; 16];
            Known(randomness).fill(&mut bytes);
            needles.add(name, &bytes);
        }
        let found = self.look(&needles).left_behind();
        assert_eq!(
            found,
            planted.map(|(_, left)| left),
            "the search does not find what is planted"
        );
    }

    /// Waits for the next stop, and tells what is found where.
    fn look(&mut self, needles: &Needles) -> Found {
        let mut end = [0; 8];
        self.0.stdout.as_mut().unwrap().read_exact(&mut end).expect("the program stops");
        let found = self.search(usize::from_ne_bytes(end), needles);
        self.0.stdin.as_mut().unwrap().write_all(b".").unwrap();
        found
    }

    fn search(&self, stack_end: usize, needles: &Needles) -> Found {
        let directory = format!("/proc/{}", self.0.id());
        let maps = std::fs::read_to_string(format!("{directory}/maps")).unwrap();
        let memory = File::open(format!("{directory}/mem")).unwrap();
        let mut found = Found::default();
        for line in maps.lines() {
            let mut words = line.split_ascii_whitespace();
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            let name = words.nth(3).unwrap_or_default();
            if !rights.starts_with("rw") || name == "[vvar]" {
                continue;
            }
            let (from, to) = range.split_once('-').unwrap();
            let [from, to] = [from, to].map(|at| usize::from_str_radix(at, 16).unwrap());
            let mut bytes = vec![0; to - from];
            memory.read_exact_at(&mut bytes, from as u64).unwrap();
            let is_stack = (from..to).contains(&stack_end);
            for (offset, window) in bytes.windows(8).enumerate() {
                let word = needles.1.get(&window[..4]);
                for needle in needles.0.get(window).into_iter().chain(word) {
                    let place = match (is_stack, from + offset < stack_end) {
                        (true, true) => BELOW,
                        (true, false) => ABOVE,
                        (false, _) => HEAP,
                    };
                    *found.0.entry((place, *needle)).or_default() += 1;
                }
            }
        }
        found
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A place and a kind.
type Left = (&'static str, &'static str);

/// How many needles of which kind, by place. Writable memory that is not the stack is heap.
#[derive(Debug, Default)]
struct Found(BTreeMap<Left, usize>);

impl Found {
    fn anywhere(&self, kind: &str) -> bool {
        self.0.keys().any(|(_, found)| *found == kind)
    }

    /// What is left where nothing should be.
    fn left_behind(&self) -> Vec<Left> {
        self.0.keys().copied().filter(|(place, _)| *place != ABOVE).collect()
    }
}

const ABOVE: &str = "stack above";
const BELOW: &str = "stack below";
const HEAP: &str = "heap";

/// Where the core is looked at while its keys and codes are held.
const LOOKS: [&str; 7] = [
    "keyed",
    "generated",
    "found",
    "resynchronised",
    "keyed by counter",
    "by counter",
    "resynchronised by counter",
];

/// With the processor's hash instructions and without: what a compression spills differs.
const COMPRESSIONS: [&str; 2] = ["", "--cfg sha1_backend=\"soft\" --cfg sha2_backend=\"soft\""];

#[test]
#[ignore = "builds a program and looks at its memory: .ci/evidence runs it"]
fn the_core_leaves_nothing_behind() {
    for (name, algorithm, len) in [
        ("sha1", Algorithm::Sha1, 20),
        ("sha256", Algorithm::Sha256, 32),
        ("sha512", Algorithm::Sha512, 64),
        // Longer than the block, and so hashed first; SHA-512 has no such secret.
        ("sha1", Algorithm::Sha1, 65),
        ("sha1", Algorithm::Sha1, 128),
        ("sha256", Algorithm::Sha256, 65),
        ("sha256", Algorithm::Sha256, 128),
    ] {
        for flags in COMPRESSIONS {
            let (mut words, mut leaks) = (Words::default(), Vec::new());
            for seed in SEEDS {
                let secret = scenario::secret_of(len, seed, (0, algorithm));
                let parameters =
                    Parameters { algorithm, digits: Digits::Eight, ..Parameters::default() };
                let step = Totp::new(&secret, parameters).step_at(NOW).unwrap();
                let factors = [step - 1, step, step + 1, 7].into_iter();
                let mut needles = Needles::default();
                needles.add_hmac((algorithm, secret.expose_bytes()), factors, |_| true);

                let mut program = Stopped::start(flags, name, seed, len);
                // The key schedules and the code are still there, and the secret: nothing else.
                for at in LOOKS {
                    let worked = program.look(&needles);
                    println!("{name} {len} {flags}, {at}: {worked:?}");
                    let mut left = worked.left_behind();
                    left.retain(|left| ![INNER[1], OUTER[1]].map(|it| (HEAP, it)).contains(left));
                    leaks.extend(words.part(at, left).into_iter().map(|left| (at, left)));
                }
                let held = program.look(&needles);
                println!("{name} {len} {flags}, held: {held:?}");
                for kind in needles.kinds() {
                    assert!(held.anywhere(kind), "{name}: the search does not find the {kind}");
                }
                let dropped = program.look(&needles);
                println!("{name} {len} {flags}, dropped: {dropped:?}");
                let left = words.part(name, dropped.left_behind());
                leaks.extend(left.into_iter().map(|left| ("dropped", left)));
            }
            assert_eq!(leaks, [], "{name} {len} {flags}");
            words.are_nowhere();
        }
    }
}

/// Different secrets, and so different codes.
const SEEDS: [u64; 3] = [0x0123_4567_89ab_cdef, 0x1122_3344_5566_7788, 0x3141_5926_5358_9793];

/// Four bytes are found by chance now and then, but not the same kind of word in the same place at
/// every seed: that is a leak.
#[derive(Default)]
struct Words(BTreeMap<(String, &'static str, &'static str), usize>);

impl Words {
    /// Counts the words among what was left, and hands back the rest.
    fn part(&mut self, at: &str, left: Vec<Left>) -> Vec<Left> {
        let (words, rest) =
            left.into_iter().partition(|(_, kind)| [TRUNCATED, VALUE, WINDOW].contains(kind));
        let words: Vec<Left> = words;
        for (place, kind) in words {
            *self.0.entry((at.to_owned(), place, kind)).or_default() += 1;
        }
        rest
    }

    fn are_nowhere(&self) {
        let mut found = self.0.iter().filter(|(_, seeds)| **seeds == SEEDS.len());
        assert_eq!(found.next(), None, "at every seed: {:?}", self.0);
    }
}

/// Keeps what it seals, to be looked for elsewhere, and notes when it is to be looked at.
struct Keeping<'a> {
    keys: Keyring,
    plaintexts: &'a Mutex<Vec<Vec<u8>>>,
    looks: &'a Mutex<Vec<String>>,
}

impl Seal for Keeping<'_> {
    fn seal(&self, context: &[u8], nonce: [u8; 12], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.plaintexts.lock().unwrap().push(plain.to_vec());
        if LOOK_INSIDE.swap(false, Ordering::Relaxed) {
            self.looks.lock().unwrap().push(SEALING.to_owned());
        }
        self.keys.seal(context, nonce, plain)
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        if LOOK_INSIDE.load(Ordering::Relaxed) {
            self.looks.lock().unwrap().push(OPENED.to_owned());
        }
        self.keys.open(context, sealed)
    }

    fn fingerprint(&self, secret: &[u8]) -> Option<[u8; 16]> {
        self.keys.fingerprint(secret)
    }

    fn deployment(&self) -> &Deployment {
        self.keys.deployment()
    }

    fn is_current(&self, key: KeyName) -> bool {
        self.keys.is_current(key)
    }
}

/// What to look for in the account layer, and at which looks, from playing the scenario here.
fn of_accounts(seed: u64) -> (Needles, Vec<String>) {
    let mut needles = Needles::default();
    let mut key = [0; 32];
    Known(!seed).fill(&mut key);
    needles.add(SEALING_KEY, &key);

    let (plaintexts, looks, mut issued) = (Mutex::default(), Mutex::default(), Vec::new());
    let keys = Keyring::new("tests", SealingKey::new(&key).unwrap()).unwrap();
    let keys = Keeping { keys, plaintexts: &plaintexts, looks: &looks };
    let told = |code: &str| issued.push(code.to_owned());
    scenario::accounts(keys, seed, told, |at| looks.lock().unwrap().push(at.to_owned()));
    for code in &issued {
        match code.len() {
            8 => needles.add_code(code),
            // Behind the name of the sealing key, which every token begins with.
            88 => needles.add("browser token", code.as_bytes().split_at(8).1),
            89.. => needles.add("carried proof", code.as_bytes().split_at(8).1),
            _ => {
                needles.add("recovery code", code.as_bytes());
                needles.add("recovery code", &crockford(code.as_bytes()));
            }
        }
    }

    use scenario::{MOVED, NEW_PHONE, OLD_TOKEN, OPERATORS, PHONE, TOKEN};
    let step = NOW.as_secs() / 30;
    for (of, first) in [
        (PHONE, step - 1),
        (NEW_PHONE, step - 1),
        (TOKEN, 0),
        (OLD_TOKEN, 0),
        (MOVED, step - 1),
        (OPERATORS, step - 1),
    ] {
        let (secret, shown) =
            (scenario::secret(seed, of), |code: &str| issued.iter().any(|at| at == code));
        needles.add_hmac((of.1, secret.expose_bytes()), first..first + 64, shown);
        needles.add(TEXT, secret.expose_base32().expose_str().as_bytes());
        needles.add(TEXT, secret.expose_base32().expose_str().to_lowercase().as_bytes());
    }

    // The plaintexts: each has the hashes of the recovery codes in a row, with CBOR's heads between
    // them, which nothing but a plaintext has; and the key and MAC of a sent code.
    for plaintext in plaintexts.into_inner().unwrap() {
        for at in 0..plaintext.len().saturating_sub(34) {
            // [name, 16 bytes, failures, spent], and the next one.
            if [0, 25, 50].map(|next| plaintext.get(at + next)) == [Some(&0x50); 3] {
                needles.add("plaintext", &plaintext[at + 13..at + 22]);
            }
            if plaintext[at..].starts_with(&[0x82, 0x58, 32]) {
                needles.add("sent code", &plaintext[at + 3..at + 35]);
                needles.add("sent code", &plaintext[at + 37..at + 69]);
            }
        }
    }
    assert!(needles.kinds().is_superset(&BTreeSet::from(HELD_KINDS)), "nothing to look for");
    assert!(needles.kinds().contains("plaintext") && needles.kinds().contains(SEALING_KEY));
    (needles, looks.into_inner().unwrap())
}

/// What the host holds at one look, or the scenario for it. A plaintext it never has: that is looked
/// at while a `Seal` does.
const HELD_KINDS: [&str; 15] = [
    "secret",
    INNER[0],
    OUTER[0],
    INNER[1],
    OUTER[1],
    "inner digest",
    "MAC",
    WINDOW,
    TRUNCATED,
    VALUE,
    "code",
    "sent code",
    "recovery code",
    "browser token",
    "carried proof",
];

#[test]
#[ignore = "builds a program and looks at its memory: .ci/evidence runs it"]
fn accounts_leave_nothing_behind() {
    let scenarios = SEEDS.map(|seed| (seed, of_accounts(seed)));
    for flags in COMPRESSIONS {
        let (mut words, mut leaks) = (Words::default(), Vec::new());
        for (seed, (needles, looks)) in &scenarios {
            let mut program = Stopped::start(flags, "accounts", *seed, 0);
            for at in iter::once(KEYED).chain(looks.iter().map(String::as_str)) {
                let found = program.look(needles);
                println!("{flags} {at}: {found:?}");
                let held: &[_] = match at {
                    scenario::HELD => &HELD_KINDS,
                    OPENED | SEALING => &["plaintext"],
                    _ => &[],
                };
                for kind in held {
                    assert!(found.anywhere(kind), "{at}: the search does not find the {kind}");
                }
                if !held.is_empty() {
                    continue;
                }
                let mut left = found.left_behind();
                if at.starts_with(MADE) {
                    // The attempt holds the code, and the host a recovery code's text.
                    left.retain(|(place, kind)| *place == BELOW || *kind == SEALING_KEY);
                }
                let mut left = words.part(at, left);
                // The keyring lives as long as the program signs people in.
                if at != scenario::ALL_DROPPED {
                    let keyring = left.iter().position(|left| *left == (HEAP, SEALING_KEY));
                    left.remove(keyring.expect("the search does not find the sealing key"));
                }
                if [scenario::STRICT, scenario::LENIENT].contains(&at) {
                    // A `Secret` is returned by value; what it was decoded from is not.
                    left.retain(|left| *left != (BELOW, "secret"));
                }
                leaks.extend(left.into_iter().map(|left| (at, left)));
            }
        }
        assert_eq!(leaks, [], "{flags}");
        words.are_nowhere();
    }
}

/// A generator's state begins with the constant of ChaCha: where that is, the state is.
#[test]
#[ignore = "builds a program and looks at its memory: .ci/evidence runs it"]
fn a_generator_leaves_nothing_behind() {
    let mut needles = Needles::default();
    needles.add("generator", b"expand 32-byte k");
    let mut program = Stopped::start("", "random", 0, 0);
    assert_eq!(program.look(&needles).left_behind(), [(HEAP, "generator")], "while it is held");
    assert_eq!(program.look(&needles).left_behind(), [], "dropped");
}

/// The 18 bytes of a recovery code, by its alphabet: the digits, and the letters without I, L, O, U.
fn crockford(text: &[u8]) -> Vec<u8> {
    let value =
        |letter: &u8| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".iter().position(|at| at == letter);
    let bits: Vec<_> = text
        .iter()
        .filter_map(value)
        .flat_map(|five| (0..5).rev().map(move |bit| five >> bit & 1 == 1))
        .collect();
    // Four bits are left of 140.
    bits.chunks_exact(8)
        .map(|eight| eight.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit)))
        .collect()
}

/// The look before anything else, when the keyring has been made.
const KEYED: &str = "keyed";

/// The looks while an attempt with a typed code is made and not yet run: it holds the code on the heap,
/// and the stack below holds nothing.
const MADE: &str = "made: ";

/// The looks at a plaintext from within an operation.
const OPENED: &str = "opened";
const SEALING: &str = "sealing";

/// A key under a pad, and the half of the key schedule that comes of it.
const INNER: [&str; 2] = ["inner padded key", "inner key schedule"];
const OUTER: [&str; 2] = ["outer padded key", "outer key schedule"];

/// A secret longer than the block, as HMAC takes it; and any, as text.
const HASHED: &str = "hashed secret";
const TEXT: &str = "secret in base32";

const SEALING_KEY: &str = "sealing key";
const TRUNCATED: &str = "truncated value";
const WINDOW: &str = "window of a MAC";
const VALUE: &str = "value of a code";
