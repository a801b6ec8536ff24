//! Where a person stands, in every state, and the odds of a stranger over a year.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::acting;
use crate::common::*;
use crate::throttle::close;
use countersign::account::{
    Bounded, ExistingDevice, HostsWord, Label, MAX_OTP_DEVICES, Refusal, Standing, Throttle,
    odds_per_year,
};
use countersign::otp::Parameters;
use countersign::{
    AccountId, ActForOther, Algorithm, ChangeFactors, Digits, LookAhead, Policy, Recommended,
    Secret, SignIn, Summary, Window,
};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// What the one call says, which is what the summary says, beside the record.
fn standing<P: Policy>(practice: &Practice<P>, id: &AccountId) -> Standing {
    let standing = practice.run(practice.at(id).standing());
    let summary = practice.run(practice.at(id).summary());
    assert_eq!(summary.map_or(Standing::NeverEnrolled, |summary| summary.standing), standing);
    standing
}

/// F-36: one call for each state; and no state in which a factor is missing, lost or closed looks like
/// one in which none was ever enrolled.
///
/// Guards `Account::standing` and `without_device`.
#[test]
fn where_a_person_stands() {
    let practice = Practice::new();
    let operator = practice.person(2);
    let act = || practice.proof(&operator, ActForOther);
    // Never enrolled, pending, and never enrolled again when that ran out.
    let id = account(1);
    assert_eq!(standing(&practice, &id), Standing::NeverEnrolled);
    let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
    let pending = practice.run(enrol).unwrap();
    let until = pending.until();
    assert_eq!(standing(&practice, &id), Standing::Pending { until });
    practice.set_clock(until.plus(1));
    assert_eq!(standing(&practice, &id), Standing::NeverEnrolled);
    // In use; waiting; in use again when the wait is over, and when anything else can be used.
    let person = practice.person(1);
    let id = &person.id;
    assert_eq!(standing(&practice, id), Standing::InUse);
    for _ in 0..FREE {
        let _ = practice.miss(&person);
    }
    let until = practice.now().plus(30);
    assert_eq!(standing(&practice, id), Standing::Waiting { until });
    practice.set_clock(until);
    assert_eq!(standing(&practice, id), Standing::InUse);
    // Closed to strangers, also while a replacement is pending, and in use with a passkey beside it.
    close(&practice, &person);
    assert_eq!(standing(&practice, id), Standing::ClosedToStrangers);
    let recover = practice.at(id).recover(&person.recovery_codes[0], ChangeFactors);
    let proof = practice.run(recover).accepted().unwrap();
    let key = practice.passkey(id, Some(proof));
    assert_eq!(standing(&practice, id), Standing::InUse);
    // The passkey lost: closed. The app too: recovery codes only, while there are any.
    let proof = act();
    practice.run(practice.at(id).report_lost(key, acting(proof))).unwrap();
    assert_eq!(standing(&practice, id), Standing::ClosedToStrangers);
    let proof = act();
    practice.run(practice.at(id).report_lost(person.device, acting(proof))).unwrap();
    assert_eq!(standing(&practice, id), Standing::RecoveryCodesOnly);
    for code in &person.recovery_codes[1..] {
        assert_eq!(standing(&practice, id), Standing::RecoveryCodesOnly);
        assert_eq!(said(&practice.recover(id, code)), Said::Accepted);
    }
    assert_eq!(standing(&practice, id), Standing::OperatorOnly);
    // An operator resets: for a day a factor can be enrolled with the pass; then only an operator can help.
    practice.reset(id, &operator);
    let until = practice.now().plus(DAY);
    assert_eq!(standing(&practice, id), Standing::Reset { until });
    practice.set_clock(until.plus(1));
    assert_eq!(standing(&practice, id), Standing::OperatorOnly);
    let proof = practice.entered(id, &practice.reset(id, &operator));
    let enrol = practice.at(id).enrol("Phone", &mut practice.rng());
    let pending = practice.run(enrol.proven_by(proof)).unwrap();
    assert_eq!(standing(&practice, id), Standing::Pending { until: pending.until() });
    let code = Authenticator::of(&pending).code(practice.now());
    assert_eq!(said(&practice.confirm(id, pending.id(), &code)), Said::Accepted);
    assert_eq!(standing(&practice, id), Standing::InUse);
    practice.offboard(id).unwrap();
    assert_eq!(standing(&practice, id), Standing::Offboarded);
    // So is an id that is barred, which never was a person's.
    assert_eq!(refusal(practice.offboard(&account(9))), Some(Refusal::UnknownAccount));
    practice.run(practice.at(&account(9)).bar(HostsWord::Process, "left")).unwrap();
    assert_eq!(standing(&practice, &account(9)), Standing::Offboarded);
    // An invited person who has nothing yet.
    let by = acting(practice.proof(&operator, ActForOther));
    let invite = practice.at(&account(8)).invite(by, PassLength::Long, "new", &mut practice.rng());
    let until = practice.run(invite).unwrap().until();
    assert_eq!(standing(&practice, &account(8)), Standing::Invited { until });
    practice.set_clock(until.plus(1));
    assert_eq!(standing(&practice, &account(8)), Standing::OperatorOnly);
}

