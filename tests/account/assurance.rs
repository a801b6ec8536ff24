//! What a proof is worth to others, method by method.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::*;
use countersign::account::{Aal, Assertion};
use countersign::mfa::{Attempt, ExternalMethod};
use countersign::{ChangeFactors, Method, Proof, SignIn, UnixTime};

/// Level two: a password and one more, or a passkey that verified its user; never level three. A recovery
/// code, emergency access and a trusted browser add nothing to a password.
///
/// Guards `Proof::aal` and `Proof::amr`, line by line.
#[test]
fn levels_and_claims() {
    let practice = &Practice::with(Trusting);
    let person = practice.person(1);
    let id = &person.id;
    let own = || Some(practice.proof(&person, ChangeFactors));
    let passkey = practice.passkey(id, own());
    let card = practice.external(id, ExternalMethod::Pki, own());
    practice.phone(id, "+15550100100", own());
    let operator = practice.person(2);
    // With and without the host's word on the password.
    let both = |make: &dyn Fn(usize) -> Proof<SignIn>| [make(0), make(1)];
    fn after(attempt: Attempt<'_, Proof<SignIn>>, password: usize) -> Attempt<'_, Proof<SignIn>> {
        if password == 1 { attempt.first_factor_passed() } else { attempt }
    }
    let accepted = |attempt, password| practice.run(after(attempt, password)).accepted().unwrap();
    let external = |device, verified: bool| {
        move |password| {
            practice.wait(1);
            let token = practice.start_external(id, SignIn);
            let word = Assertion::verified_by_host(&token, device);
            let word = if verified { word.user_verified() } else { word };
            practice
                .run(after(practice.at(id).finish_external(word, SignIn), password))
                .accepted()
                .unwrap()
        }
    };
    let totp = |password| {
        let code = person.app.code(practice.wait(30));
        accepted(practice.at(id).verify(&code, SignIn), password)
    };
    let sms = |password| {
        practice.wait(60);
        let sent = practice.challenge(id, SignIn).unwrap();
        let code = sent.to_send().unwrap().expose_str().to_owned();
        accepted(practice.at(id).verify_sent_code(sent.id(), &code, SignIn), password)
    };
    let printed = |password: usize| {
        accepted(practice.at(id).recover(&person.recovery_codes[password], SignIn), password)
    };
    let emergency = |password| {
        let pass = practice.emergency(id, &operator, 3600);
        let enter = practice.at(id).enter_pass(&pass);
        let enter = if password == 1 { enter.first_factor_passed() } else { enter };
        signed_in(practice.run(enter))
    };
    let trusted = |password| {
        let browser = practice.trust(&person);
        let visit = practice.at(id).visit(browser.expose_token());
        let visit = if password == 1 { visit.first_factor_passed() } else { visit };
        practice.run(visit).accepted().unwrap().0
    };
    let (one, two) = (Aal::One, Aal::Two);
    type Row<'t> = (Method, [Proof<SignIn>; 2], [Aal; 2], [&'t [&'t str]; 2]);
    let table: [Row<'_>; 9] = [
        (Method::Totp, both(&totp), [one, two], [&["otp"], &["pwd", "otp", "mfa"]]),
        (Method::Sms, both(&sms), [one, two], [&["sms"], &["pwd", "sms", "mfa"]]),
        (
            Method::Passkey,
            both(&external(passkey, false)),
            [one, two],
            [&["pop", "user"], &["pwd", "pop", "user", "mfa"]],
        ),
        (
            Method::Passkey,
            both(&external(passkey, true)),
            [two, two],
            [&["pop", "user", "mfa"], &["pwd", "pop", "user", "mfa"]],
        ),
        (Method::Pki, both(&external(card, false)), [one, two], [&["pop"], &["pwd", "pop", "mfa"]]),
        (
            Method::Pki,
            both(&external(card, true)),
            [two, two],
            [&["pop", "mfa"], &["pwd", "pop", "mfa"]],
        ),
        (Method::RecoveryCode, both(&printed), [one, one], [&[], &["pwd"]]),
        (Method::Emergency, both(&emergency), [one, one], [&[], &["pwd"]]),
        (Method::TrustedBrowser, both(&trusted), [one, one], [&[], &["pwd"]]),
    ];
    for (method, proofs, levels, claims) in table {
        for (password, proof) in proofs.iter().enumerate() {
            let case = format!("{} {password}", method.name());
            assert_eq!(proof.method(), method, "{case}");
            assert_eq!(proof.aal(), levels[password], "{case}");
            assert_eq!(proof.amr(), claims[password], "{case}");
        }
    }
    assert!(Aal::One < Aal::Two);
    for (level, last) in [(Aal::One, "/1"), (Aal::Two, "/2")] {
        assert!(level.acr().ends_with(last));
    }
    // A check that failed at the host verified nobody.
    let token = practice.start_external(id, SignIn);
    let failed = Assertion::failed_at_host(&token, passkey).user_verified();
    assert_eq!(said(&practice.settle(id, failed, SignIn)), Said::Rejected(u8::MAX));
}

/// `max_age` counts from the attempt: the last second is within it, and so is a clock a minute behind.
///
/// Guards `Proof::is_within`.
#[test]
fn an_age_is_asked_for() {
    let practice = Practice::new();
    let proof = practice.proof(&practice.person(1), SignIn);
    let at = |secs: i64| UnixTime::from_secs(proof.at().as_secs().saturating_add_signed(secs));
    for (max_age, secs, within) in [
        (0, 0, true),
        (0, 1, false),
        (300, 300, true),
        (300, 301, false),
        (300, -60, true),
        (300, -61, false),
        (u64::MAX, 1_000_000, true),
    ] {
        assert_eq!(proof.is_within(max_age, at(secs)), within, "{max_age} {secs}");
    }
}
