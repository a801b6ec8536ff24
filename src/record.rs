//! An account as sealed bytes: what a store keeps.
//!
//! Standard: RFC 4226 section 7.5 (secrets encrypted at rest), RFC 8452 (AES-256-GCM-SIV), RFC 8949
//! (CBOR, the plaintext).
//!
//! ```text
//! record    = "cs" format(1) owner(8) length(4) sealed
//! owner     = the first 8 bytes of SHA-256(account id)
//! sealed    = key(4) nonce(12) ciphertext tag(16)           (as a Keyring writes it)
//! nonce     = the next 12 bytes of SHA-256(account id), their last 8 XOR version
//! context   = "cs" format(1) version(8) account id          (authenticated, not stored)
//! plaintext = CBOR, `write_account` below
//! ```
//!
//! The context binds the bytes to one person and one version: a record that is moved to another
//! account, or put back under another version, does not open. Putting back the whole row, version
//! and all, is what this cannot see; that is the store's to prevent.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::{fmt, mem};

use aes_gcm_siv::Aes256GcmSiv;
use aes_gcm_siv::aead::{AeadInOut, KeyInit, Nonce, Tag};
use hmac::{Hmac, Mac};
use minicbor::decode::Error as CborError;
use minicbor::{Decoder, Encoder};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing, zeroize_stack};

use crate::account::{Account, Budgets, Pending};
use crate::challenge::{Challenge, ChallengeId, PhoneNumber, SentCode};
use crate::code::Digits;
use crate::device::{Device, Factor};
use crate::key::{Algorithm, sha256, write_words};
use crate::proof::Purpose;
use crate::recovery::RecoverySet;
use crate::secret::Secret;
use crate::summary::{AccountId, DeviceId, DeviceStatus, Method, Text};
use crate::throttle::Budget;
use crate::time::UnixTime;
use crate::totp::{Parameters, Period};

/// One stored state of one account: opaque bytes under a version.
#[derive(Clone, Eq, PartialEq)]
pub struct Record {
    version: u64,
    bytes: Vec<u8>,
}

impl Record {
    /// The most bytes that a record has: room for every device, label and code there may be.
    pub const MAX_LEN: usize = 16_384;

    /// The highest version, 2^63-1: databases have signed integers.
    pub const MAX_VERSION: u64 = i64::MAX as u64;

    /// From what a store kept.
    #[must_use]
    pub const fn new(version: u64, bytes: Vec<u8>) -> Record {
        Record { version, bytes }
    }

    /// The version: 1 for the first write, then one more each time, never reset.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record(version {}, [{} bytes])", self.version, self.bytes.len())
    }
}

/// Why stored bytes are no account. Nothing is overwritten: whatever it is, a person looks at it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecordError {
    /// The bytes were altered, or stand under another version than they were written for.
    Altered,
    /// The bytes are no record of this library.
    Foreign,
    /// The record opened, and what it holds makes no sense: a fault of this library.
    Malformed,
    /// A later release of this library wrote it; its format number.
    NewerFormat(u8),
    /// The record is another account's.
    OtherAccount,
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
            RecordError::Altered => f.write_str("the record was altered or is of another version"),
            RecordError::Foreign => f.write_str("the bytes are not a countersign record"),
            RecordError::Malformed => f.write_str("the record opened and makes no sense"),
            RecordError::NewerFormat(format) => {
                write!(f, "the record has format {format}, newer than this release reads")
            }
            RecordError::OtherAccount => f.write_str("the record belongs to another account"),
            RecordError::SealUnavailable => f.write_str("the key management did not answer"),
            RecordError::Torn => f.write_str("the record is cut short or has a tail"),
            RecordError::UnknownKey => f.write_str("the record is sealed with a key not at hand"),
            RecordError::Version => f.write_str("the record's version is out of range"),
        }
    }
}

impl core::error::Error for RecordError {}

/// Encrypts and authenticates records: implement it over a key management service or a validated
/// module; otherwise use [`Keyring`].
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
}

