//! Challenges: a code sent by SMS, or a nonce for the host's own check of a passkey or certificate.
//!
//! Standard: NIST SP 800-63B-4 sections 3.1.3.2 (at least six digits, at most ten minutes, once; a
//! new code does not reset failures) and 3.1.3.3 (SMS is restricted), ASVS 6.6.2 (bound to its
//! request).
//!
//! The code is kept as an HMAC under a random key that only the sealed record holds. It has twenty bits,
//! which an attacker can search, so the seal protects it. Email cannot be built: it is not a factor
//! (section 3.1.3.1), and there is no destination type for it.

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rand::CryptoRng;
use sha2::Sha256;
use subtle::{ConstantTimeEq, ConstantTimeGreater};
use zeroize::Zeroize;

use crate::account::id::{AccountId, DeviceId, hexadecimal_id};
use crate::account::proof::AnyPurpose;
use crate::account::seal::{Seal, SealError, Sealed};
use crate::ct::reveal;
use crate::otp::code::{Code, Digits};
use crate::text::unit_error;
use crate::time::UnixTime;
use crate::wipe;

/// The random number of one challenge or one pending enrolment. Not secret, single-use.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let id = countersign::AccountId::new("42")?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::account::ChallengeId;
/// // In a hidden field of the form that takes the code, and back from it.
/// let pending = dana.enrol("Dana's phone", &mut rng).run(&store)?;
/// let field = pending.id().to_string();
/// assert_eq!(field.parse::<ChallengeId>()?, pending.id());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct ChallengeId([u8; 16]);

impl ChallengeId {
    /// From the bytes that [`ChallengeId::as_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> ChallengeId {
        ChallengeId(bytes)
    }

    /// The bytes: for a form, or as the challenge that a passkey signs.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub(crate) fn generate(rng: &mut impl CryptoRng) -> ChallengeId {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        ChallengeId(bytes)
    }
}

impl fmt::Debug for ChallengeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChallengeId({self})")
    }
}

hexadecimal_id!(ChallengeId, ChallengeIdError, 16, <[u8; 16]>::from, <[u8; 16]>::from);

unit_error! {
    /// The text is not a challenge id: 32 hexadecimal digits.
    /// ```
    /// use countersign::account::{ChallengeId, ChallengeIdError};
    /// // A form that was tampered with is a bad request.
    /// assert_eq!("12".parse::<ChallengeId>(), Err(ChallengeIdError));
    /// assert_eq!(ChallengeIdError.to_string(), "a challenge id is 32 hexadecimal digits");
    /// ```
    ChallengeIdError: "a challenge id is 32 hexadecimal digits"
}

/// Where an SMS goes: a telephone number in E.164 form. Kept in the sealed record; a code is only
/// ever sent to the bound one, never to a number that came with the request.
/// ```
/// use countersign::account::PhoneNumber;
/// // The form adds the country; a log does not show the number.
/// let number = PhoneNumber::new("+12025550123")?;
/// assert_eq!(number.as_str(), "+12025550123");
/// assert_eq!(format!("{number:?}"), "PhoneNumber(…23)");
/// # Ok::<(), countersign::account::PhoneNumberError>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Takes `+` and 8 to 15 digits, the first not zero (ITU-T E.164).
    ///
    /// # Errors
    /// [`PhoneNumberError`].
    pub fn new(text: &str) -> Result<PhoneNumber, PhoneNumberError> {
        let digits = text.strip_prefix('+').ok_or(PhoneNumberError)?;
        let fits = (8..=15).contains(&digits.len()) && !digits.starts_with('0');
        if fits && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(PhoneNumber(text.into()))
        } else {
            Err(PhoneNumberError)
        }
    }

    /// The number, for the gateway.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PhoneNumber {
    /// The last two digits: a number is personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, last) = self.0.split_at_checked(self.0.len().saturating_sub(2)).unwrap_or_default();
        write!(f, "PhoneNumber(…{last})")
    }
}

