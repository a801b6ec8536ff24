//! Records as stores keep them: golden ones that stay readable for ever, and everything that can
//! happen to bytes on their way, which is never an acceptance, never a panic, and never overwritten.
//!
//! The golden records lie in `tests/data/records`, one file each, as text. A new format adds files
//! and leaves these alone:
//!
//! ```text
//! cargo test --test account write_the_golden_records -- --ignored      writes those that are missing
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::{NO_PASS, PassLength};
use crate::common::{accepted_as, acting};
use countersign::account::HostsWord;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use countersign::account::{
    Assertion, Bounded, BrowserId, ChallengeId, Deployment, ExistingDevice, KeyName, Label,
    PhoneNumber, RecordError, Seal, SealError, SealingKey, Text,
};
use countersign::mfa::{
    AccountAt, Changed, Decided, Entered, ExternalMethod, Fault, Floor, NotDone, PendingEnrolment,
    RestrictedNotice,
};
use countersign::otp::{Parameters, Period};
use countersign::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::common::{deployment, key_bytes, nameless, sealing_key, unreadable};

#[path = "../model/text.rs"]
mod text;

const KEY: [u8; 32] = key_bytes(7);

/// The same bytes in every run and every release: nothing here is secret.
struct Counting(u64);

impl rand::TryRng for Counting {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok((self.try_next_u64()? >> 32) as u32)
    }

    /// SplitMix64.
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(mixed ^ (mixed >> 31))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for byte in bytes {
            *byte = self.try_next_u64()? as u8;
        }
        Ok(())
    }
}

impl rand::TryCryptoRng for Counting {}

/// Rows that a test can put there itself.
#[derive(Default)]
struct Rows(Mutex<BTreeMap<AccountId, Record>>);

impl Rows {
    fn of(id: &AccountId, record: &Record) -> Rows {
        let rows = Rows::default();
        rows.put(id, record.clone());
        rows
    }

    fn put(&self, id: &AccountId, record: Record) {
        self.0.lock().unwrap().insert(*id, record);
    }

    fn row(&self, id: &AccountId) -> Option<Record> {
        self.0.lock().unwrap().get(id).cloned()
    }
}

impl Store for Rows {
    type Error = std::convert::Infallible;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Self::Error> {
        Ok(self.row(id))
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Self::Error> {
        if self.row(id).map(|record| record.version()) != write.expected() {
            return Ok(Swap::Stale);
        }
        self.put(id, write.record().clone());
        Ok(Swap::Stored)
    }
}

fn golden_keyring(key: [u8; 32]) -> Keyring {
    Keyring::new("records", SealingKey::new(&key).unwrap()).unwrap()
}

// Golden records.

/// A golden record, with what a reader has to know to go on from it.
#[derive(Debug)]
struct Golden {
    name: String,
    key: [u8; 32],
    id: AccountId,
    now: UnixTime,
    record: Record,
    summary: String,
    /// What is done next, and what has to come of it.
    then: Vec<String>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|character| !character.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/records")
}

impl Golden {
    fn print(&self, what: &str) -> String {
        let release = env!("CARGO_PKG_VERSION");
        let mut file = format!(
            "# {what}\n# Written by release {release}, record format {}.\n\n",
            self.record.as_bytes()[2]
        );
        file += &format!("key     {}\n", hex(&self.key));
        file += &format!("account {}\n", hex(self.id.as_bytes()));
        file += &format!("version {}\n", self.record.version());
        file += &format!("now     {}\n\n", self.now.as_secs());
        file += &self.summary.lines().map(|line| format!("summary {line}\n")).collect::<String>();
        file += "\n";
        file += &self.then.iter().map(|line| format!("then    {line}\n")).collect::<String>();
        file += "\n";
        for line in self.record.as_bytes().chunks(32) {
            file += &format!("record  {}\n", hex(line));
        }
        file
    }

    fn parse(name: &str, file: &str) -> Golden {
        let lines = |wanted: &str| -> Vec<&str> {
            let facts = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            let split = facts.map(|line| line.split_once(' ').unwrap());
            let wanted = split.filter(|(word, _)| *word == wanted);
            wanted.map(|(_, fact)| fact.trim_start()).collect()
        };
        let number = |wanted: &str| lines(wanted)[0].parse::<u64>().unwrap();
        Golden {
            name: name.into(),
            key: unhex(lines("key")[0]).try_into().unwrap(),
            id: AccountId::new(unhex(lines("account")[0])).unwrap(),
            now: UnixTime::from_secs(number("now")),
            record: Record::new(number("version"), unhex(&lines("record").concat())),
            summary: lines("summary").iter().map(|line| format!("{line}\n")).collect(),
            then: lines("then").iter().map(|line| (*line).into()).collect(),
        }
    }

    fn read(name: &str) -> Golden {
        let file = std::fs::read_to_string(folder().join(name).with_extension("txt")).unwrap();
        Golden::parse(name, &file)
    }

    fn all() -> Vec<Golden> {
        STORIES.iter().map(|(name, _, _)| Golden::read(name)).collect()
    }

    fn mfa(&self) -> Mfa<Keyring, Recommended> {
        Mfa::new(golden_keyring(self.key), Recommended)
    }
}

#[test]
fn every_golden_record_opens_and_says_what_it_said() {
    let mut files: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    let mut names: Vec<_> = STORIES.iter().map(|(name, _, _)| (*name).to_owned()).collect();
    names.sort();
    assert_eq!(files, names, "every file is read, and every story is on file");
    for golden in Golden::all() {
        let rows = Rows::of(&golden.id, &golden.record);
        let summary = golden.mfa().account(&golden.id).at(golden.now).summary().run(&rows).unwrap();
        assert_eq!(text::of(summary.as_ref()), golden.summary, "{}", golden.name);
    }
}

#[test]
fn every_golden_record_can_be_gone_on_from() {
    for golden in Golden::all() {
        let rows = Rows::of(&golden.id, &golden.record);
        let mfa = golden.mfa();
        assert!(!golden.then.is_empty());
        for line in &golden.then {
            let words: Vec<&str> = line.split(' ').collect();
            let (id, mut rng) = (&golden.id, Counting(99));
            let [what, at, given @ .., "->", expected] = &words[..] else { panic!("{line}") };
            let at = UnixTime::from_secs(at.parse().unwrap());
            let challenge = |text: &str| ChallengeId::from_bytes(unhex(text).try_into().unwrap());
            let purpose = SignIn;
            let person = mfa.account(id).at(at);
            let verdict = match (*what, given) {
                ("verify", [code]) => person.verify(code, purpose).run(&rows),
                ("recover", [code]) => person.recover(code, purpose).run(&rows),
                ("answer", [sent, code]) => {
                    person.verify_sent_code(challenge(sent), code, purpose).run(&rows)
                }
                ("from", [browser, code]) => {
                    person.verify(code, purpose).from_browser(browser).run(&rows)
                }
                ("settle", [started, device]) => {
                    let assertion = Assertion::verified_by_host(started, device.parse().unwrap());
                    person.finish_external(assertion, purpose).run(&rows)
                }
                ("enter", [pass]) => {
                    accepted_as(person.enter_pass(pass).run(&rows), |entered| match entered {
                        Entered::SignIn(proof) => proof,
                        Entered::Enrolment(_) => panic!("{line}"),
                    })
                }
                ("confirm", [pending, code]) => {
                    let op = person.confirm(challenge(pending), code, &mut rng);
                    let said = match op.run(&rows).decided().unwrap() {
                        Verdict::Accepted(_) => "accepted",
                        Verdict::AlreadyConfirmed => "done",
                        _ => "no",
                    };
                    assert_eq!(said, *expected, "{line}");
                    continue;
                }
                ("enrol", []) => {
                    let said = match person.enrol("new", &mut rng).run(&rows) {
                        Ok(_) => "done".into(),
                        Err(not_done) => format!("{:?}", not_done.refusal().unwrap()),
                    };
                    assert_eq!(said, *expected, "{line}");
                    continue;
                }
                _ => panic!("{line}"),
            };
            let said = match verdict {
                Verdict::Accepted(_) => "accepted",
                Verdict::Rejected { .. } => "rejected",
                Verdict::Wait { .. } => "wait",
                Verdict::Expired => "expired",
                Verdict::Closed => "closed",
                Verdict::Malformed => "malformed",
                Verdict::Refused | Verdict::AlreadyConfirmed => "refused",
                Verdict::Undecided(fault) => panic!("{fault}"),
            };
            assert_eq!(said, *expected, "{}: {line}", golden.name);
        }
        assert!(rows.row(&golden.id).unwrap().version() >= golden.record.version());
    }
}

/// Writes the golden records that are missing; never one that is there.
#[test]
#[ignore = "writes files: see the head of this file"]
fn write_the_golden_records() {
    std::fs::create_dir_all(folder()).unwrap();
    for (name, what, story) in STORIES {
        let file = folder().join(name).with_extension("txt");
        if !file.exists() {
            std::fs::write(file, story(name).print(what)).unwrap();
        }
    }
}

// The stories that the golden records come out of.

type Story = fn(&str) -> Golden;

const STORIES: &[(&str, &str, Story)] = &[
    (
        "fresh-pending",
        "An enrolment that waits for its first code, and nothing else.",
        fresh_pending,
    ),
    ("one-totp", "One app and ten recovery codes, one failure.", one_totp),
    ("one-hotp", "One token, seven digits, pressed a few times.", one_hotp),
    (
        "everything",
        "Five OTP devices: an app with a short secret, brought over; one with drift; one with a clock\n\
         # error; a token with the largest hash, a step of a minute and a T0; a token by counter that\n\
         # is used up. Passkey and certificate, telephone, a lost and a replaced device, a pending\n\
         # telephone, a sent code, a used challenge, an emergency pass, failures of each class and in\n\
         # both lanes, what was forgiven, a remembered browser, an old and a new set of recovery codes\n\
         # with one spent and one that was misread, the last confirmation.",
        everything,
    ),
    ("offboarded", "A leaver: two former devices and a tombstone.", offboarded),
];

const START: u64 = 1_800_000_000;

/// A person, a clock and whatever is in their pocket.
struct Life {
    mfa: Mfa<Keyring, Recommended>,
    rows: Rc<Rows>,
    draws: Cell<u64>,
    id: AccountId,
    clock: Cell<u64>,
}

impl Life {
    fn new(name: &str) -> Life {
        Life {
            mfa: Mfa::new(golden_keyring(KEY), Recommended),
            rows: Rc::default(),
            draws: Cell::new(name.len() as u64 * 1000),
            id: AccountId::new(name).unwrap(),
            clock: Cell::new(START),
        }
    }

