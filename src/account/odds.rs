//! The odds that a stranger with the password guesses a code within a year.
//!
//! Standard: RFC 4226 section 6 and appendix A (the odds of a guess), NIST SP 800-63B-4 section 3.2.2.

use crate::account::policy::Policy;
use crate::account::summary::{DeviceStatus, DeviceSummary, Method, Summary};
use crate::account::throttle::{Class, weight};

/// How many spans of thirty days a year touches.
const SPANS: u32 = 13;

/// Returns the odds, 0 to 1, that an attacker who has the password and tries all year long from unknown
/// browsers has a code accepted: never more, however many sessions, addresses and pauses.
///
/// For each class: thirteen spans of thirty days, full of failures, each at the odds of all the codes that
/// would be accepted over all devices and windows. Each time that failures are forgiven adds one span,
/// which is not included. Recovery codes and passkeys add nothing that can be measured.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{account::odds_per_year, Recommended};
/// // One app: 50 failures in thirty days, three codes of a million each.
/// let summary = dana.summary().run(&store)?.ok_or("no record")?;
/// let odds = odds_per_year(&Recommended, &summary);
/// assert!((odds - 0.00195).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn odds_per_year(policy: &dyn Policy, summary: &Summary) -> f64 {
    let in_use = || summary.devices.iter().filter(|one| one.status == DeviceStatus::Confirmed);
    let codes = in_use().map(|device| acceptable(policy, device)).fold(0, u32::saturating_add);
    let by_codes = match in_use().filter_map(|device| device.digits).min() {
        Some(shortest) => guesses(policy, Class::Codes, codes) / combinations(shortest),
        None => 0.0,
    };
    let by_text = if in_use().any(|device| device.method == Method::Sms) {
        let digits = policy.challenge_digits().count();
        guesses(policy, Class::OutOfBand, 1) / combinations(digits)
    } else {
        0.0
    };
    (by_codes + by_text).min(1.0)
}

/// The most codes of a device that are accepted at one moment.
fn acceptable(policy: &dyn Policy, device: &DeviceSummary) -> u32 {
    match device.method {
        Method::Totp => {
            let steps = policy.window().steps();
            let learnt = device.clock_offset.saturating_add(device.drift.into());
            steps.saturating_add(steps.min(learnt.unsigned_abs().into()))
        }
        Method::Hotp => policy.look_ahead().as_u32(),
        _ => 0,
    }
}

fn combinations(digits: u8) -> f64 {
    (0..digits).fold(1.0, |all, _| all * 10.0)
}

/// How many codes a year of failures can try, if at most `codes` are accepted at one moment: each
/// failure tries that many, and the more it tries, the fewer failures fit.
fn guesses(policy: &dyn Policy, class: Class, codes: u32) -> f64 {
    let limit = policy.throttle(class).per_thirty_days.as_u32();
    let tried = |codes: u32| {
        let failures = limit.checked_div(weight(codes).into()).unwrap_or(0);
        failures.saturating_mul(codes)
    };
    let of_span = (1..=codes).map(tried).max().unwrap_or(0);
    f64::from(of_span.saturating_mul(SPANS))
}
