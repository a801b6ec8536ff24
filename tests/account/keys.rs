//! Keys that are refused, rolled out and retired; deployments that share one; records that are given up,
//! and records that were put back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use countersign::account::{
    AccountIdError, Actor, Assertion, EventKind, HostsWord, KeyName, Notice, PassLength,
    RecordError, RecordName, Refusal, SealingKey, SealingKeyError, Standing,
};
use countersign::mfa::{Decided, Entered, Fault, Floor, MAX_TRIES};
use countersign::*;
use rand::Rng;

use crate::common::*;

// Keys.

fn refused(bytes: &[u8]) -> Option<SealingKeyError> {
    SealingKey::new(bytes).err()
}

#[test]
fn a_key_that_was_never_drawn_is_refused_by_what_is_wrong_with_it() {
    use SealingKeyError::{Counting, Length, NotHexadecimal, Readable, Repeating};
    for bytes in [0, 1, 16, 31, 33, 64] {
        assert_eq!(refused(&key_bytes(1).repeat(2)[..bytes]), Some(Length { bytes }));
    }
    for byte in [0, 7, 0xff] {
        assert_eq!(refused(&[byte; 32]), Some(Repeating));
    }
    // Half a key, followed by zeros or by itself.
    let half: [u8; 16] = *key_bytes(1).first_chunk().unwrap();
    assert_eq!(refused(&[half, [0; 16]].concat()), Some(Repeating));
    assert_eq!(refused(&half.repeat(2)), Some(Repeating));
    for step in [1_u8, 3, 5, 0xff] {
        let counted: [u8; 32] = std::array::from_fn(|at| (at as u8).wrapping_mul(step));
        assert_eq!(refused(&counted), Some(Counting), "{step}");
    }
    assert_eq!(refused(b"correct horse battery staple 123"), Some(Readable));
    // The digits of half a key, taken for the key.
    let digits: String = half.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(refused(digits.as_bytes()), Some(Readable));

    let digits: String = key_bytes(1).iter().map(|byte| format!("{byte:02x}")).collect();
    let name = SealingKey::new(&key_bytes(1)).unwrap().name();
    for text in [digits.clone(), digits.to_uppercase(), format!(" {digits}\r\n")] {
        assert_eq!(SealingKey::parse(&text).unwrap().name(), name, "{text:?}");
    }
    for text in ["", &digits[1..], &digits.replace('0', "O"), &format!("0x{digits}")] {
        let bytes = text.len();
        assert_eq!(SealingKey::parse(text).err(), Some(NotHexadecimal { bytes }), "{text}");
    }
    assert_eq!(SealingKey::parse(&"07".repeat(32)).err(), Some(Repeating));

    for (error, words) in [
        (Counting, "the key counts up or down: it is not random"),
        (Length { bytes: 31 }, "a sealing key has 32 bytes, not 31"),
        (
            NotHexadecimal { bytes: 3 },
            "a sealing key is 64 hexadecimal digits, not a text of 3 bytes",
        ),
        (Readable, "the key is readable text: it is not random"),
        (Repeating, "the key repeats itself: it is not random"),
    ] {
        assert_eq!(error.to_string(), words);
    }
}

#[test]
fn a_key_that_was_drawn_is_taken() {
    let mut rng = rng(1);
    for _ in 0..10_000 {
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        assert!(SealingKey::new(&key).is_ok(), "{key:?}");
    }
}

// Rollout and retirement.

/// The same people, store and clock at a node with other keys.
fn node(practice: &mut Practice, keys: Keyring) {
    practice.mfa = Mfa::new(keys, Recommended);
}

fn key_of(practice: &Practice, id: &AccountId) -> KeyName {
    practice.store.record(id).unwrap().key_name().unwrap()
}

fn name(number: u8) -> KeyName {
    sealing_key(number).name()
}

