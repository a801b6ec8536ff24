//! An account as sealed bytes: what a store keeps.
//!
//! Standard: RFC 4226 section 7.5 (secrets encrypted at rest), RFC 8949 (CBOR, the plaintext).
//!
//! ```text
//! record    = "cs" format(1) owner(8) length(4) sealed
//! whose     = deployment 0 account id                       (a deployment's label holds no zero)
//! owner     = the first 8 bytes of SHA-256(whose)
//! sealed    = key(4) nonce(12) ciphertext tag(16)           (as a Keyring writes it)
//! nonce     = the next 12 bytes of SHA-256(whose), their last 8 XOR version
//! context   = "cs" format(1) version(8) whose               (authenticated, not stored)
//! plaintext = CBOR, the lists of `codec`
//! ```
//!
//! The context binds the bytes to one deployment, person and version: a record that is moved to another
//! account, or put back under another version, does not open. It cannot see that the whole row is put
//! back, version and all: that is what [`Floor`](crate::mfa::Floor) is for.

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, mem};

use crate::account::codec::{self, FORMAT};
use crate::account::id::{AccountId, KeyName, RecordName};
use crate::account::seal::{Seal, SealError};
use crate::account::state::Account;
use crate::otp::engine::{sha256, write_words};

/// One stored state of one account: opaque bytes under a version.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{Record, Store};
/// // The two columns of a row, and back.
/// let record = Store::load(&store, &id)?.ok_or("no record")?;
/// let (version, bytes) = (record.version(), record.as_bytes().to_vec());
/// assert_eq!(Record::new(version, bytes), record);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Record {
    version: u64,
    bytes: Vec<u8>,
}

impl Record {
    /// The most bytes that a record has: room for every device, label and code there may be.
    pub const MAX_LEN: usize = 20_480;

    /// The highest version, 2^63-1: databases have signed integers.
    pub const MAX_VERSION: u64 = i64::MAX as u64;

    /// From what a store kept.
    #[must_use]
    pub const fn new(version: u64, bytes: Vec<u8>) -> Record {
        Record { version, bytes }
    }

    /// The version: 1 for the first write, then one more each time, never reset.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The name of the key that sealed it, without opening it; `None` for what is no record. An attacker who
    /// writes the database can write any name: only what opens is believed.
    pub fn key_name(&self) -> Option<KeyName> {
        let sealed = self.bytes.strip_prefix(MAGIC).and(self.bytes.get(HEADER_LEN..))?;
        sealed.first_chunk().copied().map(KeyName::from_bytes)
    }

    /// What an operator has to say to [give it up](crate::mfa::AccountAt::abandon).
    pub fn name(&self) -> RecordName {
        RecordName { key: self.key_name(), version: self.version }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record(version {}, [{} bytes])", self.version, self.bytes.len())
    }
}

/// Why stored bytes are not an account. Nothing is overwritten: a person has to look at them.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{account::RecordError, mfa::Fault, Record, SignIn, Store};
/// // An older row was put back under the newest version: nothing is accepted.
/// let record = Store::load(&store, &id)?.ok_or("no record")?;
/// let put_back = Record::new(record.version() + 1, record.as_bytes().to_vec());
/// let decided = dana.verify(&phone.code(now), SignIn).operation().decide(Some(put_back), None);
/// assert!(matches!(decided, Err(Fault::Record { error: RecordError::Altered, .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecordError {
    /// The bytes were altered, or are stored under another version than they were written for.
    Altered,
    /// The bytes are no record of this library.
    Foreign,
    /// The record opened, and what it holds makes no sense: a fault of this library.
    Malformed,
    /// A later release of this library wrote it; its format number.
    NewerFormat(u8),
    /// The record is another account's, or another deployment's.
    OtherAccount,
    /// The record opened and is older than the host remembers, or there is none: it was put back, or
    /// deleted ([`not_older_than`](crate::mfa::AccountAt::not_older_than)).
    RolledBack,
    /// The key management has no answer now.
    SealUnavailable,
    /// The record is cut short, or has something behind it.
    Torn,
    /// No key of the keyring sealed it.
    UnknownKey,
    /// The version is 0, or cannot go higher.
    Version,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordError::Altered => SealError::NotAuthentic.fmt(f),
            RecordError::Foreign => f.write_str("the bytes are not a countersign record"),
            RecordError::Malformed => f.write_str("the record opened and makes no sense"),
            RecordError::NewerFormat(format) => {
                write!(f, "the record has format {format}, newer than this release reads")
            }
            RecordError::OtherAccount => {
                f.write_str("the record belongs to another account or deployment")
            }
            RecordError::RolledBack => {
                f.write_str("the record is older than the host remembers, or was deleted")
            }
            RecordError::SealUnavailable => SealError::Unavailable.fmt(f),
            RecordError::Torn => f.write_str("the record is cut short or has a tail"),
            RecordError::UnknownKey => SealError::UnknownKey.fmt(f),
            RecordError::Version => f.write_str("the record's version is out of range"),
        }
    }
}

impl core::error::Error for RecordError {}

impl RecordError {
    /// Whether neither a newer release nor a key management that comes back opens the record.
    pub(crate) const fn is_for_good(self) -> bool {
        !matches!(self, RecordError::NewerFormat(_) | RecordError::SealUnavailable)
    }
}