unit_error! {
    /// A telephone number is `+` and 8 to 15 digits.
    /// ```
    /// use countersign::account::{PhoneNumber, PhoneNumberError};
    /// // The form says what a number looks like.
    /// assert_eq!(PhoneNumber::new("202 555 0123"), Err(PhoneNumberError));
    /// assert_eq!(PhoneNumberError.to_string(), "a telephone number is + and 8 to 15 digits");
    /// ```
    PhoneNumberError: "a telephone number is + and 8 to 15 digits"
}

/// The random part of a sent code, drawn before the decision that may issue it.
pub(crate) struct ChallengeSeed {
    pub(crate) id: ChallengeId,
    number: u64,
    key: [u8; 32],
}

impl Drop for ChallengeSeed {
    fn drop(&mut self) {
        let ChallengeSeed { id: _, number, key } = self;
        number.zeroize();
        key.zeroize();
    }
}

impl ChallengeSeed {
    /// Draws an id, a key and a number without bias: a draw from the last, incomplete multiple of
    /// 10^8 is thrown away. Every shorter code is a remainder of that number. Filled where it stays, so
    /// that no copy is left on the way.
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Box<ChallengeSeed> {
        const WHOLE: u64 = 100_000_000;
        const UNBIASED: u64 = u64::MAX - u64::MAX % WHOLE;
        let id = ChallengeId::generate(rng);
        let mut seed = Box::new(ChallengeSeed { id, number: UNBIASED, key: [0; 32] });
        rng.fill_bytes(&mut seed.key);
        // Whether a draw was thrown away says nothing of the one that was kept.
        while reveal(!UNBIASED.ct_gt(&seed.number)) {
            seed.number = rng.next_u64();
        }
        seed.number = last_eight(seed.number);
        seed
    }

    pub(crate) fn code(&self, digits: Digits) -> Code {
        Code::from_value(digits.reduce((self.number & 0x7fff_ffff) as u32), digits)
    }

    pub(crate) fn sealed(&self, digits: Digits) -> Box<SentCode> {
        let mut sent = SentCode::blank();
        sent.key.copy_from_slice(&self.key);
        sent.write_mac([SENT_CODE, self.id.as_bytes(), self.code(digits).ascii()]);
        sent
    }
}

/// `number` mod 10^8 without a division, because the number is secret: as [`Digits::reduce`], for
/// 64 bits. 10^8 is 2^8 times 390,625, and with `2^75` at least `2^56 * 390,625` the quotient is
/// exact for every number.
#[allow(clippy::arithmetic_side_effects)] // 56 bits times 57 bits; quotient * 10^8 <= number
const fn last_eight(number: u64) -> u64 {
    const RECIPROCAL: u128 = (1 << 75) / 390_625 + 1;
    let quotient = (((number >> 8) as u128 * RECIPROCAL) >> 75) as u64;
    number - quotient * 100_000_000
}

/// Writes the MAC where it stays.
fn mac(key: &[u8; 32], message: Message<'_>, place: &mut [u8; 32]) {
    wipe::after::<{ wipe::OF_HMAC }, _>(|| {
        // HMAC takes a key of any length; the error cannot happen and gives what never matches.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return };
        message.iter().for_each(|part| mac.update(part));
        place.copy_from_slice(&mac.finalize().into_bytes());
    });
}

/// What it is, which one, and the characters. Only the last may differ in length.
pub(crate) type Message<'a> = [&'a [u8]; 3];

const SENT_CODE: &[u8] = b"countersign sent code 1";

/// What an account keeps of a sent code, or of a pass. Boxed wherever it is kept, so that only a pointer moves.
pub(crate) struct SentCode {
    pub(crate) key: [u8; 32],
    pub(crate) mac: [u8; 32],
}

impl SentCode {
    /// To be filled where it stays.
    pub(crate) fn blank() -> Box<SentCode> {
        Box::new(SentCode { key: [0; 32], mac: [0; 32] })
    }

    pub(crate) fn write_mac(&mut self, message: Message<'_>) {
        mac(&self.key, message, &mut self.mac);
    }

    /// Constant-time.
    pub(crate) fn is(&self, id: &ChallengeId, typed: &Code) -> bool {
        self.is_of([SENT_CODE, id.as_bytes(), typed.ascii()])
    }

