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

use crate::account::id::AccountId;
use crate::text::{hexadecimal, read_hex};
use crate::wipe;

/// Encrypts and authenticates records: implement it over a key management service or a validated
/// module; otherwise use [`Keyring`].
/// ```
/// # use rand::Rng;
/// # let (mut rng, mut key) = (countersign::OsRandom::new()?, [0; 32]);
/// # rng.fill_bytes(&mut key);
/// use countersign::{account::{Seal, SealError}, Keyring};
/// # use zeroize::Zeroizing;
/// // A module that may be away: then nothing is opened, and nothing accepted.
/// struct Module(Option<Keyring>);
/// impl Seal for Module {
///     fn seal(&self, context: &[u8], nonce: [u8; 12], text: &[u8]) -> Result<Vec<u8>, SealError> {
///         self.0.as_ref().ok_or(SealError::Unavailable)?.seal(context, nonce, text)
///     }
///     // …and `open` in the same way
///     # fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
///     #     self.0.as_ref().ok_or(SealError::Unavailable)?.open(context, sealed)
///     # }
/// }
/// assert_eq!(Module(None).seal(b"", [0; 12], b""), Err(SealError::Unavailable));
/// assert!(Module(Some(Keyring::new(key))).seal(b"", [0; 12], b"").is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Seal: Send + Sync {
    /// Encrypts `plaintext` so that it opens only under the same `context`.
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
/// use countersign::{account::{Seal, SealError}, Keyring};
/// // Bytes that were moved to another row do not open.
/// let keys = Keyring::new(key);
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

/// The keys that seal records, with AES-256-GCM-SIV. The newest seals; the older ones open, and a
/// record moves over to the newest when it is next written.
///
/// Keep the keys apart from the database: an attacker with both has every secret.
/// ```
/// # use rand::Rng;
/// # let (mut rng, mut key) = (countersign::OsRandom::new()?, [0; 32]);
/// # rng.fill_bytes(&mut key);
/// use countersign::{account::Seal, Keyring};
/// # let older = key;
/// # rng.fill_bytes(&mut key);
/// // After a rotation the new key seals, and what the older one sealed still opens.
/// let sealed = Keyring::new(older).seal(b"row 1", [0; 12], b"text")?;
/// let keys = Keyring::new(key).with_older(older);
/// assert_eq!(keys.open(b"row 1", &sealed)?.as_slice(), b"text");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Keyring {
    newest: SealingKey,
    older: Vec<SealingKey>,
}

impl Keyring {
    /// One key of 32 random bytes.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Keyring {
        Keyring { newest: SealingKey::new(key), older: Vec::new() }
    }

    /// A key from before, which still opens what it sealed. Add the oldest last: it makes the
    /// fingerprints of devices, for as long as it is there.
    #[must_use]
    pub fn with_older(mut self, key: [u8; 32]) -> Keyring {
        self.older.push(SealingKey::new(key));
        self
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring([{} keys])", self.older.len().saturating_add(1))
    }
}

/// One key, boxed so that moving a keyring leaves no copy of the schedule behind.
struct SealingKey {
    /// Names the key in a record: derived from it, so that no number has to be kept beside it.
    name: [u8; 4],
    cipher: Box<Aes256GcmSiv>,
    /// For fingerprints, derived from the key.
    mac: Box<Hmac<Sha256>>,
}

/// Bytes of stack below the call in which a key is scheduled. Enough for a release build:
/// `tests/evidence/tests/wiping.rs` looks.
const TRACES: usize = 4096;

impl SealingKey {
    #[inline(always)] // so that the key is wiped where the caller put it
    fn new(mut key: [u8; 32]) -> SealingKey {
        let made = wipe::after::<TRACES, _>(|| Self::scheduled(&key));
        key.zeroize();
        made
    }

    /// The cipher is boxed after it was made, and a move leaves a copy: the caller wipes the stack.
    fn scheduled(key: &[u8; 32]) -> SealingKey {
        let cipher = Box::new(Aes256GcmSiv::new(key.into()));
        let mac =
            Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&[0; 64].into()));
        let derived = |label: &[u8]| mac.clone().chain_update(label).finalize().into_bytes();
        let tag: [u8; 32] = derived(b"countersign key name 1").into();
        let name = tag.first_chunk().copied().unwrap_or_default();
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
        let SealingKey { name, cipher, .. } = &self.newest;
        let mut sealed = Vec::with_capacity(plaintext.len().saturating_add(SEALING_ROOM));
        sealed.extend_from_slice(name);
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
        let mut keys = core::iter::once(&self.newest).chain(&self.older);
        let key = keys.find(|key| key.name == *name).ok_or(SealError::UnknownKey)?;
        let mut plaintext = Zeroizing::new(text.to_vec());
        let nonce = Nonce::<Aes256GcmSiv>::from(*nonce);
        let tag = Tag::<Aes256GcmSiv>::from(*tag);
        key.cipher
            .decrypt_inout_detached(&nonce, context, plaintext.as_mut_slice().into(), &tag)
            .map_err(|_| SealError::NotAuthentic)?;
        Ok(plaintext)
    }

    /// Under the oldest key of the ring, so that a newer key does not change it.
    fn fingerprint(&self, secret: &[u8]) -> Option<[u8; 16]> {
        let key = self.older.last().unwrap_or(&self.newest);
        wipe::after::<{ wipe::OF_HMAC }, _>(|| {
            let whole: [u8; 32] =
                (*key.mac).clone().chain_update(secret).finalize().into_bytes().into();
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
}

impl Sealed {
    fn context(self, account: &AccountId) -> Vec<u8> {
        let account = account.as_bytes();
        match &self {
            Sealed::Browser => [b"countersign browser 1 ", account].concat(),
            Sealed::Challenge => [b"countersign challenge 1 ", account].concat(),
            Sealed::Proof { session, change } => {
                [b"countersign proof 1 ", &session[..], change.as_bytes(), b"\0", account].concat()
            }
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
        let sealed = Zeroizing::new(keys.seal(&self.context(account), nonce, plaintext)?);
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
        match keys.open(&self.context(account), sealed) {
            Ok(opened) => Ok(Some(opened)),
            Err(SealError::Unavailable) => Err(SealError::Unavailable),
            Err(SealError::NotAuthentic | SealError::UnknownKey) => Ok(None),
        }
    }
}
