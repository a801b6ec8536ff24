//! Sealing: how a record is encrypted and bound to its person and version.
//!
//! Standard: RFC 4226 section 7.5 (secrets encrypted at rest), RFC 8452 (AES-256-GCM-SIV).
//!
//! Does not know what a record holds, and keeps no key that the host did not give it.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use aes_gcm_siv::Aes256GcmSiv;
use aes_gcm_siv::aead::{AeadInOut, KeyInit, Nonce, Tag};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::account::id::{AccountId, KeyName};
use crate::text::{Text, TextError, hexadecimal, read_hex};
use crate::wipe;

/// Which installation records belong to: 1 to 64 bytes, such as `acme-production`. What one deployment
/// sealed opens in no other, under the same key too.
/// ```
/// use countersign::account::Deployment;
/// // Two customers on one database, each with a label that never changes.
/// assert_ne!(Deployment::new("acme-production")?, Deployment::new("acme-test")?);
/// assert!(Deployment::new(&"a".repeat(65)).is_err());
/// # Ok::<(), countersign::account::TextError>(())
/// ```
pub type Deployment = Text<64>;

/// Encrypts and authenticates records: implement it over a key management service or a validated
/// module; otherwise use [`Keyring`]. `docs/KEYS.md` shows a service that is asked once, at start.
/// ```
/// # use rand::Rng;
/// # let (mut rng, mut key) = (countersign::OsRandom::new()?, [0; 32]);
/// # rng.fill_bytes(&mut key);
/// use countersign::account::{Deployment, KeyName, Seal, SealError, SealingKey};
/// use countersign::Keyring;
/// # use zeroize::Zeroizing;
/// // A module that may be away: then nothing is opened, and nothing accepted.
/// struct Module { keys: Keyring, away: bool }
/// impl Seal for Module {
///     fn seal(&self, context: &[u8], nonce: [u8; 12], text: &[u8]) -> Result<Vec<u8>, SealError> {
///         if self.away { Err(SealError::Unavailable) } else { self.keys.seal(context, nonce, text) }
///     }
///     // …and the others in the same way
///     # fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
///     #     if self.away { Err(SealError::Unavailable) } else { self.keys.open(context, sealed) }
///     # }
///     # fn deployment(&self) -> &Deployment { self.keys.deployment() }
///     # fn is_current(&self, key: KeyName) -> bool { self.keys.is_current(key) }
/// }
/// let mut module = Module { keys: Keyring::new("acme", SealingKey::new(&key)?)?, away: false };
/// assert!(module.seal(b"", [0; 12], b"").is_ok());
/// module.away = true;
/// assert_eq!(module.seal(b"", [0; 12], b""), Err(SealError::Unavailable));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Seal: Send + Sync {
    /// Encrypts `plaintext` so that it opens only under the same `context`. The first four bytes of the
    /// answer name the key.
    ///
    /// `nonce` differs for every account and version. One decision may be made again after a lost
    /// race, so two plaintexts can meet one nonce: take an algorithm that withstands that (RFC
    /// 8452), or a random nonce.
    ///
    /// # Errors
    /// [`SealError`].
    fn seal(&self, context: &[u8], nonce: [u8; 12], plaintext: &[u8])
    -> Result<Vec<u8>, SealError>;

    /// Decrypts what [`Seal::seal`] returned, now or under an older key.
    ///
    /// # Errors
    /// [`SealError`].
    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError>;

    /// Returns the label of this deployment, which goes into every context.
    fn deployment(&self) -> &Deployment;

    /// Whether a record under this key stays under it: the key that seals, or one that will.
    /// [`reseal`](crate::mfa::AccountAt::reseal) moves every other record.
    fn is_current(&self, key: KeyName) -> bool;

    /// The fingerprint of a device's secret under a key of this deployment, so that a host's unique
    /// column sees one secret bound twice, and the column is worth nothing elsewhere. `None`: no
    /// fingerprints.
    #[allow(unused_variables)] // named for the reader who overrides it
    fn fingerprint(&self, secret: &[u8]) -> Option<[u8; 16]> {
        None
    }
}

/// Why a record could not be sealed or opened.
/// ```
/// # use rand::Rng;
/// # let (mut rng, mut key) = (countersign::OsRandom::new()?, [0; 32]);
/// # rng.fill_bytes(&mut key);
/// use countersign::{account::{Seal, SealError, SealingKey}, Keyring};
/// // Bytes that were moved to another row do not open.
/// let keys = Keyring::new("acme", SealingKey::new(&key)?)?;
/// let sealed = keys.seal(b"row 1", [0; 12], b"text")?;
/// assert_eq!(keys.open(b"row 2", &sealed).err(), Some(SealError::NotAuthentic));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SealError {
    /// The bytes are not what was sealed under this context.
    NotAuthentic,
    /// The key management has no answer now.
    Unavailable,
    /// No key of the keyring sealed it.
    UnknownKey,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SealError::NotAuthentic => "the record was altered or is of another version",
            SealError::Unavailable => "the key management did not answer",
            SealError::UnknownKey => "the record is sealed with a key that is not in the keyring",
        })
    }
}