    /// Constant-time.
    pub(crate) fn is_of(&self, message: Message<'_>) -> bool {
        let mut answer = [0; 32];
        mac(&self.key, message, &mut answer);
        let same = self.mac.ct_eq(&answer);
        answer.zeroize();
        reveal(same)
    }
}

impl Drop for SentCode {
    fn drop(&mut self) {
        let SentCode { key, mac } = self;
        key.zeroize();
        mac.zeroize();
    }
}

pub(crate) struct SentText {
    pub(crate) id: ChallengeId,
    pub(crate) purpose: AnyPurpose,
    pub(crate) at: UnixTime,
    pub(crate) device: DeviceId,
    pub(crate) failures: u8,
    pub(crate) remembered: bool,
    pub(crate) sent: Box<SentCode>,
}

/// The most sent codes that wait for an answer at one time, so that a record stays readable.
pub(crate) const MAX_LIVE_TEXTS: usize = 16;

/// The numbers of what was used up, so that nothing is accepted twice.
#[derive(Default)]
pub(crate) struct Used {
    pub(crate) list: Vec<UsedChallenge>,
    /// What was issued up to this moment has ended.
    pub(crate) ended: UnixTime,
}

impl Used {
    /// Whether this number, issued then, has been used or has ended.
    pub(crate) fn has(&self, used: UsedChallenge, lifetime: u64, now: UnixTime) -> bool {
        // An end that a clock ahead wrote does not hold before that moment: it would keep the passkey
        // out until then.
        let has_ended = used.issued_at <= self.ended && self.ended.lasts(lifetime, now);
        has_ended || self.list.iter().any(|other| other.id == used.id)
    }

    pub(crate) fn push(&mut self, used: UsedChallenge) {
        self.list.push(used);
        if self.list.len() > MAX_USED_CHALLENGES {
            let oldest = self.list.iter().map(|used| used.issued_at).min().unwrap_or_default();
            self.ended = self.ended.max(oldest);
            self.list.retain(|used| used.issued_at > oldest);
        }
    }
}

/// A challenge or a carried proof that was used; kept at least until it would have expired.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct UsedChallenge {
    pub(crate) id: ChallengeId,
    pub(crate) issued_at: UnixTime,
}

pub(crate) const MAX_USED_CHALLENGES: usize = 16;

/// A code for the host to send, or the number of one that is already on its way.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let id = host::telephone(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::SignIn;
/// // For the gateway: where to, and what.
/// let sent = dana.send_code(SignIn, &mut rng).run(&store)?;
/// if let Some(code) = sent.to_send() {
///     let text = format!("Your code is {}.", code.expose_str());
///     assert_eq!((sent.destination().as_str(), text.len()), ("+12025550123", 20));
/// }
/// assert_eq!(sent.until(), now.plus(300));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the code is sent now or never"]
pub struct OutOfBand {
    pub(crate) id: ChallengeId,
    pub(crate) code: Option<Box<Code>>,
    pub(crate) destination: PhoneNumber,
    pub(crate) until: UnixTime,
}

impl OutOfBand {
    /// The number that the answer has to name.
    pub const fn id(&self) -> ChallengeId {
        self.id
    }

    /// The code, for the message. Send it, never log it. `None` if one is on its way already, asked for
    /// within [`Policy::challenge_interval`](crate::Policy::challenge_interval): send nothing.
    pub fn to_send(&self) -> Option<&Code> {
        self.code.as_deref()
    }

    /// The bound number to which it goes.
    pub const fn destination(&self) -> &PhoneNumber {
        &self.destination
    }

    /// Until when it can be answered.
    pub const fn until(&self) -> UnixTime {
        self.until
    }
}

/// A challenge for the host's own check of a passkey or certificate. It is sealed into its token and
/// kept nowhere: an attacker who starts checks without end fills no store and blocks no one.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let id = countersign::AccountId::new("42")?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::SignIn;
/// // What the browser has to sign, and what comes back in a hidden field of the form.
/// let challenge = dana.start_external(SignIn, &mut rng)?;
/// assert_eq!(challenge.id().as_bytes().len(), 16);
/// assert!(challenge.token().len() > 32);
/// assert_eq!(challenge.until(), now.plus(300));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the host's check has to be over this challenge"]
pub struct ExternalChallenge {
    pub(crate) id: ChallengeId,
    pub(crate) until: UnixTime,
    pub(crate) token: String,
}

