//! `otpauth://` URIs: the table V10 and more as text, the laws of printing and parsing, and that
//! nothing which is accepted can fail afterwards.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects)]

#[path = "../laws/uri.rs"]
pub mod laws;

use crate::rows::{rows, text};
use countersign::otp::{Parameters, Period};
use countersign::otp::{Part, PartError, UriError};
use countersign::{Algorithm, Digits, ProvisioningUri, Secret, UnixTime, vectors};
use laws::keeps_the_laws;
use proptest::prelude::*;

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const TOO_SHORT: &str =
    "otpauth://totp/Example:alice@google.com?secret=JBSWY3DPEHPK3PXP&issuer=Example";

fn secret() -> Secret {
    Secret::from_base32(SECRET).unwrap()
}

fn totp(issuer: &str, account: &str) -> Result<ProvisioningUri, UriError> {
    ProvisioningUri::totp(issuer, account, &secret(), Parameters::default())
}

#[test]
fn v10_accepted() {
    for [uri, kind, issuer, prefix, account, secret, algorithm, digits, last] in
        rows(include_str!("../data/v10-accepted.txt"))
    {
        let parsed = ProvisioningUri::parse(uri).unwrap_or_else(|error| panic!("{uri}: {error}"));
        let (issuer, prefix) = (text(issuer), text(prefix));
        assert_eq!(parsed.issuer(), Some(issuer.as_str()).filter(|text| !text.is_empty()), "{uri}");
        assert_eq!(parsed.prefix(), Some(prefix.as_str()).filter(|text| !text.is_empty()), "{uri}");
        assert_eq!(parsed.account(), text(account), "{uri}");
        assert_eq!(parsed.secret().expose_base32().expose_str(), secret, "{uri}");
        assert_eq!(parsed.algorithm().name(), algorithm, "{uri}");
        assert_eq!(parsed.digits().count().to_string(), digits, "{uri}");
        let (found, number) = match (parsed.totp_parameters(), parsed.counter()) {
            (Some(parameters), _) => ("totp", parameters.period.as_u64()),
            (_, counter) => ("hotp", counter.unwrap()),
        };
        assert_eq!((found, number.to_string()), (kind, last.to_owned()), "{uri}");
        keeps_the_laws(&parsed);
    }
}

#[test]
fn v10_refused() {
    for [uri, reason] in rows(include_str!("../data/v10-refused.txt")) {
        let error = ProvisioningUri::parse(uri).expect_err(uri);
        assert_eq!(error.to_string(), reason, "{uri}");
    }
}

/// Below the 128 bits of RFC 4226 R6: only by the door that says so, and everything else is asked
/// there too.
#[test]
fn a_short_secret_has_one_loud_door() {
    let loud = ProvisioningUri::dangerously_parse_allowing_short_secret;
    assert!(ProvisioningUri::parse(TOO_SHORT).is_err());
    let parsed = loud(TOO_SHORT).unwrap();
    assert_eq!((parsed.issuer(), parsed.account()), (Some("Example"), "alice@google.com"));
    assert!(parsed.secret().is_short());
    keeps_the_laws(&parsed);
    for [uri, reason] in rows(include_str!("../data/v10-refused.txt")) {
        match loud(uri) {
            Err(error) => assert_eq!(error.to_string(), reason, "{uri}"),
            Ok(_) => assert_eq!(uri, TOO_SHORT),
        }
    }
}

#[test]
fn a_printed_uri_writes_everything_out() {
    let parameters = Parameters {
        algorithm: Algorithm::Sha512,
        digits: Digits::Eight,
        period: Period::new(60).unwrap(),
        ..Parameters::default()
    };
    let secret = Secret::from_bytes(vectors::seed(Algorithm::Sha1)).unwrap();
    let uri =
        ProvisioningUri::totp("Müller & Söhne", "50% a/b?c#d+e", &secret, parameters).unwrap();
    assert_eq!(
        uri.expose_uri().as_str(),
        "otpauth://totp/M%C3%BCller%20%26%20S%C3%B6hne:50%25%20a%2Fb%3Fc%23d%2Be\
         ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=M%C3%BCller%20%26%20S%C3%B6hne\
         &algorithm=SHA512&digits=8&period=60",
    );
    let uri = ProvisioningUri::hotp("ACME", "a@b.c", &secret, Algorithm::Sha1, Digits::Six, 7);
    assert_eq!(
        uri.unwrap().expose_uri().as_str(),
        "otpauth://hotp/ACME:a@b.c?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ACME\
         &algorithm=SHA1&digits=6&counter=7",
    );
}