impl From<SealError> for RecordError {
    fn from(error: SealError) -> RecordError {
        match error {
            SealError::NotAuthentic => RecordError::Altered,
            SealError::Unavailable => RecordError::SealUnavailable,
            SealError::UnknownKey => RecordError::UnknownKey,
        }
    }
}

const MAGIC: &[u8; 2] = b"cs";

/// Whose record it is. Made once for an operation that opens one record and seals the next.
pub(crate) struct Owner {
    /// The context of the newest format and no version.
    context: [u8; Owner::MAX_LEN],
    len: usize,
    /// The first 8 bytes of the hash of whose it is, as in the record.
    name: [u8; 8],
    /// The next 12, of which its nonces are made.
    nonce_base: [u8; 12],
}

impl Owner {
    const MAX_LEN: usize = 140; // 2, 1, 8, 64 of a label, 1, and 64 of an id

    pub(crate) fn new(keys: &dyn Seal, id: &AccountId) -> Owner {
        let mut context = [0; Self::MAX_LEN];
        let mut rest = context.as_mut_slice();
        let label = keys.deployment().as_str().as_bytes();
        for part in [MAGIC.as_slice(), &[FORMAT], &[0; 8], label, &[0], id.as_bytes()] {
            // There is room for all of them, however long the label and the id.
            if let Some((place, behind)) = mem::take(&mut rest).split_at_mut_checked(part.len()) {
                place.copy_from_slice(part);
                rest = behind;
            }
        }
        let len = Self::MAX_LEN.saturating_sub(rest.len());
        let [a, b, c, d, e, ..] = sha256(context.get(11..len).unwrap_or_default());
        let name = u64::from(a) << 32 | u64::from(b);
        let mut nonce_base = [0; 12];
        write_words([c, d, e].into_iter().map(u32::to_be_bytes), &mut nonce_base);
        Owner { context, len, name: name.to_be_bytes(), nonce_base }
    }

    /// Another one for every version, and for every account: two of them would have to meet in all
    /// of twelve hashed bytes but for the difference of two versions.
    fn nonce(&self, version: u64) -> [u8; 12] {
        let mut nonce = self.nonce_base;
        for (byte, of_version) in nonce.iter_mut().rev().zip(version.to_le_bytes()) {
            *byte ^= of_version;
        }
        nonce
    }

    /// What the sealing authenticates and the record does not hold.
    fn with_context<T>(&self, format: u8, version: u64, run: impl FnOnce(&[u8]) -> T) -> T {
        let mut context = self.context;
        let [_, _, of_format, of_version @ ..] = &mut context;
        *of_format = format;
        if let Some(place) = of_version.first_chunk_mut() {
            *place = version.to_be_bytes();
        }
        run(context.get(..self.len).unwrap_or_default())
    }
}

pub(crate) fn seal(
    account: &Account,
    owner: &Owner,
    version: u64,
    keys: &dyn Seal,
) -> Result<Record, RecordError> {
    if version == 0 || version > Record::MAX_VERSION {
        return Err(RecordError::Version);
    }
    let plaintext = codec::write(account).map_err(|_| RecordError::Malformed)?;
    let mut bytes = owner.with_context(FORMAT, version, |context| {
        keys.seal(context, owner.nonce(version), plaintext.as_bytes())
    })?;
    let length = u32::try_from(bytes.len()).map_err(|_| RecordError::Malformed)?;
    // Written behind and turned to the front: what a keyring returns has room for the head.
    for part in [MAGIC.as_slice(), &[FORMAT], &owner.name, &length.to_be_bytes()] {
        bytes.extend_from_slice(part);
    }
    bytes.rotate_right(HEADER_LEN);
    if bytes.len() > Record::MAX_LEN {
        return Err(RecordError::Malformed);
    }
    Ok(Record { version, bytes })
}

const HEADER_LEN: usize = 15; // 2, 1, 8 and 4

pub(crate) fn open(
    record: &Record,
    owner: &Owner,
    keys: &dyn Seal,
) -> Result<Box<Account>, RecordError> {
    if record.version == 0 || record.version > Record::MAX_VERSION {
        return Err(RecordError::Version);
    }
    let bytes = record.bytes.as_slice();
    let rest = bytes.strip_prefix(MAGIC).ok_or(RecordError::Foreign)?;
    let (format, rest) = rest.split_first().ok_or(RecordError::Torn)?;
    match *format {
        0 => return Err(RecordError::Foreign),
        1..=FORMAT => {}
        newer => return Err(RecordError::NewerFormat(newer)),
    }
    let (name, rest) = rest.split_first_chunk::<8>().ok_or(RecordError::Torn)?;
    let (length, sealed) = rest.split_first_chunk::<4>().ok_or(RecordError::Torn)?;
    if usize::try_from(u32::from_be_bytes(*length)) != Ok(sealed.len()) {
        return Err(RecordError::Torn);
    }
    if *name != owner.name {
        return Err(RecordError::OtherAccount);
    }
    let opened = |context: &[u8]| keys.open(context, sealed);
    let plaintext = owner.with_context(*format, record.version, opened)?;
    codec::read(&plaintext).map_err(|_| RecordError::Malformed)
}