/// Why a record could not be sealed or opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SealError {
    /// The bytes are not what was sealed under this context.
    NotAuthentic,
    /// The key management has no answer now.
    Unavailable,
    /// No key at hand sealed it.
    UnknownKey,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RecordError::from(*self).fmt(f)
    }
}

impl core::error::Error for SealError {}

impl From<SealError> for RecordError {
    fn from(error: SealError) -> RecordError {
        match error {
            SealError::NotAuthentic => RecordError::Altered,
            SealError::Unavailable => RecordError::SealUnavailable,
            SealError::UnknownKey => RecordError::UnknownKey,
        }
    }
}

/// The keys that seal records, with AES-256-GCM-SIV. The newest seals; the older ones open, and a
/// record moves over to the newest when it is next written.
///
/// Keep the keys apart from the database: whoever has both has every secret.
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

    /// A key from before, which still opens what it sealed.
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
}

/// Bytes of stack below the call in which a key is scheduled. Enough for a release build:
/// `tests/evidence/tests/wiping.rs` looks.
const TRACES: usize = 4096;

impl SealingKey {
    #[inline(always)] // so that the key is wiped where the caller put it
    fn new(mut key: [u8; 32]) -> SealingKey {
        let made = Self::scheduled(&key);
        key.zeroize();
        zeroize_stack::<TRACES>();
        made
    }

    /// The cipher is boxed after it was made, and a move leaves a copy: so this is a call of its own,
    /// and the caller wipes the stack that it used.
    #[inline(never)]
    fn scheduled(key: &[u8; 32]) -> SealingKey {
        let cipher = Box::new(Aes256GcmSiv::new(key.into()));
        let mut name = [0; 4];
        if let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key) {
            mac.update(b"countersign key name 1");
            let tag: [u8; 32] = mac.finalize().into_bytes().into();
            name = tag.first_chunk().copied().unwrap_or_default();
        }
        SealingKey { name, cipher }
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
        let SealingKey { name, cipher } = &self.newest;
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
}

const MAGIC: &[u8; 2] = b"cs";
const FORMAT: u8 = 1;

/// Whose record it is. Made once for an operation that opens one record and seals the next.
pub(crate) struct Owner<'a> {
    id: &'a AccountId,
    /// The first 8 bytes of the id's hash, as they stand in the record.
    name: [u8; 8],
    /// The next 12, of which its nonces are made.
    nonce_base: [u8; 12],
}

impl Owner<'_> {
    pub(crate) fn new(id: &AccountId) -> Owner<'_> {
        let [a, b, c, d, e, ..] = sha256(id.as_bytes());
        let name = u64::from(a) << 32 | u64::from(b);
        let mut nonce_base = [0; 12];
        write_words([c, d, e].into_iter().map(u32::to_be_bytes), &mut nonce_base);
        Owner { id, name: name.to_be_bytes(), nonce_base }
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

    fn context(&self, version: u64) -> Context {
        let mut bytes = [0; Context::MAX_LEN];
        let mut rest = bytes.as_mut_slice();
        for part in [MAGIC.as_slice(), &[FORMAT], &version.to_be_bytes(), self.id.as_bytes()] {
            // There is room for all of them, however long the id.
            if let Some((place, behind)) = mem::take(&mut rest).split_at_mut_checked(part.len()) {
                place.copy_from_slice(part);
                rest = behind;
            }
        }
        let len = Context::MAX_LEN.saturating_sub(rest.len());
        Context { bytes, len }
    }
}

/// What the sealing authenticates and the record does not hold.
struct Context {
    bytes: [u8; Context::MAX_LEN],
    len: usize,
}

