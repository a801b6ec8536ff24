//! Simulated phones and tokens. They know the time by clocks of their own, and count on their own.

use countersign::account::{ExistingDevice, Label};
use countersign::otp::Parameters;
use countersign::{Algorithm, Digits, Hotp, Secret, Totp, UnixTime};

/// A phone with an app, or a token with a button.
#[derive(Clone, Debug)]
pub enum Device {
    Phone(Phone),
    Token(Token),
}

#[derive(Clone, Debug)]
pub struct Phone {
    pub secret: Vec<u8>,
    pub parameters: Parameters,
    /// By how many seconds its clock is fast.
    pub skew: i64,
}

#[derive(Clone, Debug)]
pub struct Token {
    pub secret: Vec<u8>,
    pub algorithm: Algorithm,
    pub digits: Digits,
    /// Which counter it had when it came out of the box.
    pub first: u64,
    /// Which code it shows next.
    pub next: u64,
}

impl Device {
    /// The code that it shows `shift` seconds after `now`. A token shows each code once.
    pub fn show(&mut self, now: UnixTime, shift: i64) -> String {
        let secret = Secret::dangerously_allow_short(match self {
            Device::Phone(phone) => &phone.secret,
            Device::Token(token) => &token.secret,
        });
        let Ok(secret) = secret else { return String::new() };
        let code = match self {
            Device::Phone(phone) => {
                let moved = now.as_secs().saturating_add_signed(phone.skew);
                let moment = UnixTime::from_secs(moved.saturating_add_signed(shift));
                Totp::new(&secret, phone.parameters).generate(moment)
            }
            Device::Token(token) => {
                let counter = token.next;
                token.next = counter.saturating_add(1);
                Some(Hotp::new(&secret, token.algorithm, token.digits).generate(counter))
            }
        };
        code.map(|code| code.expose_str().to_owned()).unwrap_or_default()
    }

    /// What its seed file says of it, and the last step or counter that another system accepted.
    pub fn existing(&self, name: &str, last: Option<u64>) -> Option<ExistingDevice> {
        let label = Label::new(name).ok()?;
        Some(match self {
            Device::Phone(Phone { secret, parameters, .. }) => {
                let secret = Secret::dangerously_allow_short(secret).ok()?;
                ExistingDevice::totp(label, secret, *parameters, last)
            }
            Device::Token(Token { secret, algorithm, digits, first, .. }) => {
                let secret = Secret::dangerously_allow_short(secret).ok()?;
                let next = last.map_or(0, |last| last.saturating_add(1)).max(*first);
                ExistingDevice::hotp(label, secret, *algorithm, *digits, next)
            }
        })
    }
}

/// Reads base32 as it is printed in the wild: either case, with or without padding, whatever the unused
/// last bits are. `None` if it is no base32, or no secret.
pub fn base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held, mut count) = (Vec::new(), 0_u32, 0_u32, 0_usize);
    for byte in text.trim_end_matches('=').bytes().filter(|byte| !b" -".contains(byte)) {
        let value = match byte.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter.wrapping_sub(b'A'),
            digit @ b'2'..=b'7' => digit.wrapping_sub(b'2').wrapping_add(26),
            _ => return None,
        };
        bits = (bits << 5) | u32::from(value);
        held = held.saturating_add(5);
        count = count.saturating_add(1);
        if held >= 8 {
            held = held.saturating_sub(8);
            bytes.push((bits >> held) as u8);
        }
    }
    let whole = matches!(count % 8, 0 | 2 | 4 | 5 | 7);
    (whole && Secret::dangerously_allow_short(&bytes).is_ok()).then_some(bytes)
}
