//! What the documents claim is what the code does.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use crate::keys::keyring;
use countersign::account::{
    AnyPurpose, Class, DeviceStatus, DeviceSummary, MAX_BROWSERS, MAX_EXTERNAL_DEVICES,
    MAX_OTP_DEVICES, odds_per_year,
};
use countersign::otp::Parameters;
use countersign::{
    AccountId, Algorithm, DeviceId, MemoryStore, Method, Mfa, OsRandom, Policy, Recommended,
    SignIn, Summary, Totp, UnixTime, Verdict,
};

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
    assert_eq!(
        policy.throttle(Class::OutOfBand),
        throttle,
        "the table has one row for both classes"
    );
    let minutes = |secs: u64| secs / 60;
    let days = |secs: u64| secs / 86_400;
    let rows = [
        format!(
            "| TOTP | SHA-1, {} digits, {} s, {}-byte secret: what every app computes |",
            digits.count(),
            period.as_u64(),
            algorithm.secret_len()
        ),
        format!(
            "| window | {} step back, {} forward (a code is usable for {} s), around our clock and the \
             device's; HOTP {} counters |",
            window.backward.as_u64(),
            window.forward.as_u64(),
            window.lifetime(period),
            policy.look_ahead().as_u64()
        ),
        format!(
            "| drift | moves by at most 1 step per success, never past {}, forgotten after {} days \
             without use |",
            policy.drift_limit().as_u64(),
            days(policy.drift_memory().as_u64())
        ),
        format!(
            "| two codes in a row | set a device right that is off by {} minutes or {},000 counters; \
             they let nobody in |",
            minutes(policy.clock_reach().as_u64()),
            policy.counter_reach().as_u64() / 1000
        ),
        format!(
            "| failures | {} free, then {} s doubling to {} h; {} in any thirty days; closed to \
             unknown browsers after {} in a row |",
            throttle.free.as_u64(),
            throttle.first_wait.as_u64(),
            throttle.longest_wait.as_u64() / 3600,
            throttle.per_thirty_days.as_u64(),
            throttle.closed_at.as_u64()
        ),
        format!(
            "| remembered browsers | {MAX_BROWSERS}, for 90 days without use; {} failures in a row or \
             in thirty days, of their own |",
            throttle.remembered.as_u64()
        ),
        format!(
            "| trusted browsers | {}; {MAX_BROWSERS}, for 30 days at most from a code or passkey; a new \
             token each time, the same for 60 s |",
            policy.trusted_browsers(&AccountId::new([7]).unwrap()).map_or("off", |_| "on"),
        ),
        format!(
            "| enrolment | {} minutes and {} tries to confirm, one at a time, one start in 30 s |",
            minutes(policy.pending_lifetime().as_u64()),
            policy.pending_tries().as_u64()
        ),
        format!(
            "| recovery codes | {} of 28 characters, salted and hashed, each spent once, closed after \
             100 failures on its name |",
            policy.recovery_codes().as_u64()
        ),
        format!(
            "| SMS | {} digits, {} minutes, {} tries; 5 at once and 10 a day; asked again within {} s, \
             none is sent |",
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
            "| passes | long: 28 characters, {} h to enrol, {} h in an emergency; short: 8 characters, \
             10 minutes, 20 tries |",
            policy.pass_lifetime().as_u64() / 3600,
            policy.emergency_lifetime().as_u64() / 3600
        ),
        format!(
            "| proof | {} minutes old at most when it changes something |",
            minutes(policy.proof_age(&AnyPurpose::ChangeFactors).as_u64())
        ),
        odds(),
    ];
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for row in rows {
        assert!(readme.contains(&row), "the README does not say: {row}");
    }
}

