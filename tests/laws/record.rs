//! The laws of stored bytes: a record that was changed in any way does not open, and bytes that the
//! reader never wrote do it no harm.

use std::sync::OnceLock;

use crate::keys::{keyring, sealing_key};
use crate::plain::Plain;
use countersign::account::ExistingDevice;
use countersign::account::Seal;
use countersign::account::Text;
use countersign::mfa::{Decided, Fault};
use countersign::otp::Parameters;
use countersign::{AccountId, Keyring, Mfa, Recommended, Record, Secret, SignIn, UnixTime};
use rand::SeedableRng;
use rand::rngs::StdRng;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// What holds for any bytes: as a change to a record, and as what a sealed record holds. Says whether
/// it opened as the one (it changed nothing) and as the other.
///
/// # Panics
/// If it does not.
pub fn hold(data: &[u8]) -> [bool; 2] {
    [changed(data), of_plaintext(data)]
}

/// No changed byte is ever accepted: four bytes of `data` say what is done to a record, and the
/// rest is what it is done with.
fn changed(data: &[u8]) -> bool {
    let [how, version, at, flip, rest @ ..] = data else { return false };
    static ACCOUNT: OnceLock<(Mfa<Keyring, Recommended>, Record)> = OnceLock::new();
    let (mfa, record) = ACCOUNT.get_or_init(|| {
        let mfa = Mfa::new(keyring(7).opening_older(sealing_key(8)), Recommended);
        let record = account(&mfa);
        (mfa, record)
    });
    let mut bytes = record.as_bytes().to_vec();
    let at = usize::from(*at) * (bytes.len() + 1) / 256;
    match how % 5 {
        0 => bytes = rest.to_vec(),
        1 => bytes.truncate(at),
        2 => bytes.extend_from_slice(rest),
        3 => bytes.splice(at.., rest.iter().copied()).for_each(drop),
        _ => bytes.iter_mut().skip(at).zip(rest).for_each(|(byte, by)| *byte ^= by),
    }
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= flip;
    }
    let forged = Record::new(record.version().wrapping_add(u64::from(*version)), bytes);
    let whole = forged == *record;
    let attempt = mfa.account(&person()).at(NOW).verify("000000", SignIn);
    match attempt.operation().decide(Some(forged.clone()), None) {
        Ok(_) => assert!(whole, "a changed record opened"),
        Err(Fault::Record { .. }) => assert!(!whole, "the record itself did not open"),
        Err(other) => panic!("{other}"),
    }
    // Nor does it, changed or whole, open in another deployment that has the same keys.
    let elsewhere = Keyring::new("elsewhere", sealing_key(7)).unwrap();
    let elsewhere = Mfa::new(elsewhere.opening_older(sealing_key(8)), Recommended);
    let attempt = elsewhere.account(&person()).at(NOW).verify("000000", SignIn);
    for record in [forged, record.clone()] {
        let decided = attempt.operation().decide(Some(record), None);
        assert!(matches!(decided, Err(Fault::Record { .. })), "it opened in another deployment");
    }
    // And the record of one person is nothing to another.
    let other = AccountId::new(b"somebody else").unwrap();
    let attempt = mfa.account(&other).at(NOW).verify("000000", SignIn);
    assert!(matches!(
        attempt.operation().decide(Some(record.clone()), None),
        Err(Fault::Record { .. })
    ));
    whole
}

/// The reader survives any plaintext, and takes none that is cut short, has a tail, or is another
/// person's; what is written from an account that it took opens again.
fn of_plaintext(data: &[u8]) -> bool {
    static HEADER: OnceLock<Vec<u8>> = OnceLock::new();
    let mfa = Mfa::new(Plain, Recommended);
    let header = HEADER.get_or_init(|| account(&mfa).as_bytes()[..11].to_vec());
    let record = |data: &[u8]| {
        let mut bytes = header.clone();
        bytes.extend_from_slice(&u32::try_from(data.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(data);
        Record::new(1, bytes)
    };
    // A wrong code, if it is one: what is written is the account, with a failure counted.
    let attempt = mfa.account(&person()).at(NOW).verify("000000", SignIn);
    let refused = |record: Record| {
        let decided = attempt.operation().decide(Some(record), None);
        assert!(matches!(decided, Err(Fault::Record { .. })), "opened");
    };
    match attempt.operation().decide(Some(record(data)), None) {
        Err(Fault::Record { .. }) => return false,
        Err(other) => panic!("{other}"),
        Ok(Decided::Answer { .. }) => {}
        Ok(Decided::Write(prepared)) => {
            let written = prepared.write().record().clone();
            assert!(
                attempt.operation().decide(Some(written), None).is_ok(),
                "what was written does not open"
            );
        }
    }
    refused(record(&[data, &[0]].concat()));
    refused(record(&data[..data.len() - 1]));
    let other = AccountId::new(b"somebody else").unwrap();
    let attempt = mfa.account(&other).at(NOW).verify("000000", SignIn);
    assert!(matches!(
        attempt.operation().decide(Some(record(data)), None),
        Err(Fault::Record { .. })
    ));
    true
}

fn person() -> AccountId {
    AccountId::new(b"42").unwrap()
}

/// The record of a person with one authenticator.
fn account<K: Seal>(mfa: &Mfa<K, Recommended>) -> Record {
    let secret = Secret::from_bytes(b"12345678901234567890").unwrap();
    let label = Text::new("Dana’s phone").unwrap();
    let device = ExistingDevice::totp(label, secret, Parameters::default(), None);
    let mut rng = StdRng::seed_from_u64(1);
    let import = mfa.account(&person()).at(NOW).import(device, &mut rng);
    match import.operation().decide(None, None) {
        Ok(Decided::Write(prepared)) => prepared.write().record().clone(),
        _ => panic!("the first record is written"),
    }
}
