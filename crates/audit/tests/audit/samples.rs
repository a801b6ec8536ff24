//! One event of each kind, each reason of a rejection and each refusal, with every field filled somewhere.

use countersign::account::{
    ActionName, Actor, AnyPurpose, BrowserId, Class, EventId, EventKind, HostsWord, PassEnd,
    PassKind, Reason, RecordName, Refusal, RejectionReason, Source,
};
use countersign::{AccountId, DeviceId, Event, Method, UnixTime};

pub const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

pub fn account() -> AccountId {
    AccountId::new("42").unwrap()
}

pub fn kinds() -> Vec<EventKind> {
    let until = NOW.plus(600);
    let reason = Reason::new("lost phone, passport seen").unwrap();
    let browser = BrowserId::from_u64(0xb0b);
    let class = Class::Codes;
    let mut kinds = vec![
        EventKind::Abandoned {
            record: RecordName { key: "5be3a01c".parse().ok(), version: 7 },
            reason: reason.clone(),
        },
        EventKind::Abandoned {
            record: RecordName { key: None, version: 7 },
            reason: reason.clone(),
        },
        EventKind::Accepted { moving_factor: Some(60_000_000), drift: Some(-1) },
        EventKind::Accepted { moving_factor: None, drift: None },
        EventKind::BrowserDistrusted { browser },
        EventKind::BrowserForgotten { browser },
        EventKind::BrowserRemembered { browser },
        EventKind::BrowserTrusted { browser },
        EventKind::Bound { replaces: None },
        EventKind::Bound { replaces: Some(DeviceId::from_u64(0xdead)) },
        EventKind::ChallengeIssued { until },
        EventKind::ClockWentBack { by: 61 },
        EventKind::ClosedToStrangers { class },
        EventKind::Contended { lost: 8 },
        EventKind::Disabled { class: Class::OutOfBand },
        EventKind::EmergencyGranted { until, reason: reason.clone() },
        EventKind::EnrolmentStarted { until },
        EventKind::Forgiven { class },
        EventKind::Imported { short_secret: true },
        EventKind::Invited { until, reason: reason.clone() },
        EventKind::Malformed,
        EventKind::Offboarded { reason: reason.clone() },
        EventKind::PassEnded {
            pass: PassKind::Enrolment,
            why: PassEnd::TriesUsedUp,
            operator: AccountId::new("boss").unwrap(),
        },
        EventKind::RecoveryCodeClosed { left: 9 },
        EventKind::RecoveryCodeSpent { left: 9 },
        EventKind::RecoveryCodesIssued { count: 10 },
        EventKind::RecoveryCodesSeen,
        EventKind::ReportedLost,
        EventKind::Resealed,
        EventKind::Reset { until, reason },
        EventKind::Resynchronised { clock_offset: Some(15) },
        EventKind::Resynchronised { clock_offset: None },
        EventKind::Revoked,
        EventKind::TrustedTokenReused { browser },
        EventKind::Waiting { until },
    ];
    kinds.extend(REJECTIONS.map(EventKind::Rejected));
    kinds.extend(REFUSALS.map(EventKind::Refused));
    kinds
}

const REJECTIONS: [RejectionReason; 12] = [
    RejectionReason::AlreadyConfirmed,
    RejectionReason::Closed,
    RejectionReason::Expired,
    RejectionReason::HostCheckFailed,
    RejectionReason::NoDevice,
    RejectionReason::Offboarded,
    RejectionReason::NotPermitted,
    RejectionReason::Repeated,
    RejectionReason::Replayed,
    RejectionReason::UnknownAccount,
    RejectionReason::WrongCode,
    RejectionReason::WrongPurpose,
];