    fn at(&self) -> UnixTime {
        UnixTime::from_secs(self.now())
    }

    fn now(&self) -> u64 {
        self.clock.get()
    }

    /// The person's account now.
    fn account(&self) -> AccountAt<'_> {
        self.mfa.account(&self.id).at(self.at())
    }

    fn wait(&self, secs: u64) {
        self.clock.set(self.clock.get() + secs);
    }

    /// A generator of its own for every draw.
    fn rng(&self) -> Counting {
        self.draws.set(self.draws.get() + 1);
        Counting(self.draws.get())
    }

    fn enrol(&self, label: &str, proof: Option<Proof<ChangeFactors>>) -> (PendingEnrolment, Totp) {
        let op = self.account().enrol(label, &mut self.rng());
        let mut op = match proof {
            Some(proof) => op.proven_by(proof),
            None => op,
        };
        let pending = op.run(&*self.rows).unwrap().into_inner();
        let uri = pending.uri("Acme Billing", "person").unwrap();
        let totp = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
        (pending, totp)
    }

    fn bind(
        &self,
        label: &str,
        proof: Option<Proof<ChangeFactors>>,
    ) -> (DeviceId, Totp, Vec<String>) {
        let (pending, totp) = self.enrol(label, proof);
        let code = totp.generate(self.at()).unwrap();
        let op = self.account().confirm(pending.id(), code.expose_str(), &mut self.rng());
        let bound = op.run(&*self.rows).decided().unwrap().accepted().unwrap();
        let codes = bound
            .recovery_codes()
            .map(|codes| codes.iter().map(|code| code.expose_text().to_string()).collect());
        (bound.device(), totp, codes.unwrap_or_default())
    }

    /// A minute later, a proof by `totp`.
    fn proof<P: Purpose>(&self, totp: &Totp, purpose: P) -> Proof<P> {
        self.wait(60);
        let code = totp.generate(self.at()).unwrap();
        let op = self.account().verify(code.expose_str(), purpose);
        op.run(&*self.rows).decided().unwrap().accepted().unwrap()
    }

    fn golden(&self, name: &str, then: Vec<String>) -> Golden {
        let summary = self.account().summary().run(&*self.rows).unwrap();
        Golden {
            name: name.into(),
            key: KEY,
            id: self.id,
            now: self.at(),
            record: self.rows.row(&self.id).unwrap(),
            summary: text::of(summary.as_ref()),
            then,
        }
    }
}

fn code_at(totp: &Totp, secs: u64) -> String {
    totp.generate(UnixTime::from_secs(secs)).unwrap().expose_str().to_owned()
}

fn fresh_pending(name: &str) -> Golden {
    let life = Life::new(name);
    let (pending, totp) = life.enrol("Dana’s phone", None);
    life.wait(30);
    let (id, at) = (pending.id(), life.now());
    let code = code_at(&totp, at);
    let wrong = code_at(&totp, at + 3000);
    life.golden(
        name,
        vec![
            format!("verify {at} {code} -> rejected"), // it satisfies nothing
            format!("confirm {at} {id} {wrong} -> no"),
            format!("confirm {at} {id} {code} -> accepted"),
            format!("confirm {at} {id} {code} -> done"),
            format!("confirm {at} {id} {wrong} -> no"),
            format!("verify {at} {code} -> rejected"),
        ],
    )
}

fn one_totp(name: &str) -> Golden {
    let life = Life::new(name);
    let (_, totp, codes) = life.bind("Dana’s phone", None);
    life.wait(600);
    let wrong = code_at(&totp, START + 100_000);
    let op = life.account().verify(&wrong, SignIn);
    assert!(op.run(&*life.rows).decided().unwrap().accepted().is_none());
    let (now, next) = (life.now(), life.now() + 30);
    let then = vec![
        format!("verify {now} {} -> rejected", code_at(&totp, START)),
        format!("verify {next} {} -> accepted", code_at(&totp, next)),
        format!("verify {next} {} -> rejected", code_at(&totp, now)),
        format!("recover {next} {} -> accepted", codes[3]),
        format!("recover {next} {} -> rejected", codes[3]),
    ];
    life.golden(name, then)
}

fn one_hotp(name: &str) -> Golden {
    let life = Life::new(name);
    let mut op = life.account().enrol_hotp("token 4711", Digits::Seven, &mut life.rng());
    let pending = op.run(&*life.rows).unwrap();
    let uri = pending.uri("Acme Billing", "person").unwrap();
    let hotp = Hotp::new(uri.secret(), uri.algorithm(), uri.digits());
    let code = |counter| hotp.generate(counter).expose_str().to_owned();
    let op = life.account().confirm(pending.id(), &code(0), &mut life.rng());
    let _ = op.run(&*life.rows).decided().unwrap().accepted().unwrap();
    let op = life.account().verify(&code(3), SignIn);
    assert!(op.run(&*life.rows).decided().unwrap().accepted().is_some());
    let then = vec![
        format!("verify {START} {} -> rejected", code(3)),
        format!("verify {START} {} -> accepted", code(8)),
        format!("verify {START} {} -> rejected", code(4)),
        format!("verify {START} {} -> accepted", code(9)),
    ];
    life.golden(name, then)
}