#[test]
fn names_that_cannot_be_printed_are_refused_at_construction() {
    let refused = |issuer: &str, account: &str| totp(issuer, account).unwrap_err();
    let wrong = |part, error| UriError::Text { part, error };
    assert_eq!(refused("", "dana"), UriError::Missing(Part::Issuer));
    assert_eq!(refused("ACME", ""), UriError::Missing(Part::Account));
    assert_eq!(refused("ACME", "   "), UriError::Missing(Part::Account));
    assert_eq!(refused("A:B", "dana"), wrong(Part::Issuer, PartError::Colon));
    assert_eq!(refused("ACME", "a:b"), wrong(Part::Account, PartError::Colon));
    for character in [
        '\0', '\n', '\x1b', '\u{7f}', '\u{85}', '\u{2028}', '\u{202e}', '\u{2066}', '\u{200b}',
        '\u{feff}',
    ] {
        let name = format!("A{character}B");
        assert_eq!(refused(&name, "dana"), wrong(Part::Issuer, PartError::Invisible));
        assert_eq!(refused("ACME", &name), wrong(Part::Account, PartError::Invisible));
    }
    let t0 = UnixTime::from_secs(1);
    let parameters = Parameters { t0, ..Parameters::default() };
    let error = ProvisioningUri::totp("ACME", "dana", &secret(), parameters).unwrap_err();
    assert_eq!(error, UriError::T0);
    assert_eq!(totp("ACME", "  dana").unwrap().account(), "dana");
}

#[test]
fn the_longest_names_still_fit_and_longer_ones_do_not() {
    let (issuer, account) = ("ü".repeat(64), "ö".repeat(160));
    assert_eq!(issuer.len(), ProvisioningUri::MAX_ISSUER_LEN);
    assert_eq!(account.len(), ProvisioningUri::MAX_ACCOUNT_LEN);
    let longest = Secret::from_bytes(&[0xa5; Secret::MAX_LEN]).unwrap();
    let (algorithm, digits) = (Algorithm::Sha512, Digits::Eight);
    let uri =
        ProvisioningUri::hotp(&issuer, &account, &longest, algorithm, digits, u64::MAX).unwrap();
    keeps_the_laws(&uri);
    assert_eq!(uri.expose_uri().len(), 2_020); // of 2,048

    let error = totp(&format!("{issuer}x"), "dana").unwrap_err();
    let bytes = 129;
    assert_eq!(error, UriError::Text { part: Part::Issuer, error: PartError::TooLong { bytes } });
    let error = totp("ACME", &format!("{account}x")).unwrap_err();
    let bytes = 321;
    assert_eq!(error, UriError::Text { part: Part::Account, error: PartError::TooLong { bytes } });
}

#[test]
fn input_is_bounded() {
    let padded = |len: usize| {
        let uri = format!("otpauth://totp/A:b?secret={SECRET}&x=");
        let rest = len - uri.len();
        uri + &"y".repeat(rest)
    };
    assert!(ProvisioningUri::parse(&padded(2_048)).is_ok());
    let error = ProvisioningUri::parse(&padded(2_049)).unwrap_err();
    assert_eq!(error, UriError::TooLong { bytes: 2_049 });
    let long_issuer = format!("otpauth://totp/b?secret={SECRET}&issuer={}", "i".repeat(129));
    let bytes = 129;
    assert_eq!(
        ProvisioningUri::parse(&long_issuer).unwrap_err(),
        UriError::Text { part: Part::Issuer, error: PartError::TooLong { bytes } }
    );
}

#[test]
fn what_was_read_over_is_named() {
    let ignored = |uri: &str| -> Vec<String> {
        let parsed = ProvisioningUri::parse(uri).unwrap();
        parsed.ignored_parameters().map(str::to_owned).collect()
    };
    let uri = format!("otpauth://totp/A:b?image=x&secret={SECRET}&counter=x&lo%63k&image=");
    assert_eq!(ignored(&uri), ["image", "lock", "image", "counter"]);
    let uri = format!("otpauth://hotp/A:b?secret={SECRET}&counter=5&period=nonsense");
    assert_eq!(ignored(&uri), ["period"]);
    let uri = format!("otpauth://hotp/A:b?secret={SECRET}&counter=5&period=1&period=1");
    assert_eq!(ProvisioningUri::parse(&uri).unwrap_err(), UriError::Duplicate(Part::Period));
}