impl ExternalChallenge {
    /// What the device has to sign, or the host has to keep beside its own challenge.
    pub const fn id(&self) -> ChallengeId {
        self.id
    }

    /// Until when it can be settled.
    pub const fn until(&self) -> UnixTime {
        self.until
    }

    /// The challenge, sealed for this person and purpose, for the form or the host's session.
    pub fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn seal(
        keys: &dyn Seal,
        account: &AccountId,
        (id, nonce): (ChallengeId, [u8; 12]),
        purpose: &AnyPurpose,
        (at, lifetime): (UnixTime, u64),
    ) -> Result<ExternalChallenge, SealError> {
        let purpose = purpose.to_string();
        let plaintext =
            [id.as_bytes(), &at.as_secs().to_be_bytes()[..], purpose.as_bytes()].concat();
        let token = Sealed::Challenge.seal(keys, account, nonce, &plaintext)?;
        Ok(ExternalChallenge { id, until: at.plus(lifetime), token })
    }
}

pub(crate) struct Returned {
    pub(crate) id: ChallengeId,
    pub(crate) issued_at: UnixTime,
    /// As `Display` prints it.
    pub(crate) purpose: String,
}

impl Returned {
    /// Opens a token; `None` for one that is not of this person and deployment.
    pub(crate) fn open(
        keys: &dyn Seal,
        account: &AccountId,
        token: &str,
    ) -> Result<Option<Returned>, SealError> {
        let opened = Sealed::Challenge.open(keys, account, token)?;
        Ok(opened.and_then(|opened| {
            let (id, rest) = opened.split_first_chunk::<16>()?;
            let (at, purpose) = rest.split_first_chunk::<8>()?;
            let purpose = core::str::from_utf8(purpose).ok()?.into();
            let issued_at = UnixTime::from_secs(u64::from_be_bytes(*at));
            Some(Returned { id: ChallengeId(*id), issued_at, purpose })
        }))
    }
}

/// The host's word on a passkey or certificate that it checked itself. Only two functions make one, so
/// every claim can be found by their names; no `Clone`.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let id = countersign::AccountId::new("42")?;
/// # let dana = mfa.account(&id).at(now);
/// # let method = countersign::mfa::ExternalMethod::Passkey;
/// # let passkey = dana.bind_external("Laptop", method, &mut rng).run(&store)?.device();
/// use countersign::{account::Assertion, SignIn};
/// let challenge = dana.start_external(SignIn, &mut rng)?;
/// // The host's WebAuthn library did not accept the signature.
/// let failed = Assertion::failed_at_host(challenge.token(), passkey);
/// assert!(dana.finish_external(failed, SignIn).run(&store).accepted().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Assertion {
    pub(crate) challenge: String,
    pub(crate) device: DeviceId,
    pub(crate) passed: bool,
    pub(crate) user_verified: bool,
}

impl Assertion {
    /// The host verified the signature of `device` over the challenge with this token, its origin, and
    /// user presence. The author of this line answers for it.
    #[must_use]
    pub fn verified_by_host(token: &str, device: DeviceId) -> Assertion {
        Assertion { challenge: token.into(), device, passed: true, user_verified: false }
    }

    /// And that the authenticator had verified its user, by a PIN or a finger: two factors in one (NIST SP
    /// 800-63B-4 section 3.1.7). WebAuthn's flag UV, or a card that asks for a PIN.
    #[must_use]
    pub fn user_verified(mut self) -> Assertion {
        self.user_verified = true;
        self
    }

    /// The host's check of `device` over the challenge with this token failed. The trail says so; no
    /// failure is counted, because a signature cannot be guessed.
    #[must_use]
    pub fn failed_at_host(token: &str, device: DeviceId) -> Assertion {
        Assertion { challenge: token.into(), device, passed: false, user_verified: false }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/challenge.rs"]
mod tests;