fn offboarded(name: &str) -> Golden {
    let life = Life::new(name);
    let (_, totp, codes) = life.bind("Dana’s phone", None);
    let proof = life.proof(&totp, ChangeFactors);
    let (_, other, _) = life.bind("tablet", Some(proof));
    life.wait(86_400);
    let mut op = life.account().offboard(HostsWord::Process, "left the practice");
    op.run(&*life.rows).unwrap();
    let next = life.now() + 60;
    let then = vec![
        format!("verify {next} {} -> rejected", code_at(&totp, next)),
        format!("verify {next} {} -> rejected", code_at(&other, next)),
        format!("recover {next} {} -> rejected", codes[0]),
        format!("enrol {next} -> Offboarded"),
        format!("enter {next} {NO_PASS} -> rejected"),
    ];
    life.golden(name, then)
}

/// The text with another last character: a recovery code with the right name and a wrong secret.
fn other_end(text: &str) -> String {
    let (head, last) = text.split_at(text.len() - 1);
    format!("{head}{}", if last == "0" { '1' } else { '0' })
}

fn everything(name: &str) -> Golden {
    let life = Life::new(name);
    let label = |text: &str| Label::new(text).unwrap();

    // From another system: an app with a short secret, a token at the end of its counters.
    let short = Secret::dangerously_allow_short(b"ten bytes!").unwrap();
    let short_totp = Totp::new(&short, Parameters::default());
    let import = ExistingDevice::totp(label("from before"), short, Parameters::default(), Some(7));
    life.account().import(import, &mut life.rng()).run(&*life.rows).unwrap();
    let secret = Secret::from_bytes(&[9; 20]).unwrap();
    let last = Hotp::new(&secret, Algorithm::Sha1, Digits::Eight).generate(u64::MAX);
    let import =
        ExistingDevice::hotp(label("old token"), secret, Algorithm::Sha1, Digits::Eight, u64::MAX);
    life.account().import(import, &mut life.rng()).run(&*life.rows).unwrap();
    let op = life.account().verify(last.expose_str(), SignIn);
    assert!(op.run(&*life.rows).decided().unwrap().accepted().is_some(), "the last code there is");

    // An app, which brings the recovery codes; one that is lost, one that is replaced.
    let proof = life.proof(&short_totp, ChangeFactors);
    let (_, app, codes) = life.bind("Dana’s phone", Some(proof));
    let proof = life.proof(&app, ChangeFactors);
    let (lost, _, _) = life.bind("phone before", Some(proof));
    let proof = life.proof(&app, SignIn);
    life.account().report_lost(lost, proof).run(&*life.rows).unwrap();
    let proof = life.proof(&app, ChangeFactors);
    let (old, _, _) = life.bind("tablet before", Some(proof));
    let proof = life.proof(&app, ChangeFactors);
    let mut op = life.account().replace(old, "tablet", proof, &mut life.rng());
    let pending = op.run(&*life.rows).unwrap();
    let uri = pending.uri("Acme Billing", "person").unwrap();
    let tablet = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
    let code = code_at(&tablet, life.now());
    let op = life.account().confirm(pending.id(), &code, &mut life.rng());
    let tablet_id = op.run(&*life.rows).decided().unwrap().accepted().unwrap().device();

    // A token with the largest hash and a step of its own.
    let secret = Secret::from_bytes(&[5; 64]).unwrap();
    let parameters = Parameters {
        algorithm: Algorithm::Sha512,
        digits: Digits::Eight,
        period: Period::new(60).unwrap(),
        t0: UnixTime::from_secs(1_000),
    };
    let token = Totp::new(&secret, parameters);
    let proof = life.proof(&app, ChangeFactors);
    let existing = ExistingDevice::totp(label("token"), secret, parameters, None);
    let mut op = life.account().enrol_existing(existing, &mut life.rng()).proven_by(proof);
    let pending = op.run(&*life.rows).unwrap();
    let code = code_at(&token, life.now());
    let op = life.account().confirm(pending.id(), &code, &mut life.rng());
    let _ = op.run(&*life.rows).decided().unwrap().accepted().unwrap();

    // What the host checks, and a telephone.
    let mut keys = Vec::new();
    for (label, method) in [("key", ExternalMethod::Passkey), ("card", ExternalMethod::Pki)] {
        let proof = life.proof(&app, ChangeFactors);
        let op = life.account().bind_external(label, method, &mut life.rng());
        keys.push(op.proven_by(proof).run(&*life.rows).unwrap().device());
    }
    let told = RestrictedNotice::given_by_host;
    let number = |last: u8| PhoneNumber::new(&format!("+49151123456{last:02}")).unwrap();
    let proof = life.proof(&app, ChangeFactors);
    let op = life.account().enrol_phone("Dana", number(78), told(), &mut life.rng());
    let sent = op.proven_by(proof).run(&*life.rows).unwrap();
    let op =
        life.account().confirm(sent.id(), sent.to_send().unwrap().expose_str(), &mut life.rng());
    let _ = op.run(&*life.rows).decided().unwrap().accepted().unwrap();

    // A clock that is off by 20 steps.
    life.wait(90);
    let codes_of_tablet = [570, 600].map(|ahead| code_at(&tablet, life.now() + ahead));
    let pair = [codes_of_tablet[0].as_str(), codes_of_tablet[1].as_str()];
    let op = life.account().resynchronise(tablet_id, pair);
    assert!(op.run(&*life.rows).decided().unwrap().accepted().is_some());
    let op = life.account().recover(&codes[0], SignIn);
    assert!(op.run(&*life.rows).decided().unwrap().accepted().is_some());

    // A remembered browser; failures that were forgiven; a new set of recovery codes, not seen yet.
    let proof = life.proof(&app, SignIn);
    let mut op = life.account().remember_browser(&proof, &mut life.rng());
    let browser = op.run(&*life.rows).unwrap().expose_token().to_owned();
    let wrong = code_at(&app, START + 1_000_000);
    let op = life.account().verify(&wrong, SignIn);
    assert!(op.run(&*life.rows).decided().unwrap().accepted().is_none());
    let op = life.account().recover(&codes[1], ChangeFactors);
    let proof = op.run(&*life.rows).decided().unwrap().accepted().unwrap();
    life.account().unlock(proof).run(&*life.rows).unwrap();
    let proof = life.proof(&app, ChangeFactors);
    let mut op = life.account().regenerate_recovery_codes(proof, &mut life.rng());
    let newer = op.run(&*life.rows).unwrap().into_inner();
    let newer: Vec<_> = newer.iter().map(|code| code.expose_text().to_string()).collect();

    // Emergency access, by an operator.
    let operator = Life { rows: Rc::clone(&life.rows), ..Life::new("operator") };
    operator.clock.set(life.now() - 120);
    let (_, operators, _) = operator.bind("operator’s phone", None);
    let proof = operator.proof(&operators, ActForOther);
    let mut op = life.account().grant_emergency_access(
        acting(proof),
        PassLength::Long,
        3600,
        "phone broken",
        &mut life.rng(),
    );
    let pass = op.run(&*life.rows).unwrap().expose_text();

    // What is under way.
    let proof = life.proof(&app, ChangeFactors);
    let op = life.account().enrol_phone("new number", number(79), told(), &mut life.rng());
    let pending = op.proven_by(proof).run(&*life.rows).unwrap();
    life.wait(31);
    // A clock that is off by one.
    let code = code_at(&app, life.now() + 30);
    let op = life.account().verify(&code, SignIn);
    assert!(op.run(&*life.rows).decided().unwrap().accepted().is_some());
    let mut op = life.account().send_code(SignIn, &mut life.rng());
    let sent = op.run(&*life.rows).unwrap();
    let used = life.account().start_external(SignIn, &mut life.rng()).unwrap();
    let verified = Assertion::verified_by_host(used.token(), keys[0]);
    let op = life.account().finish_external(verified, SignIn);
    assert!(op.run(&*life.rows).decided().unwrap().accepted().is_some());
    let started = life.account().start_external(SignIn, &mut life.rng()).unwrap();

    // One failure of each kind.
    for browser in ["", &browser] {
        let op = life.account().verify(&wrong, SignIn).from_browser(browser);
        assert!(op.run(&*life.rows).decided().unwrap().accepted().is_none());
    }
    let misread = other_end(&newer[2]);
    let op = life.account().recover(&misread, SignIn);
    assert!(op.run(&*life.rows).decided().unwrap().accepted().is_none());
    let op = life.account().verify_sent_code(sent.id(), &wrong, SignIn);
    assert!(op.run(&*life.rows).decided().unwrap().accepted().is_none());

    let (now, next) = (life.now(), life.now() + 60);
    let then = vec![
        format!("verify {now} {} -> rejected", code_at(&app, START + 30)),
        format!("verify {next} {} -> accepted", code_at(&app, next + 30)),
        format!("verify {next} {} -> accepted", code_at(&tablet, next + 600)),
        format!("verify {next} {} -> accepted", code_at(&token, next)),
        format!("from {next} {browser} {} -> accepted", code_at(&short_totp, next)),
        format!("verify {next} {} -> rejected", last.expose_str()),
        format!("recover {next} {} -> rejected", codes[0]),
        format!("recover {next} {} -> accepted", codes[9]), // of the set before
        format!("recover {next} {} -> accepted", newer[9]),
        format!("recover {next} {} -> rejected", codes[8]), // which has ended with that
        format!("recover {next} {misread} -> rejected"),
        format!("recover {next} {} -> accepted", newer[2]),
        format!("answer {next} {} {} -> accepted", sent.id(), sent.to_send().unwrap().expose_str()),
        format!("settle {next} {} {} -> expired", used.token(), keys[1]),
        format!("settle {next} {} {} -> accepted", started.token(), keys[1]),
        format!("enter {next} {} -> accepted", *pass),
        format!(
            "confirm {next} {} {} -> accepted",
            pending.id(),
            pending.to_send().unwrap().expose_str()
        ),
    ];
    life.golden(name, then)
}