#[test]
fn debug_and_errors_show_nothing_of_the_uri() {
    let canary =
        "otpauth://totp/CANARY:canary?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=CANARY";
    let parsed = ProvisioningUri::parse(canary).unwrap();
    let mut shown = format!("{parsed:?} {parsed:#?}");
    assert!(shown.contains("ProvisioningUri(totp, [redacted])"));
    for at in 0..canary.len() {
        for broken in [&canary[..at], &format!("{}%{}", &canary[..at], &canary[at..])] {
            if let Err(error) = ProvisioningUri::parse(broken) {
                shown += &format!("{error} {error:?} ");
            }
        }
    }
    for secret in ["CANARY", "canary", "GEZDGNBV", "12345678"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

/// Text that a host might have for a name.
fn a_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -9;-~]{1,40}",
        "\\PC{1,40}",
        "[%&=?#+/@ ]{1,40}",
        "[a-z]{1,20}@[a-z]{1,20}\\.example",
    ]
}

/// Text that is nearly a URI, made of the pieces that a parser trips over.
fn nearly_a_uri() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("otpauth://".to_owned()),
        Just("totp/".to_owned()),
        Just("hotp/".to_owned()),
        Just(format!("secret={SECRET}")),
        Just("SECRET=JBSWY3DPEHPK3PXP".to_owned()),
        Just("issuer=".to_owned()),
        Just("counter=18446744073709551615".to_owned()),
        Just("period=".to_owned()),
        Just("digits=8".to_owned()),
        Just("algorithm=sha256".to_owned()),
        "[?&=:/#%+ ]",
        "%[0-9A-Fa-f]{2}",
        "%3[Aa]",
        "[0-9]{1,3}",
        "\\PC{0,5}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A URI with a sound frame and anything in it.
fn framed() -> impl Strategy<Value = String> {
    let kind = prop_oneof![Just("totp"), Just("hotp"), Just("TOTP")];
    let label = prop_oneof!["[a-zA-Z%3: ]{0,12}", "\\PC{0,12}", "A(:|%3A|%3a)(%20| )*b"];
    let more = prop::collection::vec(
        prop_oneof![
            "(issuer|digits|period|counter|algorithm|x)=[0-9a-zA-Z%:+]{0,6}",
            "&?counter=[0-9]{1,21}",
            "digits=[5-9]",
            "period=[0-9]{1,3}",
            "issuer=(\\PC|%C3%BC){0,6}",
        ],
        0..4,
    );
    (kind, label, more).prop_map(|(kind, label, more)| {
        format!("otpauth://{kind}/{label}?secret={SECRET}&{}", more.join("&"))
    })
}

proptest! {
    #[test]
    fn whatever_is_made_is_read_back(
        issuer in a_name(),
        account in a_name(),
        bytes in prop::collection::vec(any::<u8>(), 16..=128),
        algorithm in prop::sample::select(vec![Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512]),
        digits in prop::sample::select(vec![Digits::Six, Digits::Seven, Digits::Eight]),
        period in 1_u64..=120,
        counter in any::<u64>(),
    ) {
        let secret = Secret::from_bytes(&bytes).unwrap();
        let period = Period::new(period).unwrap();
        let parameters = Parameters { algorithm, digits, period, ..Parameters::default() };
        let made = [
            ProvisioningUri::totp(&issuer, &account, &secret, parameters),
            ProvisioningUri::hotp(&issuer, &account, &secret, algorithm, digits, counter),
        ];
        for uri in made.into_iter().flatten() {
            prop_assert_eq!(uri.issuer(), Some(issuer.as_str()));
            prop_assert_eq!(uri.account(), account.trim_start_matches(' '));
            keeps_the_laws(&uri);
        }
    }

    #[test]
    fn whatever_is_accepted_keeps_the_laws(uri in prop_oneof![nearly_a_uri(), framed()]) {
        laws::hold(uri.as_bytes());
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        for uri in [text.to_string(), format!("otpauth://totp/{text}"), format!("otpauth://hotp/a?{text}")] {
            laws::hold(uri.as_bytes());
        }
    }
}