const REFUSALS: [Refusal; 20] = [
    Refusal::AlreadyBound,
    Refusal::ClockTooFar,
    Refusal::FactorInUse,
    Refusal::ImportEnded,
    Refusal::LastFactor,
    Refusal::NotPermitted,
    Refusal::NoSuchDevice,
    Refusal::NotFound,
    Refusal::NothingBound,
    Refusal::Offboarded,
    Refusal::OwnAccount,
    Refusal::ProofExpired,
    Refusal::ProofRequired,
    Refusal::ProofUnfit,
    Refusal::RecordOpens,
    Refusal::ReportedLost,
    Refusal::TooSoon { until: UnixTime::from_secs(1_800_000_030) },
    Refusal::TooManyDevices,
    Refusal::TooManyFormerDevices,
    Refusal::UnknownAccount,
];

/// The kinds, and one accepted event with each value that another field can have.
pub fn samples() -> Vec<Event> {
    let mut samples: Vec<_> =
        kinds().into_iter().map(|kind| Event::new(account(), NOW, kind)).collect();
    let accepted = EventKind::Accepted { moving_factor: None, drift: None };
    let event = || Event::new(account(), NOW, accepted.clone());
    for method in Method::ALL {
        samples.push(with(event(), |event| event.method = Some(method)));
    }
    for purpose in [
        AnyPurpose::SignIn,
        AnyPurpose::Action(ActionName::new("release-claims").unwrap()),
        AnyPurpose::ChangeFactors,
        AnyPurpose::ChangePrivileges,
        AnyPurpose::ActForOther,
    ] {
        samples.push(with(event(), |event| event.purpose = Some(purpose)));
    }
    for actor in actors() {
        samples.push(with(event(), |event| event.actor = actor));
    }
    samples.push(full());
    samples
}

/// Each grade of who acted, an operator with all and with the least.
pub fn actors() -> Vec<Actor> {
    let account = AccountId::new("boss").unwrap();
    vec![
        operator(),
        Actor::Operator { account, device: None, method: Method::Pki, word: None },
        Actor::Host(HostsWord::Process),
        Actor::Host(HostsWord::Person(account)),
        Actor::Subject,
        Actor::Unproven,
    ]
}

pub fn operator() -> Actor {
    Actor::Operator {
        account: AccountId::new("boss").unwrap(),
        device: Some(DeviceId::from_u64(0xb055)),
        method: Method::Totp,
        word: Source::cleaned("role help-desk, ticket 4711"),
    }
}

pub fn with(mut event: Event, change: impl FnOnce(&mut Event)) -> Event {
    change(&mut event);
    event
}

/// Every field has a value.
pub fn full() -> Event {
    let mut event = Event::new(account(), NOW, EventKind::Rejected(RejectionReason::WrongCode));
    event.id = Some(EventId { account: account(), version: 7, index: 1 });
    event.source = Source::cleaned(r#"Dana's "phone" [home] a=b|c\d"#);
    event.first_factor_passed = true;
    event.device = Some(DeviceId::from_u64(0x0123_4567_89ab_cdef));
    event.method = Some(Method::Totp);
    event.purpose = Some(AnyPurpose::Action(ActionName::new("release-claims").unwrap()));
    event
}

/// The variants of an enum of the library, as serde names them, from its source.
pub fn variants(name: &str) -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../src/account");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let Some((_, rest)) = text.split_once(&format!("pub enum {name} {{\n")) else { continue };
        let lines: Vec<_> = rest.lines().take_while(|line| line.trim() != "}").collect();
        let depth = |line: &&str| line.len() - line.trim_start().len();
        let outer = lines.iter().filter(|line| !line.is_empty()).map(depth).min().unwrap();
        let variants = lines.iter().filter(|line| {
            depth(line) == outer && line.trim_start().starts_with(char::is_uppercase)
        });
        found.extend(variants.map(|line| {
            let ident = line.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap();
            kebab(ident)
        }));
    }
    assert!(found.len() > 1, "{name} is not found in {folder}");
    found.sort();
    found
}

fn kebab(ident: &str) -> String {
    let mut name = String::new();
    for character in ident.chars() {
        if character.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(character.to_lowercase());
    }
    name
}
