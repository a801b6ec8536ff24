//! Unit tests of `src/account/codec.rs`, which declares this file at its end: they need what it keeps to itself.

use super::*;

/// The bytes stay in one piece, and in order, when they outgrow their room.
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

/// A type as one release stores it, and as a later one does.
#[derive(Debug, PartialEq)]
struct Before {
    kept: u8,
}

#[derive(Debug, PartialEq)]
struct After {
    kept: u8,
    added: Option<u64>,
}

fields!(Before { kept } later {});
fields!(After { kept } later { added });

fn written(value: &impl Stored) -> Vec<u8> {
    let mut plaintext = Plaintext(Vec::new());
    value.write(&mut Encoder::new(&mut plaintext)).unwrap();
    plaintext.0.clone()
}

#[test]
fn a_later_field_is_its_default_in_a_record_from_before() {
    let (before, after) = (written(&Before { kept: 7 }), After { kept: 7, added: Some(9) });
    let read = |bytes: &[u8]| After::read(&mut Decoder::new(bytes)).ok();
    assert_eq!(read(&before), Some(After { kept: 7, added: None }));
    assert_eq!(read(&written(&after)), Some(after));
    // The release before cannot know what a later field means: it reads nothing of it.
    let later = written(&After { kept: 7, added: None });
    assert!(Before::read(&mut Decoder::new(&later)).is_err());
    assert!(read(&[0x80]).is_none(), "a first field is never absent");
    assert!(read(&[0x83, 7, 0xf6, 0xf6]).is_none(), "nor is there one more than is known");
}

/// An account with as much of everything as it may hold, all of it as long as it can be: what a record
/// has room for, and what is read back as it was written.
#[test]
fn the_fullest_account_fits_a_record_and_reads_back() {
    use crate::account::challenge::{MAX_LIVE_TEXTS, MAX_USED_CHALLENGES};
    use crate::account::former::MAX_FORMER_SECRETS;
    use crate::account::record::Record;
    use crate::account::trusted::Trusted;
    use crate::account::{MAX_BROWSERS, MAX_EXTERNAL_DEVICES, MAX_OTP_DEVICES};

    let (at, id) = (UnixTime::from_secs(u64::MAX), ChallengeId::from_bytes([0xff; 16]));
    let device = |factor| Device {
        id: DeviceId::from_u64(u64::MAX),
        label: Text::new(&"é".repeat(32)).unwrap(),
        status: DeviceStatus::Confirmed,
        bound_at: at,
        last_used: Some(at),
        imported: true,
        probation: Some(at),
        fingerprint: Some([0xff; 16]),
        factor,
        openly: true,
    };
    let parameters = Parameters {
        algorithm: Algorithm::Sha512,
        digits: Digits::Eight,
        period: Period::new(120).unwrap(),
        t0: at,
    };
    let totp = || Factor::Totp {
        secret: Secret::boxed(&[0xff; 128]).unwrap(),
        parameters,
        last_step: Some(u64::MAX),
        drift: i8::MIN,
        offset: i16::MIN,
    };
    let number = || Factor::Phone(PhoneNumber::new("+123456789012345").unwrap());
    let sent = || Box::new(SentCode { key: [0xff; 32], mac: [0xff; 32] });
    let code = StoredCode { name: u32::MAX, hash: [0xff; 16], failures: 100, spent_at: Some(at) };
    let set = || RecoverySet {
        id,
        salt: [0xff; 16],
        codes: std::vec![code; 16],
        issued_at: at,
        seen: true,
    };
    let failures = || Failures {
        row: u16::MAX,
        failed_at: at,
        recent: (0..60).map(|_| Failure { at, weight: u8::MAX }).collect(),
    };
    let budget =
        || Budget { unknown: failures(), remembered: failures(), emptied: std::vec![at; 60] };
    let action = AnyPurpose::Action(Text::new(&"a".repeat(32)).unwrap());
    let text = || SentText {
        id,
        purpose: action.clone(),
        at,
        device: DeviceId::from_u64(u64::MAX),
        failures: u8::MAX,
        remembered: true,
        sent: sent(),
    };
    let mut devices: Vec<_> = (0..MAX_OTP_DEVICES).map(|_| device(totp())).collect();
    let external = |_| device(Factor::External(Method::Pki));
    devices.extend((0..MAX_EXTERNAL_DEVICES).map(external));
    devices.push(device(number()));
    devices.extend((0..16).map(|_| device(Factor::Former(Method::Pki))));
    let former = FormerSecret {
        device: DeviceId::from_u64(u64::MAX),
        hash: [0xff; 16],
        last: Some(u64::MAX),
        lost: true,
    };
    let used = || Used {
        list: std::vec![UsedChallenge { id, issued_at: at }; MAX_USED_CHALLENGES],
        ended: at,
    };
    let pass = |kind| StoredPass {
        kind,
        at,
        secs: u64::MAX,
        name: Some(u32::MAX),
        tries: u8::MAX,
        is_over: true,
        operator: AccountId::new([0xff; 64]).unwrap(),
        sealed: sent(),
    };
    let account = Account {
        exists: true,
        epoch: u32::MAX,
        last_write: at,
        first_bound_at: Some(at),
        offboarded_at: Some(at),
        devices,
        former: std::vec![former; MAX_FORMER_SECRETS],
        import_ended: true,
        enrolment_began: Some(at),
        pending: Some(Pending {
            id,
            at,
            device: device(totp()),
            replaces: Some(DeviceId::from_u64(u64::MAX)),
            proven: true,
            failures: u8::MAX,
            sent: Some(sent()),
            session: Session::new(b"a session"),
        }),
        confirmed: Some(LastConfirmed {
            id,
            at,
            device: DeviceId::from_u64(u64::MAX),
            moving_factor: Some(u64::MAX),
            of_two: true,
            sent: Some(sent()),
        }),
        recovery: Recovery {
            newest: Some(set()),
            old: Some(OldSet { replaced_at: at, set: set() }),
        },
        texts: Texts {
            live: (0..MAX_LIVE_TEXTS).map(|_| text()).collect(),
            sent: std::vec![(at, true); 10],
            bindings: std::vec![at; 3],
        },
        used: used(),
        browsers: std::vec![Browser { id: BrowserId::from_u64(u64::MAX), used_at: at }; MAX_BROWSERS],
        browser_generation: u32::MAX,
        codes: budget(),
        out_of_band: budget(),
        passes: PassKind::ALL.map(pass).into(),
        needs_pass: true,
        abandoned_at: Some(at),
        trusted: std::vec![
            Trusted {
                id: BrowserId::from_u64(u64::MAX),
                device: DeviceId::from_u64(u64::MAX),
                since: at,
                turn: u32::MAX,
                turned_at: at,
                repeats: u8::MAX,
            };
            MAX_BROWSERS
        ],
        used_for_other: used(),
    };
    let plaintext = super::write(&account).unwrap();
    // What is around it: the head of the record, and a key's name, a nonce and a tag.
    assert!(plaintext.as_bytes().len() + 47 <= Record::MAX_LEN, "{}", plaintext.as_bytes().len());
    let read = super::read::<Box<Account>>(plaintext.as_bytes()).unwrap();
    assert!(super::write(&read).unwrap().as_bytes() == plaintext.as_bytes());
    assert!(read.devices.iter().all(|device| device.fingerprint == Some([0xff; 16])));
    // One more of anything is a fault of the library: it is not written.
    let mut more = read;
    more.former.push(former);
    assert!(super::write(&more).is_err());
}