/// The README's row of odds: the worst that any number of devices gives, for each kind.
fn odds() -> String {
    let worst = |devices: &dyn Fn(usize) -> Vec<DeviceSummary>| {
        let odds = (1..=MAX_OTP_DEVICES).map(|count| {
            odds_per_year(&Recommended, &Summary { devices: devices(count), ..Summary::default() })
        });
        let (least, most) =
            odds.fold((1.0_f64, 0.0_f64), |(least, most), odds| (least.min(odds), most.max(odds)));
        assert!((most - least).abs() < 1e-12, "more devices give no better odds");
        format!("{:.2}", most * 1000.0)
    };
    let many = |method, digits, count| vec![device(method, digits); count];
    let six = worst(&|count| many(Method::Totp, Some(6), count));
    assert_eq!(worst(&|count| many(Method::Hotp, Some(6), count)), six);
    let eight = worst(&|count| many(Method::Totp, Some(8), count));
    let sms = worst(&|_| many(Method::Sms, None, 1));
    let both =
        worst(&|count| [many(Method::Totp, Some(6), count), many(Method::Sms, None, 1)].concat());
    assert_eq!(worst(&|count| many(Method::Passkey, None, count)), "0.00");
    format!(
        "| odds in a year | apps and tokens: 6 digits {six} in 1,000, 8 digits {eight}; SMS alone {sms}; \
         SMS and apps {both} |"
    )
}

fn device(method: Method, digits: Option<u8>) -> DeviceSummary {
    DeviceSummary {
        id: DeviceId::from_u64(1),
        label: "phone".into(),
        method,
        status: DeviceStatus::Confirmed,
        bound_at: UnixTime::from_secs(1_800_000_000),
        last_used: None,
        drift: 0,
        clock_offset: 0,
        short_secret: false,
        imported: false,
        digits,
        fingerprint: None,
        bound_openly: false,
    }
}

/// The odds are not a formula alone: whoever guesses at every moment at which a guess is looked at, all
/// year long, beside an owner who signs in every day, tries as many codes as they say and not one more.
#[test]
fn a_year_of_guesses_stays_within_the_odds() {
    const YEAR: u64 = 365 * 86_400;
    let mfa = Mfa::new(keyring(7), Recommended);
    let (store, mut rng) = (MemoryStore::new(), OsRandom::new().unwrap());
    let (id, start) = (AccountId::new("42").unwrap(), UnixTime::from_secs(1_800_000_000));
    let dana = |now| mfa.account(&id).at(now);
    let pending = dana(start).enrol("Phone", &mut rng).run(&store).unwrap();
    let uri = pending.uri("Acme", "dana").unwrap();
    let app = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
    let shown = |now| app.generate(now).unwrap().expose_str().to_owned();
    let bound = dana(start).confirm(pending.id(), &shown(start), &mut rng).run(&store);
    let proof = bound.accepted().unwrap().into_proof();
    let browser = dana(start).remember_browser(&proof, &mut rng).run(&store).unwrap();

    let (mut now, mut guesses, mut next_day) = (start.plus(60), 0_u32, start.plus(86_400));
    while now < start.plus(YEAR) {
        while next_day <= now {
            // The owner comes in at the worst moment, from a browser that is remembered.
            let owner = dana(next_day).verify(&shown(next_day), SignIn);
            let verdict = owner.from_browser(browser.expose_token()).run(&store);
            assert!(verdict.accepted().is_some(), "the owner is let in");
            next_day = next_day.plus(86_400);
        }
        let near: Vec<_> = [0, 30, 60, 90]
            .map(|secs| shown(UnixTime::from_secs(now.as_secs() - 60 + secs)))
            .into();
        let wrong = (0..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap();
        match dana(now).verify(&wrong, SignIn).run(&store) {
            Verdict::Rejected { .. } => guesses += 1,
            Verdict::Wait { until } => now = until.min(next_day),
            Verdict::Closed => now = next_day,
            other => panic!("{other:?}"),
        }
    }
    let summary = dana(now).summary().run(&store).unwrap().unwrap();
    let codes = f64::from(guesses * Recommended.window().steps()) / 1e6;
    let odds = odds_per_year(&Recommended, &summary);
    assert!(codes <= odds, "{guesses} guesses try {codes}, more than {odds}");
    assert!(codes > 0.9 * odds, "{guesses} guesses try {codes}, far from {odds}");
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
        "crates/audit/src",
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