// What can happen to bytes.

/// A store that must not be written to.
struct ReadOnly<'a>(&'a Rows);

impl Store for ReadOnly<'_> {
    type Error = std::convert::Infallible;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Self::Error> {
        Ok(self.0.row(id))
    }

    fn swap(&self, _: &AccountId, _: &Write<'_>) -> Result<Swap, Self::Error> {
        panic!("a record that does not open was overwritten")
    }
}

/// Why an operation of any kind could not be decided.
trait MayFail {
    fn fault(self) -> Option<Fault<std::convert::Infallible>>;
}

impl<T> MayFail for Verdict<T, Fault<std::convert::Infallible>> {
    fn fault(self) -> Option<Fault<std::convert::Infallible>> {
        self.decided().err().map(nameless)
    }
}

impl<T, A> MayFail for Result<Changed<T>, NotDone<std::convert::Infallible, A>> {
    fn fault(self) -> Option<Fault<std::convert::Infallible>> {
        match self {
            Err(NotDone::Undecided(fault)) => Some(nameless(fault)),
            _ => None,
        }
    }
}

impl<T> MayFail for Result<T, Fault<std::convert::Infallible>> {
    fn fault(self) -> Option<Fault<std::convert::Infallible>> {
        self.err().map(nameless)
    }
}