impl core::error::Error for SealError {}

/// The keys that seal records, with AES-256-GCM-SIV: one *seals with*, others *open older* records, and
/// others *open next* ones, in a rollout over several nodes. `docs/KEYS.md` has the steps.
///
/// Keep the keys apart from the database: an attacker with both has every secret.
/// ```
/// # use rand::Rng;
/// # let (mut rng, [mut old, mut new]) = (countersign::OsRandom::new()?, [[0; 32]; 2]);
/// # rng.fill_bytes(&mut old);
/// # rng.fill_bytes(&mut new);
/// use countersign::{account::{Seal, SealingKey}, Keyring};
/// let key = SealingKey::new;
/// // First every node opens what the next key sealed, and then every node seals with it.
/// let first = Keyring::new("acme-production", key(&old)?)?.opening_next(key(&new)?);
/// let then = Keyring::new("acme-production", key(&new)?)?.opening_older(key(&old)?);
/// let sealed = then.seal(b"row 1", [0; 12], b"text")?;
/// assert_eq!(first.open(b"row 1", &sealed)?.as_slice(), b"text");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Keyring {
    deployment: Deployment,
    seals: SealingKey,
    older: Vec<SealingKey>,
    next: Vec<SealingKey>,
    fingerprints: Option<SealingKey>,
}

impl Keyring {
    /// Seals with `key` for the deployment of this name. Choose a name that never changes: what was
    /// sealed under another one does not open.
    ///
    /// # Errors
    /// [`TextError`]: a name has 1 to 64 bytes.
    pub fn new(deployment: &str, key: SealingKey) -> Result<Keyring, TextError> {
        let deployment = Text::new(deployment)?;
        let (older, next, fingerprints) = Default::default();
        Ok(Keyring { deployment, seals: key, older, next, fingerprints })
    }

    /// Opens older records: what `key` sealed before. Add the oldest last.
    #[must_use]
    pub fn opening_older(mut self, key: SealingKey) -> Keyring {
        self.older.push(key);
        self
    }

    /// Opens next records: what other nodes seal with `key` already. Seals nothing with it, and
    /// [`reseal`](crate::mfa::AccountAt::reseal) leaves records under it alone.
    #[must_use]
    pub fn opening_next(mut self, key: SealingKey) -> Keyring {
        self.next.push(key);
        self
    }

    /// Makes the fingerprints of devices with `key`, and nothing else. Without it the oldest key of the
    /// ring does, so that they change when that key goes. A retired sealing key may serve on here.
    #[must_use]
    pub fn fingerprinting_with(mut self, key: SealingKey) -> Keyring {
        self.fingerprints = Some(key);
        self
    }
}

impl fmt::Debug for Keyring {
    /// The names of the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Keyring { deployment, seals, older, next, .. } = self;
        write!(f, "Keyring({deployment}: seals with {seals:?}, ")?;
        write!(f, "opens older {older:?}, opens next {next:?})")
    }
}

/// One key that seals: 32 random bytes. Boxed, so that moving it leaves no copy of the schedule behind.
/// ```
/// use countersign::account::{SealingKey, SealingKeyError};
/// // As `openssl rand -hex 32 >sealing.key` prints it, with the end of its line.
/// let text = "b19c7a3f5e02d84466ab0f9e31c7d5288e4f6d7023b9a1cc05f87e9b1d3a6240\n";
/// assert!(SealingKey::parse(text).is_ok());
/// // What is no key, and a key that was never drawn, is refused by what is wrong with it.
/// assert_eq!(SealingKey::new(&[7; 31]).err(), Some(SealingKeyError::Length { bytes: 31 }));
/// assert_eq!(SealingKey::new(&[7; 32]).err(), Some(SealingKeyError::Repeating));
/// ```
pub struct SealingKey {
    /// Names the key in a record: derived from it, so that no number has to be kept beside it.
    name: KeyName,
    cipher: Box<Aes256GcmSiv>,
    /// For fingerprints, derived from the key.
    mac: Box<Hmac<Sha256>>,
}

impl fmt::Debug for SealingKey {
    /// The name of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)
    }
}

