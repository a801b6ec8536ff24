//! The import door: the texts of other systems as a table, what it refuses as well, and its laws.

use crate::rows::{rows, text};
use crate::uri::laws;
use countersign::otp::{SecretError, Tolerance, Tolerated, UriError};
use countersign::{Digits, ProvisioningUri, Secret, Totp, UnixTime};
use proptest::prelude::*;

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn names(tolerated: Tolerated) -> String {
    tolerated.iter().map(Tolerance::name).collect::<Vec<_>>().join(" ")
}

#[test]
fn accepted() {
    for [uri, kind, issuer, prefix, account, secret, algorithm, digits, last, tolerated] in
        rows(include_str!("../data/import-accepted.txt"))
    {
        let uri = text(uri);
        let (read, said) =
            ProvisioningUri::import(&uri).unwrap_or_else(|error| panic!("{uri}: {error}"));
        let number = read.totp_parameters().map(|parameters| parameters.period.as_u64());
        let number = number.or(read.counter()).unwrap();
        let found = [
            if read.counter().is_some() { "hotp" } else { "totp" },
            read.issuer().unwrap_or_default(),
            read.prefix().unwrap_or_default(),
            read.account(),
            read.secret().expose_base32().expose_str(),
            read.algorithm().name(),
            &read.digits().count().to_string(),
            &number.to_string(),
            &names(said),
        ]
        .map(str::to_owned);
        let (issuer, prefix, account) = (text(issuer), text(prefix), text(account));
        let expected =
            [kind, &issuer, &prefix, &account, secret, algorithm, digits, last, &text(tolerated)];
        assert_eq!(found, expected, "{uri}");
        assert_eq!(ProvisioningUri::parse(&uri).is_ok(), said.is_empty(), "{uri}");
        laws::hold(uri.as_bytes());
    }
}

#[test]
fn refused() {
    for [uri, reason] in rows(include_str!("../data/import-refused.txt")) {
        let uri = text(uri);
        let error = ProvisioningUri::import(&uri).expect_err(&uri);
        assert_eq!(error.to_string(), reason, "{uri}");
        assert!(ProvisioningUri::parse(&uri).is_err(), "{uri}");
        laws::hold(uri.as_bytes());
    }
}

/// Whatever the strict door refuses for another reason than a departure that is known here.
#[test]
fn v10_refused() {
    let mut taken = 0;
    for [uri, reason] in rows(include_str!("../data/v10-refused.txt")) {
        match ProvisioningUri::import(uri) {
            Ok((_, tolerated)) => {
                assert!(!tolerated.is_empty(), "{uri}");
                taken += 1;
            }
            Err(error) if uri.ends_with("GEZD+GNB") => {
                assert_eq!(error, UriError::Secret(SecretError::TooShort { bytes: 4 }));
            }
            // The label is read whole.
            Err(error) => {
                assert_eq!(error.to_string(), reason.replace("prefix", "account"), "{uri}");
            }
        }
    }
    assert_eq!(taken, 14);
}

/// F-61: the device is the one that the other system has.
#[test]
fn unused_bits_are_no_part_of_the_secret() {
    let (secret, tolerated) = Secret::import_base32("S46SQCPPTCNPROMHWYBDCTBZXV").unwrap();
    assert_eq!(names(tolerated), "trailing-bits");
    let code = Totp::new(&secret, countersign::otp::Parameters::default());
    let code = code.generate(UnixTime::from_secs(1_612_380_872)).unwrap();
    assert_eq!((code.expose_str(), code.digits()), ("100172", Digits::Six));
    for last in ["U", "V", "W", "X"] {
        let text = format!("S46SQCPPTCNPROMHWYBDCTBZX{last}");
        let (same, tolerated) = Secret::import_base32(&text).unwrap();
        assert_eq!(same.expose_bytes(), secret.expose_bytes(), "{text}");
        assert_eq!(tolerated.is_empty(), last == "U", "{text}");
    }
}