/// What `verify` says to these bytes; it must be an error.
fn refusal(keys: Keyring, id: &AccountId, record: Record) -> RecordError {
    let mfa = Mfa::new(keys, Recommended);
    let rows = Rows::of(id, &record);
    let op = mfa.account(id).at(UnixTime::from_secs(START)).verify("000000", SignIn);
    match op.run(&ReadOnly(&rows)) {
        Verdict::Undecided(Fault::Record { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

fn with_bytes(golden: &Golden, bytes: &[u8]) -> Record {
    Record::new(golden.record.version(), bytes.to_vec())
}

#[test]
fn a_record_torn_anywhere_is_refused() {
    for golden in Golden::all() {
        let bytes = golden.record.as_bytes();
        for len in 0..bytes.len() {
            let error =
                refusal(golden_keyring(golden.key), &golden.id, with_bytes(&golden, &bytes[..len]));
            let expected = if len < 2 { RecordError::Foreign } else { RecordError::Torn };
            assert_eq!(error, expected, "{} bytes of {}", len, golden.name);
        }
        for tail in [&[0_u8][..], &[0; 16], bytes] {
            let longer = [bytes, tail].concat();
            let error =
                refusal(golden_keyring(golden.key), &golden.id, with_bytes(&golden, &longer));
            assert_eq!(error, RecordError::Torn, "{} with a tail", golden.name);
        }
    }
}

#[test]
fn a_record_changed_in_one_byte_is_refused_by_name() {
    let newest = newest_format();
    for golden in Golden::all() {
        let bytes = golden.record.as_bytes();
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut changed = bytes.to_vec();
                changed[at] ^= flip;
                let record = with_bytes(&golden, &changed);
                let error = refusal(golden_keyring(golden.key), &golden.id, record);
                let expected = match at {
                    0..2 => RecordError::Foreign,
                    2 if changed[2] == 0 => RecordError::Foreign,
                    2 if changed[2] > newest => RecordError::NewerFormat(changed[2]),
                    2 => RecordError::Altered, // the format is authenticated
                    3..11 => RecordError::OtherAccount,
                    11..15 => RecordError::Torn,
                    15..19 => RecordError::UnknownKey,
                    _ => RecordError::Altered,
                };
                assert_eq!(error, expected, "byte {at} of {}", golden.name);
            }
        }
    }
}

/// The format that this release writes.
fn newest_format() -> u8 {
    let life = Life::new("newest");
    let _ = life.bind("phone", None);
    life.golden("newest", Vec::new()).record.as_bytes()[2]
}

#[test]
fn every_later_format_is_refused_by_its_number() {
    let golden = Golden::read("one-totp");
    for format in newest_format() + 1..=u8::MAX {
        let mut bytes = golden.record.as_bytes().to_vec();
        bytes[2] = format;
        let error = refusal(golden_keyring(golden.key), &golden.id, with_bytes(&golden, &bytes));
        assert_eq!(error, RecordError::NewerFormat(format));
    }
}

#[test]
fn foreign_bytes_are_refused() {
    let golden = Golden::read("one-totp");
    let kept: [&[u8]; 5] = [b"", b"{\"secret\":\"JBSWY3DP\"}", b"\0\0\0", &[0xff; 600], b"CS\x01"];
    for bytes in kept {
        let error = refusal(golden_keyring(golden.key), &golden.id, with_bytes(&golden, bytes));
        assert_eq!(error, RecordError::Foreign, "{bytes:?}");
    }
}

/// A record belongs to one person: moved as it is, and moved with its header repaired.
#[test]
fn a_record_moved_to_another_account_is_refused() {
    let (mine, theirs) = (Golden::read("one-totp"), Golden::read("one-hotp"));
    let moved = with_bytes(&mine, mine.record.as_bytes());
    assert_eq!(refusal(golden_keyring(KEY), &theirs.id, moved), RecordError::OtherAccount);

    let mut repaired = mine.record.as_bytes().to_vec();
    repaired[3..11].copy_from_slice(&theirs.record.as_bytes()[3..11]);
    let moved = Record::new(theirs.record.version(), repaired);
    assert_eq!(refusal(golden_keyring(KEY), &theirs.id, moved), RecordError::Altered);
}

/// A record belongs to one version: an old one put back under the number of the newest is no
/// fresh budget.
#[test]
fn a_record_put_under_another_version_is_refused() {
    let golden = Golden::read("one-totp");
    let version = golden.record.version();
    let bytes = golden.record.as_bytes();
    for (version, expected) in [
        (0, RecordError::Version),
        (version - 1, RecordError::Altered),
        (version + 1, RecordError::Altered),
        (u64::from(u32::MAX) + version, RecordError::Altered),
        (Record::MAX_VERSION, RecordError::Altered),
        (Record::MAX_VERSION + 1, RecordError::Version),
        (u64::MAX, RecordError::Version),
    ] {
        let record = Record::new(version, bytes.to_vec());
        assert_eq!(refusal(golden_keyring(KEY), &golden.id, record), expected, "{version}");
    }
}

#[test]
fn a_record_under_another_key_is_refused() {
    let golden = Golden::read("one-totp");
    let record = || golden.record.clone();
    assert_eq!(
        refusal(golden_keyring(key_bytes(1)), &golden.id, record()),
        RecordError::UnknownKey
    );
    let ring =
        golden_keyring(key_bytes(1)).opening_older(sealing_key(2)).opening_older(sealing_key(3));
    assert_eq!(refusal(ring, &golden.id, record()), RecordError::UnknownKey);

    // The name of the right key on the work of another one.
    let mut bytes = golden.record.as_bytes().to_vec();
    let rows = Rows::of(&golden.id, &golden.record);
    let mfa = Mfa::new(
        golden_keyring(key_bytes(1)).opening_older(SealingKey::new(&KEY).unwrap()),
        Recommended,
    );
    spend_a_code(&mfa, &rows, &golden);
    bytes[15..19].copy_from_slice(&rows.row(&golden.id).unwrap().as_bytes()[15..19]);
    let renamed = with_bytes(&golden, &bytes);
    assert_eq!(refusal(golden_keyring(key_bytes(1)), &golden.id, renamed), RecordError::Altered);
}

/// A wrong code, so that something is written.
fn spend_a_code<K: Seal>(mfa: &Mfa<K, Recommended>, rows: &Rows, golden: &Golden) {
    let op = mfa.account(&golden.id).at(golden.now).verify("000000", SignIn);
    let verdict = op.run(rows);
    assert!(matches!(verdict, Verdict::Rejected { .. }), "{verdict:?}");
}

#[test]
fn a_record_moves_to_the_newest_key_when_it_is_written() {
    let golden = Golden::read("everything");
    let rows = Rows::of(&golden.id, &golden.record);
    let opens = |ring: Keyring| {
        let mfa = Mfa::new(ring, Recommended);
        mfa.account(&golden.id)
            .at(golden.now)
            .summary()
            .run(&rows)
            .map(|summary| text::of(summary.as_ref()))
            .map_err(nameless)
    };
    let unknown = Err(unreadable(RecordError::UnknownKey));

    // The new key is there, nothing is written yet: the old one is still needed.
    let before = opens(
        golden_keyring(key_bytes(1))
            .opening_older(sealing_key(2))
            .opening_older(SealingKey::new(&KEY).unwrap()),
    )
    .unwrap();
    assert_eq!(before, golden.summary);
    assert_eq!(opens(golden_keyring(key_bytes(1))), unknown);
    let read = rows.row(&golden.id).unwrap();
    assert!(read == golden.record, "reading writes nothing");

    spend_a_code(
        &Mfa::new(
            golden_keyring(key_bytes(1)).opening_older(SealingKey::new(&KEY).unwrap()),
            Recommended,
        ),
        &rows,
        &golden,
    );
    assert_eq!(opens(golden_keyring(KEY)), unknown);
    let after = opens(golden_keyring(key_bytes(1))).unwrap();
    let differ: Vec<_> =
        golden.summary.lines().zip(after.lines()).filter(|(a, b)| a != b).collect();
    let [(before, after)] = differ[..] else { panic!("{differ:?}") };
    assert!(before.starts_with("codes: failures 1 and 1,"), "{before}");
    assert!(after.starts_with("codes: failures 2 and 1,"), "{after}");
}

/// Every operation on bytes that do not open: an error, and the bytes stay.
#[test]
fn nothing_overwrites_what_does_not_open() {
    let golden = Golden::read("one-totp");
    let (id, at) = (golden.id, golden.now);
    let bytes = golden.record.as_bytes();
    let mut altered = bytes.to_vec();
    *altered.last_mut().unwrap() ^= 1;
    let mut newer = bytes.to_vec();
    newer[2] = newest_format() + 1;
    let life = Life::new("operator");
    let (_, totp, _) = life.bind("phone", None);
    let proof = || life.proof(&totp, ActForOther);
    let own = || life.proof(&totp, ChangeFactors);

    let (none, version) = (Floor::default(), golden.record.version());
    let epoch = golden.mfa().account(&id).at(at).summary().run(&Rows::of(&id, &golden.record));
    let epoch = epoch.unwrap().unwrap().epoch;
    for (damaged, floor, expected) in [
        (&altered[..], none, RecordError::Altered),
        (&bytes[..bytes.len() / 2], none, RecordError::Torn),
        (&newer, none, RecordError::NewerFormat(newer[2])),
        (b"something else", none, RecordError::Foreign),
        // What opens, and is older than the host remembers.
        (bytes, Floor { version: version + 1, ..none }, RecordError::RolledBack),
        (bytes, Floor { epoch: epoch + 1, ..none }, RecordError::RolledBack),
    ] {
        let (mfa, rows) = (golden.mfa(), Rows::of(&id, &with_bytes(&golden, damaged)));
        let mut rng = Counting(1);
        let rng = &mut rng;
        let challenge = ChallengeId::from_bytes([0; 16]);
        let device = DeviceId::from_u64(1);
        let existing = || {
            let secret = Secret::from_bytes(&[1; 20]).unwrap();
            ExistingDevice::totp(Text::new("t").unwrap(), secret, Parameters::default(), None)
        };
        let number = PhoneNumber::new("+4915112345678").unwrap();
        let told = RestrictedNotice::given_by_host();
        let assertion = Assertion::verified_by_host("00", device);
        let sign_in = || SignIn;
        let store = ReadOnly(&rows);
        let code = "123456";
        let recovery = "0000-1111-2222-3333-4444-5555-6666";
        let sign_in_proof = life.proof(&totp, SignIn);
        let browser: BrowserId = "0".repeat(16).parse().unwrap();
        macro_rules! refuses {
            ($($op:expr,)*) => {$(
                let error = $op.run(&store).fault();
                assert_eq!(error, Some(unreadable(expected)), "{}", stringify!($op));
            )*};
        }
        refuses! {
            mfa.account(&id).at(at).not_older_than(floor).verify(code, sign_in()),
            mfa.account(&id).at(at).not_older_than(floor).resynchronise(device, [code, code]),
            mfa.account(&id).at(at).not_older_than(floor).recover(recovery, sign_in()),
            mfa.account(&id).at(at).not_older_than(floor).send_code(sign_in(), rng),
            mfa.account(&id).at(at).not_older_than(floor).verify_sent_code(challenge, code, sign_in()),
            mfa.account(&id).at(at).not_older_than(floor).finish_external(assertion, sign_in()),
            mfa.account(&id).at(at).not_older_than(floor).enter_pass(NO_PASS),
            mfa.account(&id).at(at).not_older_than(floor).enrol("t", rng),
            mfa.account(&id).at(at).not_older_than(floor).enrol_hotp("t", Digits::Six, rng),
            mfa.account(&id).at(at).not_older_than(floor).enrol_existing(existing(), rng),
            mfa.account(&id).at(at).not_older_than(floor).enrol_phone("t", number, told, rng),
            mfa.account(&id).at(at).not_older_than(floor).replace(device, "t", own(), rng),
            mfa.account(&id).at(at).not_older_than(floor).confirm(challenge, code, rng),
            mfa.account(&id).at(at).not_older_than(floor).confirm_pair(challenge, [code, code], rng),
            mfa.account(&id).at(at).not_older_than(floor).bind_external("t", ExternalMethod::Passkey, rng),
            mfa.account(&id).at(at).not_older_than(floor).import(existing(), rng),
            mfa.account(&id).at(at).not_older_than(floor).regenerate_recovery_codes(own(), rng),
            mfa.account(&id).at(at).not_older_than(floor).replace_leaked_recovery_codes(own(), rng),
            mfa.account(&id).at(at).not_older_than(floor).acknowledge_recovery_codes(challenge),
            mfa.account(&id).at(at).not_older_than(floor).unlock(own()),
            mfa.account(&id).at(at).not_older_than(floor).remember_browser(&sign_in_proof, rng),
            mfa.account(&id).at(at).not_older_than(floor).forget_browser(browser),
            mfa.account(&id).at(at).not_older_than(floor).trust_browser(&sign_in_proof, rng),
            mfa.account(&id).at(at).not_older_than(floor).visit("00"),
            mfa.account(&id).at(at).not_older_than(floor).distrust_browser(browser),
            mfa.account(&id).at(at).not_older_than(floor).revoke(device, acting(proof())),
            mfa.account(&id).at(at).not_older_than(floor).report_lost(device, proof()),
            mfa.account(&id).at(at).not_older_than(floor).reset(acting(proof()), PassLength::Long, "r", rng),
            mfa.account(&id).at(at).not_older_than(floor).grant_emergency_access(acting(proof()), PassLength::Long, 60, "r", rng),
            mfa.account(&id).at(at).not_older_than(floor).invite(acting(proof()), PassLength::Short, "r", rng),
            mfa.account(&id).at(at).not_older_than(floor).revoke_passes(own()),
            mfa.account(&id).at(at).not_older_than(floor).offboard(HostsWord::Process, "r"),
            mfa.account(&id).at(at).not_older_than(floor).bar(HostsWord::Process, "r"),
            mfa.account(&id).at(at).not_older_than(floor).summary(),
            mfa.account(&id).at(at).not_older_than(floor).standing(),
            mfa.account(&id).at(at).not_older_than(floor).reseal(),
        }
        assert_eq!(rows.row(&id).unwrap().as_bytes(), damaged);
    }
}

/// An operator whose own record does not open acts on nobody.
#[test]
fn a_damaged_record_of_the_operator_is_an_error_as_well() {
    let golden = Golden::read("one-totp");
    let life = Life::new("operator");
    let (_, totp, _) = life.bind("phone", None);
    let proof = life.proof(&totp, ActForOther);
    life.rows.put(&golden.id, golden.record.clone());
    let theirs = life.rows.row(&life.id).unwrap();
    let mut torn = theirs.as_bytes().to_vec();
    torn.pop();
    life.rows.put(&life.id, Record::new(theirs.version(), torn));
    let mut op = life.mfa.account(&golden.id).at(life.at()).reset(
        acting(proof),
        PassLength::Long,
        "phone stolen",
        &mut life.rng(),
    );
    let error = op.run(&ReadOnly(&life.rows)).fault();
    assert_eq!(error, Some(unreadable(RecordError::Torn)));
}

#[test]
fn versions_end_at_what_a_database_can_count_to() {
    let golden = Golden::read("one-totp");
    let mfa = Mfa::new(Clear, Recommended);
    let last = |version| {
        let plain = plaintext(&golden);
        let rows = Rows::of(&golden.id, &clear_record(&golden.id, version, &plain));
        let op = mfa.account(&golden.id).at(golden.now).verify("000000", SignIn);
        (op.run(&rows).fault(), rows.row(&golden.id).unwrap().version())
    };
    let most = Record::MAX_VERSION;
    assert_eq!(most, i64::MAX as u64);
    assert_eq!(last(most - 1), (None, most));
    assert_eq!(last(most), (Some(unreadable(RecordError::Version)), most));
}

// Sizes and secrecy.

#[test]
fn one_device_and_ten_codes_fit_in_544_bytes() {
    let golden = Golden::read("one-totp");
    assert!(golden.record.as_bytes().len() <= 544, "{}", golden.record.as_bytes().len());
    assert!(Golden::read("everything").record.as_bytes().len() <= 2048);
}

/// As many and as long as everything may be.
#[test]
fn the_largest_account_fits() {
    #[derive(Debug)]
    struct Most;
    impl Policy for Most {
        fn recovery_codes(&self) -> Bounded<1, 16> {
            Bounded::of::<16>()
        }
    }
    let (mfa, rows) = (Mfa::with_policy(golden_keyring(KEY), Most).unwrap(), Rows::default());
    let (id, mut rng) = (AccountId::new([0xff; 64]).unwrap(), Counting(3));
    let mut now = START;
    let long = "L".repeat(64);
    let secret = |at: u8| Secret::from_bytes(&[at; 128]).unwrap();
    let parameters = Parameters {
        algorithm: Algorithm::Sha512,
        digits: Digits::Eight,
        period: Period::new(120).unwrap(),
        t0: UnixTime::from_secs(1_000_000_000),
    };
    for at in 0..5 {
        let device =
            ExistingDevice::totp(Text::new(&long).unwrap(), secret(at), parameters, Some(0));
        let mut op = mfa.account(&id).at(UnixTime::from_secs(now)).import(device, &mut rng);
        op.run(&rows).unwrap();
    }
    let totp = Totp::new(&secret(0), parameters);
    let proof = |now: &mut u64| {
        *now += 120;
        let at = UnixTime::from_secs(*now);
        let code = totp.generate(at).unwrap();
        let op = mfa.account(&id).at(at).verify(code.expose_str(), ChangeFactors);
        (op.run(&rows).accepted().unwrap(), at)
    };
    let bind = |rng: &mut Counting, now: &mut u64| {
        let (proof, at) = proof(now);
        let mut op = mfa
            .account(&id)
            .at(at)
            .bind_external(&long, ExternalMethod::Passkey, rng)
            .proven_by(proof);
        op.run(&rows).unwrap().device()
    };
    for _ in 0..20 {
        let device = bind(&mut rng, &mut now);
        let (proof, at) = proof(&mut now);
        mfa.account(&id).at(at).revoke(device, proof).run(&rows).unwrap();
    }
    for _ in 0..8 {
        bind(&mut rng, &mut now);
    }
    let told = RestrictedNotice::given_by_host;
    let number = || PhoneNumber::new("+123456789012345").unwrap();
    let (first, at) = proof(&mut now);
    let mut op =
        mfa.account(&id).at(at).enrol_phone(&long, number(), told(), &mut rng).proven_by(first);
    let sent = op.run(&rows).unwrap();
    let op =
        mfa.account(&id).at(at).confirm(sent.id(), sent.to_send().unwrap().expose_str(), &mut rng);
    let _ = op.run(&rows).accepted().unwrap();
    // Every device has been used.
    for at in 1..5 {
        let at_now = UnixTime::from_secs(now);
        let code = Totp::new(&secret(at), parameters).generate(at_now).unwrap();
        let op = mfa.account(&id).at(at_now).verify(code.expose_str(), SignIn);
        assert!(op.run(&rows).accepted().is_some());
    }
    // Everything is under way: the larger of the two enrolments, and both challenges.
    let action = || Action::new(&"a".repeat(32)).unwrap();
    let (second, at) = proof(&mut now);
    let old = mfa.account(&id).at(at).summary().run(&rows).unwrap().unwrap().devices;
    let old = old.iter().find(|device| device.method == Method::Totp).unwrap().id;
    let mut pending = mfa.account(&id).at(at).replace(old, &long, second, &mut rng);
    let _ = pending.run(&rows).unwrap();
    let _ = mfa.account(&id).at(at).send_code(action(), &mut rng).run(&rows).unwrap();

    let summary = mfa.account(&id).at(at).summary().run(&rows).unwrap().unwrap();
    assert_eq!((summary.devices.len(), summary.confirmed().count()), (30, 14));
    let len = rows.row(&id).unwrap().as_bytes().len();
    assert!((4096..5120).contains(&len) && len <= Record::MAX_LEN, "{len} bytes");
}

#[test]
fn a_record_shows_no_secret() {
    let golden = Golden::read("everything");
    let bytes = golden.record.as_bytes();
    let plain = plaintext(&golden);
    for shown in [&b"ten bytes!"[..], &[9; 20], &[5; 64], b"+4915112345678", b"Dana"] {
        let holds = |all: &[u8]| all.windows(shown.len()).any(|window| window == shown);
        assert!(holds(&plain) && !holds(bytes), "{shown:?}");
    }
    let record = Record::new(7, bytes.to_vec());
    assert_eq!(format!("{record:?}"), format!("Record(version 7, [{} bytes])", bytes.len()));
    let name = |number| format!("{:?}", sealing_key(number));
    let keys =
        golden_keyring(golden.key).opening_older(sealing_key(1)).opening_next(sealing_key(2));
    assert_eq!(
        format!("{keys:?}"),
        format!(
            "Keyring(records: seals with {}, opens older [{}], opens next [{}])",
            name(7),
            name(1),
            name(2)
        )
    );
    assert!(!format!("{:?} {:?}", golden.record, golden.mfa()).contains("golden"));
}

// Other seals, and what may come out of them.

/// A seal that hides nothing and holds nothing: the context, then the plaintext.
struct Clear;

impl Seal for Clear {
    fn seal(&self, context: &[u8], _: [u8; 12], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok([context, plaintext].concat())
    }

    fn open(
        &self,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
        let plaintext = sealed.strip_prefix(context).ok_or(SealError::NotAuthentic)?;
        Ok(zeroize::Zeroizing::new(plaintext.to_vec()))
    }

    fn deployment(&self) -> &Deployment {
        deployment()
    }

    fn is_current(&self, _: KeyName) -> bool {
        true
    }
}

/// Keeps the context and the nonce of whatever it is given to seal.
struct Told(Arc<Mutex<Vec<ContextAndNonce>>>);

type ContextAndNonce = (Vec<u8>, [u8; 12]);

impl Seal for Told {
    fn seal(&self, context: &[u8], nonce: [u8; 12], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.0.lock().unwrap().push((context.to_vec(), nonce));
        Clear.seal(context, nonce, plain)
    }

    fn open(
        &self,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
        Clear.open(context, sealed)
    }

    fn deployment(&self) -> &Deployment {
        deployment()
    }

    fn is_current(&self, _: KeyName) -> bool {
        true
    }
}

/// The context has the version and the account whole, the longest id as well; and no two of them
/// share a nonce, which a host's own algorithm may not withstand.
#[test]
fn every_account_and_version_has_a_context_and_a_nonce_of_its_own() {
    let told = Arc::default();
    let mfa = Mfa::new(Told(Arc::clone(&told)), Recommended);
    let (rows, now) = (Rows::default(), UnixTime::from_secs(START));
    let head = [b'c', b's', newest_format()];
    let mut expected = Vec::new();
    for id in [&[7; 1][..], &[7; 2], &[7; 63], &[7; 64], &[8; 64]] {
        let id = AccountId::new(id).unwrap();
        for version in 1..=3_u64 {
            let now = now.plus(30 * version); // no sooner is another one started
            let mut enrol = mfa.account(&id).at(now).enrol("Phone", &mut Counting(version));
            let _ = enrol.run(&rows).unwrap();
            let whose = [b"tests\0", id.as_bytes()].concat();
            expected.push([&head[..], &version.to_be_bytes()[..], &whose].concat());
        }
    }
    let told = told.lock().unwrap();
    let (contexts, nonces): (Vec<_>, BTreeSet<_>) = told.iter().cloned().unzip();
    assert_eq!(contexts, expected);
    assert_eq!(nonces.len(), expected.len());
}

/// Opens golden records and seals nothing.
struct Catching(Keyring, Arc<Mutex<Vec<u8>>>);

impl Seal for Catching {
    fn seal(&self, _: &[u8], _: [u8; 12], _: &[u8]) -> Result<Vec<u8>, SealError> {
        Err(SealError::Unavailable)
    }

    fn open(
        &self,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
        let plaintext = self.0.open(context, sealed)?;
        *self.1.lock().unwrap() = plaintext.to_vec();
        Ok(plaintext)
    }

    fn deployment(&self) -> &Deployment {
        self.0.deployment()
    }

    fn is_current(&self, key: KeyName) -> bool {
        self.0.is_current(key)
    }
}

/// What is in a golden record.
fn plaintext(golden: &Golden) -> Vec<u8> {
    let caught = Arc::new(Mutex::default());
    let mfa = Mfa::new(Catching(golden_keyring(golden.key), Arc::clone(&caught)), Recommended);
    let rows = Rows::of(&golden.id, &golden.record);
    mfa.account(&golden.id).at(golden.now).summary().run(&rows).unwrap();
    caught.lock().unwrap().clone()
}

/// A record of `plaintext` as [`Clear`] seals it.
fn clear_record(id: &AccountId, version: u64, plaintext: &[u8]) -> Record {
    let mfa = Mfa::new(Clear, Recommended);
    let rows = Rows::default();
    let mut op =
        mfa.account(id).at(UnixTime::from_secs(START)).bar(HostsWord::Process, "for its header");
    op.run(&rows).unwrap();
    let header = rows.row(id).unwrap().as_bytes()[..11].to_vec();
    let context = [&header[..3], &version.to_be_bytes()[..], b"tests\0", id.as_bytes()].concat();
    let sealed = [&context, plaintext].concat();
    let length = u32::try_from(sealed.len()).unwrap().to_be_bytes();
    Record::new(version, [&header, &length[..], &sealed].concat())
}

/// A seal that fails, at reading or at writing.
struct Failing {
    at_open: Option<SealError>,
    at_seal: Option<SealError>,
}

impl Seal for Failing {
    fn seal(&self, context: &[u8], nonce: [u8; 12], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.at_seal.map_or_else(|| Clear.seal(context, nonce, plain), Err)
    }

    fn open(
        &self,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
        self.at_open.map_or_else(|| Clear.open(context, sealed), Err)
    }

    fn deployment(&self) -> &Deployment {
        deployment()
    }

    fn is_current(&self, _: KeyName) -> bool {
        true
    }
}

#[test]
fn a_seal_that_fails_is_an_error_and_nothing_is_written() {
    let golden = Golden::read("one-totp");
    let record = clear_record(&golden.id, 5, &plaintext(&golden));
    for (error, expected) in [
        (SealError::NotAuthentic, RecordError::Altered),
        (SealError::Unavailable, RecordError::SealUnavailable),
        (SealError::UnknownKey, RecordError::UnknownKey),
    ] {
        for keys in [
            Failing { at_open: Some(error), at_seal: None },
            Failing { at_open: None, at_seal: Some(error) },
        ] {
            let rows = Rows::of(&golden.id, &record);
            let mfa = Mfa::new(keys, Recommended);
            let next = golden.now.plus(30);
            let right = golden.then[1].split(' ').nth(2).unwrap();
            for code in [right, "000000"] {
                let op = mfa.account(&golden.id).at(next).verify(code, SignIn);
                let error = op.run(&ReadOnly(&rows)).fault();
                assert_eq!(error, Some(unreadable(expected)));
            }
        }
    }
}

/// A seal that makes a record of just so many bytes.
struct Padding(usize);

impl Seal for Padding {
    fn seal(&self, context: &[u8], nonce: [u8; 12], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        const HEADER: usize = 15; // magic, format, owner and the length of what is sealed
        let mut sealed = Clear.seal(context, nonce, plain)?;
        sealed.resize(self.0 - HEADER, 0);
        Ok(sealed)
    }

    fn open(
        &self,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
        Clear.open(context, sealed)
    }

    fn deployment(&self) -> &Deployment {
        deployment()
    }

    fn is_current(&self, _: KeyName) -> bool {
        true
    }
}

#[test]
fn a_record_over_its_bound_is_not_written() {
    let golden = Golden::read("one-totp");
    let rows = Rows::of(&golden.id, &clear_record(&golden.id, 5, &plaintext(&golden)));
    let write = |len: usize| {
        let mfa = Mfa::new(Padding(len), Recommended);
        let op = mfa.account(&golden.id).at(golden.now).verify("000000", SignIn);
        let decided = op.operation().decide(rows.row(&golden.id), None);
        let Decided::Write(prepared) = decided.map_err(nameless)? else {
            panic!("a counted failure is written")
        };
        Ok(prepared.write().record().as_bytes().len())
    };
    assert_eq!(Record::MAX_LEN, 20_480);
    assert_eq!(write(20_480), Ok(20_480));
    assert_eq!(write(20_481), Err(unreadable(RecordError::Malformed)));
    assert_eq!(write(32_768), Err(unreadable(RecordError::Malformed)));
}

#[test]
fn what_is_wrong_with_a_record_is_said_in_words() {
    for (error, words) in [
        (RecordError::Altered, "the record was altered or is of another version"),
        (RecordError::Foreign, "the bytes are not a countersign record"),
        (RecordError::Malformed, "the record opened and makes no sense"),
        (RecordError::NewerFormat(7), "the record has format 7, newer than this release reads"),
        (RecordError::OtherAccount, "the record belongs to another account or deployment"),
        (RecordError::RolledBack, "the record is older than the host remembers, or was deleted"),
        (RecordError::SealUnavailable, "the key management did not answer"),
        (RecordError::Torn, "the record is cut short or has a tail"),
        (RecordError::UnknownKey, "the record is sealed with a key that is not in the keyring"),
        (RecordError::Version, "the record's version is out of range"),
    ] {
        assert_eq!(error.to_string(), words);
        let of_operation: Fault<SealError> = unreadable(error);
        assert_eq!(of_operation.to_string(), words);
    }
    // What a seal says is what the record says then.
    for error in [SealError::NotAuthentic, SealError::Unavailable, SealError::UnknownKey] {
        assert_eq!(error.to_string(), RecordError::from(error).to_string());
    }
}

/// The decoder and the transitions, on a plaintext that a right key has let through: an error or an
/// account, never a panic. What opens can be used, and what is written of it opens again.
fn endures(plaintext: &[u8]) -> bool {
    let (id, now) = (AccountId::new("person").unwrap(), UnixTime::from_secs(START));
    let mfa = Mfa::new(Clear, Recommended);
    let record = clear_record(&id, 5, plaintext);
    let rows = Rows::of(&id, &record);
    let summary = match mfa.account(&id).at(now).summary().run(&rows) {
        Ok(summary) => summary.unwrap(),
        Err(Fault::Record { error: RecordError::Malformed, .. }) => {
            assert!(rows.row(&id).unwrap() == record);
            return false;
        }
        Err(other) => panic!("{other:?}"),
    };
    let mut rng = Counting(5);
    let device = summary.devices.last().map_or(DeviceId::from_u64(1), |device| device.id);
    let challenge = ChallengeId::from_bytes([0; 16]);
    let started = mfa.account(&id).at(now).start_external(SignIn, &mut rng).unwrap();
    let assertion = Assertion::verified_by_host(started.token(), device);
    let number = PhoneNumber::new("+4915112345678").unwrap();
    let told = RestrictedNotice::given_by_host();
    let recovery = "0000-1111-2222-3333-4444-5555-6666";
    let sign_in = || SignIn;
    macro_rules! uses {
        ($($op:expr,)*) => {$(
            rows.put(&id, record.clone());
            match $op.run(&rows).fault() {
                None | Some(Fault::Record { error: RecordError::Malformed | RecordError::Version, .. }) => {}
                Some(other) => panic!("{other:?}"),
            }
            let again = mfa.account(&id).at(now).summary().run(&rows);
            assert!(again.is_ok(), "what {} wrote does not open: {again:?}", stringify!($op));
        )*};
    }
    uses! {
        mfa.account(&id).at(now).verify("123456", sign_in()),
        mfa.account(&id).at(now).resynchronise(device, ["123456", "654321"]),
        mfa.account(&id).at(now).recover(recovery, sign_in()),
        mfa.account(&id).at(now).send_code(sign_in(), &mut rng),
        mfa.account(&id).at(now).verify_sent_code(challenge, "123456", sign_in()),
        mfa.account(&id).at(now).finish_external(assertion, sign_in()),
        mfa.account(&id).at(now).enter_pass(NO_PASS),
        mfa.account(&id).at(now).enrol("t", &mut rng),
        mfa.account(&id).at(now).enrol_phone("t", number, told, &mut rng),
        mfa.account(&id).at(now).confirm(challenge, "123456", &mut rng),
        mfa.account(&id).at(now).confirm_pair(challenge, ["123456", "654321"], &mut rng),
        mfa.account(&id).at(now).acknowledge_recovery_codes(challenge),
        mfa.account(&id).at(now).forget_browser("0".repeat(16).parse().unwrap()),
        mfa.account(&id).at(now).visit("00"),
        mfa.account(&id).at(now).distrust_browser("0".repeat(16).parse().unwrap()),
        mfa.account(&id).at(now).bind_external("t", ExternalMethod::Passkey, &mut rng),
        mfa.account(&id).at(now).offboard(HostsWord::Process, "r"),
    }
    true
}

/// The same mutations in every run, unless the environment says otherwise.
fn config(cases: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { config.cases } else { cases },
        rng_seed: match config.rng_seed {
            RngSeed::Random => RngSeed::Fixed(20_261_123),
            fixed => fixed,
        },
        failure_persistence: None,
        ..config
    }
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn random_plaintext_is_malformed(plaintext in prop::collection::vec(any::<u8>(), 0..200)) {
        endures(&plaintext);
    }

    /// Bytes of a right plaintext changed, cut out, doubled and spliced.
    #[test]
    fn mutated_plaintext_is_malformed_or_usable(
        story in 0..STORIES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..5_u8), 1..4),
    ) {
        let mut bytes = plaintext(&Golden::read(STORIES[story].0));
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => { bytes.remove(at); }
                3 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
            prop_assume!(!bytes.is_empty());
        }
        endures(&bytes);
    }
}

