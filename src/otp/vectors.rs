//! The tables of the two RFCs as typed constants, for the harness of any implementation.
//!
//! Standard: RFC 4226 appendix D; RFC 6238 appendix B with the seeds of its reference code (erratum
//! 2866: 20, 32 and 64 bytes; the prose of the appendix gives the 20-byte seed for all three, and
//! that does not reproduce the table).
//!
//! ```
//! use countersign::{Digits, Secret, Totp, otp::Parameters, vectors};
//!
//! for row in &vectors::TOTP {
//!     let secret = Secret::from_bytes(vectors::seed(row.algorithm))?;
//!     let (algorithm, digits) = (row.algorithm, Digits::Eight);
//!     let totp = Totp::new(&secret, Parameters { algorithm, digits, ..Parameters::default() });
//!     assert_eq!(totp.generate(row.time).expect("after T0").expose_str(), row.code);
//! }
//! # Ok::<(), countersign::otp::SecretError>(())
//! ```

use crate::otp::algorithm::Algorithm;
use crate::time::UnixTime;

/// A row of RFC 4226 appendix D: HMAC-SHA-1 under [`seed`] of SHA-1, and the six digits.
/// ```
/// use countersign::{vectors, Algorithm, Digits, Hotp, Secret};
/// // The harness of another implementation compares its codes with these.
/// let secret = Secret::from_bytes(vectors::seed(Algorithm::Sha1))?;
/// let hotp = Hotp::new(&secret, Algorithm::Sha1, Digits::Six);
/// for row in &vectors::HOTP {
///     assert_eq!(hotp.generate(row.counter).expose_str(), row.code);
/// }
/// # Ok::<(), countersign::otp::SecretError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HotpRow {
    /// The counter C.
    pub counter: u64,
    /// HMAC-SHA-1(K, C), 20 bytes.
    pub mac: [u8; 20],
    /// The 31 bits that dynamic truncation takes from it.
    pub truncated: u32,
    /// The code: the truncated value modulo 10^6, zero-padded.
    pub code: &'static str,
}

/// A row of RFC 6238 appendix B: T0 is 0, X is 30 seconds, the key is [`seed`] of the algorithm.
/// ```
/// use countersign::{otp::Parameters, vectors};
/// // The harness of another implementation compares its steps with these.
/// for row in &vectors::TOTP {
///     assert_eq!(Parameters::default().step_at(row.time), Some(row.step));
/// }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TotpRow {
    /// The hash under HMAC.
    pub algorithm: Algorithm,
    /// The time.
    pub time: UnixTime,
    /// The time step T at that time.
    pub step: u64,
    /// The code: eight digits.
    pub code: &'static str,
}

/// The secret that the RFCs use with `algorithm`: the digits `1234567890` over and over, as ASCII,
/// for as many bytes as the hash has. RFC 4226 uses the one of SHA-1.
#[must_use]
pub const fn seed(algorithm: Algorithm) -> &'static [u8] {
    match algorithm {
        Algorithm::Sha1 => b"12345678901234567890",
        Algorithm::Sha256 => b"12345678901234567890123456789012",
        Algorithm::Sha512 => b"1234567890123456789012345678901234567890123456789012345678901234",
    }
}

/// RFC 4226 appendix D, whole.
pub const HOTP: [HotpRow; 10] = [
    hotp(0, 0xcc93cf18, 0x508d9493_4c64b65d_8ba7667f_b7cde4b0, 0x4c93cf18, "755224"),
    hotp(1, 0x75a48a19, 0xd4cbe100_644e8ac1_397eea74_7a2d33ab, 0x41397eea, "287082"),
    hotp(2, 0x0bacb7fa, 0x082fef30_78221193_8bc1c5e7_0416ff44, 0x082fef30, "359152"),
    hotp(3, 0x66c28227, 0xd03a2d55_29262ff0_16a1e6ef_76557ece, 0x66ef7655, "969429"),
    hotp(4, 0xa904c900, 0xa64b3590_9874b33e_61c5938a_8e15ed1c, 0x61c5938a, "338314"),
    hotp(5, 0xa37e783d, 0x7b7233c0_83d4f629_26c7a25f_238d0316, 0x33c083d4, "254676"),
    hotp(6, 0xbc9cd285, 0x61042c83_f219324d_3c607256_c03272ae, 0x7256c032, "287922"),
    hotp(7, 0xa4fb960c, 0x0bc06e1e_abb804e5_b397cdc4_b45596fa, 0x04e5b397, "162583"),
    hotp(8, 0x1b3c89f6, 0x5e6c9e88_30120528_23443f04_8b4332db, 0x2823443f, "399871"),
    hotp(9, 0x16374098, 0x09a679dc_69820731_0c8c7fc0_7290d9e5, 0x2679dc69, "520489"),
];

/// RFC 6238 appendix B, whole, in its order.
pub const TOTP: [TotpRow; 18] = [
    totp(59, 0x1, Algorithm::Sha1, "94287082"),
    totp(59, 0x1, Algorithm::Sha256, "46119246"),
    totp(59, 0x1, Algorithm::Sha512, "90693936"),
    totp(1_111_111_109, 0x023523EC, Algorithm::Sha1, "07081804"),
    totp(1_111_111_109, 0x023523EC, Algorithm::Sha256, "68084774"),
    totp(1_111_111_109, 0x023523EC, Algorithm::Sha512, "25091201"),
    totp(1_111_111_111, 0x023523ED, Algorithm::Sha1, "14050471"),
    totp(1_111_111_111, 0x023523ED, Algorithm::Sha256, "67062674"),
    totp(1_111_111_111, 0x023523ED, Algorithm::Sha512, "99943326"),
    totp(1_234_567_890, 0x0273EF07, Algorithm::Sha1, "89005924"),
    totp(1_234_567_890, 0x0273EF07, Algorithm::Sha256, "91819424"),
    totp(1_234_567_890, 0x0273EF07, Algorithm::Sha512, "93441116"),
    totp(2_000_000_000, 0x03F940AA, Algorithm::Sha1, "69279037"),
    totp(2_000_000_000, 0x03F940AA, Algorithm::Sha256, "90698825"),
    totp(2_000_000_000, 0x03F940AA, Algorithm::Sha512, "38618901"),
    totp(20_000_000_000, 0x27BC86AA, Algorithm::Sha1, "65353130"),
    totp(20_000_000_000, 0x27BC86AA, Algorithm::Sha256, "77737706"),
    totp(20_000_000_000, 0x27BC86AA, Algorithm::Sha512, "47863826"),
];

/// The MAC is written as its first four bytes and the other sixteen.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // evaluated at compile time
const fn hotp(counter: u64, head: u32, rest: u128, truncated: u32, code: &'static str) -> HotpRow {
    let (head, rest) = (head.to_be_bytes(), rest.to_be_bytes());
    let mut mac = [0; 20];
    let mut at = 0;
    while at < mac.len() {
        mac[at] = if at < 4 { head[at] } else { rest[at - 4] };
        at += 1;
    }
    HotpRow { counter, mac, truncated, code }
}

const fn totp(secs: u64, step: u64, algorithm: Algorithm, code: &'static str) -> TotpRow {
    TotpRow { algorithm, time: UnixTime::from_secs(secs), step, code }
}
