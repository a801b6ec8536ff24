//! Bad input everywhere: texts, times, numbers, codes, sizes, versions. A typed error or an answer
//! that says no, and the stored bytes are what they were.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::acting;
use countersign::account::HostsWord;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use crate::common::*;
use crate::throttle::misread;
use countersign::account::{
    AccountIdError, ActionName, Assertion, Bounded, ChallengeId, ExistingDevice, Label,
    MAX_EXTERNAL_DEVICES, MAX_OTP_DEVICES, PhoneNumber, PhoneNumberError, Reason, RecordError,
    RecoveryCode, RecoveryCodeError, Refusal, Source, Text, TextError, Throttle,
};
use countersign::mfa::{ExternalMethod, Fault, RestrictedNotice};
use countersign::otp::Parameters;
use countersign::{
    AccountId, ActForOther, Algorithm, ChangeFactors, Code, DeviceId, Digits, LookAhead, Mfa,
    Policy, Proof, Recommended, Record, Secret, SignIn, Store, UnixTime, Window,
};

/// Runs what must fail, and finds the bytes untouched.
fn fails<P: Policy, A: MayFail<Broken>>(
    practice: &Practice<P>,
    run: impl FnOnce(&Ledger) -> A,
    expected: Fault<Broken>,
) {
    let (before, trail) = (practice.store.records(), practice.store.events().len());
    assert_eq!(run(&practice.store).fault(), Some(expected));
    assert_eq!(practice.store.records(), before, "something was written");
    assert_eq!(practice.store.events().len(), trail, "an event of nothing");
}

/// Runs one operation, from a source if one is given and it takes one; the fault, if it is one.
type Trial<'r> = Box<dyn FnOnce(Option<&str>) -> Option<Fault<Broken>> + 'r>;

