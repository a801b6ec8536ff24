//! What the features `serde` and `qr` add to the library: here, because the library's own tests need no
//! feature beyond the default.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

#[path = "../../tests/common/mod.rs"]
mod common;

#[macro_use]
#[path = "../../tests/common/implements.rs"]
mod implements;

use common::*;
use countersign::account::{ExistingDevice, PhoneNumber, Text};
use countersign::mfa::RestrictedNotice;
use countersign::otp::Parameters;
use countersign::{
    Algorithm, ChangeFactors, Code, DeviceId, Digits, Event, Keyring, Proof, ProvisioningUri,
    Record, Secret, SignIn, Summary, Verdict, vectors,
};

#[test]
fn a_device_number_keeps_its_digits_in_json() {
    for number in [0, 1, 1 << 53, u64::MAX] {
        let json = serde_json::to_string(&DeviceId::from_u64(number)).unwrap();
        assert_eq!(json, format!("\"{number:016x}\""));
        assert_eq!(serde_json::from_str::<DeviceId>(&json).unwrap().as_u64(), number);
    }
    for wrong in ["1", "\"1\"", "\"+000000000000001\"", "\"00000000000000001\""] {
        assert!(serde_json::from_str::<DeviceId>(wrong).is_err(), "{wrong}");
    }
}

/// The half of `s04_proof_type` that is about serde: no text becomes a proof.
#[test]
fn s04_no_proof_from_a_text() {
    assert!(implements!(Summary: serde::Serialize), "the probe works");
    assert!(implements!(Summary: serde::de::DeserializeOwned), "the probe works");
    assert!(!implements!(Proof<SignIn>: serde::Serialize));
    assert!(!implements!(Proof<SignIn>: serde::de::DeserializeOwned));
    assert!(!implements!(Verdict<Proof<SignIn>>: serde::Serialize));
}

/// The half of `s11_secret_hygiene` that is about serde: events and summaries show no secret, and what
/// holds one cannot be serialised.
#[test]
fn s11_json_shows_no_secret() {
    let practice = Practice::new();
    let id = account(1);
    let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
    let pending = practice.run(enrol).unwrap();
    let uri = pending.uri("Acme Billing", "dana").unwrap();
    let app = Authenticator::of(&pending);
    let first = app.code(practice.now());
    let bound = practice.confirm(&id, pending.id(), &first).accepted().unwrap();
    let recovery_codes = recovery_codes(&bound);
    let person = Person { id, device: bound.device(), app, recovery_codes };
    practice.wait(60);

    let proof = practice.proof(&person, ChangeFactors);
    let number = "+15550123489";
    let destination = PhoneNumber::new(number).unwrap();
    let told = RestrictedNotice::given_by_host();
    let sms = practice.at(&id).enrol_phone("SMS", destination, told, &mut practice.rng());
    let sent = practice.run(sms.proven_by(proof)).unwrap();
    let sms_code = sent.to_send().unwrap().expose_str().to_owned();
    assert!(practice.confirm(&id, sent.id(), &sms_code).accepted().is_some());
    practice.wait(60);
    let challenge = practice.challenge(&id, SignIn).unwrap();
    let second_code = challenge.to_send().unwrap().expose_str().to_owned();
    assert!(practice.answer(&id, challenge.id(), &second_code).accepted().is_some());
    let now = practice.wait(60);
    let code = person.app.code(now);
    assert!(practice.verify(&id, &code).accepted().is_some());
    assert!(practice.recover(&id, &person.recovery_codes[0]).accepted().is_some());
    let token = Secret::from_bytes(&[0xc5; 20]).unwrap();
    let label = Text::new("Token").unwrap();
    let token = ExistingDevice::hotp(label, token, Algorithm::Sha1, Digits::Six, 3);
    let import = practice.at(&account(2)).import(token, &mut practice.rng());
    assert!(practice.run(import).is_ok());

    let mut shown: Vec<String> = Vec::new();
    let events = (practice.store.events().into_iter()).chain(practice.store.notes());
    shown.extend(events.map(|event| {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event, "an event is read back");
        json
    }));
    shown.push(serde_json::to_string(&practice.summary(&id)).unwrap());
    shown.push(serde_json::to_string(&practice.store.columns(&account(2)).unwrap()).unwrap());
    assert!(shown.len() > 8, "{}", shown.len());

    let base32 = uri.secret().expose_base32().expose_str().to_owned();
    let mut canaries = vec![base32.clone(), base32.to_lowercase(), first, code];
    canaries.extend([sms_code, second_code, number.to_owned(), number[1..].to_owned()]);
    for secret in [uri.secret().expose_bytes(), &[0xc5; 20], &KEY] {
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("{:?}", &secret[..4]).replace(' ', "");
        canaries.extend([hex.to_uppercase(), hex, list.trim_matches(['[', ']']).to_owned()]);
    }
    for code in &person.recovery_codes {
        canaries.extend([code.clone(), code.replace('-', ""), code[..14].to_owned()]);
    }
    for text in &shown {
        for canary in &canaries {
            // A six-digit code may stand by chance inside a hexadecimal id or a time; not as a word.
            let digits = canary.len() == 6 && canary.bytes().all(|byte| byte.is_ascii_digit());
            let found = match digits {
                true => text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == canary),
                false => text.contains(canary.as_str()),
            };
            assert!(!found, "{canary} in {text}");
        }
    }
    assert!(!implements!(Secret: serde::Serialize) && !implements!(Code: serde::Serialize));
    assert!(!implements!(Record: serde::Serialize) && !implements!(Keyring: serde::Serialize));
    assert!(!implements!(PhoneNumber: serde::Serialize));
}

#[test]
fn a_qr_code_is_drawn_for_the_shortest_and_the_longest() {
    let longest = Secret::from_bytes(&[0xa5; Secret::MAX_LEN]).unwrap();
    let (issuer, account) = ("ü".repeat(64), "ö".repeat(160));
    let (algorithm, digits) = (Algorithm::Sha512, Digits::Eight);
    let shortest = Secret::from_bytes(vectors::seed(Algorithm::Sha1)).unwrap();
    let short = ProvisioningUri::totp("A", "b", &shortest, Parameters::default());
    let long = ProvisioningUri::hotp(&issuer, &account, &longest, algorithm, digits, u64::MAX);
    for uri in [short.unwrap(), long.unwrap()] {
        let (svg, drawn) = (uri.expose_qr_svg(), uri.expose_qr_text());
        assert!(svg.starts_with("<?xml") && svg.ends_with("</svg>"));
        assert!(!svg.contains("otpauth") && !svg.contains("secret"));
        let width = drawn.lines().next().unwrap().chars().count();
        assert!((width - 8 - 17).is_multiple_of(4), "no QR code has {width} modules a side");
        assert_eq!(drawn.lines().count(), width.div_ceil(2));
        assert!(drawn.lines().all(|line| line.chars().count() == width));
        assert!(drawn.chars().all(|character| "█▀▄ \n".contains(character)));
        // A quiet zone of light modules, drawn as blocks, all around.
        assert!(drawn.starts_with(&"█".repeat(width)));
    }
}