#[test]
fn a_key_is_rolled_out_over_nodes_in_two_steps() {
    let mut practice = Practice::new();
    let dana = practice.person(1);
    let old = || keyring(7).opening_next(sealing_key(8));
    let new = || keyring(8).opening_older(sealing_key(7));

    // First every node opens what the next key sealed; none seals with it.
    node(&mut practice, old());
    let _ = practice.proof(&dana, SignIn);
    assert_eq!(key_of(&practice, &dana.id), name(7));
    // Then node by node seals with it, and each opens what the others wrote.
    node(&mut practice, new());
    let _ = practice.proof(&dana, SignIn);
    assert_eq!(key_of(&practice, &dana.id), name(8));
    assert_eq!(practice.summary(&dana.id).sealed_with, Some(name(8)));
    assert_eq!(practice.store.columns(&dana.id).unwrap().sealed_with, Some(name(8)));
    // A sweep at a node that does not seal with it yet leaves its records alone, or two nodes would move
    // them to and fro.
    node(&mut practice, old());
    let before = practice.store.records();
    assert!(!*practice.run(practice.at(&dana.id).reseal()).unwrap());
    assert_eq!(practice.store.records(), before);
    let _ = practice.proof(&dana, SignIn);
    assert_eq!(key_of(&practice, &dana.id), name(7), "the old node still seals with the old key");

    node(&mut practice, new());
    assert!(*practice.run(practice.at(&dana.id).reseal()).unwrap());
    // The old key goes.
    node(&mut practice, keyring(8));
    let _ = practice.proof(&dana, SignIn);
}

#[test]
fn reseal_moves_a_record_and_changes_nothing_else() {
    let mut practice = Practice::new();
    let dana = practice.person(1);
    let browser = practice.remember(&dana);
    let _ = practice.miss(&dana);
    let proof = practice.proof(&dana, ChangeFactors);
    let pending = practice.at(&dana.id).enrol("Tablet", &mut practice.rng()).proven_by(proof);
    let pending = practice.run(pending).unwrap();
    let before = practice.summary(&dana.id);
    practice.store.take_events();
    let now = practice.now();

    // An hour later, where a sign-in would drop the pending enrolment, and an hour earlier, where it
    // would note that the clock went back: a sweep does neither.
    for (number, at) in [(8, now.plus(3600)), (9, UnixTime::from_secs(now.as_secs() - 3600))] {
        let version = practice.store.record(&dana.id).unwrap().version();
        let older = [7, 8].map(sealing_key);
        let keys = older.into_iter().fold(keyring(number), Keyring::opening_older);
        node(&mut practice, keys);
        practice.set_clock(at);
        let resealed = practice.run(practice.at(&dana.id).reseal()).unwrap();
        assert_eq!((*resealed, resealed.epoch()), (true, before.epoch));
        let record = practice.store.record(&dana.id).unwrap();
        assert_eq!((record.key_name(), record.version()), (Some(name(number)), version + 1));
        let events = practice.store.take_events();
        let [event] = &events[..] else { panic!("{events:?}") };
        assert_eq!(event.kind, EventKind::Resealed);
        assert_eq!(event.actor, Actor::Host(HostsWord::Process));
        assert_eq!((event.notice(), event.ends_sessions()), (None, false));
        // Once more: nothing to do, nothing written, nothing noted.
        assert!(!*practice.run(practice.at(&dana.id).reseal()).unwrap());
        assert_eq!(practice.store.record(&dana.id).unwrap().version(), version + 1);
        assert!(practice.store.take_events().is_empty());
    }
    practice.set_clock(now);
    let after = practice.summary(&dana.id);
    assert_eq!(Summary { sealed_with: before.sealed_with, ..after }, before);
    // The enrolment that waited waits still, a token under the first key opens, and the owner gets in.
    let app = Authenticator::of(&pending);
    let code = app.code(practice.now());
    assert!(practice.confirm(&dana.id, pending.id(), &code).accepted().is_some());
    let now = practice.wait(60);
    let verdict = practice.verify_from(&dana.id, &dana.app.code(now), browser.expose_token());
    assert!(verdict.accepted().is_some());
}