impl Context {
    const MAX_LEN: usize = 75; // 2, 1, 8, and 64 of an id

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Seals `account` as the record of `version`.
pub(crate) fn seal(
    account: &Account,
    owner: &Owner<'_>,
    version: u64,
    keys: &dyn Seal,
) -> Result<Record, RecordError> {
    if version == 0 || version > Record::MAX_VERSION {
        return Err(RecordError::Version);
    }
    let context = owner.context(version);
    let plaintext = write(account)?;
    let mut bytes = keys.seal(context.as_bytes(), owner.nonce(version), &plaintext.0)?;
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

/// Opens the record of `owner`.
pub(crate) fn open(
    record: &Record,
    owner: &Owner<'_>,
    keys: &dyn Seal,
) -> Result<Box<Account>, RecordError> {
    if record.version == 0 || record.version > Record::MAX_VERSION {
        return Err(RecordError::Version);
    }
    let bytes = record.bytes.as_slice();
    let rest = bytes.strip_prefix(MAGIC).ok_or(RecordError::Foreign)?;
    let (format, rest) = rest.split_first().ok_or(RecordError::Torn)?;
    match *format {
        FORMAT => {}
        0 => return Err(RecordError::Foreign),
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
    let plaintext = keys.open(owner.context(record.version).as_bytes(), sealed)?;
    read(&plaintext).map_err(|_| RecordError::Malformed)
}

fn write(account: &Account) -> Result<Plaintext, RecordError> {
    let mut plaintext = Plaintext(Vec::with_capacity(Plaintext::USUAL_LEN));
    write_account(&mut Writer(Encoder::new(&mut plaintext)), account)
        .map_err(|_| RecordError::Malformed)?;
    Ok(plaintext)
}

/// What is to be sealed: bytes that are wiped where they stand, also where they have stood.
struct Plaintext(Vec<u8>);

impl Plaintext {
    /// Room for an app and a set of recovery codes.
    const USUAL_LEN: usize = 384;

    #[inline(always)]
    fn push(&mut self, byte: u8) {
        if self.0.capacity() == self.0.len() {
            self.grow(1);
        }
        self.0.push(byte);
    }

    /// Moves to larger room and wipes the old one. A vector that grows by itself frees it as it is.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, by: usize) {
        let room = self.0.capacity().saturating_mul(2).saturating_add(by);
        let mut larger = Plaintext(Vec::with_capacity(room));
        larger.0.extend_from_slice(&self.0);
        *self = larger;
    }
}

impl minicbor::encode::Write for Plaintext {
    type Error = core::convert::Infallible;

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        if self.0.capacity().saturating_sub(self.0.len()) < bytes.len() {
            self.grow(bytes.len());
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

impl Drop for Plaintext {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize(); // behind its end nothing was ever written
    }
}

fn read(plaintext: &[u8]) -> Result<Box<Account>, CborError> {
    let mut decoder = Decoder::new(plaintext);
    let account = read_account(&mut decoder)?;
    if decoder.position() == plaintext.len() { Ok(account) } else { Err(nonsense()) }
}

fn nonsense() -> CborError {
    CborError::message("out of range")
}

// Every value is an array of a fixed length, in the order below; what may be absent is null. A
// change of any of it is a new format number, and the old reader stays.

type Fault = minicbor::encode::Error<core::convert::Infallible>;
type Written = Result<(), Fault>;

/// Most of what a record holds is one byte: absent, an array of a few, a number below 24. Those go
/// straight into the plaintext; a call for each of them would be half of the writing.
struct Writer<'p>(Encoder<&'p mut Plaintext>);

impl Writer<'_> {
    #[inline(always)]
    fn array(&mut self, length: usize) -> Result<&mut Self, Fault> {
        match length {
            small @ 0..24 => return self.byte(ARRAY | small as u8),
            length => self.0.array(length as u64)?,
        };
        Ok(self)
    }

    #[inline(always)]
    fn null(&mut self) -> Result<&mut Self, Fault> {
        self.byte(NULL)
    }

    #[inline(always)]
    fn number(&mut self, number: impl Into<u64>) -> Result<&mut Self, Fault> {
        match number.into() {
            small @ 0..24 => return self.byte(small as u8),
            number => self.0.u64(number)?,
        };
        Ok(self)
    }

    fn signed(&mut self, number: i16) -> Result<&mut Self, Fault> {
        self.0.i16(number)?;
        Ok(self)
    }

    fn flag(&mut self, flag: bool) -> Result<&mut Self, Fault> {
        self.0.bool(flag)?;
        Ok(self)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<&mut Self, Fault> {
        self.0.bytes(bytes)?;
        Ok(self)
    }

    fn text(&mut self, text: &str) -> Result<&mut Self, Fault> {
        self.0.str(text)?;
        Ok(self)
    }

    #[inline(always)]
    fn byte(&mut self, byte: u8) -> Result<&mut Self, Fault> {
        self.0.writer_mut().push(byte);
        Ok(self)
    }
}

fn write_account(e: &mut Writer<'_>, account: &Account) -> Written {
    let Account {
        exists: _,
        epoch,
        last_write,
        first_bound_at,
        offboarded_at,
        reenrol_until,
        emergency_until,
        devices,
        pending,
        recovery,
        sent,
        external,
        code_sent_at,
        budgets,
    } = account;
    e.array(13)?.number(*epoch)?.number(last_write.as_secs())?;
    for at in [first_bound_at, offboarded_at, reenrol_until, emergency_until] {
        write_time(e, *at)?;
    }
    e.array(devices.len())?;
    for device in devices {
        write_device(e, device)?;
    }
    write_optional(e, pending.as_ref(), write_pending)?;
    write_optional(e, recovery.as_ref(), write_recovery)?;
    for challenge in [sent, external] {
        write_optional(e, challenge.as_ref(), write_challenge)?;
    }
    write_time(e, *code_sent_at)?;
    let Budgets { codes, recovery, out_of_band, external } = budgets;
    e.array(4)?;
    for budget in [codes, recovery, out_of_band, external] {
        let Budget { consecutive, not_before, forgotten_at } = budget;
        e.array(3)?.number(*consecutive)?;
        e.number(not_before.as_secs())?.number(forgotten_at.as_secs())?;
    }
    Ok(())
}

fn read_account(d: &mut Decoder<'_>) -> Result<Box<Account>, CborError> {
    expect_array(d, 13)?;
    let mut account = Box::<Account>::default();
    let Account {
        exists,
        epoch,
        last_write,
        first_bound_at,
        offboarded_at,
        reenrol_until,
        emergency_until,
        devices,
        pending,
        recovery,
        sent,
        external,
        code_sent_at,
        budgets,
    } = &mut *account;
    *exists = true;
    *epoch = read_number(d)?;
    *last_write = UnixTime::from_secs(read_number(d)?);
    for at in [first_bound_at, offboarded_at, reenrol_until, emergency_until] {
        *at = read_time(d)?;
    }
    *devices = read_all(d, 64, read_device)?;
    *pending = read_optional(d, read_pending)?;
    *recovery = read_optional(d, read_recovery)?;
    for challenge in [sent, external] {
        *challenge = read_optional(d, read_challenge)?;
    }
    *code_sent_at = read_time(d)?;
    expect_array(d, 4)?;
    let Budgets { codes, recovery, out_of_band, external } = budgets;
    for budget in [codes, recovery, out_of_band, external] {
        *budget = read_budget(d)?;
    }
    Ok(account)
}

fn read_budget(d: &mut Decoder<'_>) -> Result<Budget, CborError> {
    expect_array(d, 3)?;
    Ok(Budget {
        consecutive: read_number(d)?,
        not_before: UnixTime::from_secs(read_number(d)?),
        forgotten_at: UnixTime::from_secs(read_number(d)?),
    })
}

fn write_device(e: &mut Writer<'_>, device: &Device) -> Written {
    let Device { id, label, status, bound_at, last_used, imported, factor } = device;
    e.array(7)?.number(id.as_u64())?.text(label.as_str())?;
    e.number(match status {
        DeviceStatus::Confirmed => 0_u8,
        DeviceStatus::Disabled => 1,
        DeviceStatus::Lost => 2,
        DeviceStatus::Revoked => 3,
    })?;
    e.number(bound_at.as_secs())?;
    write_time(e, *last_used)?;
    e.flag(*imported)?;
    write_factor(e, factor)
}

fn read_device(d: &mut Decoder<'_>) -> Result<Device, CborError> {
    expect_array(d, 7)?;
    Ok(Device {
        id: DeviceId::from_u64(read_number(d)?),
        label: Text::new(d.str()?).map_err(|_| nonsense())?,
        status: match read_number(d)? {
            0 => DeviceStatus::Confirmed,
            1 => DeviceStatus::Disabled,
            2 => DeviceStatus::Lost,
            3 => DeviceStatus::Revoked,
            _ => return Err(nonsense()),
        },
        bound_at: UnixTime::from_secs(read_number(d)?),
        last_used: read_time(d)?,
        imported: d.bool()?,
        factor: read_factor(d)?,
    })
}

fn write_factor(e: &mut Writer<'_>, factor: &Factor) -> Written {
    match factor {
        Factor::Totp { secret, parameters, last_step, drift, offset } => {
            let Parameters { algorithm, digits, period, t0 } = parameters;
            e.array(9)?
                .number(0_u8)?
                .bytes(secret.expose_bytes())?
                .number(algorithm_number(*algorithm))?;
            e.number(digits.count())?.number(period.as_secs())?.number(t0.as_secs())?;
            write_u64(e, *last_step)?;
            e.signed(i16::from(*drift))?.signed(*offset)?;
        }
        Factor::Hotp { secret, algorithm, digits, next } => {
            e.array(5)?
                .number(1_u8)?
                .bytes(secret.expose_bytes())?
                .number(algorithm_number(*algorithm))?;
            e.number(digits.count())?;
            write_u64(e, *next)?;
        }
        Factor::External(method) => {
            e.array(2)?.number(2_u8)?.number(method_number(*method))?;
        }
        Factor::Phone(number) => {
            e.array(2)?.number(3_u8)?.text(number.as_str())?;
        }
        Factor::Former(method) => {
            e.array(2)?.number(4_u8)?.number(method_number(*method))?;
        }
    }
    Ok(())
}

fn read_factor(d: &mut Decoder<'_>) -> Result<Factor, CborError> {
    let length = d.array()?;
    match (read_number(d)?, length) {
        (0, Some(9)) => Ok(Factor::Totp {
            secret: read_secret(d)?,
            parameters: Parameters {
                algorithm: read_algorithm(d)?,
                digits: read_digits(d)?,
                period: Period::new(read_number(d)?).ok_or_else(nonsense)?,
                t0: UnixTime::from_secs(read_number(d)?),
            },
            last_step: read_u64(d)?,
            drift: d.i8()?,
            offset: d.i16()?,
        }),
        (1, Some(5)) => Ok(Factor::Hotp {
            secret: read_secret(d)?,
            algorithm: read_algorithm(d)?,
            digits: read_digits(d)?,
            next: read_u64(d)?,
        }),
        (2, Some(2)) => Ok(Factor::External(read_method(d)?)),
        (3, Some(2)) => Ok(Factor::Phone(PhoneNumber::new(d.str()?).map_err(|_| nonsense())?)),
        (4, Some(2)) => Ok(Factor::Former(read_method(d)?)),
        _ => Err(nonsense()),
    }
}

fn write_pending(e: &mut Writer<'_>, pending: &Pending) -> Written {
    let Pending { id, until, device, replaces, sent } = pending;
    e.array(5)?.bytes(id.as_bytes())?.number(until.as_secs())?;
    write_device(e, device)?;
    write_u64(e, replaces.map(DeviceId::as_u64))?;
    write_optional(e, sent.as_ref(), |e, (sent, failures)| {
        e.array(2)?;
        write_sent(e, sent)?;
        e.number(*failures)?;
        Ok(())
    })
}

fn read_pending(d: &mut Decoder<'_>) -> Result<Pending, CborError> {
    expect_array(d, 5)?;
    Ok(Pending {
        id: ChallengeId::from_bytes(read_bytes(d)?),
        until: UnixTime::from_secs(read_number(d)?),
        device: read_device(d)?,
        replaces: read_u64(d)?.map(DeviceId::from_u64),
        sent: read_optional(d, |d| {
            expect_array(d, 2)?;
            Ok((read_sent(d)?, read_number(d)?))
        })?,
    })
}

fn write_recovery(e: &mut Writer<'_>, set: &RecoverySet) -> Written {
    let RecoverySet { salt, hashes, spent, issued_at } = set;
    e.array(4)?.bytes(salt)?.array(hashes.len())?;
    for hash in hashes {
        e.bytes(hash)?;
    }
    e.number(*spent)?.number(issued_at.as_secs())?;
    Ok(())
}

fn read_recovery(d: &mut Decoder<'_>) -> Result<RecoverySet, CborError> {
    expect_array(d, 4)?;
    Ok(RecoverySet {
        salt: read_bytes(d)?,
        hashes: read_all(d, 16, read_bytes)?,
        spent: read_number(d)?,
        issued_at: UnixTime::from_secs(read_number(d)?),
    })
}

fn write_challenge(e: &mut Writer<'_>, challenge: &Challenge) -> Written {
    let Challenge { id, purpose, until, device, failures, sent } = challenge;
    e.array(6)?.bytes(id.as_bytes())?;
    match purpose {
        Purpose::SignIn => e.number(0_u8)?,
        Purpose::ChangeFactors => e.number(1_u8)?,
        Purpose::ChangePrivileges => e.number(2_u8)?,
        Purpose::ActForOther => e.number(3_u8)?,
        Purpose::Action(name) => e.text(name.as_str())?,
    };
    e.number(until.as_secs())?.number(device.as_u64())?.number(*failures)?;
    write_optional(e, sent.as_deref(), write_sent)
}

fn read_challenge(d: &mut Decoder<'_>) -> Result<Challenge, CborError> {
    expect_array(d, 6)?;
    Ok(Challenge {
        id: ChallengeId::from_bytes(read_bytes(d)?),
        purpose: match d.datatype()? {
            minicbor::data::Type::String => {
                Purpose::Action(Text::new(d.str()?).map_err(|_| nonsense())?)
            }
            _ => match read_number(d)? {
                0 => Purpose::SignIn,
                1 => Purpose::ChangeFactors,
                2 => Purpose::ChangePrivileges,
                3 => Purpose::ActForOther,
                _ => return Err(nonsense()),
            },
        },
        until: UnixTime::from_secs(read_number(d)?),
        device: DeviceId::from_u64(read_number(d)?),
        failures: read_number(d)?,
        sent: read_optional(d, read_sent)?,
    })
}

fn write_sent(e: &mut Writer<'_>, sent: &SentCode) -> Written {
    e.array(2)?.bytes(&sent.key)?.bytes(&sent.mac)?;
    Ok(())
}

fn read_sent(d: &mut Decoder<'_>) -> Result<Box<SentCode>, CborError> {
    expect_array(d, 2)?;
    let mut sent = SentCode::blank();
    for place in [&mut sent.key, &mut sent.mac] {
        *place = *<&[u8; 32]>::try_from(d.bytes()?).map_err(|_| nonsense())?;
    }
    Ok(sent)
}

fn write_time(e: &mut Writer<'_>, at: Option<UnixTime>) -> Written {
    write_u64(e, at.map(UnixTime::as_secs))
}

fn read_time(d: &mut Decoder<'_>) -> Result<Option<UnixTime>, CborError> {
    Ok(read_u64(d)?.map(UnixTime::from_secs))
}

fn write_optional<T>(
    e: &mut Writer<'_>,
    value: Option<&T>,
    write: impl FnOnce(&mut Writer<'_>, &T) -> Written,
) -> Written {
    match value {
        Some(value) => write(e, value),
        None => {
            e.null()?;
            Ok(())
        }
    }
}

fn write_u64(e: &mut Writer<'_>, number: Option<u64>) -> Written {
    match number {
        Some(number) => e.number(number)?,
        None => e.null()?,
    };
    Ok(())
}

fn read_u64(d: &mut Decoder<'_>) -> Result<Option<u64>, CborError> {
    read_optional(d, |d| read_number(d))
}

/// RFC 8949 section 3.3.
const NULL: u8 = 0xf6;

/// RFC 8949 section 3.1: of fewer than 24 items, whose number is in the lower bits.
const ARRAY: u8 = 0x80;

fn read_optional<'b, T>(
    d: &mut Decoder<'b>,
    read: impl FnOnce(&mut Decoder<'b>) -> Result<T, CborError>,
) -> Result<Option<T>, CborError> {
    if skip(d, NULL) { Ok(None) } else { read(d).map(Some) }
}

fn read_all<'b, T>(
    d: &mut Decoder<'b>,
    at_most: u64,
    mut read: impl FnMut(&mut Decoder<'b>) -> Result<T, CborError>,
) -> Result<Vec<T>, CborError> {
    let length = d.array()?.filter(|length| *length <= at_most).ok_or_else(nonsense)?;
    // The capacity first: a vector of secrets that grows leaves copies behind.
    let mut all = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    for _ in 0..length {
        all.push(read(d)?);
    }
    Ok(all)
}

fn read_bytes<const N: usize>(d: &mut Decoder<'_>) -> Result<[u8; N], CborError> {
    d.bytes()?.try_into().map_err(|_| nonsense())
}

fn read_secret(d: &mut Decoder<'_>) -> Result<Box<Secret>, CborError> {
    Secret::boxed(d.bytes()?).map_err(|_| nonsense())
}

fn expect_array(d: &mut Decoder<'_>, length: u8) -> Result<(), CborError> {
    if skip(d, ARRAY | length) { Ok(()) } else { Err(nonsense()) }
}

/// A number in the range of its type. Most in a record are below 24, which is one byte.
#[inline(always)]
fn read_number<T: TryFrom<u64>>(d: &mut Decoder<'_>) -> Result<T, CborError> {
    let at = d.position();
    let number = match d.input().get(at) {
        Some(small @ 0..24) => {
            d.set_position(at.saturating_add(1));
            u64::from(*small)
        }
        _ => d.u64()?,
    };
    T::try_from(number).map_err(|_| nonsense())
}

/// Steps over one byte, if it is this one.
fn skip(d: &mut Decoder<'_>, byte: u8) -> bool {
    let at = d.position();
    let found = d.input().get(at) == Some(&byte);
    d.set_position(at.saturating_add(usize::from(found)));
    found
}

const fn algorithm_number(algorithm: Algorithm) -> u8 {
    match algorithm {
        Algorithm::Sha1 => 1,
        Algorithm::Sha256 => 2,
        Algorithm::Sha512 => 3,
    }
}

fn read_algorithm(d: &mut Decoder<'_>) -> Result<Algorithm, CborError> {
    match read_number(d)? {
        1 => Ok(Algorithm::Sha1),
        2 => Ok(Algorithm::Sha256),
        3 => Ok(Algorithm::Sha512),
        _ => Err(nonsense()),
    }
}

fn read_digits(d: &mut Decoder<'_>) -> Result<Digits, CborError> {
    Digits::new(read_number(d)?).ok_or_else(nonsense)
}

const fn method_number(method: Method) -> u8 {
    match method {
        Method::Totp => 0,
        Method::Hotp => 1,
        Method::Passkey => 2,
        Method::Pki => 3,
        Method::Sms => 4,
        Method::RecoveryCode => 5,
        Method::Emergency => 6,
    }
}

fn read_method(d: &mut Decoder<'_>) -> Result<Method, CborError> {
    let number = read_number(d)?;
    Method::ALL.into_iter().find(|method| method_number(*method) == number).ok_or_else(nonsense)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever it holds, it is one piece: what it held before it grew comes first.
    #[test]
    fn a_plaintext_that_outgrows_its_room_keeps_what_it_held() {
        use minicbor::encode::Write;
        let mut plaintext = Plaintext(Vec::with_capacity(3));
        for part in [b"one".as_slice(), b"", b" and two", &[b'.'; 500]] {
            plaintext.write_all(part).unwrap();
        }
        assert!(plaintext.0.starts_with(b"one and two...."));
        assert_eq!(plaintext.0.len(), 511);
    }
}