/// Disabled for every browser, by the hundred failures: as a factor that is lost.
#[test]
fn a_disabled_person_has_recovery_codes_or_an_operator() {
    let throttle = Throttle { closed_at: Bounded::of::<5>(), ..Throttle::RECOMMENDED };
    let throttle = Throttle { remembered: Bounded::of::<10>(), ..throttle };
    let practice = Practice::with(Numbers {
        throttle: Some(throttle),
        recovery_codes: Some(1),
        ..Numbers::default()
    });
    let person = practice.person(1);
    let browser = practice.remember(&person);
    for _ in 0..5 {
        let _ = practice.miss(&person);
    }
    assert_eq!(standing(&practice, &person.id), Standing::ClosedToStrangers);
    for _ in 0..10 {
        practice.wait(HOUR);
        let _ = practice.miss_from(&person, browser.expose_token());
    }
    assert_eq!(standing(&practice, &person.id), Standing::RecoveryCodesOnly);
    assert_eq!(said(&practice.recover(&person.id, &person.recovery_codes[0])), Said::Accepted);
    assert_eq!(standing(&practice, &person.id), Standing::OperatorOnly);
}

/// A telephone beside an app that waits can be used, and the earlier of two waits counts.
#[test]
fn the_first_factor_that_can_be_used_counts() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    let proof = practice.proof(&person, ChangeFactors);
    practice.phone(id, "+15550100100", Some(proof));
    let sent = practice.challenge(id, SignIn).unwrap();
    let wrong = other_than(sent.to_send().unwrap().expose_str());
    // Six failures of the app, the last one now: a minute. Five of the texts: half a minute.
    for _ in 0..FREE {
        let _ = practice.miss(&person);
    }
    practice.wait(30);
    let _ = practice.miss(&person);
    assert_eq!(practice.summary(id).codes.waiting_until, Some(practice.now().plus(60)));
    assert_eq!(standing(&practice, id), Standing::InUse, "the telephone");
    for _ in 0..FREE {
        let _ = practice.answer(id, sent.id(), &wrong);
    }
    let until = practice.now().plus(30);
    assert_eq!(practice.summary(id).out_of_band.waiting_until, Some(until));
    assert_eq!(standing(&practice, id), Standing::Waiting { until });
}

/// The short names are those of reports and scenarios.
#[test]
fn every_standing_has_a_name() {
    let until = START;
    let all = [
        (Standing::NeverEnrolled, "never-enrolled"),
        (Standing::Pending { until }, "pending"),
        (Standing::InUse, "in-use"),
        (Standing::Waiting { until }, "waiting"),
        (Standing::ClosedToStrangers, "closed-to-strangers"),
        (Standing::RecoveryCodesOnly, "recovery-codes-only"),
        (Standing::Reset { until }, "reset"),
        (Standing::OperatorOnly, "operator-only"),
        (Standing::Offboarded, "offboarded"),
    ];
    for (standing, name) in all {
        assert_eq!(standing.name(), name);
    }
    assert_eq!(Standing::default(), Standing::NeverEnrolled);
}

// The odds.

/// A person with so many apps and tokens of so many digits, and perhaps a telephone.
fn summary<P: Policy>(
    practice: &Practice<P>,
    id: &AccountId,
    (apps, tokens): (usize, usize),
    digits: Digits,
    phone: bool,
) -> Summary {
    let import = |device| {
        practice.run(practice.at(id).import(device, &mut practice.rng())).unwrap();
    };
    let secret = |number: usize| Secret::from_bytes(&[number as u8 + 1; 20]).unwrap();
    let label = || Label::new("Device").unwrap();
    let parameters = Parameters { digits, ..Parameters::default() };
    for number in 0..apps {
        import(ExistingDevice::totp(label(), secret(number), parameters, None));
    }
    for number in apps..apps + tokens {
        let secret = secret(number);
        import(ExistingDevice::hotp(label(), secret, Algorithm::Sha1, digits, 0));
    }
    if phone {
        let sent = practice.enrol_phone(id, "+15550100100", None);
        // Only an account without a factor binds one without a proof.
        if let Ok(sent) = sent {
            let code = sent.to_send().unwrap().expose_str();
            assert_eq!(said(&practice.confirm(id, sent.id(), code)), Said::Accepted);
        }
    }
    practice.summary(id)
}

