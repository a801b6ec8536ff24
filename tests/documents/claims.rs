//! What the documents claim is what the code does.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use countersign::account::{AnyPurpose, Class, MAX_EXTERNAL_DEVICES, MAX_OTP_DEVICES};
use countersign::otp::Parameters;
use countersign::{Algorithm, Digits, Policy, Recommended, UnixTime};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// ASVS 6.3.1: the documented limits are the implemented ones. Each row of the README's table of
/// numbers is written here from the constants; change one and this names the other.
#[test]
fn the_readmes_numbers_are_the_codes_numbers() {
    let policy = Recommended;
    let Parameters { algorithm, digits, period, t0 } = policy.parameters();
    assert_eq!((algorithm, t0), (Algorithm::Sha1, UnixTime::from_secs(0)));
    let window = policy.window();
    let throttle = policy.throttle(Class::Codes);
    for class in [Class::Recovery, Class::OutOfBand, Class::External] {
        assert_eq!(policy.throttle(class), throttle, "the table has one row for all classes");
    }
    let minutes = |secs: u64| secs / 60;
    let rows = [
        format!(
            "| TOTP | SHA-1, {} digits, {} s, {}-byte secret: what every app computes |",
            digits.count(),
            period.as_u64(),
            algorithm.secret_len()
        ),
        format!(
            "| window | {} step back, {} forward (a code is usable for {} s); HOTP {} counters; \
             resynchronisation 1,000 |",
            window.backward.as_u64(),
            window.forward.as_u64(),
            window.lifetime(period),
            policy.look_ahead().as_u64()
        ),
        format!(
            "| drift | moves by at most 1 step per success, never past {}, forgotten after {} days \
             without use |",
            policy.drift_limit().as_u64(),
            policy.drift_memory().as_u64() / 86_400
        ),
        format!(
            "| failures | {} free, then {} s doubling to {} h, disabled at {}; and {} in 30 days |",
            throttle.free.as_u64(),
            throttle.first_wait.as_u64(),
            throttle.longest_wait.as_u64() / 3600,
            throttle.disable_at.as_u64(),
            throttle.per_thirty_days.as_u64()
        ),
        format!(
            "| enrolment | {} minutes to confirm, one at a time |",
            minutes(policy.pending_lifetime().as_u64())
        ),
        format!(
            "| recovery codes | {} of 120 bits, salted and hashed, each spent once |",
            policy.recovery_codes().as_u64()
        ),
        format!(
            "| SMS | {} digits, {} minutes, {} tries, one at a time, {} s between two |",
            policy.challenge_digits().count(),
            minutes(policy.challenge_lifetime().as_u64()),
            policy.challenge_tries().as_u64(),
            policy.challenge_interval().as_u64()
        ),
        format!(
            "| devices | {MAX_OTP_DEVICES} for codes, {MAX_EXTERNAL_DEVICES} passkeys or \
             certificates, 1 telephone |"
        ),
        format!(
            "| proof | {} minutes old at most when it changes something |",
            minutes(policy.proof_age(&AnyPurpose::ChangeFactors).as_u64())
        ),
    ];
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for row in rows {
        assert!(readme.contains(&row), "the README does not say: {row}");
    }
    assert_eq!(policy.resync_reach().as_u64(), 1000);
    let odds = window.guess_probability(Digits::Six, 100);
    assert!((odds - 3e-4).abs() < 1e-12 && readme.contains("odds of 3 in 10,000"));
}

/// NIST SP 800-63B-4 section 3.2.5: a code that a person types is never phishing-resistant, and no
/// sentence of ours says so. Every mention has to be about WebAuthn and PKI alone, or be a denial.
#[test]
fn no_sentence_calls_a_typed_code_phishing_resistant() {
    let mut texts: Vec<_> =
        ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "crates/billing/README.md"]
            .map(|name| root().join(name))
            .into();
    for folder in [
        "src",
        "crates/billing/src",
        "crates/conformance/src",
        "crates/rusqlite/src",
        "crates/postgres/src",
        "crates/redis/src",
        "examples",
    ] {
        collect(&root().join(folder), &mut texts);
    }
    let mut mentions = 0;
    for path in texts {
        for sentence in sentences(&fs::read_to_string(&path).unwrap()) {
            if let Some(fine) = speaks_of_phishing_resistance(&sentence) {
                mentions += 1;
                assert!(fine, "{path:?}: {sentence}");
            }
        }
    }
    assert!(mentions > 3, "the documents do speak of it");
}