/// Why bytes or a text are not taken for a sealing key. Of 2^38 random keys one is refused.
/// ```
/// use countersign::account::{SealingKey, SealingKeyError};
/// // A pass phrase where the key should be, and half of the digits.
/// let phrase = SealingKey::new(b"correct horse battery staple 123");
/// assert_eq!(phrase.err(), Some(SealingKeyError::Readable));
/// let short = SealingKey::parse("b19c7a3f5e02d84466ab0f9e31c7d528").unwrap_err();
/// assert_eq!(short.to_string(), "a sealing key is 64 hexadecimal digits, not a text of 32 bytes");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)] // a variant says what its fields are
pub enum SealingKeyError {
    /// The bytes are an arithmetic sequence, such as 0 to 31.
    Counting,
    /// Not 32 bytes.
    Length { bytes: usize },
    /// A text of this length, and not 64 hexadecimal digits.
    NotHexadecimal { bytes: usize },
    /// The bytes are letters, digits and punctuation: a pass phrase, or digits for [`SealingKey::parse`].
    Readable,
    /// The bytes have at most 17 values, such as a constant, a pattern, or a key of 16 bytes and zeros.
    Repeating,
}

impl fmt::Display for SealingKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SealingKeyError::Counting => f.write_str("the key counts up or down: it is not random"),
            SealingKeyError::Length { bytes } => {
                write!(f, "a sealing key has 32 bytes, not {bytes}")
            }
            SealingKeyError::NotHexadecimal { bytes } => {
                write!(f, "a sealing key is 64 hexadecimal digits, not a text of {bytes} bytes")
            }
            SealingKeyError::Readable => f.write_str("the key is readable text: it is not random"),
            SealingKeyError::Repeating => f.write_str("the key repeats itself: it is not random"),
        }
    }
}

impl core::error::Error for SealingKeyError {}

/// Bytes of stack below the call in which a key is scheduled. Enough for a release build:
/// `tests/evidence/tests/wiping.rs` looks.
const TRACES: usize = 4096;

impl SealingKey {
    /// Takes 32 random bytes, from a file or an envelope that a key management has opened. Wipe them where
    /// they were.
    ///
    /// # Errors
    /// [`SealingKeyError`].
    pub fn new(key: &[u8]) -> Result<SealingKey, SealingKeyError> {
        let length = SealingKeyError::Length { bytes: key.len() };
        let key: &[u8; 32] = key.try_into().map_err(|_| length)?;
        let values = (0..).zip(key).filter(|(at, byte)| !key.iter().take(*at).any(|b| b == *byte));
        let mut steps = key.iter().zip(key.iter().skip(1)).map(|(a, b)| b.wrapping_sub(*a));
        if key.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            Err(SealingKeyError::Readable)
        } else if values.count() <= 17 {
            Err(SealingKeyError::Repeating)
        } else if steps.next().is_some_and(|first| steps.all(|step| step == first)) {
            Err(SealingKeyError::Counting)
        } else {
            Ok(wipe::after::<TRACES, _>(|| Self::scheduled(key)))
        }
    }

    /// Reads 64 hexadecimal digits, as `openssl rand -hex 32` prints them, with blanks and line ends around
    /// them.
    ///
    /// # Errors
    /// [`SealingKeyError`].
    pub fn parse(text: &str) -> Result<SealingKey, SealingKeyError> {
        let text = text.trim_ascii();
        let mut key = Zeroizing::new([0; 32]);
        match read_hex(text, &mut *key) {
            Some(32) => SealingKey::new(&*key),
            _ => Err(SealingKeyError::NotHexadecimal { bytes: text.len() }),
        }
    }

    /// Its name, as records have it.
    pub const fn name(&self) -> KeyName {
        self.name
    }

    /// The cipher is boxed after it was made, and a move leaves a copy: the caller wipes the stack.
    fn scheduled(key: &[u8; 32]) -> SealingKey {
        let cipher = Box::new(Aes256GcmSiv::new(key.into()));
        let mac =
            Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&[0; 64].into()));
        let derived = |label: &[u8]| mac.clone().chain_update(label).finalize().into_bytes();
        let tag: [u8; 32] = derived(b"countersign key name 1").into();
        let name = KeyName::from_bytes(tag.first_chunk().copied().unwrap_or_default());
        let mut tag = derived(b"countersign fingerprint key 1");
        let mac = Box::new(Hmac::new_from_slice(&tag).unwrap_or(mac));
        tag.zeroize();
        SealingKey { name, cipher, mac }
    }
}

const TAG_LEN: usize = 16;

/// What sealing adds: a key's name, a nonce and a tag; and room for the head of the record.
const SEALING_ROOM: usize = 47; // 4, 12, 16 and 15