#[test]
fn reseal_makes_no_record_and_believes_no_name() {
    let mut practice = Practice::new();
    assert!(!*practice.run(practice.at(&account(9)).reseal()).unwrap());
    assert_eq!(practice.store.record(&account(9)), None);
    // The name of the newest key on a record that it did not seal: a count would let the old key go.
    let dana = practice.person(1);
    node(&mut practice, keyring(8).opening_older(sealing_key(7)));
    let good = practice.store.record(&dana.id).unwrap();
    let mut bytes = good.as_bytes().to_vec();
    bytes[15..19].copy_from_slice(&name(8).to_bytes());
    practice.store.put(dana.id, Record::new(good.version(), bytes));
    let fault = practice.at(&dana.id).reseal().run(&practice.store).fault();
    assert_eq!(fault, Some(unreadable(RecordError::Altered)));
    practice.store.put(dana.id, good);
    assert!(*practice.run(practice.at(&dana.id).reseal()).unwrap());
    let _ = practice.proof(&dana, SignIn);
}

#[test]
fn a_tombstone_moves_to_the_newest_key_and_stays_one() {
    let mut practice = Practice::new();
    let (leaver, dana) = (practice.person(1), practice.person(2));
    practice.offboard(&leaver.id).unwrap();
    node(&mut practice, keyring(8).opening_older(sealing_key(7)));
    for person in [&leaver, &dana] {
        assert!(*practice.run(practice.at(&person.id).reseal()).unwrap());
    }
    node(&mut practice, keyring(8));
    assert_eq!(practice.summary(&leaver.id).standing, Standing::Offboarded);
    let enrol = practice.at(&leaver.id).enrol("New phone", &mut practice.rng());
    assert_eq!(practice.refused(enrol), Refusal::Offboarded);
    let _ = practice.proof(&dana, SignIn);
}

/// A store in which someone else is first, as often as a stranger manages.
struct Busy<'a>(&'a Practice, &'a Person, std::cell::Cell<usize>);