#[test]
fn a_sentence_that_calls_a_typed_code_phishing_resistant_is_seen() {
    for (text, expected) in [
        ("/// A TOTP is phishing-resistant.", vec![Some(false)]),
        ("Nothing to install: a code resists phishing.", vec![Some(false)]),
        ("Another note: codes are phishing resistant.", vec![Some(false)]),
        ("Codes resist phishing. They are not sent.", vec![Some(false), None]),
        ("//! It is not sent.\n//! The phishing\n//! resistance is good.", vec![None, Some(false)]),
        ("- It is never sent\n- Resists phishing", vec![None, Some(false)]),
        ("A passkey is phishing-resistant, as TOTP is.", vec![Some(false)]),
        ("Only a passkey is phishing-resistant.", vec![Some(true)]),
        ("A TOTP is not phishing-resistant.", vec![Some(true)]),
        ("It offers `phishing-resistant` or nothing.", vec![None]),
    ] {
        let found: Vec<_> = sentences(text)
            .iter()
            .map(|sentence| speaks_of_phishing_resistance(sentence))
            .collect();
        assert_eq!(found, expected, "{text}");
    }
}

/// Whether a sentence may say what it says of phishing resistance, if it speaks of it.
fn speaks_of_phishing_resistance(sentence: &str) -> Option<bool> {
    const DENIALS: [&str; 6] = ["cannot", "neither", "never", "no", "nor", "not"];
    const CHECKED_BY_THE_HOST: [&str; 4] = ["passkey", "passkeys", "pki", "webauthn"];
    const TYPED: [&str; 7] = ["app", "apps", "code", "codes", "hotp", "sms", "totp"];
    // Names of values and functions are no sentences.
    let sentence = sentence.to_lowercase().replace("is_phishing_resistant", "");
    let sentence =
        sentence.replace("`phishing-resistant`", "").replace("\"phishing-resistant\"", "");
    let words: Vec<_> = sentence.split(|character: char| !character.is_alphanumeric()).collect();
    let has = |these: &[&str]| words.iter().any(|word| these.contains(word));
    let begins = |with: &str| words.iter().any(|word| word.starts_with(with));
    (begins("phish") && begins("resist"))
        .then(|| has(&DENIALS) || has(&CHECKED_BY_THE_HOST) && !has(&TYPED))
}

/// The sentences of a document or a source, each on one line. None goes on from a comment into code,
/// or into the next row or item of a list.
fn sentences(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    let mut before = "";
    for line in text.lines().map(str::trim) {
        let marks = ["//!", "///", "//", "- ", "| ", "#"];
        let mark = marks.into_iter().find(|mark| line.starts_with(mark)).unwrap_or_default();
        let words = line.strip_prefix(mark).unwrap_or(line).trim();
        let goes_on = match mark {
            "" => !before.starts_with("//"),
            "//!" | "///" | "//" => mark == before,
            _ => false,
        };
        if words.is_empty() || !goes_on {
            paragraphs.push(String::new());
        }
        before = mark;
        paragraphs.last_mut().unwrap().extend([words, " "]);
    }
    let ends = |text: String, end: &&str| text.replace(end, "\n");
    let text = [". ", ".** ", "? ", "! ", "; "].iter().fold(paragraphs.join("\n"), ends);
    let sentences = text.lines().filter(|line| !line.trim().is_empty());
    sentences.map(str::to_owned).collect()
}

fn collect(folder: &Path, texts: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, texts);
        } else if path.extension().is_some_and(|end| end == "rs" || end == "md") {
            texts.push(path);
        }
    }
}