impl Seal for Keyring {
    fn seal(
        &self,
        context: &[u8],
        nonce: [u8; 12],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let SealingKey { name, cipher, .. } = &self.seals;
        let mut sealed = Vec::with_capacity(plaintext.len().saturating_add(SEALING_ROOM));
        sealed.extend_from_slice(&name.to_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let (_, text) = sealed.split_at_mut_checked(4 + 12).ok_or(SealError::NotAuthentic)?;
        let nonce = Nonce::<Aes256GcmSiv>::from(nonce);
        let tag = cipher.encrypt_inout_detached(&nonce, context, text.into());
        let tag = tag.map_err(|_| SealError::NotAuthentic)?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (name, rest) = sealed.split_first_chunk::<4>().ok_or(SealError::NotAuthentic)?;
        let (nonce, rest) = rest.split_first_chunk::<12>().ok_or(SealError::NotAuthentic)?;
        let (text, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(SealError::NotAuthentic)?;
        let mut keys = core::iter::once(&self.seals).chain(&self.older).chain(&self.next);
        let key = keys.find(|key| key.name.to_bytes() == *name).ok_or(SealError::UnknownKey)?;
        let mut plaintext = Zeroizing::new(text.to_vec());
        let nonce = Nonce::<Aes256GcmSiv>::from(*nonce);
        let tag = Tag::<Aes256GcmSiv>::from(*tag);
        key.cipher
            .decrypt_inout_detached(&nonce, context, plaintext.as_mut_slice().into(), &tag)
            .map_err(|_| SealError::NotAuthentic)?;
        Ok(plaintext)
    }

    fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    fn is_current(&self, key: KeyName) -> bool {
        key == self.seals.name || self.next.iter().any(|next| key == next.name)
    }

    fn fingerprint(&self, secret: &[u8]) -> Option<[u8; 16]> {
        let oldest = self.older.last().unwrap_or(&self.seals);
        let key = self.fingerprints.as_ref().unwrap_or(oldest);
        wipe::after::<{ wipe::OF_HMAC }, _>(|| {
            let label = self.deployment.as_str();
            let mac = (*key.mac).clone().chain_update(label).chain_update([0]);
            let whole: [u8; 32] = mac.chain_update(secret).finalize().into_bytes().into();
            whole.first_chunk().copied()
        })
    }
}

/// What is sealed for one person beside the record: each under a context that nothing else has.
#[derive(Clone, Copy)]
pub(crate) enum Sealed {
    Browser,
    Challenge,
    Proof { session: [u8; 32], change: &'static str },
    Trusted,
}

impl Sealed {
    fn context(self, keys: &dyn Seal, account: &AccountId) -> Vec<u8> {
        let label = keys.deployment().as_str().as_bytes(); // a label holds no zero
        let of = |name: &[u8]| [name, label, &[0], account.as_bytes()].concat();
        match &self {
            Sealed::Browser => of(b"countersign browser 1 "),
            Sealed::Challenge => of(b"countersign challenge 1 "),
            Sealed::Proof { session, change } => {
                of(&[b"countersign proof 1 ", &session[..], change.as_bytes(), &[0]].concat())
            }
            Sealed::Trusted => of(b"countersign trusted 1 "),
        }
    }

    /// The most bytes of a token: a key management may add some to those of a [`Keyring`].
    ///
    /// [`Keyring`]: crate::Keyring
    const MAX_LEN: usize = 512;

    /// Seals `plaintext` as text for a cookie or a form.
    pub(crate) fn seal(
        self,
        keys: &dyn Seal,
        account: &AccountId,
        nonce: [u8; 12],
        plaintext: &[u8],
    ) -> Result<String, SealError> {
        let sealed = Zeroizing::new(keys.seal(&self.context(keys, account), nonce, plaintext)?);
        Ok(hexadecimal(&sealed))
    }

    /// Opens such a text; `None` for one that is not of this person, kind and deployment.
    pub(crate) fn open(
        self,
        keys: &dyn Seal,
        account: &AccountId,
        text: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, SealError> {
        let mut bytes = Zeroizing::new([0; Self::MAX_LEN]);
        let len = read_hex(text, &mut *bytes);
        let Some(sealed) = len.and_then(|len| bytes.get(..len)) else { return Ok(None) };
        // With an old key that leaked, an attacker could make proofs for as long as it opens records.
        let is_current = |key: &[u8; 4]| keys.is_current(KeyName::from_bytes(*key));
        if matches!(self, Sealed::Proof { .. }) && !sealed.first_chunk().is_some_and(is_current) {
            return Ok(None);
        }
        match keys.open(&self.context(keys, account), sealed) {
            Ok(opened) => Ok(Some(opened)),
            Err(SealError::Unavailable) => Err(SealError::Unavailable),
            Err(SealError::NotAuthentic | SealError::UnknownKey) => Ok(None),
        }
    }
}