#[test]
fn a_short_secret_has_one_loud_door_here_too() {
    let row = "otpauth://totp/Example:alice?secret=jbswy3dpehpk3pxp";
    let (uri, tolerated) = ProvisioningUri::dangerously_import_allowing_short_secret(row).unwrap();
    assert!(uri.secret().is_short());
    assert_eq!(names(tolerated), "lower-case");
    let too_short = SecretError::TooShort { bytes: 10 };
    assert_eq!(ProvisioningUri::import(row).err(), Some(UriError::Secret(too_short)));
    assert_eq!(Secret::import_base32("jbswy3dpehpk3pxp").err(), Some(too_short));
    let (secret, _) = Secret::dangerously_import_base32_allowing_short("jbswy3dpehpk3pxp").unwrap();
    assert!(secret.is_short());
    for nothing in ["", " ", "\u{feff}", "-"] {
        let error = Secret::dangerously_import_base32_allowing_short(nothing).unwrap_err();
        assert_eq!(error, SecretError::TooShort { bytes: 0 }, "{nothing:?}");
    }
}

#[test]
fn input_is_bounded() {
    let padded = |len: usize| {
        let uri = format!("otpauth://totp/A:b?secret={SECRET}&x=");
        let rest = len - uri.len();
        format!("\n{uri}{}\n", "y".repeat(rest))
    };
    assert!(ProvisioningUri::import(&padded(2_048)).is_ok());
    let error = ProvisioningUri::import(&padded(2_049)).unwrap_err();
    assert_eq!(error, UriError::TooLong { bytes: 2_049 });
    // Before anything is copied.
    let escaped = format!("otpauth://totp/A:b?secret={SECRET}{}", "&amp;".repeat(400));
    let error = ProvisioningUri::import(&escaped).unwrap_err();
    assert_eq!(error, UriError::TooLong { bytes: escaped.len() });
    assert!(ProvisioningUri::import(&escaped[..escaped.len() - 50]).is_ok());
    let error = Secret::import_base32(&"A".repeat(1 << 20)).unwrap_err();
    assert_eq!(error, SecretError::TooLong { bytes: 129 });
    let longest = "A".repeat(205);
    assert_eq!(Secret::import_base32(&longest).unwrap().0.len(), 128);
}

#[test]
fn every_tolerance_has_a_name_and_a_sentence() {
    let found: Vec<_> = rows(include_str!("../data/import-accepted.txt"))
        .into_iter()
        .flat_map(|[uri, _, _, _, _, _, _, _, _, _]: [&str; 10]| {
            let (_, tolerated) = ProvisioningUri::import(&text(uri)).unwrap();
            tolerated.iter().collect::<Vec<_>>()
        })
        .collect();
    let mut kinds = found;
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds.len(), 11);
    for kind in kinds {
        let name = kind.name();
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
    }
    let (_, tolerated) = Secret::import_base32(&format!(" {SECRET}")).unwrap();
    assert_eq!(format!("{tolerated:?}"), "{Surroundings}");
}

/// A sound URI, and departures of every kind in it.
fn departing() -> impl Strategy<Value = String> {
    let around = "[ \n\t\u{feff}\u{a0}]{0,2}";
    let label = prop_oneof![
        "((A|https?|B)?(:|%3A|://|%3a%2F%2F| |c|[0-9]|%20|\\.){0,5}){0,3}",
        "[:%3A/a0 ]{0,8}",
    ];
    let secret =
        prop_oneof!["[A-Z2-7]{26}", "[a-zA-Z2-7]{4}([ +=-]|%20)?[A-Z2-7]{20,32}((%3D|=){1,6})?",];
    let algorithm = "(HMAC)?[-_ ]?(sha|SHA)[-_ ]?(1|256|512|384|2)";
    let more = prop::collection::vec(
        prop_oneof![
            "(issuer|x)=(A|https?|B)?(:|%3A|://| |c){0,3}",
            "issuer=A:c",
            "counter=[0-9]{1,3}",
            algorithm.prop_map(|name| format!("algorithm={name}")),
        ],
        0..4,
    );
    let and = prop_oneof![4 => Just("&"), 2 => Just("&amp;")];
    (around, "(totp|hotp)", label, secret, more, and, any::<bool>(), around).prop_map(
        |(before, kind, label, secret, more, and, mixed, after)| {
            let query = more.join(and);
            let first = if mixed { "&" } else { and };
            format!("{before}otpauth://{kind}/{label}?secret={secret}{first}{query}{after}")
        },
    )
}

proptest! {
    #[test]
    fn whatever_is_imported_keeps_the_laws(uri in departing()) {
        laws::hold(uri.as_bytes());
    }
}