/// Everything that can be done to one account at `now`, with good arguments but for what is given;
/// `each` is told what it is.
fn every_operation(
    practice: &Practice,
    person: &Person,
    now: UnixTime,
    (label, reason): (&str, &str),
    each: &mut dyn FnMut(&str, Trial<'_>),
) {
    let account = practice.mfa.account(&person.id).at(now);
    let none = ChallengeId::from_bytes([1; 16]);
    let number = || PhoneNumber::new("+15550100100").unwrap();
    let told = RestrictedNotice::given_by_host();
    let own = || practice.proof(person, ChangeFactors);
    let operators = || practice.proof(person, ActForOther);
    let rng = || practice.rng();
    let unwritten = |before: &_, fault: Option<Fault<Broken>>, name: &str| {
        if fault.is_some() {
            assert_eq!(practice.store.records(), *before, "{name}");
        }
        fault
    };
    macro_rules! run {
        ($name:literal, $operation:expr) => {
            each(
                $name,
                Box::new(|source: Option<&str>| {
                    let operation = $operation;
                    let operation = &mut match source {
                        Some(source) => operation.from_source(source),
                        None => operation,
                    };
                    let before = practice.store.records();
                    unwritten(&before, operation.run(&practice.store).fault(), $name)
                }),
            )
        };
    }
    let code = || person.app.code(now);
    run!("verify", account.verify(&code(), SignIn));
    run!("resynchronise", account.resynchronise(person.device, ["123456", "123457"]));
    run!("recover", account.recover(&person.recovery_codes[0], SignIn));
    run!("challenge", account.send_code(SignIn, &mut rng()));
    run!("answer", account.verify_sent_code(none, "123456", SignIn));
    run!("settle external", {
        account.finish_external(Assertion::verified_by_host("00", person.device), SignIn)
    });
    run!("enter a pass", account.enter_pass("no pass"));
    run!("enrol (label)", account.enrol(label, &mut rng()));
    run!("replace (label)", account.replace(person.device, label, own(), &mut rng()));
    run!("enrol hotp (label)", account.enrol_hotp(label, Digits::Six, &mut rng()));
    run!("enrol existing", account.enrol_existing(token(0x44), &mut rng()));
    run!("enrol phone (label)", account.enrol_phone(label, number(), told, &mut rng()));
    run!("confirm", account.confirm(none, "123456", &mut rng()));
    run!("confirm pair", account.confirm_pair(none, ["123456", "123457"], &mut rng()));
    run!("bind external (label)", {
        account.bind_external(label, ExternalMethod::Passkey, &mut rng())
    });
    run!("import", account.import(token(0x44), &mut rng()));
    run!("regenerate", account.regenerate_recovery_codes(own(), &mut rng()));
    run!("replace leaked", account.replace_leaked_recovery_codes(own(), &mut rng()));
    run!("acknowledge", account.acknowledge_recovery_codes(none));
    run!("unlock", account.unlock(own()));
    run!("remember browser", {
        let proof = practice.proof(person, SignIn);
        account.remember_browser(&proof, &mut rng())
    });
    run!("forget browser", account.forget_browser("0".repeat(16).parse().unwrap()));
    run!("trust browser", {
        let proof = practice.proof(person, SignIn);
        account.trust_browser(&proof, &mut rng())
    });
    run!("visit", account.visit("00"));
    run!("distrust browser", account.distrust_browser("0".repeat(16).parse().unwrap()));
    run!("revoke", account.revoke(person.device, own()));
    run!("report lost", account.report_lost(person.device, own()));
    run!(
        "reset (reason)",
        account.reset(acting(operators()), PassLength::Long, reason, &mut practice.rng())
    );
    run!("grant emergency access (reason)", {
        account.grant_emergency_access(
            acting(operators()),
            PassLength::Long,
            600,
            reason,
            &mut practice.rng(),
        )
    });
    run!("offboard (reason)", account.offboard(HostsWord::Process, reason));
    let summary = |_: Option<&str>| {
        let before = practice.store.records();
        unwritten(&before, account.summary().run(&practice.store).fault(), "summary")
    };
    each("summary", Box::new(summary));
    let standing = |_: Option<&str>| {
        let before = practice.store.records();
        unwritten(&before, account.standing().run(&practice.store).fault(), "standing")
    };
    each("standing", Box::new(standing));
}

/// How many these are.
const OPERATIONS: usize = 32;

fn token(byte: u8) -> ExistingDevice {
    let secret = Secret::from_bytes(&[byte; 20]).unwrap();
    ExistingDevice::hotp(Text::new("Token").unwrap(), secret, Algorithm::Sha1, Digits::Six, 0)
}

/// Texts that are none: over the bound in bytes, not in characters; and what would break a log line.
fn bad_texts(limit: usize) -> Vec<(String, TextError)> {
    let too_long = |text: String| {
        let bytes = text.len();
        (text, TextError::TooLong { bytes, limit })
    };
    let mut texts = vec![
        (String::new(), TextError::Empty),
        too_long("x".repeat(limit + 1)),
        too_long("é".repeat(limit / 2 + 1)),
        too_long("x".repeat(1 << 20)),
    ];
    for control in [
        "\n",
        "\r\n",
        "\t",
        "\0",
        "\u{7f}",
        "\u{85}",
        "\u{1b}[2J",
        "\u{202e}",
        "\u{2066}",
        "\u{200f}",
        "\u{61c}",
        "\u{200b}",
        "\u{feff}",
    ] {
        texts.push((format!("Dana{control}s"), TextError::Invisible));
    }
    texts
}

#[test]
fn texts() {
    fn bounds<const MAX: usize>(of: impl Fn(&str) -> Result<Text<MAX>, TextError>) {
        for (text, error) in bad_texts(MAX) {
            assert_eq!(of(&text).err(), Some(error), "{text:.80?}");
        }
        for good in ["x", &"x".repeat(MAX), &"é".repeat(MAX / 2), "Dana's phone (2)", "電話"] {
            assert_eq!(of(good).unwrap().as_str(), good);
            assert_eq!(of(good).unwrap().to_string(), good);
        }
    }
    bounds::<64>(Label::new);
    bounds::<200>(Reason::new);
    bounds::<128>(Source::new);
    bounds::<32>(ActionName::new);
}

/// A label or a reason that is none: an error of every operation that takes one, a right code or
/// proof notwithstanding. Nothing is written, and the code is not used up.
#[test]
fn texts_in_operations() {
    let practice = Practice::new();
    let person = practice.person(1);
    let now = practice.now();
    let (mut labels, mut reasons) = (0, 0);
    for (text, error) in bad_texts(64) {
        every_operation(&practice, &person, now, (&text, "left"), &mut |name, run| {
            if name.ends_with("(label)") {
                labels += 1;
                assert_eq!(run(None), Some(Fault::Text(error)), "{name}");
            }
        });
    }
    for (text, error) in bad_texts(200) {
        every_operation(&practice, &person, now, ("Phone", &text), &mut |name, run| {
            if name.ends_with("(reason)") {
                reasons += 1;
                assert_eq!(run(None), Some(Fault::Text(error)), "{name}");
            }
        });
    }
    assert_eq!((labels, reasons), (5 * 17, 3 * 17));
    // None of that has used the code, the recovery code, or the last device up.
    let now = practice.wait(30);
    assert_eq!(said(&practice.verify(&person.id, &person.app.code(now))), Said::Accepted);
    assert_eq!(practice.summary(&person.id).recovery_codes_left, 10);
    // For somebody who has no record, none is made.
    let nobody = Person { id: account(9), ..practice.person(2) };
    let mut enrol = practice.mfa.account(&nobody.id).at(now).enrol("", &mut practice.rng());
    fails(&practice, |store| enrol.run(store), Fault::Text(TextError::Empty));
    assert_eq!(practice.store.record(&nobody.id), None);
}

/// A source that is none is in the way of no operation: its invisible characters go, and what is
/// over the bound.
#[test]
fn sources_in_operations() {
    let mut sources = 0;
    for (text, error) in bad_texts(128) {
        // Each has a practice to itself, because it does what it does.
        for chosen in 0..OPERATIONS {
            let practice = Practice::new();
            let person = practice.person(1);
            let _ = practice.store.take_events();
            let mut at = 0..;
            let texts = ("Phone", "left");
            every_operation(&practice, &person, practice.now(), texts, &mut |name, run| {
                if at.next() != Some(chosen) {
                    return;
                }
                sources += 1;
                assert_eq!(run(Some(&text)), None, "{name} from {text:.40?}");
                // An attempt and a change that need no proof, and so nobody else's events.
                if !matches!(name, "verify" | "offboard (reason)") {
                    return;
                }
                let events = practice.store.take_events();
                assert!(!events.is_empty());
                for event in events {
                    let kept = event.source.as_ref().map(Source::as_str);
                    match error {
                        TextError::Empty => assert_eq!(kept, None),
                        TextError::Invisible => {
                            let kept = kept.unwrap();
                            assert!(kept.starts_with("Dana") && kept.ends_with('s'), "{kept:?}");
                            assert!(Source::new(kept).is_ok());
                        }
                        TextError::TooLong { .. } => {
                            let kept = kept.unwrap();
                            assert!(text.starts_with(kept) && kept.len() == 128, "{kept:?}");
                        }
                    }
                }
            });
        }
    }
    assert_eq!(sources, OPERATIONS * 17);
}

/// A clock before 2020 or after 2200, in milliseconds, or at zero: nothing is decided.
#[test]
fn times() {
    let practice = Practice::new();
    let person = practice.person(1);
    let mut count = 0;
    for secs in [0, 1, 1_577_836_799, 7_258_118_401, 1_800_000_000_000, u64::MAX] {
        let now = UnixTime::from_secs(secs);
        // An app has no code at some of these moments; one is made up for it.
        let texts = ("Phone", "left");
        every_operation(&practice, &person, now, texts, &mut |name, run| {
            if name == "verify" {
                let verify = practice.mfa.account(&person.id).at(now).verify("123456", SignIn);
                fails(&practice, |store| verify.run(store), Fault::ClockImplausible(now));
            } else {
                assert_eq!(run(None), Some(Fault::ClockImplausible(now)), "{name} at {secs}");
            }
            count += 1;
        });
    }
    assert_eq!(count, OPERATIONS * 6);
    // Both ends are moments like any other.
    for now in [UnixTime::EARLIEST_PLAUSIBLE, UnixTime::LATEST_PLAUSIBLE] {
        let practice = Practice::new();
        practice.set_clock(now);
        let enrol = practice.mfa.account(&account(1)).at(now).enrol("Phone", &mut practice.rng());
        let pending = practice.run(enrol).unwrap();
        let code = Authenticator::of(&pending).code(now);
        assert_eq!(said(&practice.confirm(&account(1), pending.id(), &code)), Said::Accepted);
    }
    assert_eq!(UnixTime::EARLIEST_PLAUSIBLE.as_secs(), 1_577_836_800);
    assert_eq!(UnixTime::LATEST_PLAUSIBLE.as_secs(), 7_258_118_400);
}

/// The doors of the core: whatever else a parser dropped would be one more spelling of a used code.
#[test]
fn no_character_is_dropped_but_spaces_and_hyphens() {
    let all = (0..=0xff).chain([0x660, 0x2010, 0x2013, 0x3000, 0xfeff, 0xff10, 0x1d7ce]);
    for character in all.filter_map(char::from_u32) {
        let amid = |text: &str| {
            let (head, tail) = text.split_at(text.len() / 2);
            format!("{head}{character}{tail}")
        };
        let separates = matches!(character, ' ' | '-');
        let code = amid("123456");
        assert!(Code::parse(&code, Digits::Six).is_err(), "{character:?}");
        assert_eq!(Code::parse_lenient(&code, Digits::Six).is_ok(), separates, "{character:?}");
        // A letter or digit in the middle makes 33 characters, a length that base32 cannot have.
        let secret = amid("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert!(Secret::from_base32(&secret).is_err(), "{character:?}");
        assert_eq!(Secret::from_base32_lenient(&secret).is_ok(), separates, "{character:?}");
    }
}

#[test]
fn account_ids() {
    for len in [0, 65, 66, 255, 256, 257, 1 << 16] {
        assert_eq!(AccountId::new(vec![b'x'; len]), Err(AccountIdError), "{len}");
    }
    for len in 1..=64 {
        assert_eq!(AccountId::new(vec![0; len]).unwrap().as_bytes().len(), len);
    }
    // Of the longest and the shortest, each is somebody: records of one do not open for another.
    let ids = [vec![0; 1], vec![0; 63], vec![0; 64], vec![255; 64]];
    let practice = Practice::new();
    for id in &ids {
        let enrol = practice
            .mfa
            .account(&AccountId::new(id).unwrap())
            .at(practice.now())
            .enrol("Phone", &mut practice.rng());
        assert_eq!(refusal(practice.run(enrol)), None);
    }
    assert_eq!(practice.store.records().len(), ids.len());
    // In a map of the host's they do not share one bucket.
    let hashed = |id| BuildHasherDefault::<DefaultHasher>::default().hash_one(id);
    let hashes: BTreeSet<_> = ids.iter().map(|id| hashed(AccountId::new(id).unwrap())).collect();
    assert_eq!(hashes.len(), ids.len());
}

#[test]
fn telephone_numbers() {
    for bad in [
        "",
        "+",
        "15550100100",
        "+1555010",
        "+1234567",
        "+1234567890123456",
        "+05550100100",
        "+1 555 010 0100",
        "+1-555-010-0100",
        "+1555010010a",
        "++15550100100",
        "+15550100100\n",
        " +15550100100",
        "+15550100100;ext=5",
        "＋15550100100",
        "+١٥٥٥٠١٠٠١٠٠",
        "dana@example.com",
        "tel:+15550100100",
    ] {
        assert_eq!(PhoneNumber::new(bad).err(), Some(PhoneNumberError), "{bad:?}");
    }
    for good in ["+12345678", "+123456789012345", "+15550100100"] {
        assert_eq!(PhoneNumber::new(good).unwrap().as_str(), good);
    }
}

#[test]
fn what_is_refused_is_said_in_words() {
    let said = |error: &dyn std::error::Error| error.to_string();
    assert_eq!(said(&PhoneNumberError), "a telephone number is + and 8 to 15 digits");
    assert_eq!(said(&RecoveryCodeError), "a recovery code has 28 letters and digits");
    assert_eq!(
        said(&AccountIdError),
        "an account id has 1 to 64 bytes, as text two hexadecimal digits for each, and its kind 1 to 32 \
         of a-z, 0-9 and hyphens"
    );
    let too_long = TextError::TooLong { bytes: 65, limit: 64 };
    for (error, words) in [
        (
            Fault::ClockImplausible(UnixTime::from_secs(7)),
            "the clock says 7 (Unix time), not from 2020 to 2200",
        ),
        (Fault::Contended, "too many attempts at once on this account"),
        (unreadable(RecordError::Foreign), "the bytes are not a countersign record"),
        (
            Fault::Store(PhoneNumberError),
            "the store failed: a telephone number is + and 8 to 15 digits",
        ),
        (Fault::Text(TextError::Empty), "the text is empty"),
        (
            Fault::Text(TextError::Invisible),
            "the text has a line break or a character that does not show",
        ),
        (Fault::Text(too_long), "the text has 65 bytes, at most 64"),
    ] {
        assert_eq!(said(&error), words);
    }
    for (refusal, words) in [
        (Refusal::AlreadyBound, "this secret is bound already"),
        (Refusal::ClockTooFar, "the device's clock is off by more than is tolerated"),
        (Refusal::FactorInUse, "the person has a factor in use"),
        (Refusal::ImportEnded, "a factor was taken out of use, so nothing more is imported"),
        (Refusal::LastFactor, "it is the person's last factor"),
        (Refusal::NotPermitted, "the method does not permit this purpose"),
        (Refusal::NoSuchDevice, "no such device in use"),
        (Refusal::NotFound, "no such browser, recovery codes, record or waiting enrolment"),
        (Refusal::NothingBound, "nothing of that kind is bound"),
        (Refusal::Offboarded, "the person was offboarded"),
        (Refusal::OwnAccount, "an operator cannot act on their own account"),
        (Refusal::ProofExpired, "the proof is too old"),
        (Refusal::ProofRequired, "a proof of an existing factor, or a pass, is needed"),
        (Refusal::ProofUnfit, "the proof is not for this"),
        (Refusal::ReportedLost, "the device with this secret was reported lost"),
        (
            Refusal::TooSoon { until: START },
            "nothing is evaluated or sent before 1800000000 (Unix time)",
        ),
        (Refusal::TooManyDevices, "the person has as many devices as allowed"),
        (Refusal::TooManyFormerDevices, "too many former devices for a secret that exists"),
        (Refusal::UnknownAccount, "there is no such account"),
    ] {
        assert_eq!(said(&refusal), words);
    }
}

/// Codes of every length and of anything but digits: malformed, and neither written nor counted.
#[test]
fn codes() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    let proof = practice.proof(&person, ChangeFactors);
    practice.phone(id, "+15550100100", Some(proof));
    let sent = practice.challenge(id, SignIn).unwrap();
    let proof = practice.proof(&person, ChangeFactors);
    let enrol = practice.mfa.account(id).at(practice.now()).enrol("Tablet", &mut practice.rng());
    let pending = practice.run(enrol.proven_by(proof)).unwrap();
    let mut bad: Vec<String> =
        (0..40).filter(|n| !(6..=8).contains(n)).map(|n| "0".repeat(n)).collect();
    bad.extend(
        [
            "12345x",
            "12345 ",
            " 12345",
            "12 345",
            "123_456",
            "②③④⑤⑥⑦",
            "-12345",
            "1e5000",
            "1.123456",
        ]
        .map(String::from),
    );
    bad.push("0".repeat(1 << 20));
    bad.push("\u{0}".repeat(6));
    let before = practice.store.records();
    for code in &bad {
        let now = practice.now();
        let pairs = [[code.as_str(), "123456"], ["123456", code.as_str()]];
        assert_eq!(said(&practice.verify(id, code)), Said::Malformed, "{code:.40?}");
        assert_eq!(said(&practice.confirm(id, pending.id(), code)), Said::Malformed);
        for pair in pairs {
            let confirm = practice.at(id).confirm_pair(pending.id(), pair, &mut practice.rng());
            assert_eq!(said(&practice.run(confirm)), Said::Malformed);
        }
        assert_eq!(said(&practice.answer(id, sent.id(), code)), Said::Malformed);
        for pair in pairs {
            let resync = practice.mfa.account(id).at(now).resynchronise(person.device, pair);
            assert_eq!(said(&practice.run(resync)), Said::Malformed);
        }
    }
    assert_eq!(practice.store.records(), before);
    // Seven and eight digits are codes, of no device here: wrong, and counted.
    for (code, left) in [("1234567", 4), ("12345678", 3)] {
        assert_eq!(said(&practice.verify(id, code)), Said::Rejected(left));
    }
}

#[test]
fn recovery_texts() {
    let practice = Practice::new();
    let person = practice.person(1);
    let good = &person.recovery_codes[0];
    let plain = good.replace('-', "");
    let before = practice.store.records();
    let mut bad = vec![String::new(), plain[1..].to_owned(), format!("{plain}0"), "-".repeat(28)];
    for strange in ["U", "u", "!", "é", "\n", "\t", "\0", ".", "=", "①", "\u{a0}", "Ｕ", "\u{1b}"]
    {
        bad.push(format!("{}{strange}", &plain[..27]));
    }
    bad.push("0".repeat(1 << 20));
    bad.push(plain.repeat(2));
    for text in &bad {
        assert_eq!(RecoveryCode::parse(text).err(), Some(RecoveryCodeError), "{text:.40?}");
        assert_eq!(said(&practice.recover(&person.id, text)), Said::Malformed, "{text:.40?}");
    }
    assert_eq!(practice.store.records(), before);
    // As people type it: any case, any grouping, the look-alikes.
    let typed = plain.to_lowercase().replace('0', "o").replace('1', "l");
    let typed = format!(" {} {} ", &typed[..7], &typed[7..]);
    assert_eq!(said(&practice.recover(&person.id, &typed)), Said::Accepted);
}

/// Five OTP devices, eight passkeys and certificates, one telephone: the next one is refused, and
/// replacing one of them is not.
#[test]
fn as_many_devices_as_there_may_be() {
    assert_eq!((MAX_OTP_DEVICES, MAX_EXTERNAL_DEVICES), (5, 8));
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    for n in 2..=MAX_OTP_DEVICES {
        let _ = practice.second_app(&person, &format!("App {n}"));
    }
    let own = || practice.proof(&person, ChangeFactors);
    let mut key = None;
    for n in 0..MAX_EXTERNAL_DEVICES {
        let method = if n % 2 == 0 { ExternalMethod::Passkey } else { ExternalMethod::Pki };
        key = Some(practice.external(id, method, Some(own())));
    }
    let (mfa, rng) = (&practice.mfa, || practice.rng());
    let full = Refusal::TooManyDevices;
    let proof = own();
    let now = practice.now();
    assert_eq!(
        practice.refused(mfa.account(id).at(now).enrol("One more", &mut rng()).proven_by(proof)),
        full
    );
    let proof = own();
    let now = practice.now();
    let hotp =
        mfa.account(id).at(now).enrol_hotp("One more", Digits::Six, &mut rng()).proven_by(proof);
    assert_eq!(practice.refused(hotp), full);
    let proof = own();
    let existing = mfa.account(id).at(practice.now()).enrol_existing(token(0x44), &mut rng());
    assert_eq!(practice.refused(existing.proven_by(proof)), full);
    for method in [ExternalMethod::Passkey, ExternalMethod::Pki] {
        let proof = own();
        let bind = mfa.account(id).at(practice.now()).bind_external("One more", method, &mut rng());
        assert_eq!(practice.refused(bind.proven_by(proof)), full);
    }
    // Nor does an app get in by taking the place of a passkey: that makes one app more.
    let proof = own();
    let replace =
        mfa.account(id).at(practice.now()).replace(key.unwrap(), "One more", proof, &mut rng());
    assert_eq!(practice.refused(replace), full);
    // A telephone is a class of its own; a second one takes the place of the first.
    let first = practice.phone(id, "+15550100100", Some(own()));
    let second = practice.phone(id, "+15550100101", Some(own()));
    let summary = practice.summary(id);
    assert_eq!(summary.confirmed().count(), 5 + 8 + 1);
    assert!(summary.confirmed().any(|device| device.id == second));
    assert!(summary.confirmed().all(|device| device.id != first));
    // Replacing goes on working when everything is full, for each of them.
    let proof = own();
    let replace =
        mfa.account(id).at(practice.now()).replace(person.device, "New", proof, &mut rng());
    let pending = practice.run(replace).unwrap();
    let code = Authenticator::of(&pending).code(practice.now());
    assert_eq!(said(&practice.confirm(id, pending.id(), &code)), Said::Accepted);
    assert_eq!(practice.summary(id).confirmed().count(), 5 + 8 + 1);
    // Imports end at five as well.
    let id = account(2);
    for n in 0..6 {
        let import = mfa.account(&id).at(practice.now()).import(token(n), &mut rng());
        let expected = (n == 5).then_some(full);
        assert_eq!(refusal(practice.run(import)), expected, "import {n}");
    }
}

/// The largest state there can be fits a record, is read back, and works.
#[test]
fn the_largest_record() {
    let practice = Practice::with(Numbers { recovery_codes: Some(16), ..Numbers::default() });
    let id = AccountId::new([0xff; 64]).unwrap();
    let long = "é".repeat(32);
    let label = || Label::new(&long).unwrap();
    let parameters = Parameters {
        algorithm: Algorithm::Sha512,
        digits: Digits::Eight,
        t0: UnixTime::from_secs(1),
        ..Parameters::default()
    };
    let secret = |byte: u8| Secret::from_bytes(&[byte; 128]).unwrap();
    let existing = |byte: u8| ExistingDevice::totp(label(), secret(byte), parameters, None);
    let app = |byte: u8| {
        let totp = countersign::Totp::new(&secret(byte), parameters);
        Authenticator::App { totp, parameters }
    };
    let confirm = |byte: u8, proof: Option<Proof<ChangeFactors>>| {
        let enrol = practice
            .mfa
            .account(&id)
            .at(practice.now())
            .enrol_existing(existing(byte), &mut practice.rng());
        let enrol = match proof {
            Some(proof) => enrol.proven_by(proof),
            None => enrol,
        };
        let pending = practice.run(enrol).unwrap();
        let code = app(byte).code(practice.now());
        let bound = practice.confirm(&id, pending.id(), &code).accepted().unwrap();
        practice.wait(60);
        bound
    };
    let first = confirm(0, None);
    let codes = recovery_codes(&first);
    assert_eq!(codes.len(), 16);
    let own = || {
        let now = practice.wait(30);
        let verify = practice.at(&id).verify(&app(0).code(now), ChangeFactors);
        practice.run(verify).accepted().unwrap()
    };
    // Former devices, more than are remembered.
    for byte in 100..120 {
        let device = confirm(byte, Some(own())).device();
        let revoke = practice.mfa.account(&id).at(practice.now()).revoke(device, own());
        practice.run(revoke).unwrap();
    }
    for byte in 1..5 {
        let _ = confirm(byte, Some(own()));
    }
    for _ in 0..8 {
        let method = ExternalMethod::Passkey;
        let bind = practice.mfa.account(&id).at(practice.now()).bind_external(
            &long,
            method,
            &mut practice.rng(),
        );
        practice.run(bind.proven_by(own())).unwrap();
    }
    let number = || PhoneNumber::new("+123456789012345").unwrap();
    let told = RestrictedNotice::given_by_host();
    let enrol_phone = || {
        let proof = own();
        let enrol = practice.mfa.account(&id).at(practice.now()).enrol_phone(
            &long,
            number(),
            told,
            &mut practice.rng(),
        );
        practice.run(enrol.proven_by(proof)).unwrap()
    };
    let sent = enrol_phone();
    let bound = practice.confirm(&id, sent.id(), sent.to_send().unwrap().expose_str());
    assert_eq!(said(&bound), Said::Accepted);
    practice.wait(60);
    let operator = practice.person(7);
    let grantor = practice.proof(&operator, ActForOther);
    let grant = practice.mfa.account(&id).at(practice.now()).grant_emergency_access(
        acting(grantor),
        PassLength::Long,
        14_400,
        "in repair",
        &mut practice.rng(),
    );
    practice.run(grant).unwrap();
    // A pending telephone, a sent code, a started check, and failures in every class.
    let pending = enrol_phone();
    practice.wait(60);
    let name = action(&"x".repeat(32));
    let sent = practice.challenge(&id, name.clone()).unwrap();
    let started = practice.start_external(&id, name.clone());
    let _ = practice.recover(&id, &misread(&codes[0]));
    let _ = practice.verify(&id, "00000000");
    let _ = practice.answer(&id, sent.id(), &other_than(sent.to_send().unwrap().expose_str()));
    let record = practice.store.record(&id).unwrap();
    let (len, limit) = (record.as_bytes().len(), Record::MAX_LEN);
    assert!(len <= limit, "{len} bytes");
    assert!(len > 4_000, "{len} bytes: this was not the largest state");
    let summary = practice.summary(&id);
    assert_eq!((summary.confirmed().count(), summary.devices.len()), (14, 30));
    assert!(summary.pending_until.is_some() && summary.emergency_until.is_some());
    // All of it is read back and works.
    let answer = practice.mfa.account(&id).at(practice.now()).verify_sent_code(
        sent.id(),
        sent.to_send().unwrap().expose_str(),
        name.clone(),
    );
    assert_eq!(said(&practice.run(answer)), Said::Accepted);
    let key = summary.confirmed().find(|device| device.method.is_phishing_resistant()).unwrap();
    let verified = Assertion::verified_by_host(&started, key.id);
    assert_eq!(said(&practice.settle(&id, verified, name)), Said::Accepted);
    assert_eq!(said(&practice.recover(&id, &codes[15])), Said::Accepted);
    let bound = practice.confirm(&id, pending.id(), pending.to_send().unwrap().expose_str());
    assert_eq!(said(&bound), Said::Accepted);
    // A policy cannot ask for more than there is room for.
    assert_eq!(Bounded::<1, 16>::new(17), None);
}

/// Versions end at 2^63-1, what a signed column holds: the last write is the one before.
#[test]
fn versions() {
    let (mfa, store, id) = (Mfa::new(Plain, Recommended), Ledger::default(), account(1));
    let pending = mfa.account(&id).at(START).enrol("Phone", &mut rng(1)).run(&store).unwrap();
    let app = Authenticator::of(&pending);
    let confirm = mfa.account(&id).at(START).confirm(pending.id(), &app.code(START), &mut rng(2));
    assert_eq!(said(&confirm.run(&store)), Said::Accepted);
    let bytes = store.record(&id).unwrap().as_bytes().to_vec();
    let max = u64::try_from(i64::MAX).unwrap();
    assert_eq!(Record::MAX_VERSION, max);
    let now = START.plus(60);
    let verify = mfa.account(&id).at(now).verify(&app.code(now), SignIn);
    let wrong = mfa.account(&id).at(now).verify(&wrong_code(&[&app], now, 0), SignIn);
    let mut offboard = mfa.account(&id).at(now).offboard(HostsWord::Process, "left");
    for version in [0, max, max + 1, u64::MAX] {
        let record = Record::new(version, bytes.clone());
        store.put(id, record.clone());
        let error = Some(unreadable(RecordError::Version));
        assert_eq!(verify.run(&store).fault(), error, "version {version}");
        assert_eq!(wrong.run(&store).fault(), error, "version {version}");
        assert_eq!(offboard.run(&store).fault(), error, "version {version}");
        assert_eq!(store.record(&id), Some(record), "version {version}");
    }
    for version in [1, 1 << 31, (1 << 53) + 1, max - 1] {
        store.put(id, Record::new(version, bytes.clone()));
        assert_eq!(said(&verify.run(&store)), Said::Accepted, "version {version}");
        assert_eq!(store.record(&id).unwrap().version(), version + 1);
    }
}

/// Counters and steps at their ends: a device is used up, and never wraps.
#[test]
fn moving_factors_at_their_end() {
    let practice = Practice::new();
    let (mfa, id) = (&practice.mfa, account(1));
    let secret = || Secret::from_bytes(&[0x77; 20]).unwrap();
    let label = || Label::new("Token").unwrap();
    let token = ExistingDevice::hotp(label(), secret(), Algorithm::Sha1, Digits::Six, u64::MAX);
    practice.run(mfa.account(&id).at(practice.now()).import(token, &mut practice.rng())).unwrap();
    let hotp = countersign::Hotp::new(&secret(), Algorithm::Sha1, Digits::Six);
    let last = hotp.generate(u64::MAX).expose_str().to_owned();
    assert_eq!(said(&practice.verify(&id, &last)), Said::Accepted);
    for counter in [u64::MAX, u64::MAX - 1, 0, 1] {
        let code = hotp.generate(counter).expose_str().to_owned();
        assert_ne!(said(&practice.verify(&id, &code)), Said::Accepted, "counter {counter}");
    }
    // A last step that another system set to the end of time: no code is ever new.
    let id = account(2);
    let parameters = Parameters::default();
    let app = ExistingDevice::totp(label(), secret(), parameters, Some(u64::MAX));
    practice.run(mfa.account(&id).at(practice.now()).import(app, &mut practice.rng())).unwrap();
    let totp =
        Authenticator::App { totp: countersign::Totp::new(&secret(), parameters), parameters };
    let code = totp.code(practice.now());
    assert_eq!(said(&practice.verify(&id, &code)), Said::Rejected(4));
    // A T0 that lies ahead: before it there are no codes, and nothing is accepted.
    let id = account(3);
    let later = Parameters { t0: UnixTime::from_secs(4_000_000_000), ..parameters };
    let app = ExistingDevice::totp(label(), secret(), later, None);
    practice.run(mfa.account(&id).at(practice.now()).import(app, &mut practice.rng())).unwrap();
    for code in ["000000", &code] {
        assert!(matches!(said(&practice.verify(&id, code)), Said::Rejected(_)));
    }
    // Emergency access for no time, and for ever: a second, and the policy's hours.
    let (person, operator) = (practice.person(4), practice.person(5));
    for (asked, granted) in [(0, 0), (14_400, 14_400), (14_401, 14_400), (u64::MAX, 14_400)] {
        let proof = practice.proof(&operator, ActForOther);
        let now = practice.now();
        let grant = mfa.account(&person.id).at(now).grant_emergency_access(
            acting(proof),
            PassLength::Long,
            asked,
            "in repair",
            &mut practice.rng(),
        );
        let pass = practice.run(grant).unwrap();
        assert_eq!(pass.until(), now.plus(granted), "{asked}");
        for (late, expected) in [(granted + 1, Said::Expired), (granted, Said::Accepted)] {
            let enter = mfa.account(&person.id).at(now.plus(late)).enter_pass(&pass.expose_text());
            let used = practice.run(enter);
            assert_eq!(said(&used), expected, "{asked}, {late} s later");
        }
    }
}

/// A device, a challenge and an enrolment that are none: one answer each, and nothing is written.
#[test]
fn numbers_that_name_nothing() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    for number in [0, 1, u64::MAX] {
        let device = DeviceId::from_u64(number);
        let proof = practice.proof(&person, ChangeFactors);
        let revoke = practice.mfa.account(id).at(practice.now()).revoke(device, proof);
        assert_eq!(practice.refused(revoke), Refusal::NoSuchDevice);
    }
    let before = practice.store.records();
    for bytes in [[0; 16], [255; 16]] {
        let none = ChallengeId::from_bytes(bytes);
        assert_eq!(said(&practice.confirm(id, none, "123456")), Said::Expired);
        assert_eq!(said(&practice.answer(id, none, "123456")), Said::Expired);
    }
    let token = practice.start_external(id, SignIn);
    let shorter = &token[..token.len() - 2];
    let longer = format!("{token}00");
    let altered = other_than_hex(&token);
    let of_another = practice.start_external(&account(2), SignIn);
    let huge = "00".repeat(1 << 16);
    for none in ["", "0", "00", "token", "é", shorter, &longer, &altered, &of_another, &huge] {
        let assertion = Assertion::verified_by_host(none, person.device);
        let verdict = practice.settle(id, assertion, SignIn);
        assert_eq!(said(&verdict), Said::Expired, "{none:.40}");
    }
    assert_eq!(practice.store.records(), before);
    assert_eq!(practice.store.load(id).unwrap(), before.get(id).cloned());
    // The strictest policy that can be written still lets the right code in: one code at a time, and the
    // least that thirty days may hold.
    let throttle = Throttle {
        free: Bounded::of::<0>(),
        first_wait: Bounded::of::<3600>(),
        longest_wait: Bounded::of::<3600>(),
        closed_at: Bounded::of::<1>(),
        per_thirty_days: Bounded::of::<4>(),
        remembered: Bounded::of::<0>(),
    };
    let practice = Practice::with(Numbers {
        throttle: Some(throttle),
        window: Window::new(0, 0),
        look_ahead: LookAhead::new(1),
        ..Numbers::default()
    });
    let person = practice.person(1);
    let code = person.app.code(practice.now());
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
    assert_eq!(said(&practice.miss(&person)), Said::Rejected(0));
    assert_eq!(said(&practice.miss(&person)), Said::Closed);
    assert_eq!(said(&practice.recover(&person.id, &person.recovery_codes[0])), Said::Accepted);
}

/// The text with its last digit changed.
fn other_than_hex(text: &str) -> String {
    let (head, last) = text.split_at(text.len() - 1);
    format!("{head}{}", if last == "0" { '1' } else { '0' })
}