#[test]
fn every_golden_plaintext_is_usable() {
    for golden in Golden::all() {
        assert!(endures(&plaintext(&golden)), "{}", golden.name);
    }
}

/// Lengths that no record has are refused before anything is made for them.
#[test]
fn plaintext_that_promises_the_world_is_malformed() {
    let right = plaintext(&Golden::read("one-totp"));
    assert!(endures(&right));
    for promise in [
        &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..], // an array of 2^64-1
        &[0x9f],                                                     // an array without an end
        &[0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],     // a string of 2^63-1 bytes
        &[0xbf, 0xff],
        &[],
        &[0xf6],
        &[0xff],
    ] {
        assert!(!endures(promise), "{promise:?}");
        for at in 0..right.len() {
            let promised = [&right[..at], promise, &right[at..]].concat();
            assert!(promise.is_empty() || !endures(&promised), "{promise:?} at {at}");
        }
    }
    assert!(!endures(&[&right[..], &[0]].concat()), "something behind the end");
}

/// Numbers at the ends of their ranges, in every place where a number stands.
#[test]
fn extreme_numbers_are_malformed_or_usable() {
    let mut usable = 0;
    for golden in Golden::all() {
        let right = plaintext(&golden);
        for at in 0..right.len() {
            // An integer of 8, 4, 2 or 1 bytes, or in the head byte itself.
            let wide = match right[at] {
                0x1b => 8,
                0x1a => 4,
                0x19 => 2,
                0x18 => 1,
                0x00..=0x17 => 0,
                _ => continue,
            };
            if right.len() < at + 1 + wide {
                continue;
            }
            let (before, after) = (&right[..at], &right[at + 1 + wide..]);
            for number in [
                &[0x00][..],
                &[0x17],
                &[0x18, 0xff],
                &[0x19, 0xff, 0xff],
                &[0x1a, 0xff, 0xff, 0xff, 0xff],
                &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                &[0x38, 0x7f],       // -128
                &[0x39, 0x7f, 0xff], // -32768
            ] {
                usable += u32::from(endures(&[before, number, after].concat()));
            }
        }
    }
    assert!(usable > 500, "{usable} of them opened: the test has lost its aim");
}