/// Every mix of apps and tokens, every number of digits: thirteen times what fits thirty days, at the
/// odds of the codes that would be right. Counted out failure by failure, whatever part of the codes is
/// acceptable at the moment of each.
///
/// Guards `odds_per_year`.
#[test]
fn the_odds_of_a_year_are_enumerated() {
    for (digits, combinations) in [(Digits::Six, 1e6), (Digits::Seven, 1e7), (Digits::Eight, 1e8)] {
        for apps in 0..=MAX_OTP_DEVICES {
            for tokens in 0..=MAX_OTP_DEVICES - apps {
                let practice = Practice::new();
                let id = account(1);
                if apps + tokens == 0 {
                    continue;
                }
                let summary = summary(&practice, &id, (apps, tokens), digits, false);
                let odds = odds_per_year(&Recommended, &summary);
                let most = 3 * apps + 5 * tokens;
                let mut guesses = 0;
                for acceptable in 1..=most {
                    let weight = acceptable.div_ceil(3);
                    let (mut sum, mut tried) = (0, 0);
                    while sum + weight <= 50 {
                        sum += weight;
                        tried += acceptable;
                    }
                    guesses = guesses.max(13 * tried);
                }
                let expected = guesses as f64 / combinations;
                let case = format!("{apps} apps, {tokens} tokens, {combinations}");
                assert!((odds - expected).abs() < 1e-12, "{case}: {odds} and {expected}");
                assert!(guesses <= 13 * 150, "never more than 150 codes in thirty days: {case}");
            }
        }
    }
    // No factor, no odds; a telephone: fifty answers of thirty days, one code each.
    let practice = Practice::new();
    assert!(odds_per_year(&Recommended, &Summary::default()) == 0.0);
    let by_text = summary(&practice, &account(1), (0, 0), Digits::Six, true);
    assert!((odds_per_year(&Recommended, &by_text) - 650.0 / 1e6).abs() < 1e-12);
    // A device that was learnt to be off has two windows, which may overlap. Of windows of one step two
    // codes weigh no more than one.
    let numbers = Numbers { window: Window::new(0, 0), ..Numbers::default() };
    let off = summary(&practice, &account(2), (1, 0), Digits::Six, false);
    let odds = |clock_offset: i16, drift: i8| {
        let mut off = off.clone();
        (off.devices[0].clock_offset, off.devices[0].drift) = (clock_offset, drift);
        (odds_per_year(&numbers, &off) * 1e6).round()
    };
    let of = |codes: u32| f64::from(13 * 50 * codes);
    for (clock_offset, drift, codes) in
        [(0, 0, 1), (0, 1, 2), (0, -2, 2), (20, 0, 2), (-20, 1, 2), (2, -2, 1)]
    {
        assert!(odds(clock_offset, drift) == of(codes), "{clock_offset}, {drift} from it");
    }
}

/// The odds are a bound: with nothing forgiven, a stranger who tries whenever the library evaluates,
/// against an owner who signs in every day, tries no more codes in a year than they say.
#[test]
fn no_year_of_guesses_is_more_than_the_odds() {
    for (number, throttle) in [
        (1, Throttle::RECOMMENDED),
        (2, Throttle { per_thirty_days: Bounded::of::<10>(), ..Throttle::RECOMMENDED }),
    ] {
        let numbers = Numbers { throttle: Some(throttle), ..Numbers::default() };
        let practice = Practice::with(numbers.clone());
        let person = practice.person(number);
        let browser = practice.remember(&person);
        let summary = practice.summary(&person.id);
        let bound = odds_per_year(&numbers, &summary) * 1e6;
        let start = practice.now();
        let mut tried = 0;
        for day in 1..=365 {
            let morning = start.plus(day * DAY);
            while practice.now() < morning {
                match said(&practice.miss(&person)) {
                    Said::Rejected(_) => tried += 3,
                    Said::Wait(until) => practice.set_clock(until.min(morning)),
                    other => panic!("{other:?}"),
                }
            }
            let code = person.app.code(practice.now());
            let verdict = practice.verify_from(&person.id, &code, browser.expose_token());
            assert_eq!(said(&verdict), Said::Accepted, "the owner, day {day}");
        }
        assert!(f64::from(tried) <= bound, "{tried} codes, {bound} by the odds");
        assert!(f64::from(tried) > bound * 0.9, "{tried} codes: no guesser gave up");
    }
    // A wider window, a longer look-ahead: the same function.
    let numbers =
        Numbers { window: Window::new(2, 2), look_ahead: LookAhead::new(10), ..Numbers::default() };
    let practice = Practice::with(numbers.clone());
    let wide = summary(&practice, &account(1), (1, 1), Digits::Six, false);
    // Fifteen codes weigh five.
    assert!((odds_per_year(&numbers, &wide) - 13.0 * 150.0 / 1e6).abs() < 1e-12);
}