impl Store for Busy<'_> {
    type Error = Broken;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Broken> {
        self.0.store.load(id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Broken> {
        if self.2.get() > 0 {
            self.2.set(self.2.get() - 1);
            return Ok(Swap::Stale);
        }
        self.0.store.swap(id, write)
    }

    fn pause(&self, _: usize) {}
}

#[test]
fn a_sweep_is_not_held_up_by_attempts() {
    let mut practice = Practice::new();
    let dana = practice.person(1);
    node(&mut practice, keyring(8).opening_older(sealing_key(7)));
    let busy = Busy(&practice, &dana, std::cell::Cell::new(4 * MAX_TRIES));
    assert!(*practice.at(&dana.id).reseal().run(&busy).unwrap());
    let _ = practice.proof(busy.1, SignIn);
}

#[test]
fn fingerprints_stay_when_their_key_is_named() {
    let secret = b"12345678901234567890";
    let of = |keys: Keyring| account::Seal::fingerprint(&keys, secret).unwrap();
    let named = || sealing_key(1);
    let first = of(keyring(7).fingerprinting_with(named()));
    assert_eq!(of(keyring(8).opening_older(sealing_key(7)).fingerprinting_with(named())), first);
    assert_eq!(of(keyring(8).fingerprinting_with(named())), first);
    // Without one they change with the oldest key, and across deployments in any case.
    assert_ne!(of(keyring(8)), of(keyring(8).opening_older(sealing_key(7))));
    let elsewhere = Keyring::new("elsewhere", sealing_key(7)).unwrap();
    assert_ne!(of(elsewhere.fingerprinting_with(named())), first);
}

// Deployments.

#[test]
fn what_one_deployment_sealed_opens_in_no_other() {
    let mut practice = Practice::new();
    let dana = practice.person(1);
    let browser = practice.remember(&dana);
    let proof = practice.proof(&dana, ChangeFactors);
    let passkey = practice.passkey(&dana.id, Some(proof));
    let challenge = practice.start_external(&dana.id, SignIn);
    let in_deployment = |label: &str| Keyring::new(label, sealing_key(7)).unwrap();

    // The same key, the same row.
    for label in ["test", "tests2", "Tests", " tests", "tests ", "x"] {
        node(&mut practice, in_deployment(label));
        let verify = practice.at(&dana.id).verify(&dana.app.code(practice.now()), SignIn);
        let fault = verify.run(&practice.store).fault();
        assert_eq!(fault, Some(unreadable(RecordError::OtherAccount)), "{label}");
        // Its owner repaired: the context has the label too.
        let row = practice.store.record(&dana.id).unwrap();
        let own = practice.run(practice.at(&account(2)).enrol("Phone", &mut practice.rng()));
        drop(own.unwrap());
        let theirs = practice.store.record(&account(2)).unwrap();
        let (mut bytes, id) = (row.as_bytes().to_vec(), account(2));
        bytes[3..11].copy_from_slice(&theirs.as_bytes()[3..11]);
        practice.store.put(id, Record::new(row.version(), bytes));
        let fault = practice.at(&id).summary().run(&practice.store).fault();
        assert_eq!(fault, Some(unreadable(RecordError::Altered)), "{label}");
        practice.store.remove(&id);
    }
    // Tokens: the person of the same id at another deployment, with a factor there.
    let mut elsewhere = Practice::new();
    elsewhere.set_clock(practice.now());
    node(&mut elsewhere, in_deployment("elsewhere"));
    let theirs = elsewhere.person(1);
    let verdict = elsewhere.verify_from(&theirs.id, "000000", browser.expose_token());
    assert!(matches!(verdict, Verdict::Rejected { .. }));
    assert_eq!(elsewhere.summary(&theirs.id).codes.consecutive_failures, 1, "a stranger's budget");
    elsewhere.set_clock(practice.now());
    let passed = || Assertion::verified_by_host(&challenge, passkey);
    let settled = elsewhere.settle(&theirs.id, passed(), SignIn);
    assert!(matches!(settled, Verdict::Expired), "{settled:?}");
    // And at home all of it is good.
    node(&mut practice, in_deployment("tests"));
    assert!(practice.settle(&dana.id, passed(), SignIn).accepted().is_some());
    let code = wrong_code(&[&dana.app], practice.now(), 0);
    let verdict = practice.verify_from(&dana.id, &code, browser.expose_token());
    assert!(matches!(verdict, Verdict::Rejected { .. }));
    assert_eq!(practice.summary(&dana.id).codes.remembered_failures, 1);
    let _ = practice.proof(&dana, SignIn);
}

/// Whether a failure from a browser with this token counts in the lane of remembered browsers.
fn is_remembered(
    mfa: &Mfa<Keyring, Recommended>,
    practice: &Practice,
    person: &Person,
    token: &str,
) -> bool {
    let code = wrong_code(&[&person.app], practice.now(), 0);
    let attempt = mfa.account(&person.id).at(practice.now()).verify(&code, SignIn);
    let attempt = attempt.from_browser(token);
    let loaded = practice.store.record(&person.id);
    let Decided::Write(prepared) = attempt.operation().decide(loaded, None).unwrap() else {
        panic!("a failure is written")
    };
    prepared.write().summary().codes.remembered_failures > 0
}

#[test]
fn no_altered_token_opens() {
    let practice = Practice::new();
    let dana = practice.person(1);
    let browser = practice.remember(&dana);
    let token = browser.expose_token();
    assert!(is_remembered(&practice.mfa, &practice, &dana, token));
    for at in 0..token.len() {
        for digit in ['0', '7', 'f'] {
            let mut altered: Vec<char> = token.chars().collect();
            if altered[at] == digit {
                continue;
            }
            altered[at] = digit;
            let altered: String = altered.into_iter().collect();
            assert!(!is_remembered(&practice.mfa, &practice, &dana, &altered), "{altered}");
        }
        assert!(!is_remembered(&practice.mfa, &practice, &dana, &token[..at]));
    }
    assert!(is_remembered(&practice.mfa, &practice, &dana, &token.to_uppercase()));
}

#[test]
fn a_label_has_one_to_sixty_four_bytes() {
    for label in ["", " ", "a\0b", &"a".repeat(65)] {
        assert!(Keyring::new(label, sealing_key(7)).is_err(), "{label:?}");
    }
    assert!(Keyring::new(&"a".repeat(64), sealing_key(7)).is_ok());
    // The longest of everything has room in the context.
    let longest = AccountId::new([7; 64]).unwrap();
    let mfa = Mfa::new(Keyring::new(&"a".repeat(64), sealing_key(7)).unwrap(), Recommended);
    let store = MemoryStore::new();
    mfa.account(&longest).at(START).enrol("Phone", &mut rng(1)).run(&store).unwrap();
    assert!(mfa.account(&longest).at(START).summary().run(&store).unwrap().is_some());
}

#[test]
fn ids_of_a_kind_and_a_number_meet_no_other() {
    let id = |kind: &str, number| AccountId::numbered(kind, number).unwrap();
    let kinds = ["a", "a-", "a-1", "staff", "staff-", "patient", &"k".repeat(32)];
    let numbers = [0, 1, 7, 0x6166_6673, 0x2d31_0000_0000_0000, u64::MAX - 1, u64::MAX];
    let mut all = std::collections::BTreeSet::new();
    for kind in kinds {
        for number in numbers {
            let id = id(kind, number);
            assert!(all.insert(id), "{kind} {number}");
            assert_eq!(AccountId::new(id.as_bytes()), Ok(id), "a column gives it back");
            // No text, no integer and no UUID.
            assert!(std::str::from_utf8(id.as_bytes()).is_err());
            assert!(id.as_bytes().len() >= 20);
        }
    }
    for kind in ["", "Staff", "st aff", "staff\0", "störung", "staff_1", &"k".repeat(33)] {
        assert_eq!(AccountId::numbered(kind, 7), Err(AccountIdError), "{kind:?}");
    }
}

// A floor.

#[test]
fn a_deleted_row_is_a_fault_above_a_floor_and_a_beginning_without_one() {
    let practice = Practice::new();
    let dana = practice.person(1);
    let row = practice.store.record(&dana.id).unwrap();
    let old = row.clone();
    let epoch = practice.proof(&dana, SignIn).epoch();
    let floor = Floor { version: practice.store.record(&dana.id).unwrap().version(), epoch };
    for row in [None, Some(old)] {
        let good = practice.store.record(&dana.id).unwrap();
        match row {
            Some(row) => practice.store.put(dana.id, row),
            None => practice.store.remove(&dana.id),
        }
        let before = practice.store.records();
        let floored = practice.at(&dana.id).not_older_than(floor);
        let enrol = floored.enrol("A stranger's phone", &mut practice.rng()).run(&practice.store);
        assert_eq!(enrol.fault(), Some(unreadable(RecordError::RolledBack)));
        let code = dana.app.code(practice.now());
        let verify = floored.verify(&code, SignIn).run(&practice.store);
        assert_eq!(verify.fault(), Some(unreadable(RecordError::RolledBack)));
        assert_eq!(practice.store.records(), before, "nothing is written");
        assert!(practice.store.notes().iter().all(|note| note.account != dana.id));
        practice.store.put(dana.id, good);
    }
    // The epoch alone sees a deleted row; a used code that comes back only the version sees.
    let good = practice.store.record(&dana.id).unwrap();
    let by_epoch = practice.at(&dana.id).not_older_than(Floor { version: 0, epoch });
    practice.store.remove(&dana.id);
    let fault = by_epoch.standing().run(&practice.store).fault();
    assert_eq!(fault, Some(unreadable(RecordError::RolledBack)));
    assert_eq!(practice.at(&dana.id).standing().run(&practice.store), Ok(Standing::NeverEnrolled));
    practice.store.put(dana.id, row);
    assert!(by_epoch.standing().run(&practice.store).is_ok());
    // At the floor the owner gets in.
    practice.store.put(dana.id, good);
    let now = practice.wait(30);
    let floored = practice.at(&dana.id).not_older_than(floor);
    assert!(practice.run(floored.verify(&dana.app.code(now), SignIn)).accepted().is_some());
}

// A record that no key opens.

/// A practice in which Dana's key is lost, and an operator whose is not.
fn with_a_lost_key() -> (Practice, Person, Person, RecordName) {
    let mut practice = Practice::new();
    let dana = practice.person(1);
    node(&mut practice, keyring(8));
    let lee = practice.person(2);
    let Err(Fault::Record { error, record }) = practice.at(&dana.id).summary().run(&practice.store)
    else {
        panic!("it opens");
    };
    let record = record.unwrap();
    assert_eq!(error, RecordError::UnknownKey);
    assert_eq!(record.key, Some(name(7)));
    (practice, dana, lee, record)
}

#[test]
fn a_fault_names_the_key_and_the_version() {
    let (practice, dana, _, broken) = with_a_lost_key();
    let fault = practice.at(&dana.id).summary().run(&practice.store).unwrap_err();
    let words = format!(
        "the record is sealed with a key that is not in the keyring (version {} under the key {})",
        broken.version,
        name(7)
    );
    assert_eq!(fault.to_string(), words);
    practice.store.put(dana.id, Record::new(3, b"something else".to_vec()));
    let fault = practice.at(&dana.id).summary().run(&practice.store).unwrap_err();
    let words = "the bytes are not a countersign record (version 3 under no key)";
    assert_eq!(fault.to_string(), words);
}

#[test]
fn a_record_that_no_key_opens_is_given_up_by_an_operator() {
    let (practice, dana, lee, broken) = with_a_lost_key();
    let proof = practice.proof(&lee, ActForOther);
    practice.store.take_events();
    let abandoned =
        practice.run(practice.at(&dana.id).abandon(broken, acting(proof), "the key is lost"));
    let epoch = abandoned.unwrap().epoch();
    let record = practice.store.record(&dana.id).unwrap();
    assert_eq!((record.version(), record.key_name()), (broken.version + 1, Some(name(8))));
    // Above any epoch that the record can have had: every session of before ends.
    assert!(u64::from(epoch) > broken.version);
    let events = practice.store.take_events();
    let [event] = &events[..] else { panic!("{events:?}") };
    let EventKind::Abandoned { record, reason } = &event.kind else { panic!("{event:?}") };
    assert_eq!((*record, reason.as_str()), (broken, "the key is lost"));
    assert!(matches!(event.actor, Actor::Operator { account, .. } if account == lee.id));
    assert_eq!((event.notice(), event.ends_sessions()), (Some(Notice::AccountReset), true));

    // Nothing opens it: no code, no enrolment with the password alone, no import, no reset.
    assert_eq!(practice.summary(&dana.id).standing, Standing::OperatorOnly);
    let now = practice.wait(30);
    assert!(practice.verify(&dana.id, &dana.app.code(now)).accepted().is_none());
    assert!(practice.recover(&dana.id, &dana.recovery_codes[0]).accepted().is_none());
    let enrol = practice.at(&dana.id).enrol("A stranger's phone", &mut practice.rng());
    assert_eq!(practice.refused(enrol), Refusal::ProofRequired);
    let proof = practice.proof(&lee, ActForOther);
    let (length, rng) = (PassLength::Long, &mut practice.rng());
    let reset = practice.at(&dana.id).reset(acting(proof), length, "an old habit", rng);
    assert_eq!(practice.refused(reset), Refusal::NothingBound);
    let proof = practice.proof(&lee, ActForOther);
    let grant =
        practice.at(&dana.id).grant_emergency_access(acting(proof), length, 60, "on call", rng);
    assert_eq!(practice.refused(grant), Refusal::NothingBound);
    // Only an invitation does, and Dana is in again.
    let proof = practice.proof(&lee, ActForOther);
    let invite = practice.at(&dana.id).invite(acting(proof), length, "passport seen", rng);
    let pass = practice.run(invite).unwrap().into_inner();
    let entered = practice.run(practice.at(&dana.id).enter_pass(&pass.expose_text())).accepted();
    let Some(Entered::Enrolment(proof)) = entered else { panic!("{entered:?}") };
    let enrol = practice.at(&dana.id).enrol("New phone", rng).proven_by(proof);
    let pending = practice.run(enrol).unwrap();
    let app = Authenticator::of(&pending);
    let code = app.code(practice.now());
    let confirm = practice.at(&dana.id).confirm(pending.id(), &code, rng);
    assert!(practice.run(confirm).accepted().is_some());
    assert_eq!(practice.summary(&dana.id).standing, Standing::InUse);
    // Where the person had left, that is said once more.
    practice.offboard(&dana.id).unwrap();
    assert_eq!(practice.summary(&dana.id).standing, Standing::Offboarded);
}

#[test]
fn a_record_is_given_up_only_as_it_was_named() {
    let (mut practice, dana, lee, broken) = with_a_lost_key();
    let abandon = |practice: &Practice, id: &AccountId, named: RecordName| {
        let proof = practice.proof(&lee, ActForOther);
        let mut change = practice.at(id).abandon(named, acting(proof), "the key is lost");
        let before = practice.store.record(id);
        let done = change.run(&practice.store);
        if done.is_err() {
            assert_eq!(practice.store.record(id), before);
        }
        done
    };
    let other_key = RecordName { key: Some(name(9)), ..broken };
    let no_key = RecordName { key: None, ..broken };
    let newer = RecordName { version: broken.version + 1, ..broken };
    let older = RecordName { version: broken.version - 1, ..broken };
    for named in [other_key, no_key, newer, older] {
        let refused = abandon(&practice, &dana.id, named);
        assert_eq!(refusal(refused), Some(Refusal::NotFound), "{named}");
    }
    // No record at all.
    let refused = abandon(&practice, &account(9), RecordName { key: None, version: 0 });
    assert_eq!(refusal(refused), Some(Refusal::NotFound));
    // The store fails.
    let proof = practice.proof(&lee, ActForOther);
    let mut change = practice.at(&dana.id).abandon(broken, acting(proof), "the key is lost");
    for fault in [crate::common::Fault::Load, crate::common::Fault::BeforeWrite] {
        let before = practice.store.records();
        practice.store.break_at(Some(fault));
        assert_eq!(undecided(change.run(&practice.store)), Some(Fault::Store(Broken)));
        practice.store.break_at(None);
        assert_eq!(practice.store.records(), before);
    }
    drop(change);
    // A record that opens: the key was found.
    let good = practice.store.record(&dana.id).unwrap();
    node(&mut practice, keyring(8).opening_older(sealing_key(7)));
    assert_eq!(refusal(abandon(&practice, &dana.id, broken)), Some(Refusal::RecordOpens));
    // A newer release's record: that release opens it.
    let mut bytes = good.as_bytes().to_vec();
    bytes[2] = 9;
    practice.store.put(dana.id, Record::new(good.version(), bytes));
    let fault = abandon(&practice, &dana.id, broken).fault();
    assert_eq!(fault, Some(unreadable(RecordError::NewerFormat(9))));
    practice.store.put(dana.id, good);
    let _ = practice.proof(&dana, SignIn);
}

#[test]
fn the_operator_of_a_broken_record_is_still_checked() {
    let (practice, dana, lee, broken) = with_a_lost_key();
    let proof = practice.proof(&lee, ActForOther);
    let mut abandon = practice.at(&dana.id).abandon(broken, acting(proof), "the key is lost");
    let good = practice.store.record(&lee.id).unwrap();
    // Their record must open.
    let mut torn = good.as_bytes().to_vec();
    torn.pop();
    practice.store.put(lee.id, Record::new(good.version(), torn));
    let fault = abandon.run(&practice.store).fault();
    assert_eq!(fault, Some(unreadable(RecordError::Torn)));
    practice.store.put(lee.id, good);
    // Who left since the proof was made gives nothing up.
    practice.offboard(&lee.id).unwrap();
    assert_eq!(practice.refused(abandon), Refusal::ProofUnfit);
    // Nobody gives up their own.
    let ann = practice.person(3);
    let proof = practice.proof(&ann, ActForOther);
    let named = practice.store.record(&ann.id).unwrap().name();
    let abandon = practice.at(&ann.id).abandon(named, acting(proof), "mine");
    assert_eq!(practice.refused(abandon), Refusal::OwnAccount);
    let _ = practice.proof(&ann, SignIn);
}
