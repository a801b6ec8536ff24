//! What a billing operation is asked for, demand by demand, and the laws of its gate.
//!
//! The names are those of the catalogue of demands: `m` methods, `w` where, `s` the steps of a
//! roll-out, `u` portals without support, `c` the closing. Demands that only a person can meet are
//! named where their evidence is: the training itself (`s5…`: its date), telling people of the date
//! (`s6a`: since when), the protection of a QR code in a team session (the enrolment's matter).
//! The flows for a lost or replaced device are operations on the account and tested there; what the
//! gate does with them is here (`s5b`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod common;

use std::collections::BTreeMap;

use countersign::account::{
    BrowserId, DeviceStatus, DeviceSummary, ThrottleSummary, TrustedBrowserSummary,
};
use countersign::{DeviceId, Method, Summary, UnixTime};
use countersign_billing::coverage::{ControlGroup, Coverage, CoverageStatus};
use countersign_billing::date::{Date, UtcOffset};
use countersign_billing::gap::{
    CompensatingControl, CompensatingControlKind, FdaDevice, Gap, GapError, GapKind, GapResolution,
    GapReview, GapState, NewGap, ReviewMonths, SMS_NOTICE, VendorAnswer, VendorContact,
    WrittenChannel,
};
use countersign_billing::inventory::*;
use countersign_billing::offboarding::{
    OffboardingDeadlines, OffboardingPlan, OffboardingStep, RemainingAccessKind, remaining_access,
};
use countersign_billing::readiness::{GoLiveBlocker, Readiness};
use countersign_billing::report::{CoverageCsv, CoverageMarkdown, GapsMarkdown};
use countersign_billing::rollout::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use common::Opens;

// ------------------------------------------------------------------ short words for the tests

fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

/// Noon of a day, UTC.
fn noon(text: &str) -> UnixTime {
    UtcOffset::UTC.day_start(date(text)).plus(43_200)
}

fn text(line: &str) -> TextLine {
    TextLine::new(line).unwrap()
}

fn who(id: &str) -> PersonId {
    PersonId::new(id).unwrap()
}

fn at(id: &str) -> SystemId {
    SystemId::new(id).unwrap()
}

fn person(id: &str) -> Person {
    Person {
        id: who(id),
        name: text(id),
        privilege: Privilege::Staff,
        duties: if id == "omar" { vec![Duty::SecurityOfficial] } else { Vec::new() },
        employment: Employment::Current { from: date("2020-01-01") },
        trained_on: Some(date("2026-09-22")),
        clients: Vec::new(),
    }
}

fn leaver(id: &str, end: UnixTime) -> Person {
    let employment = Employment::Ended { from: date("2020-01-01"), at: end };
    Person { employment, ..person(id) }
}

fn administrator(id: &str) -> Person {
    Person { privilege: Privilege::MultiClientAdministrator, ..person(id) }
}

fn system(id: &str, enforcement: Enforcement, offer: OfferedFactor) -> System {
    System {
        id: at(id),
        name: text(id),
        kind: SystemKind::PracticeManagement,
        enforcement,
        internet_facing: true,
        touches: BillingData { claims: true, ..BillingData::default() },
        support: Some(SupportRecord {
            offer,
            seen_on: date("2026-08-31"),
            source: text("a letter"),
        }),
    }
}

fn enforced(id: &str) -> System {
    system(id, Enforcement::Enforced, OfferedFactor::App)
}

fn portal(id: &str, offer: OfferedFactor) -> System {
    System { kind: SystemKind::PayerPortal, ..system(id, Enforcement::Attested, offer) }
}

fn login(person: &str, system: &str) -> Login {
    Login { person: who(person), system: at(system), kind: LoginKind::Personal, attestation: None }
}

fn shared(person: &str, system: &str) -> Login {
    Login { kind: LoginKind::Shared, ..login(person, system) }
}

fn attested(person: &str, system: &str, method: Method, seen: &str, by: &str) -> Login {
    let attestation = Attestation { method, seen_on: date(seen), by: who(by) };
    Login { attestation: Some(attestation), ..login(person, system) }
}

fn go_live(on: &str) -> GoLive {
    GoLive::new(date(on), date("2026-09-01")).unwrap()
}

fn empty() -> Practice {
    Practice::new(text("Demo"), UtcOffset::UTC, StaleDays::THIRTY)
}

/// The systems that the host names as guarded by its sign-in: here, all that say so.
fn own(systems: &[System]) -> Vec<SystemId> {
    let own = systems.iter().filter(|system| system.enforcement == Enforcement::Enforced);
    own.map(|system| system.id.clone()).collect()
}

fn practice(people: Vec<Person>, systems: Vec<System>, logins: Vec<Login>) -> Practice {
    let mut practice = empty().guarding(own(&systems));
    for client in ["lakeview", "prairie"] {
        let id = ClientId::new(client).unwrap();
        practice.add_client(Client { id, name: text(client) }).unwrap();
    }
    people.into_iter().for_each(|person| practice.add_person(person).unwrap());
    systems.into_iter().for_each(|system| practice.add_system(system).unwrap());
    logins.into_iter().for_each(|login| practice.add_login(login).unwrap());
    practice
}

fn control(kind: CompensatingControlKind) -> CompensatingControl {
    CompensatingControl { kind, since: date("2026-08-31"), evidence: text("vault entry") }
}

fn opening(id: &str, system: &str, kind: GapKind, users: &[&str]) -> NewGap {
    NewGap {
        id: GapId::new(id).unwrap(),
        system: at(system),
        kind,
        identified_on: date("2026-08-31"),
        reason: text("It asks for a password and nothing else."),
        controls: vec![control(CompensatingControlKind::PasswordManager)],
        named_users: users.iter().map(|user| who(user)).collect(),
        owner: who("ruth"),
        review_every: ReviewMonths::SIX,
    }
}

/// An open gap with one control, approved by the security official until the last day of August 2027.
fn bare(id: &str, system: &str, kind: GapKind, users: &[&str]) -> Gap {
    approved(Gap::open(opening(id, system, kind, users)).unwrap())
}

fn approved(mut gap: Gap) -> Gap {
    gap.approve(who("omar"), date("2026-09-01"), date("2027-08-31")).unwrap();
    gap
}

/// One that has everything: all controls, and a question to the vendor.
fn gap(id: &str, system: &str, kind: GapKind, users: &[&str]) -> Gap {
    asked(approved(Gap::open(whole(id, system, kind, users)).unwrap()))
}

fn whole(id: &str, system: &str, kind: GapKind, users: &[&str]) -> NewGap {
    let controls = CompensatingControlKind::FOR_NO_MFA.map(control).to_vec();
    NewGap { controls, ..opening(id, system, kind, users) }
}

fn asked(mut gap: Gap) -> Gap {
    let (asked_on, asked_by) = (date("2026-09-01"), who("ruth"));
    let channel = WrittenChannel::Letter;
    gap.ask_vendor(VendorContact { asked_on, asked_by, channel, answer: None }).unwrap();
    gap
}

fn sms_gap(users: &[&str]) -> Gap {
    let mut gap = gap("g-sms", "sms-desk", GapKind::SmsOnly, users);
    users.iter().for_each(|user| gap.acknowledge_sms(who(user), date("2026-09-02")).unwrap());
    gap
}

/// An operation whose own system has nothing but SMS, with the gap that says so.
fn sms_operation(offer: OfferedFactor, gap: Option<Gap>) -> Practice {
    let people = vec![person("dana"), person("tom"), person("ruth"), person("omar")];
    let desk = system("sms-desk", Enforcement::Enforced, offer);
    let logins = vec![login("dana", "sms-desk"), login("tom", "sms-desk")];
    let mut practice = practice(people, vec![desk], logins);
    practice.set_go_live(&at("sms-desk"), go_live("2026-10-05")).unwrap();
    gap.into_iter().for_each(|gap| practice.add_gap(gap).unwrap());
    practice
}

fn device(method: Method) -> DeviceSummary {
    DeviceSummary {
        id: DeviceId::from_u64(1),
        label: String::from("phone"),
        method,
        status: DeviceStatus::Confirmed,
        bound_at: noon("2026-10-01"),
        last_used: Some(noon("2026-11-19")),
        drift: 0,
        clock_offset: 0,
        short_secret: false,
        imported: false,
        digits: None,
        fingerprint: None,
        bound_openly: false,
    }
}

fn with(devices: Vec<DeviceSummary>) -> Summary {
    let first_bound_at = devices.iter().map(|device| device.bound_at).min();
    Summary { epoch: 1, first_bound_at, devices, ..Summary::default() }
}

fn holding(method: Method) -> Summary {
    with(vec![device(method)])
}

const TODAY: &str = "2026-11-20";

fn gate(practice: &Practice, person: &str, system: &str, summary: &Summary) -> GateAnswer {
    practice.gate(&who(person), &at(system), Some(summary), noon(TODAY))
}

/// The accounts of some people; the store holds none of anybody else.
fn accounts(known: &[(&str, Summary)]) -> impl Fn(&PersonId) -> Option<Summary> + use<> {
    let known: BTreeMap<String, Summary> =
        known.iter().map(|(id, summary)| (String::from(*id), summary.clone())).collect();
    move |person| Some(known.get(person.as_str()).cloned().unwrap_or_default())
}

fn report(practice: &Practice, known: &[(&str, Summary)]) -> Coverage {
    Coverage::new(practice, &accounts(known), noon(TODAY))
}

fn status(
    practice: &Practice,
    known: &[(&str, Summary)],
    person: &str,
    system: &str,
) -> CoverageStatus {
    let report = report(practice, known);
    let mut lines = report.lines();
    let found =
        lines.find(|(covered, line)| covered.system == at(system) && line.person == who(person));
    found.unwrap().1.status.clone()
}

/// One enforced system, live since October, with Dana, Ruth and Omar.
fn desk() -> Practice {
    let people = vec![person("dana"), person("ruth"), person("omar")];
    let mut practice = practice(people, vec![enforced("desk")], vec![login("dana", "desk")]);
    practice.set_go_live(&at("desk"), go_live("2026-10-05")).unwrap();
    practice
}

// ------------------------------------------------------------------ 4.1 methods

#[test]
fn m1_sms_ranks_below_apps_and_apps_below_passkeys() {
    let order: Vec<Method> =
        Methods::STRONG.with(Method::Sms).with(Method::RecoveryCode).iter().collect();
    let ranks: Vec<u8> = order.iter().map(|method| method.rank()).collect();
    assert_eq!(ranks, [3, 3, 2, 2, 1, 0]);
    assert_eq!(order[4], Method::Sms);
    assert!(Method::ALL.iter().all(|method| method.is_restricted() == (*method == Method::Sms)));
    assert!(
        OfferedFactor::SmsOnly > OfferedFactor::NoMfa
            && OfferedFactor::App > OfferedFactor::SmsOnly
    );
    assert!(OfferedFactor::PhishingResistant > OfferedFactor::App);
}

#[test]
fn m2_sms_is_taken_only_from_users_who_read_what_it_means() {
    assert!(SMS_NOTICE.contains("weaker than every other second factor"));
    let mut unread = gap("g-sms", "sms-desk", GapKind::SmsOnly, &["dana", "tom"]);
    unread.acknowledge_sms(who("tom"), date("2026-09-02")).unwrap();
    let read: Vec<_> =
        unread.acknowledgements().iter().map(|read| (&read.person, read.on)).collect();
    assert_eq!(read, [(&who("tom"), date("2026-09-02"))]);
    let practice = sms_operation(OfferedFactor::SmsOnly, Some(unread));
    assert_eq!(
        gate(&practice, "dana", "sms-desk", &holding(Method::Sms)),
        GateAnswer::Need(Methods::STRONG)
    );
    assert_eq!(
        gate(&practice, "tom", "sms-desk", &holding(Method::Sms)),
        GateAnswer::Allow(Methods::NONE.with(Method::Sms))
    );
    // Reading it tomorrow is not having read it.
    let mut late = gap("g-sms", "sms-desk", GapKind::SmsOnly, &["dana"]);
    late.acknowledge_sms(who("dana"), date("2026-11-21")).unwrap();
    let practice = sms_operation(OfferedFactor::SmsOnly, Some(late));
    assert!(!gate(&practice, "dana", "sms-desk", &holding(Method::Sms)).opens(Some(Method::Sms)));
}

#[test]
fn m3_email_is_no_factor() {
    let named = Method::ALL.iter().any(|method| method.name().contains("mail"));
    assert!(!named, "no method can be written down for email");
    // Of email there is only the system that needs a factor itself.
    assert_eq!(SystemKind::from_name("email"), Some(SystemKind::Email));
}

#[test]
fn m4_an_app_is_enough_everywhere() {
    let summary = holding(Method::Totp);
    assert_eq!(
        gate(&desk(), "dana", "desk", &summary),
        GateAnswer::Allow(Methods::NONE.with(Method::Totp))
    );
}

#[test]
fn m5_sms_only_where_the_record_says_no_app_and_a_gap_says_so() {
    let sms = holding(Method::Sms);
    let both = sms_operation(OfferedFactor::SmsOnly, Some(sms_gap(&["dana"])));
    assert!(gate(&both, "dana", "sms-desk", &sms).opens(Some(Method::Sms)));
    assert!(!gate(&both, "tom", "sms-desk", &sms).opens(Some(Method::Sms)), "not named");
    let no_gap = sms_operation(OfferedFactor::SmsOnly, None);
    assert_eq!(gate(&no_gap, "dana", "sms-desk", &sms), GateAnswer::Need(Methods::STRONG));
    let app = sms_operation(OfferedFactor::App, None);
    assert_eq!(gate(&app, "dana", "sms-desk", &sms), GateAnswer::Need(Methods::STRONG));
    // A gap that the record contradicts does not come into the register at all.
    for offer in [OfferedFactor::App, OfferedFactor::PhishingResistant, OfferedFactor::Unknown] {
        let mut practice = sms_operation(offer, None);
        let refused = practice.add_gap(sms_gap(&["dana"])).unwrap_err();
        assert_eq!(refused, PracticeError::SupportSaysOtherwise { system: at("sms-desk"), offer });
    }
    let mut nobody_looked = sms_operation(OfferedFactor::SmsOnly, None).guarding([at("other")]);
    let unsupported =
        System { support: None, ..system("other", Enforcement::Enforced, OfferedFactor::App) };
    nobody_looked.add_system(unsupported).unwrap();
    nobody_looked.add_login(login("dana", "other")).unwrap();
    let refused = nobody_looked.add_gap(gap("g2", "other", GapKind::SmsOnly, &["dana"]));
    assert!(matches!(
        refused,
        Err(PracticeError::SupportSaysOtherwise { offer: OfferedFactor::Unknown, .. })
    ));
}

#[test]
fn m5_a_gap_permits_sms_only_while_it_stands() {
    let sms = holding(Method::Sms);
    let passes = |gap: Gap, day: &str| {
        let practice = sms_operation(OfferedFactor::SmsOnly, Some(gap));
        let answer = practice.gate(&who("dana"), &at("sms-desk"), Some(&sms), noon(day));
        answer.opens(Some(Method::Sms))
    };
    assert!(passes(sms_gap(&["dana"]), "2027-02-28"), "the day the review is due");
    assert!(!passes(sms_gap(&["dana"]), "2027-03-01"), "overdue");
    let mut reviewed = sms_gap(&["dana"]);
    let finding = text("Still SMS only; the vendor repeats its date.");
    reviewed.review(GapReview { on: date("2027-02-20"), by: who("ruth"), finding }).unwrap();
    assert!(passes(reviewed.clone(), "2027-08-20"), "reviewed in time");
    assert!(!passes(reviewed.clone(), "2027-08-21"), "due again");
    let mut unsigned =
        asked(Gap::open(opening("g-sms", "sms-desk", GapKind::SmsOnly, &["dana"])).unwrap());
    unsigned.acknowledge_sms(who("dana"), date("2026-09-02")).unwrap();
    assert!(!passes(unsigned, "2026-11-20"), "nobody signed");
    let mut closed = sms_gap(&["dana"]);
    closed
        .close(GapResolution::Migration { to: text("the new portal") }, date("2026-11-01"))
        .unwrap();
    assert!(!passes(closed, "2026-11-20"), "closed");
}

#[test]
fn m6_sms_goes_with_a_gap_and_a_question_to_the_vendor() {
    let practice = sms_operation(OfferedFactor::SmsOnly, None);
    let missing: Vec<&str> =
        practice.missing_gaps(date(TODAY)).map(|system| system.id.as_str()).collect();
    assert_eq!(missing, ["sms-desk"]);
    let report = report(&practice, &[("dana", holding(Method::Sms))]);
    assert!(report.due.iter().any(|due| due.what == "sms-desk: open a gap and ask the vendor"));
    assert_eq!(
        status(&practice, &[("dana", holding(Method::Sms))], "dana", "sms-desk"),
        CoverageStatus::Weak { gap: None }
    );
    let practice = sms_operation(OfferedFactor::SmsOnly, Some(sms_gap(&["dana"])));
    assert_eq!(practice.missing_gaps(date(TODAY)).count(), 0);
    assert_eq!(
        status(&practice, &[("dana", holding(Method::Sms))], "dana", "sms-desk"),
        CoverageStatus::Weak { gap: Some(GapId::new("g-sms").unwrap()) }
    );
}

#[test]
fn m7_passkeys_stand_above_apps_and_only_they_are_phishing_resistant() {
    let both = with(vec![device(Method::Totp), device(Method::Passkey)]);
    assert_eq!(
        status(&desk(), &[("dana", both)], "dana", "desk"),
        CoverageStatus::Covered { by: Method::Passkey }
    );
    let report = report(&desk(), &[("dana", holding(Method::Totp))]);
    let shown = CoverageMarkdown(&report).to_string();
    assert!(shown.contains("0 of them by a passkey or certificate, the only phishing-resistant"));
}

// ------------------------------------------------------------------ 4.2 where

#[test]
fn w0_anything_that_touches_claims_patients_or_payers_is_in_scope() {
    let plain = System {
        kind: SystemKind::Other,
        internet_facing: false,
        touches: BillingData::default(),
        ..portal("other", OfferedFactor::App)
    };
    assert!(!plain.is_in_scope());
    assert!(System { internet_facing: true, ..plain.clone() }.is_in_scope());
    for touches in [
        BillingData { claims: true, ..BillingData::default() },
        BillingData { patient_information: true, ..BillingData::default() },
        BillingData { payer_communication: true, ..BillingData::default() },
    ] {
        assert!(System { touches, ..plain.clone() }.is_in_scope());
    }
    // Scope is the report's matter: behind the gate an out-of-scope system asks all the same.
    let own = System { enforcement: Enforcement::Enforced, ..plain };
    let practice = practice(vec![person("dana")], vec![own], vec![login("dana", "other")]);
    let answer = gate(&practice, "dana", "other", &Summary::default());
    assert_eq!(answer, GateAnswer::Need(Methods::STRONG));
    assert_eq!(status(&practice, &[], "dana", "other"), CoverageStatus::NotRequired);
}

/// Every kind of system that the article lists is in scope whatever else is said of it.
fn always_in_scope(kind: SystemKind) {
    let system = System {
        kind,
        internet_facing: false,
        touches: BillingData::default(),
        ..portal("system", OfferedFactor::App)
    };
    assert!(system.is_in_scope());
    let practice = practice(vec![person("dana")], vec![system], vec![login("dana", "system")]);
    assert_eq!(status(&practice, &[], "dana", "system"), CoverageStatus::NotEnrolled);
}

#[test]
fn w1_practice_management_and_records() {
    always_in_scope(SystemKind::PracticeManagement);
}

#[test]
fn w2_clearinghouses_one_login_each() {
    always_in_scope(SystemKind::Clearinghouse);
    let house = System { kind: SystemKind::Clearinghouse, ..portal("house", OfferedFactor::App) };
    let logins = vec![login("dana", "house"), shared("ruth", "house"), shared("omar", "house")];
    let people = vec![person("dana"), person("ruth"), person("omar")];
    let practice = practice(people, vec![house], logins);
    let found = status(&practice, &[], "ruth", "house");
    assert_eq!(found, CoverageStatus::Shared { gap: None });
    assert!(found.is_open());
    assert_eq!(found.controls(), ControlGroup::UniqueUser);
    assert_eq!(ControlGroup::UniqueUser.in_force(), ["45 CFR 164.312(a)(2)(i)"]);
}

#[test]
fn w3_pecos_is_recorded_and_never_enforced() {
    always_in_scope(SystemKind::Pecos);
    let pecos = System { kind: SystemKind::Pecos, ..enforced("pecos") };
    assert_eq!(empty().add_system(pecos), Err(PracticeError::NeverEnforced(at("pecos"))));
}

#[test]
fn w4_payer_portals_every_user() {
    always_in_scope(SystemKind::PayerPortal);
    let people = vec![person("dana"), person("tom"), person("ines")];
    let logins =
        vec![attested("dana", "payer", Method::Totp, "2026-10-01", "ines"), login("tom", "payer")];
    let practice = practice(people, vec![portal("payer", OfferedFactor::App)], logins);
    assert_eq!(
        status(&practice, &[], "dana", "payer"),
        CoverageStatus::Covered { by: Method::Totp }
    );
    assert_eq!(status(&practice, &[], "tom", "payer"), CoverageStatus::NotEnrolled);
}

#[test]
fn w5_administrators_of_several_clients_without_exception() {
    let people = vec![administrator("ines"), person("ruth"), person("omar")];
    let systems = vec![
        enforced("desk"),
        portal("payer", OfferedFactor::NoMfa),
        portal("sms", OfferedFactor::SmsOnly),
    ];
    let logins = vec![login("ines", "desk"), login("ines", "payer"), login("ines", "sms")];
    let mut practice = practice(people, systems, logins);
    practice.set_go_live(&at("desk"), go_live("2027-01-04")).unwrap();
    let no_exception = PracticeError::NoException(who("ines"));
    let grace = Grace::restore(noon("2027-01-05"));
    assert_eq!(practice.add_grace(&at("desk"), &who("ines"), grace), Err(no_exception.clone()));
    for (system, kind) in [
        ("payer", GapKind::NoMfa),
        ("sms", GapKind::SmsOnly),
        ("desk", GapKind::SharedLoginPlatform),
    ] {
        assert_eq!(practice.add_gap(gap("g", system, kind, &["ines"])), Err(no_exception.clone()));
    }
    // A date that lies ahead is no exception either.
    assert_eq!(
        gate(&practice, "ines", "desk", &Summary::default()),
        GateAnswer::Need(Methods::STRONG)
    );
    assert_eq!(status(&practice, &[], "ines", "desk"), CoverageStatus::NotEnrolled);
    // Nor is SMS ever taken, though a gap stood for them.
    let sms = sms_operation(OfferedFactor::SmsOnly, Some(sms_gap(&["dana"])));
    let promoted = Person { privilege: Privilege::MultiClientAdministrator, ..person("dana") };
    let desk = sms.system(&at("sms-desk")).unwrap();
    assert_eq!(sms.accepted(&promoted, desk, date(TODAY)), Methods::STRONG);
    // Nor from anybody once the record says that there is more.
    let supported = system("sms-desk", Enforcement::Enforced, OfferedFactor::App);
    assert_eq!(sms.accepted(&person("dana"), &supported, date(TODAY)), Methods::STRONG);
    assert!(sms.accepted(&person("dana"), desk, date(TODAY)).contains(Method::Sms));
    // Who administers two clients cannot be written down as an administrator of one.
    let clients = ["lakeview", "prairie"].map(|id| ClientId::new(id).unwrap()).to_vec();
    let hidden = Person { privilege: Privilege::Administrator, clients, ..person("priya") };
    assert_eq!(practice.add_person(hidden), Err(PracticeError::SeveralClients(who("priya"))));
}

#[test]
fn w6_email() {
    always_in_scope(SystemKind::Email);
}

#[test]
fn w7_cloud_storage() {
    always_in_scope(SystemKind::CloudStorage);
    always_in_scope(SystemKind::BillingAdministration);
}

#[test]
fn w8_only_own_systems_have_a_gate() {
    let people = vec![person("dana"), person("ines")];
    let systems = vec![portal("payer", OfferedFactor::PhishingResistant), enforced("desk")];
    let seen = attested("dana", "payer", Method::Passkey, "2026-10-01", "ines");
    let mut practice = practice(people, systems, vec![seen, login("dana", "desk")]);
    let answer = gate(&practice, "dana", "payer", &holding(Method::Passkey));
    assert_eq!(answer, GateAnswer::Deny(DenyReason::NotEnforcedHere));
    // And what was attested is never read for an own system: it cannot even be said.
    let own = attested("ines", "desk", Method::Totp, "2026-10-01", "dana");
    assert_eq!(practice.add_login(own), Err(PracticeError::Attestation));
    // Nor can what is no standing factor.
    for method in [Method::RecoveryCode, Method::Emergency] {
        let seen = attested("ines", "payer", method, "2026-10-01", "dana");
        assert_eq!(practice.add_login(seen), Err(PracticeError::Attestation));
    }
}

// ------------------------------------------------------------------ 4.3 the steps

#[test]
fn s1a_the_list_is_everything_the_team_works_in() {
    let report = report(&desk(), &[]);
    assert_eq!(report.systems.len(), 1);
    let mut practice = desk();
    assert_eq!(practice.add_system(enforced("desk")), Err(PracticeError::Twice));
    assert_eq!(
        practice.add_login(login("dana", "ehr")),
        Err(PracticeError::UnknownSystem(at("ehr"))),
        "a login on a system that is not on the list"
    );
    assert_eq!(
        practice.add_login(login("eve", "desk")),
        Err(PracticeError::UnknownPerson(who("eve")))
    );
    assert_eq!(practice.add_login(login("dana", "desk")), Err(PracticeError::Twice));
    let backwards = leaver("eve", noon("2019-12-31"));
    assert_eq!(
        practice.add_person(backwards),
        Err(PracticeError::Backwards),
        "left before starting"
    );
    let never_came = leaver("eve", UtcOffset::UTC.day_start(date("2020-01-01")));
    assert_eq!(practice.add_person(never_came), Ok(()), "left as the first day began");
}

#[test]
fn s1b_kinds_that_the_list_has_none_of_are_named() {
    let missing: Vec<SystemKind> = desk().missing_kinds().collect();
    assert_eq!(
        missing,
        [
            SystemKind::Clearinghouse,
            SystemKind::PayerPortal,
            SystemKind::Email,
            SystemKind::BillingAdministration,
            SystemKind::CloudStorage,
            SystemKind::Pecos,
        ]
    );
    let shown = CoverageMarkdown(&report(&desk(), &[])).to_string();
    assert!(shown.contains("has none: clearinghouse, payer-portal, email,"));
}

#[test]
fn s2a_support_is_one_of_five_and_unknown_until_somebody_looks() {
    let names = [
        OfferedFactor::Unknown,
        OfferedFactor::NoMfa,
        OfferedFactor::SmsOnly,
        OfferedFactor::App,
        OfferedFactor::PhishingResistant,
    ]
    .map(OfferedFactor::name);
    assert_eq!(names, ["unknown", "no-mfa", "sms-only", "app", "phishing-resistant"]);
    assert_eq!(System { support: None, ..enforced("desk") }.offer(), OfferedFactor::Unknown);
}

#[test]
fn s2b_support_is_dated_and_has_a_source() {
    let report = report(&desk(), &[]);
    assert_eq!(report.systems[0].offer_seen_on, Some(date("2026-08-31")));
    assert!(
        CoverageMarkdown(&report)
            .to_string()
            .contains("offers: app codes (looked up 2026-08-31: a letter)")
    );
    assert_eq!(TextLine::new("  "), Err(TextLineError::Empty), "a source that says nothing");
}

#[test]
fn s2c_sms_nothing_and_unknown_are_for_the_vendor() {
    let systems = vec![
        portal("app", OfferedFactor::App),
        portal("key", OfferedFactor::PhishingResistant),
        portal("none", OfferedFactor::NoMfa),
        portal("sms", OfferedFactor::SmsOnly),
        portal("who-knows", OfferedFactor::Unknown),
    ];
    let practice = practice(vec![], systems, vec![]);
    let items: Vec<&str> = practice.vendor_items().map(|system| system.id.as_str()).collect();
    assert_eq!(items, ["none", "sms", "who-knows"]);
}

#[test]
fn s3a_shared_logins_go_before_the_date_comes() {
    let people = || vec![person("dana"), person("tom")];
    let mut sharing = practice(people(), vec![enforced("desk")], vec![shared("tom", "desk")]);
    assert_eq!(
        sharing.set_go_live(&at("desk"), go_live("2026-12-01")),
        Err(PracticeError::SharedAtGoLive { system: at("desk"), person: who("tom") })
    );
    let mut live = practice(people(), vec![enforced("desk")], vec![login("dana", "desk")]);
    live.set_go_live(&at("desk"), go_live("2026-12-01")).unwrap();
    assert_eq!(
        live.add_login(shared("tom", "desk")),
        Err(PracticeError::SharedAtGoLive { system: at("desk"), person: who("tom") })
    );
    let readiness = Readiness::new(&sharing, &accounts(&[]), noon(TODAY));
    assert!(readiness.systems[0].blockers.contains(&GoLiveBlocker::SharedLogin));
    // A shared login opens nothing, whatever factor its user has.
    assert_eq!(
        gate(&sharing, "tom", "desk", &holding(Method::Totp)),
        GateAnswer::Deny(DenyReason::SharedLogin)
    );
}

#[test]
fn s3b_each_person_has_their_own_login_on_each_system() {
    assert_eq!(
        gate(&desk(), "ruth", "desk", &holding(Method::Totp)),
        GateAnswer::Deny(DenyReason::NoLogin)
    );
}

#[test]
fn s4a_readiness_counts_who_has_enrolled_before_the_date() {
    let people = vec![person("dana"), person("tom"), person("li")];
    let logins = vec![login("dana", "desk"), login("tom", "desk"), login("li", "desk")];
    let mut practice = practice(people, vec![enforced("desk")], logins);
    practice.set_go_live(&at("desk"), go_live("2026-12-01")).unwrap();
    let two = [("dana", holding(Method::Totp)), ("tom", holding(Method::Totp))];
    let readiness = Readiness::new(&practice, &accounts(&two), noon(TODAY));
    let ready = &readiness.systems[0];
    assert_eq!((ready.people, ready.enrolled, ready.percent_enrolled()), (3, 2, Some(66)));
    assert_eq!(ready.missing.len(), 1);
    assert_eq!((&ready.missing[0].person, ready.missing[0].enrolment), (&who("li"), true));
    assert!(!ready.can_hold());
    let all = [two[0].clone(), two[1].clone(), ("li", holding(Method::Passkey))];
    let readiness = Readiness::new(&practice, &accounts(&all), noon(TODAY));
    assert!(readiness.systems[0].can_hold());
    assert_eq!(readiness.systems[0].percent_enrolled(), Some(100));
}

#[test]
fn s4b_people_enrol_before_anything_is_enforced() {
    let mut practice = practice(
        vec![person("dana"), person("tom")],
        vec![enforced("desk")],
        vec![login("dana", "desk"), login("tom", "desk")],
    );
    practice.set_go_live(&at("desk"), go_live("2026-12-01")).unwrap();
    let start = UtcOffset::UTC.day_start(date("2026-12-01"));
    let before = GateAnswer::AllowUntil { until: start, why: AllowReason::GoLive };
    assert_eq!(gate(&practice, "tom", "desk", &Summary::default()), before);
    // Who has enrolled is asked for it already.
    let enrolled = gate(&practice, "dana", "desk", &holding(Method::Totp));
    assert!(!enrolled.opens(None) && enrolled.opens(Some(Method::Totp)));
    let report = report(&practice, &[("dana", holding(Method::Totp))]);
    let not_enrolled: Vec<&str> = report
        .lines()
        .filter(|(_, line)| !line.status.is_enrolled())
        .map(|(_, line)| line.person.as_str())
        .collect();
    assert_eq!(not_enrolled, ["tom"]);
}

#[test]
fn s5a_training_is_a_date() {
    let untrained = Person { trained_on: None, ..person("dana") };
    let mut practice =
        practice(vec![untrained], vec![enforced("desk")], vec![login("dana", "desk")]);
    practice.set_go_live(&at("desk"), go_live("2026-12-01")).unwrap();
    let all = [("dana", holding(Method::Totp))];
    let readiness = Readiness::new(&practice, &accounts(&all), noon(TODAY));
    assert_eq!(readiness.systems[0].blockers, [GoLiveBlocker::NotTrained]);
    assert_eq!(readiness.systems[0].percent_trained(), Some(0));
}

#[test]
fn s5b_a_lost_device_opens_nothing_until_another_is_bound() {
    for status in [DeviceStatus::Lost, DeviceStatus::Revoked] {
        let lost = with(vec![DeviceSummary { status, ..device(Method::Totp) }]);
        let mut practice = desk();
        let grace = Grace::restore(noon("2026-12-15"));
        practice.add_grace(&at("desk"), &who("dana"), grace).unwrap();
        assert_eq!(gate(&practice, "dana", "desk", &lost), GateAnswer::Need(Methods::STRONG));
        let shown = self::status(&practice, &[("dana", lost.clone())], "dana", "desk");
        assert!(shown.is_open() && !matches!(shown, CoverageStatus::InGrace { .. }), "{shown:?}");
        let mut replaced = lost;
        replaced.devices.push(device(Method::Totp));
        assert!(gate(&practice, "dana", "desk", &replaced).opens(Some(Method::Totp)));
    }
}

/// `s5c`, that they will need their phone, is part of the training; its date is before launch.
#[test]
fn s5c_s5d_training_comes_before_the_date() {
    let ready = |trained: &str| {
        let dana = Person { trained_on: Some(date(trained)), ..person("dana") };
        let mut practice =
            practice(vec![dana], vec![enforced("desk")], vec![login("dana", "desk")]);
        practice.set_go_live(&at("desk"), go_live("2026-11-02")).unwrap();
        let known = [("dana", holding(Method::Totp))];
        Readiness::new(&practice, &accounts(&known), noon(TODAY)).systems[0].can_hold()
    };
    assert!(ready("2026-11-01"));
    assert!(!ready("2026-11-02"), "on the day itself");
    assert!(!ready("2026-11-30"), "announced for later");
}

#[test]
fn s6a_a_date_is_announced_before_it_comes() {
    let late = GoLive::new(date("2026-12-01"), date("2026-12-02"));
    assert_eq!(late, Err(GoLiveError::AnnouncedAfter));
    let go_live = GoLive::new(date("2026-12-01"), date("2026-10-15")).unwrap();
    assert_eq!((go_live.on(), go_live.announced_on()), (date("2026-12-01"), date("2026-10-15")));
    let mut practice = desk();
    assert_eq!(
        practice.set_go_live(&at("desk"), go_live),
        Err(PracticeError::Twice),
        "it does not move"
    );
}

#[test]
fn s6b_the_date_is_held_to_the_second() {
    let mut practice =
        practice(vec![person("dana")], vec![enforced("desk")], vec![login("dana", "desk")]);
    practice.set_go_live(&at("desk"), go_live("2026-12-01")).unwrap();
    let start = UtcOffset::UTC.day_start(date("2026-12-01"));
    let answer = |now| practice.gate(&who("dana"), &at("desk"), Some(&Summary::default()), now);
    let last = UnixTime::from_secs(start.as_secs() - 1);
    assert_eq!(answer(last), GateAnswer::AllowUntil { until: start, why: AllowReason::GoLive });
    assert_eq!(answer(start), GateAnswer::Need(Methods::STRONG));
    assert!(!answer(start).opens(None) && !answer(start).opens(Some(Method::Totp)));
}

#[test]
fn s6c_a_grace_has_an_end_and_only_gets_shorter() {
    assert!(GraceDays::new(0).is_none() && GraceDays::new(91).is_none());
    let live = go_live("2026-11-02");
    let week = GraceDays::new(7).unwrap();
    let fixed = |first| Grace::fix(live, date(first), week, UtcOffset::UTC).until();
    assert_eq!(fixed("2020-01-01"), UtcOffset::UTC.day_start(date("2026-11-09")));
    assert_eq!(fixed("2026-11-16"), UtcOffset::UTC.day_start(date("2026-11-23")), "hired later");
    let grace = Grace::restore(noon("2026-11-30"));
    assert_eq!(grace.shorten(noon("2026-11-25")).until(), noon("2026-11-25"));
    assert_eq!(grace.shorten(noon("2026-12-25")).until(), noon("2026-11-30"), "never longer");
    assert_eq!(grace.end_with(&holding(Method::Totp)).until(), noon("2026-10-01"));
    assert_eq!(grace.end_with(&Summary::default()), grace);

    let mut practice = desk();
    let (dana, system) = (who("dana"), at("desk"));
    let for_ever = Grace::restore(UnixTime::from_secs(u64::MAX));
    assert_eq!(practice.add_grace(&system, &dana, for_ever), Err(PracticeError::GraceTooLong));
    let longest = UtcOffset::UTC.day_start(date("2026-10-05").plus_days(90));
    let beyond = Grace::restore(longest.plus(1));
    assert_eq!(practice.add_grace(&system, &dana, beyond), Err(PracticeError::GraceTooLong));
    practice.add_grace(&system, &dana, Grace::restore(noon("2026-11-25"))).unwrap();
    practice.add_grace(&system, &dana, Grace::restore(longest)).unwrap();
    assert_eq!(practice.grace(&system, &dana).unwrap().until(), noon("2026-11-25"));
    let in_grace = GateAnswer::AllowUntil { until: noon("2026-11-25"), why: AllowReason::Grace };
    assert_eq!(gate(&practice, "dana", "desk", &Summary::default()), in_grace);
    let answer = |now| practice.gate(&dana, &system, Some(&Summary::default()), now);
    assert_eq!(answer(noon("2026-11-25")), GateAnswer::Need(Methods::STRONG), "over to the second");
    // Without a date there is nothing to count from.
    let mut dateless =
        self::practice(vec![person("dana")], vec![enforced("desk")], vec![login("dana", "desk")]);
    assert_eq!(dateless.add_grace(&system, &dana, grace), Err(PracticeError::GraceWithoutGoLive));
}

#[test]
fn s6c_the_first_confirmed_factor_ends_a_grace_for_good() {
    let mut practice = desk();
    practice.add_grace(&at("desk"), &who("dana"), Grace::restore(noon("2026-12-15"))).unwrap();
    let traces = [
        Summary { first_bound_at: Some(noon("2026-10-10")), ..Summary::default() },
        Summary { epoch: 1, ..Summary::default() },
        Summary { recovery_codes_left: 1, ..Summary::default() },
        Summary { recovery_replacement_due: true, ..Summary::default() },
        Summary {
            devices: vec![DeviceSummary { status: DeviceStatus::Lost, ..device(Method::Totp) }],
            ..Summary::default()
        },
    ];
    for summary in traces {
        assert_eq!(gate(&practice, "dana", "desk", &summary), GateAnswer::Need(Methods::STRONG));
    }
    let pending = Summary { pending_until: Some(noon("2026-11-21")), ..Summary::default() };
    assert!(gate(&practice, "dana", "desk", &pending).opens(None), "pending ends nothing");
}

#[test]
fn s6d_after_the_date_an_account_without_a_factor_is_an_open_vulnerability() {
    let found = status(&desk(), &[], "dana", "desk");
    assert_eq!(found, CoverageStatus::NotEnrolled);
    assert!(found.is_open());
    let pending = Summary { pending_until: Some(noon("2026-11-21")), ..Summary::default() };
    let found = status(&desk(), &[("dana", pending)], "dana", "desk");
    assert_eq!(found, CoverageStatus::Pending { until: noon("2026-11-21"), asked: true });
    assert!(found.is_open());
    assert_eq!(report(&desk(), &[]).open(), 1);
}

/// Karen left on the last Friday of October at five.
fn left() -> (Practice, UnixTime) {
    let end = UtcOffset::UTC.day_start(date("2026-10-30")).plus(17 * 3_600);
    let clients = vec![ClientId::new("prairie").unwrap()];
    let karen = Person { clients, ..leaver("karen", end) };
    let people = vec![karen, person("ines"), person("ruth")];
    let systems = vec![
        enforced("desk"),
        portal("payer", OfferedFactor::App),
        portal("shared", OfferedFactor::App),
    ];
    let logins = vec![
        login("karen", "desk"),
        attested("karen", "payer", Method::Totp, "2026-10-01", "ines"),
        shared("karen", "shared"),
    ];
    (practice(people, systems, logins), end)
}

fn offboarded(at: UnixTime) -> Summary {
    let device = DeviceSummary { status: DeviceStatus::Revoked, ..device(Method::Totp) };
    Summary { offboarded_at: Some(at), epoch: 2, ..with(vec![device]) }
}

fn completed(task: OffboardingTask, by: &str, at: UnixTime) -> CompletedTask {
    CompletedTask { leaver: who("karen"), task, by: who(by), at }
}

#[test]
fn s7a_the_plan_lists_every_system() {
    let (practice, end) = left();
    let summary = offboarded(end.plus(60));
    let plan = OffboardingPlan::new(
        &practice,
        &who("karen"),
        Some(&summary),
        OffboardingDeadlines::EndOfDay,
        noon(TODAY),
    )
    .unwrap();
    let steps: Vec<OffboardingStep> = plan.lines.iter().map(|line| line.step.clone()).collect();
    assert_eq!(
        steps,
        [
            OffboardingStep::Account,
            OffboardingStep::Enforced(at("desk")),
            OffboardingStep::ByHand(OffboardingTask::RemoveLogin(at("payer"))),
            OffboardingStep::ByHand(OffboardingTask::ChangeSharedPassword(at("shared"))),
            OffboardingStep::ByHand(OffboardingTask::NotifyClient(
                ClientId::new("prairie").unwrap()
            )),
        ]
    );
    assert_eq!(plan.open().count(), 3, "the library did its part at once");
    assert_eq!(plan.retain_until, None);
    // An account that was not offboarded, or could not be read, is not done.
    for account in [None, Some(holding(Method::Totp))] {
        let plan = OffboardingPlan::new(
            &practice,
            &who("karen"),
            account.as_ref(),
            OffboardingDeadlines::EndOfDay,
            noon(TODAY),
        );
        assert_eq!(plan.unwrap().open().count(), 5);
    }
    // A tombstone over a living device is not believed.
    let undead = Summary { offboarded_at: Some(end), ..holding(Method::Totp) };
    let plan = OffboardingPlan::new(
        &practice,
        &who("karen"),
        Some(&undead),
        OffboardingDeadlines::EndOfDay,
        noon(TODAY),
    );
    assert_eq!(plan.unwrap().open().count(), 5);
    let stays = OffboardingPlan::new(
        &practice,
        &who("ruth"),
        None,
        OffboardingDeadlines::EndOfDay,
        noon(TODAY),
    );
    assert_eq!(stays, Err(PracticeError::NotLeaving(who("ruth"))));
}

#[test]
fn s7a_nothing_opens_from_the_end_of_the_employment_on() {
    let (practice, end) = left();
    let answer =
        |summary: &Summary, now| practice.gate(&who("karen"), &at("desk"), Some(summary), now);
    let enrolled = holding(Method::Totp);
    let last = UnixTime::from_secs(end.as_secs() - 1);
    assert!(answer(&enrolled, last).opens(Some(Method::Totp)));
    assert_eq!(answer(&enrolled, end), GateAnswer::Deny(DenyReason::EmploymentOver));
    assert_eq!(
        answer(&offboarded(last), last),
        GateAnswer::Deny(DenyReason::Offboarded),
        "the tombstone"
    );
    let emergency = Summary { emergency_until: Some(end.plus(3_600)), ..Summary::default() };
    let until = GateAnswer::AllowUntil { until: end, why: AllowReason::Emergency };
    assert_eq!(answer(&emergency, last), until, "nothing outlives the employment");
}

#[test]
fn s7b_deadlines_are_the_day_or_the_proposed_clocks() {
    let (practice, end) = left();
    let plan = |clock, revoked: u64| {
        let summary = offboarded(end.plus(revoked));
        OffboardingPlan::new(&practice, &who("karen"), Some(&summary), clock, end.plus(60)).unwrap()
    };
    let day_end = UtcOffset::UTC.day_end(date("2026-10-30"));
    assert!(plan(OffboardingDeadlines::EndOfDay, 0).lines.iter().all(|line| line.due == day_end));
    let proposed = plan(OffboardingDeadlines::Proposed, 3_600);
    assert_eq!(proposed.lines[0].due, end.plus(3_600));
    assert!(!proposed.lines[0].late, "the last second of the hour");
    assert!(plan(OffboardingDeadlines::Proposed, 3_601).lines[0].late);
    assert_eq!(proposed.lines[4].due, end.plus(86_400), "notice to a client");
}

#[test]
fn s7b_who_ticked_it_and_when() {
    let (mut practice, end) = left();
    let payer = OffboardingTask::RemoveLogin(at("payer"));
    let refused =
        |practice: &mut Practice, completed| practice.add_completed_task(completed).unwrap_err();
    let by_herself = completed(payer.clone(), "karen", UnixTime::from_secs(end.as_secs() - 60));
    assert_eq!(refused(&mut practice, by_herself), PracticeError::NotTheirs(who("karen")));
    let nothing = completed(OffboardingTask::RemoveLogin(at("desk")), "ines", end.plus(60));
    assert_eq!(refused(&mut practice, nothing), PracticeError::NoSuchTask);
    let stays = CompletedTask { leaver: who("ruth"), ..completed(payer.clone(), "ines", end) };
    assert_eq!(refused(&mut practice, stays), PracticeError::NotLeaving(who("ruth")));
    let before_hired = completed(payer.clone(), "ines", noon("2019-12-31"));
    assert_eq!(refused(&mut practice, before_hired), PracticeError::NotTheirs(who("ines")));
    practice.add_completed_task(completed(payer.clone(), "ines", end.plus(120))).unwrap();
    assert_eq!(refused(&mut practice, completed(payer, "ines", end)), PracticeError::Twice);
    let plan = OffboardingPlan::new(
        &practice,
        &who("karen"),
        None,
        OffboardingDeadlines::Proposed,
        noon(TODAY),
    )
    .unwrap();
    let done = plan.lines[2].done.as_ref().unwrap();
    assert_eq!((done.at, done.by.clone()), (end.plus(120), Some(who("ines"))));
    let earlier = OffboardingPlan::new(
        &practice,
        &who("karen"),
        None,
        OffboardingDeadlines::Proposed,
        end.plus(60),
    );
    assert!(earlier.unwrap().lines[2].done.is_none(), "not yet done at that moment");
}

#[test]
fn s7c_who_left_and_is_still_enrolled_somewhere() {
    let (mut practice, end) = left();
    let kinds = |practice: &Practice, summary: Option<Summary>| -> Vec<RemainingAccessKind> {
        let known = move |person: &PersonId| {
            if *person == who("karen") { summary.clone() } else { Some(Summary::default()) }
        };
        remaining_access(practice, &known, noon(TODAY)).into_iter().map(|it| it.what).collect()
    };
    let by_hand = [
        RemainingAccessKind::Login(at("payer")),
        RemainingAccessKind::SharedPassword(at("shared")),
    ];
    assert_eq!(kinds(&practice, Some(offboarded(end))), by_hand);
    assert_eq!(kinds(&practice, None)[0], RemainingAccessKind::AccountUnknown);
    for usable in [
        holding(Method::Totp),
        Summary { recovery_codes_left: 1, ..offboarded(end) },
        Summary { pending_until: Some(end), ..offboarded(end) },
        Summary { emergency_until: Some(end), ..offboarded(end) },
        Summary { offboarded_at: None, ..offboarded(end) },
    ] {
        assert_eq!(kinds(&practice, Some(usable))[0], RemainingAccessKind::Account);
    }
    assert_eq!(
        status(&practice, &[("karen", offboarded(end))], "karen", "payer"),
        CoverageStatus::Left { on: date("2026-10-30") }
    );
    for task in [
        OffboardingTask::RemoveLogin(at("payer")),
        OffboardingTask::ChangeSharedPassword(at("shared")),
    ] {
        practice.add_completed_task(completed(task, "ines", end.plus(60))).unwrap();
    }
    assert_eq!(kinds(&practice, Some(offboarded(end))), []);
    let report = report(&practice, &[("karen", offboarded(end))]);
    assert_eq!(report.total("left"), 0);
    assert_eq!(
        CoverageStatus::Left { on: date("2026-10-30") }.controls().in_force(),
        ["45 CFR 164.308(a)(3)(ii)(C)"]
    );
}

#[test]
fn s7d_the_evidence_is_kept_six_years() {
    let (mut practice, end) = left();
    for task in practice.tasks_of(practice.person(&who("karen")).unwrap()) {
        practice.add_completed_task(completed(task, "ines", noon("2026-11-02"))).unwrap();
    }
    let summary = offboarded(end);
    let plan = OffboardingPlan::new(
        &practice,
        &who("karen"),
        Some(&summary),
        OffboardingDeadlines::EndOfDay,
        noon(TODAY),
    );
    assert_eq!(plan.unwrap().retain_until, Some(date("2032-11-02")));
    let six = |created, last: Option<&str>| Date::retain_until(date(created), last.map(date));
    assert_eq!(six("2024-02-29", None), date("2030-02-28"));
    assert_eq!(six("2026-10-30", Some("2027-01-15")), date("2033-01-15"));
    assert_eq!(six("2026-10-30", Some("2026-01-15")), date("2032-10-30"), "the later one");
}

#[test]
fn s8_a_platform_that_forces_sharing_is_a_gap_of_its_own() {
    let people = vec![person("tom"), person("ruth"), person("omar")];
    let mut practice =
        practice(people, vec![portal("union", OfferedFactor::NoMfa)], vec![shared("tom", "union")]);
    let missing: Vec<&str> =
        practice.missing_gaps(date(TODAY)).map(|system| system.id.as_str()).collect();
    assert_eq!(missing, ["union"]);
    let platform = gap("g-union", "union", GapKind::SharedLoginPlatform, &["tom"]);
    practice.add_gap(platform).unwrap();
    let found = status(&practice, &[], "tom", "union");
    assert_eq!(found, CoverageStatus::Shared { gap: Some(GapId::new("g-union").unwrap()) });
    assert!(found.is_open(), "the gap explains it and does not mend it");
    let mut mended = gap("g-2", "union", GapKind::SharedLoginPlatform, &["tom"]);
    mended.close(GapResolution::Support, date("2026-11-01")).unwrap();
    assert!(practice.add_gap(mended).is_err(), "not while somebody shares a login");
    assert_eq!(practice.missing_gaps(date(TODAY)).count(), 0);
}

// ------------------------------------------------------------------ 4.4 portals without support

fn portal_operation() -> Practice {
    let people = vec![person("dana"), person("tom"), person("ruth"), person("omar")];
    let logins = vec![login("dana", "county"), login("tom", "county")];
    practice(people, vec![portal("county", OfferedFactor::NoMfa)], logins)
}

#[test]
fn u1_a_gap_has_its_date_and_its_controls() {
    let mut bare = opening("g", "county", GapKind::NoMfa, &["dana"]);
    bare.controls = Vec::new();
    assert_eq!(Gap::open(bare).unwrap_err(), GapError::NoControls);
    let gap = gap("g", "county", GapKind::NoMfa, &["dana"]);
    assert_eq!(gap.identified_on(), date("2026-08-31"));
    assert_eq!(gap.controls().len(), 3);
    let mut practice = portal_operation();
    assert_eq!(
        practice.gap_state(&gap, date("2026-09-01")),
        GapState::Standing { review_due: date("2027-02-28") }
    );
    practice.add_gap(gap).unwrap();
    let expected = CoverageStatus::Gap {
        gap: GapId::new("g").unwrap(),
        state: GapState::Standing { review_due: date("2027-02-28") },
    };
    assert_eq!(status(&practice, &[], "dana", "county"), expected);
    assert!(!expected.is_open());
    assert_eq!(status(&practice, &[], "tom", "county"), CoverageStatus::NotEnrolled, "not named");
    let named = practice.gaps().next().unwrap();
    let excuses = |person: &str| practice.excuses(named, &who(person), date(TODAY));
    assert!(excuses("dana") && !excuses("tom"));
    // Of several gaps the one that stands is shown, whatever it is called.
    for id in ["a", "z"] {
        let unsigned = Gap::open(opening(id, "county", GapKind::NoMfa, &["dana"])).unwrap();
        practice.add_gap(unsigned).unwrap();
        assert_eq!(status(&practice, &[], "dana", "county"), expected);
    }
}

#[test]
fn u1_the_approver_is_not_the_owner_and_signs_for_a_year_at_most() {
    let mut gap = Gap::open(opening("g", "county", GapKind::NoMfa, &["dana"])).unwrap();
    let on = date("2026-09-01");
    assert_eq!(gap.approve(who("ruth"), on, date("2027-01-01")), Err(GapError::ApproverIsOwner));
    assert_eq!(gap.approve(who("omar"), on, date("2027-09-02")), Err(GapError::TooLate));
    assert_eq!(gap.approve(who("omar"), on, date("2026-08-31")), Err(GapError::Backwards));
    let early = date("2026-08-30");
    assert_eq!(gap.approve(who("omar"), early, date("2027-01-01")), Err(GapError::Backwards));
    let state = |gap: &Gap, on| portal_operation().gap_state(gap, on);
    assert_eq!(state(&gap, on), GapState::Unapproved);
    gap.approve(who("omar"), on, date("2027-09-01")).unwrap();
    assert_eq!(state(&gap, date("2026-08-31")), GapState::Unapproved, "before it was signed");
    let found = gap.identified_on();
    assert_eq!(
        gap.approve(who("omar"), found, found),
        Ok(()),
        "on the day it was found, for that day"
    );
    assert_eq!(gap.approvals().len(), 2, "what was refused is not kept");
    // Everybody who signs is a person of the operation.
    let mut stranger = Gap::open(opening("g2", "county", GapKind::NoMfa, &["dana"])).unwrap();
    stranger.approve(who("nobody"), on, date("2027-01-01")).unwrap();
    let refused = portal_operation().add_gap(stranger);
    assert_eq!(refused, Err(PracticeError::UnknownPerson(who("nobody"))));
}

#[test]
fn u2_the_strongest_on_offer_is_used_and_weak_is_better_than_none() {
    assert_eq!(OfferedFactor::SmsOnly.best(), Methods::NONE.with(Method::Sms));
    assert_eq!(OfferedFactor::App.best(), Methods::NONE.with(Method::Totp).with(Method::Hotp));
    assert!(OfferedFactor::PhishingResistant.best().contains(Method::Passkey));
    assert!(OfferedFactor::NoMfa.best().is_empty() && OfferedFactor::Unknown.best().is_empty());
}

#[test]
fn u3_the_vendor_is_asked_in_writing_and_the_answer_is_kept() {
    let contact = |asked: &str, answer: Option<VendorAnswer>| VendorContact {
        asked_on: date(asked),
        asked_by: who("ruth"),
        channel: WrittenChannel::Letter,
        answer,
    };
    let answer = |on: &str| VendorAnswer {
        on: date(on),
        words: text("In the spring."),
        available_on: Some(date("2027-04-01")),
    };
    let mut entry = bare("g", "county", GapKind::NoMfa, &["dana"]);
    let backwards = contact("2026-09-02", Some(answer("2026-09-01")));
    assert_eq!(entry.ask_vendor(backwards), Err(GapError::Backwards));
    let same_day = contact("2026-09-02", Some(answer("2026-09-02")));
    assert_eq!(entry.clone().ask_vendor(same_day), Ok(()));
    let next = |entry: &Gap| {
        let mut practice = portal_operation();
        practice.add_gap(entry.clone()).unwrap();
        report(&practice, &[]).vendors[0].next.name()
    };
    assert_eq!(next(&entry), "ask in writing when a second factor will be available");
    entry.ask_vendor(contact("2026-10-21", None)).unwrap();
    assert_eq!(next(&entry), "wait for the answer", "thirty days");
    let mut silent = bare("g", "county", GapKind::NoMfa, &["dana"]);
    silent.ask_vendor(contact("2026-10-20", None)).unwrap();
    assert_eq!(next(&silent), "ask again in writing: no answer came", "thirty-one");
    entry.ask_vendor(contact("2026-11-01", Some(answer("2026-11-10")))).unwrap();
    assert_eq!(next(&entry), "answered; check again at the next review");
    let mut practice = portal_operation();
    practice.add_gap(entry).unwrap();
    let shown = GapsMarkdown(&report(&practice, &[])).to_string();
    assert!(
        shown
            .contains("(letter); answered 2026-11-10: \"In the spring.\"; promised for 2027-04-01")
    );
}

#[test]
fn u4_three_controls_are_typed_and_users_are_named() {
    let gap = bare("g", "county", GapKind::NoMfa, &["dana"]);
    let missing: Vec<CompensatingControlKind> = gap.missing_controls(date(TODAY)).collect();
    assert_eq!(
        missing,
        [CompensatingControlKind::NamedUsersOnly, CompensatingControlKind::AccessLogReview]
    );
    let nobody = opening("g", "county", GapKind::NoMfa, &[]);
    assert_eq!(Gap::open(nobody).unwrap_err(), GapError::NoNamedUsers);
    let twice = opening("g", "county", GapKind::NoMfa, &["dana", "dana"]);
    assert_eq!(Gap::open(twice).unwrap_err(), GapError::NamedTwice(who("dana")));
    let no_login = self::gap("g", "county", GapKind::NoMfa, &["omar"]);
    assert_eq!(
        portal_operation().add_gap(no_login),
        Err(PracticeError::NoLogin { system: at("county"), person: who("omar") })
    );
    let notice = self::gap("g", "county", GapKind::NoMfa, &["dana"])
        .acknowledge_sms(who("dana"), date("2026-09-02"));
    assert_eq!(notice, Err(GapError::NotSms));
    let other = self::gap("g", "county", GapKind::SmsOnly, &["dana"])
        .acknowledge_sms(who("tom"), date("2026-09-02"));
    assert_eq!(other, Err(GapError::NotNamed(who("tom"))));
}

#[test]
fn u5_reviews_are_due_in_six_calendar_months_and_twelve_at_most() {
    assert_eq!(ReviewMonths::default().months(), 6);
    assert!(ReviewMonths::new(12).is_some());
    assert!(ReviewMonths::new(13).is_none() && ReviewMonths::new(0).is_none());
    let mut gap = gap("g", "county", GapKind::NoMfa, &["dana"]);
    assert_eq!(gap.review_due(date("2026-09-01")), date("2027-02-28"), "31 August and six months");
    let leap = Date::parse("2023-08-31").unwrap().plus_months(6);
    assert_eq!(leap, date("2024-02-29"));
    let due = date("2027-02-28");
    let state = |on| portal_operation().gap_state(&gap, on);
    assert_eq!(state(due), GapState::Standing { review_due: due });
    assert_eq!(state(due.plus_days(1)), GapState::ReviewOverdue { due });
    let review = |on| GapReview { on: date(on), by: who("omar"), finding: text("Still nothing.") };
    assert_eq!(gap.review(review("2026-08-30")), Err(GapError::Backwards));
    gap.review(review("2026-08-31")).expect("on the day it was found");
    gap.review(review("2027-03-31")).unwrap();
    gap.review(review("2027-03-31")).expect("twice on one day");
    assert_eq!(gap.review(review("2027-03-30")), Err(GapError::Backwards));
    let reviewed: Vec<Date> = gap.reviews().iter().map(|review| review.on).collect();
    assert_eq!(reviewed, ["2026-08-31", "2027-03-31", "2027-03-31"].map(date));
    assert_eq!(gap.review_every(), ReviewMonths::SIX);
    let yearly = ReviewMonths::new(12).unwrap();
    let opening =
        NewGap { review_every: yearly, ..opening("g", "county", GapKind::NoMfa, &["tom"]) };
    assert_eq!(Gap::open(opening).unwrap().review_every(), yearly);
    assert_eq!(gap.review_due(date("2027-04-01")), date("2027-09-30"));
    assert_eq!(gap.review_due(date("2027-03-30")), due, "as it was before the review");
}

#[test]
fn u6_a_gap_closes_by_support_or_migration_and_never_by_age() {
    let entry = gap("g", "county", GapKind::NoMfa, &["dana"]);
    let old = date("2126-08-31");
    let office = portal_operation();
    assert_eq!(office.gap_state(&entry, old), GapState::Lapsed { on: date("2027-08-31") });
    assert!(entry.is_open(old), "a hundred years later");
    assert!(!office.excuses(&entry, &who("dana"), old));
    assert!(office.excuses(&entry, &who("dana"), date(TODAY)));
    assert_eq!(entry.retain_until(), None);
    // Closed by support: only if the record says that there is support.
    let mut supported = entry.clone();
    supported.close(GapResolution::Support, date("2026-11-01")).unwrap();
    let refused = portal_operation().add_gap(supported.clone());
    assert!(matches!(refused, Err(PracticeError::SupportSaysOtherwise { .. })));
    let mut practice = practice(
        vec![person("dana"), person("ruth"), person("omar")],
        vec![portal("county", OfferedFactor::App)],
        vec![login("dana", "county")],
    );
    assert!(practice.add_gap(entry.clone()).is_err(), "and only a closed one then");
    practice.add_gap(supported.clone()).unwrap();
    let state = practice.gap_state(&supported, date(TODAY));
    assert_eq!(state, GapState::Closed { on: date("2026-11-01") });
    assert_eq!(supported.retain_until(), Some(date("2032-11-01")));
    assert_eq!(supported.close(GapResolution::Support, date("2026-11-02")), Err(GapError::Closed));
    let again = supported.approve(who("omar"), date("2026-11-02"), date("2027-01-01"));
    assert_eq!(again, Err(GapError::Closed));
    let mut early = entry;
    assert_eq!(early.close(GapResolution::Support, date("2026-08-30")), Err(GapError::Backwards));
    assert_eq!(
        early.close(GapResolution::Support, date("2026-08-31")),
        Ok(()),
        "the day it was found"
    );
}

#[test]
fn u6_a_gap_is_open_from_the_day_it_is_found_to_the_day_it_closes() {
    let mut entry = gap("g", "county", GapKind::NoMfa, &["dana"]);
    entry.close(GapResolution::Support, date("2026-11-01")).unwrap();
    for (day, open) in [
        ("2026-08-30", false),
        ("2026-08-31", true),
        ("2026-10-31", true),
        ("2026-11-01", false),
        ("2026-11-02", false),
    ] {
        assert_eq!(entry.is_open(date(day)), open, "{day}");
    }
}

/// What closed a gap has to be what the support record says: an app behind a gap about SMS or about
/// an asset that nobody supports, any factor at all behind one about none.
#[test]
fn u6_support_closes_a_gap_only_where_the_record_says_so() {
    let asset = || GapKind::ProposedUnsupportedAsset {
        migration_plan: text("Move to the new portal."),
        migrate_by: date("2027-01-31"),
    };
    let register = |kind: GapKind, closed: bool, offer: OfferedFactor| {
        let mut entry = gap("g", "county", kind, &["dana"]);
        if closed {
            entry.close(GapResolution::Support, date("2026-11-01")).unwrap();
        }
        let people = vec![person("dana"), person("ruth"), person("omar")];
        let systems = vec![portal("county", offer)];
        practice(people, systems, vec![login("dana", "county")]).add_gap(entry)
    };
    use OfferedFactor::{App, NoMfa, PhishingResistant, SmsOnly, Unknown};
    for (kind, closed, fits) in [
        (GapKind::NoMfa, true, &[SmsOnly, App, PhishingResistant][..]),
        (GapKind::SmsOnly, true, &[App, PhishingResistant]),
        (asset(), true, &[App, PhishingResistant]),
        (GapKind::NoMfa, false, &[NoMfa]),
        (GapKind::SmsOnly, false, &[SmsOnly]),
        (asset(), false, &[NoMfa, SmsOnly]),
    ] {
        for offer in [Unknown, NoMfa, SmsOnly, App, PhishingResistant] {
            let refused = PracticeError::SupportSaysOtherwise { system: at("county"), offer };
            let expected = if fits.contains(&offer) { Ok(()) } else { Err(refused) };
            let found = register(kind.clone(), closed, offer);
            assert_eq!(found, expected, "{kind:?}, closed: {closed}, {offer:?}");
        }
    }
}

#[test]
fn u6_exceptions_of_the_proposed_rule_are_marked_and_end() {
    let kinds = [
        GapKind::ProposedUnsupportedAsset {
            migration_plan: text("Move to the new portal."),
            migrate_by: date("2027-01-31"),
        },
        GapKind::ProposedEmergency { from: date("2026-11-01"), until: date("2026-12-31") },
        GapKind::ProposedFdaDevice(FdaDevice::NoLongerSupported),
    ];
    for kind in kinds {
        assert!(kind.is_proposed() && kind.name().contains("proposed rule, not in force"));
        let mut practice = portal_operation();
        practice.add_gap(gap("g", "county", kind, &["dana"])).unwrap();
        let shown = CoverageMarkdown(&report(&practice, &[])).to_string();
        assert!(shown.contains("(proposed rule, not in force)"));
        assert!(shown.contains("**Proposed, not in force:** 45 CFR 164.312(f)"));
    }
    let emergency =
        GapKind::ProposedEmergency { from: date("2026-11-01"), until: date("2026-12-31") };
    for kind in [
        GapKind::ProposedEmergency { from: date("2026-11-02"), until: date("2026-11-01") },
        GapKind::ProposedUnsupportedAsset {
            migration_plan: text("Move."),
            migrate_by: date("2026-08-30"),
        },
    ] {
        let backwards = Gap::open(opening("g", "county", kind, &["dana"]));
        assert_eq!(backwards.unwrap_err(), GapError::Backwards);
    }
    for kind in [
        GapKind::ProposedEmergency { from: date("2026-11-01"), until: date("2026-11-01") },
        GapKind::ProposedUnsupportedAsset {
            migration_plan: text("Moved within the day."),
            migrate_by: date("2026-08-31"),
        },
    ] {
        assert!(Gap::open(opening("g", "county", kind, &["dana"])).is_ok(), "one day long");
    }
    let entry = gap("g", "county", emergency, &["dana"]);
    let portal = portal_operation();
    let state = |entry: &Gap, on: &str| portal.gap_state(entry, date(on));
    assert_eq!(state(&entry, "2026-10-31"), GapState::Unapproved, "not yet an emergency");
    for day in ["2026-11-01", "2026-12-31"] {
        assert_eq!(state(&entry, day), GapState::NotInForce, "its first day, and its last");
        assert!(!portal.excuses(&entry, &who("dana"), date(day)));
    }
    assert_eq!(state(&entry, "2027-01-01"), GapState::Lapsed { on: date("2026-12-31") });
    let asset = GapKind::ProposedUnsupportedAsset {
        migration_plan: text("Move."),
        migrate_by: date("2027-01-31"),
    };
    let entry = gap("g", "county", asset, &["dana"]);
    assert_eq!(state(&entry, "2027-02-01"), GapState::Lapsed { on: date("2027-01-31") });
    for kind in [GapKind::NoMfa, GapKind::SmsOnly, GapKind::SharedLoginPlatform] {
        assert!(!kind.is_proposed());
    }
}

#[test]
fn u7_the_register_is_exported_for_the_risk_analysis_with_signature_lines() {
    let mut practice = portal_operation();
    practice.add_gap(bare("g", "county", GapKind::NoMfa, &["dana"])).unwrap();
    let shown = GapsMarkdown(&report(&practice, &[])).to_string();
    for part in [
        "As of **2026-11-20 12:00 +00:00**",
        "### Gap g: county",
        "Compensating control since 2026-08-31",
        "**The vendor was not asked in writing**",
        "Next review due: 2027-02-28",
        "Reviewed by (Security Official)",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
}

// ------------------------------------------------------------------ 4.5 the closing

#[test]
fn c1_the_report_starts_with_what_is_used_every_day() {
    let kinds = [
        ("a", SystemKind::Other),
        ("b", SystemKind::Email),
        ("c", SystemKind::PayerPortal),
        ("d", SystemKind::PracticeManagement),
        ("e", SystemKind::Clearinghouse),
    ];
    let systems = kinds.map(|(id, kind)| System { kind, ..portal(id, OfferedFactor::App) });
    let practice = practice(vec![], systems.to_vec(), vec![]);
    let report = report(&practice, &[]);
    let order: Vec<&str> = report.systems.iter().map(|system| system.system.as_str()).collect();
    assert_eq!(order, ["e", "d", "c", "b", "a"]);
}

#[test]
fn c2_the_report_says_what_is_covered_and_what_is_not() {
    let day = 86_400;
    let now = noon(TODAY);
    let used = |ago: u64| {
        let last_used = Some(UnixTime::from_secs(now.as_secs() - ago));
        with(vec![DeviceSummary { last_used, ..device(Method::Totp) }])
    };
    let of = |summary: Summary| status(&desk(), &[("dana", summary)], "dana", "desk");
    assert_eq!(of(used(30 * day)), CoverageStatus::Covered { by: Method::Totp });
    let last = Date::of(UnixTime::from_secs(now.as_secs() - 30 * day - 1), UtcOffset::UTC);
    assert_eq!(of(used(30 * day + 1)), CoverageStatus::Stale { by: Method::Totp, last });
    let throttled = |waiting_until, disabled| Summary {
        codes: ThrottleSummary {
            consecutive_failures: 9,
            waiting_until,
            disabled,
            ..ThrottleSummary::default()
        },
        ..holding(Method::Totp)
    };
    assert_eq!(
        of(throttled(Some(now.plus(1)), false)),
        CoverageStatus::Waiting { until: now.plus(1) }
    );
    assert_eq!(of(throttled(Some(now), false)), CoverageStatus::Covered { by: Method::Totp });
    assert_eq!(of(throttled(None, true)), CoverageStatus::Disabled);
    let closed = ThrottleSummary { closed_to_strangers: true, ..ThrottleSummary::default() };
    let closed = |method| Summary { codes: closed, ..holding(method) };
    assert_eq!(of(closed(Method::Totp)), CoverageStatus::ClosedToStrangers);
    assert!(of(closed(Method::Totp)).is_enrolled() && !of(closed(Method::Totp)).is_open());
    let nothing_holds_a_passkey = of(closed(Method::Passkey));
    assert_eq!(nothing_holds_a_passkey, CoverageStatus::Covered { by: Method::Passkey });
    // One token for two people: one code signs in both, and the report says whose it is.
    let print = |text: &str| Some(String::from(text));
    let holding = |print| with(vec![DeviceSummary { fingerprint: print, ..device(Method::Totp) }]);
    let both = [("dana", holding(print("c0ffee"))), ("ines", holding(print("c0ffee")))];
    let two = practice(
        vec![person("dana"), person("ines"), person("tom")],
        vec![enforced("desk")],
        vec![login("dana", "desk"), login("ines", "desk")],
    );
    let shared = report(&two, &both);
    assert_eq!(shared.sharing_secrets(), 2);
    assert_eq!(shared.records[0].shares_secret_with, [who("ines")]);
    assert!(CoverageMarkdown(&shared).to_string().contains("**one secret with ines**"));
    let apart = [("dana", holding(print("c0ffee"))), ("ines", holding(print("decaf0")))];
    assert_eq!(report(&two, &apart).sharing_secrets(), 0);
    let none = [("dana", holding(None)), ("ines", holding(None))];
    assert_eq!(report(&two, &none).sharing_secrets(), 0, "two passkeys");
    let later = DeviceSummary { bound_at: now.plus(1), ..device(Method::Totp) };
    assert_eq!(
        of(with(vec![later])),
        CoverageStatus::NotEnrolled,
        "bound after the report's moment"
    );
    assert_eq!(
        of(Summary { offboarded_at: Some(now), ..Summary::default() }),
        CoverageStatus::Offboarded
    );
    let unknown = Coverage::new(&desk(), &|_| None, now);
    assert_eq!(unknown.total("no record"), 1);
    assert!(unknown.records.iter().all(|record| record.epoch.is_none()));
    let totals: usize = unknown.totals.iter().map(|total| total.lines).sum();
    assert_eq!(totals, unknown.lines().count());
    // What was seen in somebody else's system is believed for six months.
    let people = || vec![person("dana"), person("ines")];
    let seen = |on| vec![attested("dana", "payer", Method::Totp, on, "ines")];
    let payer = |on| practice(people(), vec![portal("payer", OfferedFactor::App)], seen(on));
    let covered = CoverageStatus::Covered { by: Method::Totp };
    assert_eq!(status(&payer("2026-05-20"), &[], "dana", "payer"), covered);
    let stale = CoverageStatus::Stale { by: Method::Totp, last: date("2026-05-19") };
    assert_eq!(status(&payer("2026-05-19"), &[], "dana", "payer"), stale);
    assert_eq!(status(&payer("2026-11-21"), &[], "dana", "payer"), CoverageStatus::NotEnrolled);
}

#[test]
fn c2_every_line_names_its_controls_and_none_claims_that_they_are_met() {
    let identifiers: Vec<&str> =
        ControlGroup::ALL.into_iter().flat_map(ControlGroup::identifiers).collect();
    for expected in [
        "45 CFR 164.312(d)",
        "45 CFR 164.312(a)(2)(i)",
        "45 CFR 164.308(a)(3)(ii)(C)",
        "HICP 3.M.A",
        "HICP 3.M.B",
        "HICP 3.M.C",
        "HICP 3.M.D",
        "CISA CPG 2.0 3.F",
    ] {
        assert!(identifiers.contains(&expected), "{expected}");
    }
    let proposed = identifiers.iter().any(|identifier| identifier.contains("164.312(f)"));
    assert!(!proposed, "no line is mapped to what is not in force");
    let report = report(&desk(), &[("dana", holding(Method::Totp))]);
    for shown in [CoverageMarkdown(&report).to_string(), CoverageCsv(&report).to_string()] {
        let lower = shown.to_lowercase();
        for claim in ["complian", "certified", "satisfies", "hipaa-"] {
            assert!(!lower.contains(claim), "{claim}");
        }
        assert!(!shown.contains("phone"), "no label of a device");
    }
}

// ------------------------------------------------------------------ the gate

#[test]
fn what_is_unknown_is_never_let_in() {
    let mut practice = desk();
    practice.add_grace(&at("desk"), &who("dana"), Grace::restore(noon("2026-12-15"))).unwrap();
    let strong = holding(Method::Passkey);
    assert_eq!(
        gate(&practice, "dana", "ehr", &strong),
        GateAnswer::Deny(DenyReason::UnknownSystem)
    );
    assert_eq!(
        gate(&practice, "eve", "desk", &strong),
        GateAnswer::Deny(DenyReason::UnknownPerson)
    );
    let nobody_knows = practice.gate(&who("dana"), &at("desk"), None, noon(TODAY));
    assert_eq!(nobody_knows, GateAnswer::Need(Methods::STRONG), "not even in grace");
    let late =
        Person { employment: Employment::Current { from: date("2026-11-21") }, ..person("joel") };
    practice.add_person(late).unwrap();
    practice.add_login(login("joel", "desk")).unwrap();
    assert_eq!(
        gate(&practice, "joel", "desk", &strong),
        GateAnswer::Deny(DenyReason::NotYetEmployed)
    );
    for broken in [0, 1_577_836_799, 7_258_118_401, 1_793_000_000_000, u64::MAX] {
        let now = UnixTime::from_secs(broken);
        let answer = practice.gate(&who("dana"), &at("desk"), Some(&strong), now);
        assert_eq!(answer, GateAnswer::Deny(DenyReason::ImplausibleTime));
    }
    // Methods that are no standing factor are none, whatever says that they are confirmed.
    for method in [Method::RecoveryCode, Method::Emergency, Method::Sms] {
        let answer = gate(&desk(), "dana", "desk", &holding(method));
        assert_eq!(answer, GateAnswer::Need(Methods::STRONG));
    }
}

#[test]
fn emergency_access_opens_until_its_end_and_not_at_it() {
    let practice = desk();
    let until = noon(TODAY);
    let granted = Summary { epoch: 1, emergency_until: Some(until), ..Summary::default() };
    let answer =
        |summary: &Summary, now| practice.gate(&who("dana"), &at("desk"), Some(summary), now);
    let last = UnixTime::from_secs(until.as_secs() - 1);
    let open = GateAnswer::AllowUntil { until, why: AllowReason::Emergency };
    assert_eq!(answer(&granted, last), open);
    assert_eq!(answer(&granted, until), GateAnswer::Need(Methods::STRONG));
}

/// The pass is used up by the sign-in that the gate is asked about: the account has none any more, and the
/// proof says that there was one.
#[test]
fn who_signed_in_with_an_emergency_pass_is_admitted() {
    let practice = desk();
    let phone_at_home = holding(Method::Totp);
    let phone_lost = Summary { devices: Vec::new(), ..holding(Method::Totp) };
    for summary in [phone_at_home, phone_lost] {
        assert_eq!(summary.emergency_until, None);
        let answer = gate(&practice, "dana", "desk", &summary);
        assert!(answer.opens(Some(Method::Emergency)), "{answer:?}");
        assert!(!answer.opens(None) && !answer.opens(Some(Method::TrustedBrowser)));
    }
    let left = Summary { offboarded_at: Some(noon(TODAY)), ..Summary::default() };
    assert!(!gate(&practice, "dana", "desk", &left).opens(Some(Method::Emergency)));
}

#[test]
fn why_somebody_may_not_enter_is_said_in_words() {
    for (why, words) in [
        (DenyReason::EmploymentOver, "the employment is over"),
        (DenyReason::ImplausibleTime, "the clock is not plausible"),
        (DenyReason::NoLogin, "no login on this system"),
        (DenyReason::NotEnforcedHere, "the system is not enforced here"),
        (DenyReason::NotYetEmployed, "the first day has not come"),
        (DenyReason::Offboarded, "the account was offboarded"),
        (DenyReason::SharedLogin, "the login is shared"),
        (DenyReason::UnknownPerson, "unknown person"),
        (DenyReason::UnknownSystem, "unknown system"),
    ] {
        assert_eq!(why.to_string(), words);
    }
}

#[test]
fn a_password_alone_is_admitted_only_before_the_date_and_in_grace() {
    let by = Methods::NONE.with(Method::Totp);
    let until = noon("2026-12-01");
    for method in Method::ALL.map(Some).into_iter().chain([None]) {
        let by_pass = method == Some(Method::Emergency);
        assert_eq!(GateAnswer::Allow(by).opens(method), by_pass || method == Some(Method::Totp));
        assert_eq!(GateAnswer::Need(Methods::STRONG).opens(method), by_pass);
        assert!(!GateAnswer::Deny(DenyReason::NoLogin).opens(method));
        let emergency = GateAnswer::AllowUntil { until, why: AllowReason::Emergency };
        assert_eq!(emergency.opens(method), by_pass);
        assert!(GateAnswer::AllowUntil { until, why: AllowReason::Grace }.opens(method));
        assert!(GateAnswer::AllowUntil { until, why: AllowReason::GoLive }.opens(method));
    }
}

#[test]
fn recovery_codes_let_in_beside_a_factor_and_never_instead_of_one() {
    let both = Summary { recovery_codes_left: 3, ..holding(Method::Totp) };
    assert!(gate(&desk(), "dana", "desk", &both).opens(Some(Method::RecoveryCode)));
    let alone = Summary { devices: Vec::new(), ..both };
    assert_eq!(gate(&desk(), "dana", "desk", &alone), GateAnswer::Need(Methods::STRONG));
}

/// Reduced assurance: never for an administrator of several clients, no longer than the trust lasts, and the
/// report says who has one.
#[test]
fn a_trusted_browser_lets_in_staff_and_is_in_the_report() {
    let until = noon(TODAY);
    let one = TrustedBrowserSummary {
        id: BrowserId::from_u64(1),
        since: noon("2026-11-01"),
        until,
        used_at: noon("2026-11-01"),
        device: DeviceId::from_u64(1),
    };
    let summary = Summary { trusted_browsers: vec![one], ..holding(Method::Totp) };
    let practice = practice(
        vec![person("dana"), administrator("ruth")],
        vec![enforced("desk")],
        vec![login("dana", "desk"), login("ruth", "desk")],
    );
    let opens = |person: &str, now, method| {
        practice.gate(&who(person), &at("desk"), Some(&summary), now).opens(Some(method))
    };
    assert!(opens("dana", until, Method::TrustedBrowser));
    assert!(!opens("dana", until.plus(1), Method::TrustedBrowser));
    assert!(!opens("ruth", until, Method::TrustedBrowser), "without exception");
    assert!(opens("ruth", until, Method::Totp));
    // Alone it is no factor, and whoever has none in the summary has no proof of one.
    let alone = Summary { devices: Vec::new(), ..summary.clone() };
    assert_eq!(gate(&practice, "dana", "desk", &alone), GateAnswer::Need(Methods::STRONG));
    assert!(
        !gate(&practice, "dana", "desk", &holding(Method::Totp))
            .opens(Some(Method::TrustedBrowser))
    );
    let report = report(&practice, &[("dana", summary), ("ruth", holding(Method::Totp))]);
    assert_eq!(report.trusting(), 1);
    assert_eq!(report.records.iter().map(|record| record.trusted_browsers).sum::<usize>(), 1);
    let shown = CoverageMarkdown(&report).to_string();
    assert!(
        shown.contains("1 trusted browser") && shown.contains("(reduced assurance, AAL1): **1**")
    );
}

#[test]
fn text_that_would_lie_in_a_report_is_refused() {
    for line in ["a\nb", "a\u{202e}b", "a\u{200b}b", "\u{0}", "a\u{2028}b", "tab\tb"] {
        assert_eq!(TextLine::new(line), Err(TextLineError::Invisible), "{line:?}");
    }
    assert_eq!(TextLine::new(&"x".repeat(501)), Err(TextLineError::TooLong));
    assert!(TextLine::new(&"ü".repeat(500)).is_ok());
    for id in ["", "Dana", "dana ", "-dana", "dana/x", "dänä", &"a".repeat(65)] {
        assert_eq!(PersonId::new(id), Err(IdentifierError), "{id:?}");
    }
}

#[test]
fn typed_text_cannot_break_out_of_a_report() {
    let nasty = "=HYPERLINK(\"http://x\")|<script>\"a\",b";
    let mut dana = person("dana");
    dana.name = text(nasty);
    let practice = practice(vec![dana], vec![enforced("desk")], vec![login("dana", "desk")]);
    let report = report(&practice, &[]);
    let csv = CoverageCsv(&report).to_string();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1);
    assert_eq!(&rows[0][9], format!("'{nasty}"));
    let shown = CoverageMarkdown(&report).to_string();
    assert!(!shown.contains("<script>") && !shown.contains("x\")|"));
}

// ------------------------------------------------------------------ laws

/// An operation in pieces, so that one can be left out.
#[derive(Clone, Debug, Default)]
struct Pieces {
    clients: Vec<ClientId>,
    people: Vec<Person>,
    systems: Vec<System>,
    logins: Vec<Login>,
    go_lives: Vec<(SystemId, GoLive)>,
    graces: Vec<(SystemId, PersonId, Grace)>,
    gaps: Vec<GapPieces>,
}

#[derive(Clone, Debug)]
struct GapPieces {
    opening: NewGap,
    approvals: Vec<(PersonId, Date, Date)>,
    reviews: Vec<Date>,
    notices: Vec<(PersonId, Date)>,
    closed: bool,
}

impl GapPieces {
    fn gap(&self) -> Option<Gap> {
        let mut gap = asked(Gap::open(self.opening.clone()).ok()?);
        for (by, on, until) in &self.approvals {
            gap.approve(by.clone(), *on, *until).ok()?;
        }
        for on in &self.reviews {
            let finding = text("Looked at.");
            gap.review(GapReview { on: *on, by: who("ruth"), finding }).ok()?;
        }
        for (person, on) in &self.notices {
            gap.acknowledge_sms(person.clone(), *on).ok()?;
        }
        if self.closed {
            let to = text("elsewhere");
            gap.close(GapResolution::Migration { to }, date("2026-11-01")).ok()?;
        }
        Some(gap)
    }
}

impl Pieces {
    /// The operation of everything that is not refused, and what that was.
    fn build(&self) -> (Practice, Pieces) {
        let mut practice = empty().guarding(own(&self.systems));
        let mut kept = Pieces::default();
        for id in &self.clients {
            let client = Client { id: id.clone(), name: text(id.as_str()) };
            if practice.add_client(client).is_ok() {
                kept.clients.push(id.clone());
            }
        }
        for person in &self.people {
            if practice.add_person(person.clone()).is_ok() {
                kept.people.push(person.clone());
            }
        }
        for system in &self.systems {
            if practice.add_system(system.clone()).is_ok() {
                kept.systems.push(system.clone());
            }
        }
        for login in &self.logins {
            if practice.add_login(login.clone()).is_ok() {
                kept.logins.push(login.clone());
            }
        }
        for (system, go_live) in &self.go_lives {
            if practice.set_go_live(system, *go_live).is_ok() {
                kept.go_lives.push((system.clone(), *go_live));
            }
        }
        for (system, person, grace) in &self.graces {
            if practice.add_grace(system, person, *grace).is_ok() {
                kept.graces.push((system.clone(), person.clone(), *grace));
            }
        }
        for pieces in &self.gaps {
            if pieces.gap().is_some_and(|gap| practice.add_gap(gap).is_ok()) {
                kept.gaps.push(pieces.clone());
            }
        }
        (practice, kept)
    }

    /// Everything that is this with one piece of data less.
    fn with_one_less(&self) -> Vec<Pieces> {
        let mut all = Vec::new();
        let mut change = |edit: &dyn Fn(&mut Pieces)| {
            let mut less = self.clone();
            edit(&mut less);
            all.push(less);
        };
        (0..self.clients.len()).for_each(|n| change(&|it| drop(it.clients.remove(n))));
        (0..self.people.len()).for_each(|n| change(&|it| drop(it.people.remove(n))));
        (0..self.systems.len()).for_each(|n| change(&|it| drop(it.systems.remove(n))));
        (0..self.logins.len()).for_each(|n| change(&|it| drop(it.logins.remove(n))));
        (0..self.go_lives.len()).for_each(|n| change(&|it| drop(it.go_lives.remove(n))));
        (0..self.graces.len()).for_each(|n| change(&|it| drop(it.graces.remove(n))));
        (0..self.gaps.len()).for_each(|n| change(&|it| drop(it.gaps.remove(n))));
        for (n, person) in self.people.iter().enumerate() {
            change(&|it| it.people[n].trained_on = None);
            (0..person.clients.len())
                .for_each(|m| change(&|it| drop(it.people[n].clients.remove(m))));
            (0..person.duties.len()).for_each(|m| change(&|it| _ = it.people[n].duties.remove(m)));
        }
        for n in 0..self.systems.len() {
            change(&|it| it.systems[n].support = None);
            change(&|it| it.systems[n].touches = BillingData::default());
            change(&|it| it.systems[n].internet_facing = false);
        }
        for (n, gap) in self.gaps.iter().enumerate() {
            (0..gap.approvals.len())
                .for_each(|m| change(&|it| drop(it.gaps[n].approvals.remove(m))));
            (0..gap.reviews.len()).for_each(|m| change(&|it| _ = it.gaps[n].reviews.remove(m)));
            (0..gap.notices.len()).for_each(|m| change(&|it| drop(it.gaps[n].notices.remove(m))));
            (0..gap.opening.controls.len())
                .for_each(|m| change(&|it| drop(it.gaps[n].opening.controls.remove(m))));
            (0..gap.opening.named_users.len())
                .for_each(|m| change(&|it| drop(it.gaps[n].opening.named_users.remove(m))));
        }
        all
    }
}

/// Everything that is `summary` with one piece of data less, the whole of it included.
fn summaries_with_one_less(summary: &Summary) -> Vec<Option<Summary>> {
    let mut all = vec![None];
    let mut change = |edit: &dyn Fn(&mut Summary)| {
        let mut less = summary.clone();
        edit(&mut less);
        all.push(Some(less));
    };
    (0..summary.devices.len()).for_each(|n| change(&|it| drop(it.devices.remove(n))));
    change(&|it| it.devices.clear());
    change(&|it| it.devices.iter_mut().for_each(|device| device.last_used = None));
    change(&|it| it.epoch = 0);
    change(&|it| it.first_bound_at = None);
    change(&|it| it.offboarded_at = None);
    change(&|it| it.pending_until = None);
    change(&|it| it.emergency_until = None);
    change(&|it| it.recovery_codes_left = 0);
    change(&|it| it.recovery_replacement_due = false);
    change(&|it| it.codes = ThrottleSummary::default());
    change(&|it| it.out_of_band = ThrottleSummary::default());
    all
}

const PEOPLE: [&str; 2] = ["dana", "ines"];
const SYSTEMS: [&str; 2] = ["desk", "admin"];

prop_compose! {
    fn any_person(id: &'static str)(
        privilege in 0..6_u8,
        employment in 0..9_u8,
        clients in 0..3_usize,
        trained in any::<bool>(),
    ) -> Person {
        let from = date("2020-01-01");
        Person {
            privilege: match privilege {
                0 => Privilege::Administrator,
                1 => Privilege::MultiClientAdministrator,
                _ => Privilege::Staff,
            },
            employment: match employment {
                0 => Employment::Ended { from, at: noon("2026-11-15") },
                1 => Employment::Ended { from, at: noon("2026-12-10") },
                2 => Employment::Current { from: date("2026-11-16") },
                _ => Employment::Current { from },
            },
            clients: ["lakeview", "prairie"][..clients].iter().map(|id| ClientId::new(id).unwrap()).collect(),
            trained_on: trained.then(|| date("2026-09-01")),
            ..person(id)
        }
    }
}

prop_compose! {
    fn any_system(id: &'static str)(
        own in 0..8_u8,
        offer in prop::sample::select(vec![
            OfferedFactor::SmsOnly,
            OfferedFactor::SmsOnly,
            OfferedFactor::SmsOnly,
            OfferedFactor::App,
            OfferedFactor::NoMfa,
        ]),
        recorded in 0..8_u8,
    ) -> System {
        let enforcement = if own == 0 { Enforcement::Attested } else { Enforcement::Enforced };
        let system = system(id, enforcement, offer);
        System { support: system.support.filter(|_| recorded > 0), ..system }
    }
}

prop_compose! {
    fn any_gap(id: &'static str)(
        system in prop::sample::select(SYSTEMS.to_vec()),
        sms in 0..8_u8,
        users in 1..=2_usize,
        approvals in prop::collection::vec((0..70_u32, 60..300_u32), 0..4),
        reviews in prop::collection::vec(0..100_u32, 0..3),
        notices in 1..=3_usize,
        months in 3..=8_u8,
        closed in 0..6_u8,
    ) -> GapPieces {
        let kind = if sms > 0 { GapKind::SmsOnly } else { GapKind::NoMfa };
        let mut reviews = reviews;
        reviews.sort_unstable();
        let found = date("2026-08-31");
        GapPieces {
            notices: if sms > 0 {
                PEOPLE[..notices.min(users)].iter().map(|id| (who(id), date("2026-09-02"))).collect()
            } else {
                Vec::new()
            },
            opening: NewGap {
                review_every: ReviewMonths::new(months).unwrap(),
                ..opening(id, system, kind, &PEOPLE[..users])
            },
            approvals: approvals.into_iter().map(|(on, days)| {
                let on = found.plus_days(on);
                (who("omar"), on, on.plus_days(days))
            }).collect(),
            reviews: reviews.into_iter().map(|days| found.plus_days(days)).collect(),
            closed: closed == 0,
        }
    }
}

prop_compose! {
    fn any_pieces()(
        people in (any_person("dana"), any_person("ines")),
        systems in (any_system("desk"), any_system("admin")),
        shared in prop::collection::vec(0..10_u8, 4),
        go_lives in prop::collection::vec(prop::option::of(prop::sample::select(vec!["2026-10-05", "2026-11-18", "2026-12-01"])), 2),
        graces in prop::collection::vec(prop::option::of(0..60_u32), 4),
        gaps in (any_gap("g1"), any_gap("g2")),
    ) -> Pieces {
        let pairs = || SYSTEMS.into_iter().flat_map(|system| PEOPLE.map(|person| (system, person)));
        let logins = pairs().zip(shared).filter_map(|((system, person), kind)| match kind {
            0 => None,
            1 => Some(self::shared(person, system)),
            _ => Some(login(person, system)),
        });
        let graces = pairs().zip(graces).filter_map(|((system, person), days)| {
            let until = UtcOffset::UTC.day_start(date("2026-11-16").plus_days(days?));
            Some((at(system), who(person), Grace::restore(until)))
        });
        Pieces {
            clients: ["lakeview", "prairie"].map(|id| ClientId::new(id).unwrap()).to_vec(),
            people: vec![people.0, people.1, person("ruth"), person("omar")],
            systems: vec![systems.0, systems.1],
            logins: logins.collect(),
            go_lives: SYSTEMS.into_iter().zip(go_lives).filter_map(|(id, on)| Some((at(id), go_live(on?)))).collect(),
            graces: graces.collect(),
            gaps: vec![gaps.0, gaps.1],
        }
    }
}

/// Accounts as the account layer can leave them: whoever has had a factor has an epoch and a first
/// binding, and an offboarded account has nothing confirmed.
fn any_summary() -> impl Strategy<Value = Summary> {
    let methods = prop::sample::select(vec![
        Method::Totp,
        Method::Hotp,
        Method::Passkey,
        Method::Sms,
        Method::Sms,
        Method::Sms,
    ]);
    let statuses = prop::sample::select(vec![
        DeviceStatus::Confirmed,
        DeviceStatus::Confirmed,
        DeviceStatus::Lost,
        DeviceStatus::Revoked,
    ]);
    let devices = prop::collection::vec((methods, statuses), 0..3);
    (0..12_u8, devices, 0..3_u8, prop::option::of(0..2_u8)).prop_map(
        |(life, devices, codes, extra)| {
            let moment = extra.map(|n| noon(["2026-11-10", "2026-12-05"][usize::from(n)]));
            if life < 3 {
                return Summary {
                    pending_until: moment,
                    emergency_until: moment.filter(|_| life == 0),
                    ..Summary::default()
                };
            }
            let devices = devices
                .into_iter()
                .map(|(method, status)| DeviceSummary { status, ..device(method) });
            let enrolled = Summary {
                epoch: 1,
                first_bound_at: Some(noon("2026-10-01")),
                devices: devices.collect(),
                recovery_codes_left: codes,
                emergency_until: moment,
                ..Summary::default()
            };
            if life > 3 {
                return enrolled;
            }
            let mut gone = enrolled;
            gone.devices.iter_mut().for_each(|device| device.status = DeviceStatus::Revoked);
            let first_bound_at = gone.first_bound_at.filter(|_| codes > 0); // or never enrolled at all
            if first_bound_at.is_none() {
                gone.devices.clear();
            }
            Summary {
                offboarded_at: Some(noon("2026-11-05")),
                first_bound_at,
                recovery_codes_left: 0,
                emergency_until: None,
                ..gone
            }
        },
    )
}

/// No path from denied to allowed by removing data, in its strong form: whatever is proved, or
/// nothing, what is not admitted stays so when any one piece of the operation or of the account is
/// lost.
#[test]
fn removing_data_never_opens_anything() {
    let mut runner =
        TestRunner::new(Config { cases: 1_500, failure_persistence: None, ..Config::default() });
    let seen = std::cell::RefCell::new(BTreeMap::<&str, usize>::new());
    let moments = prop::sample::select(vec!["2026-11-17", TODAY, "2026-12-05", "2027-01-20"]);
    let strategy = (any_pieces(), any_summary(), moments);
    let law = |(pieces, summary, day): (Pieces, Summary, &str)| {
        let (practice, pieces) = pieces.build();
        let now = noon(day);
        let smaller: Vec<Practice> =
            pieces.with_one_less().iter().map(|pieces| pieces.build().0).collect();
        let fewer = summaries_with_one_less(&summary);
        for (person, system) in PEOPLE.iter().flat_map(|who| SYSTEMS.map(|at| (*who, at))) {
            let (person, system) = (who(person), at(system));
            let before = practice.gate(&person, &system, Some(&summary), now);
            *seen
                .borrow_mut()
                .entry(match before {
                    GateAnswer::Allow(by) if by.contains(Method::Sms) => "allow by SMS",
                    GateAnswer::Allow(_) => "allow",
                    GateAnswer::AllowUntil { .. } => "until",
                    GateAnswer::Need(_) => "need",
                    GateAnswer::Deny(_) => "deny",
                })
                .or_default() += 1;
            let after = smaller.iter().map(|less| less.gate(&person, &system, Some(&summary), now));
            let after = after.chain(
                fewer.iter().map(|less| practice.gate(&person, &system, less.as_ref(), now)),
            );
            for after in after {
                // An account that has ended makes no proof, and this practice sees only that it is gone.
                let ended = before == GateAnswer::Deny(DenyReason::Offboarded);
                let by_pass = |proved: &Option<Method>| *proved == Some(Method::Emergency);
                let all = Method::ALL.map(Some).into_iter().chain([None]);
                for proved in all.filter(|proved| !(ended && by_pass(proved))) {
                    prop_assert!(
                        before.opens(proved) || !after.opens(proved),
                        "{before:?} became {after:?} for {person} on {system}, {proved:?}"
                    );
                }
            }
        }
        Ok(())
    };
    runner.run(&strategy, law).unwrap();
    for outcome in ["allow by SMS", "allow", "until", "need", "deny"] {
        let times = seen.borrow().get(outcome).copied().unwrap_or(0);
        assert!(times >= 5, "{outcome} came up {times} times only");
    }
}

impl Pieces {
    /// Everything that is this with one fact less that grants: a support record, a signature, a review, a
    /// reader of the notice, a control, a training, a name in a gap that excuses on that day. What is refused
    /// without the fact has no report, so it is left out.
    fn with_one_grant_less(&self, practice: &Practice, day: Date) -> Vec<Pieces> {
        let mut all = Vec::new();
        let mut change = |edit: &dyn Fn(&mut Pieces)| {
            let mut less = self.clone();
            edit(&mut less);
            all.push(less);
        };
        (0..self.systems.len()).for_each(|n| change(&|it| it.systems[n].support = None));
        (0..self.people.len()).for_each(|n| change(&|it| it.people[n].trained_on = None));
        for (n, person) in self.people.iter().enumerate() {
            (0..person.duties.len()).for_each(|m| change(&|it| _ = it.people[n].duties.remove(m)));
        }
        for (n, gap) in self.gaps.iter().enumerate() {
            (0..gap.approvals.len())
                .for_each(|m| change(&|it| drop(it.gaps[n].approvals.remove(m))));
            (0..gap.reviews.len()).for_each(|m| change(&|it| _ = it.gaps[n].reviews.remove(m)));
            (0..gap.notices.len()).for_each(|m| change(&|it| drop(it.gaps[n].notices.remove(m))));
            (0..gap.opening.controls.len())
                .for_each(|m| change(&|it| drop(it.gaps[n].opening.controls.remove(m))));
            let known = practice.gaps().find(|known| *known.id() == gap.opening.id);
            for (m, user) in gap.opening.named_users.iter().enumerate() {
                if known.is_some_and(|known| practice.excuses(known, user, day)) {
                    change(&|it| drop(it.gaps[n].opening.named_users.remove(m)));
                }
            }
        }
        all.retain(|less| less.build().1.gaps.len() == less.gaps.len());
        all
    }
}

/// How good a line is: open, explained, enrolled.
fn goodness(status: &CoverageStatus) -> u8 {
    if status.is_open() { 0 } else { 1 + u8::from(status.is_enrolled()) }
}

proptest! {
    #![proptest_config(Config { cases: 128, failure_persistence: None, ..Config::default() })]

    /// Losing a fact that grants never turns a line better, nor does losing a device.
    #[test]
    fn losing_a_fact_that_grants_never_turns_a_line_better(pieces in any_pieces(), summary in any_summary()) {
        let (before, pieces) = pieces.build();
        let now = noon(TODAY);
        let judged = |practice: &Practice, summary: &Summary| -> BTreeMap<(SystemId, PersonId), u8> {
            let report = Coverage::new(practice, &|_| Some(summary.clone()), now);
            let lines = report.lines();
            lines.map(|(at, it)| ((at.system.clone(), it.person.clone()), goodness(&it.status))).collect()
        };
        let base = judged(&before, &summary);
        let mut less: Vec<_> =
            pieces.with_one_grant_less(&before, date(TODAY)).iter().map(|less| judged(&less.build().0, &summary)).collect();
        for n in 0..summary.devices.len() {
            let mut fewer = summary.clone();
            fewer.devices.remove(n);
            less.push(judged(&before, &fewer));
        }
        for after in less {
            for (line, good) in after {
                let was = base.get(&line).copied();
                prop_assert!(was.is_none_or(|was| good <= was), "{line:?}: {was:?} became {good}");
            }
        }
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    /// Only a later moment or a lost factor ends an admission; a later moment never starts one that
    /// was over: a grace and a date ahead end once.
    #[test]
    fn time_only_closes(pieces in any_pieces(), from in 0..120_u32, further in 0..120_u32) {
        let (practice, _) = pieces.build();
        let start = date("2026-11-16").plus_days(from);
        let (earlier, later) = (
            UtcOffset::UTC.day_start(start),
            UtcOffset::UTC.day_start(start.plus_days(further)),
        );
        for (person, system) in PEOPLE.iter().flat_map(|who| SYSTEMS.map(|at| (*who, at))) {
            let (person, system) = (who(person), at(system));
            let none = Summary::default();
            let before = practice.gate(&person, &system, Some(&none), earlier);
            let after = practice.gate(&person, &system, Some(&none), later);
            prop_assert!(before.opens(None) || !after.opens(None));
            if let GateAnswer::AllowUntil { until, .. } = before {
                prop_assert!(until > earlier);
            }
        }
    }

    /// Coverage is a function: the order in which records came does not show.
    #[test]
    fn the_report_does_not_depend_on_the_order_of_records(pieces in any_pieces(), summary in any_summary()) {
        let (practice, mut kept) = pieces.build();
        kept.people.reverse();
        kept.systems.reverse();
        kept.logins.reverse();
        kept.go_lives.reverse();
        kept.graces.reverse();
        kept.gaps.reverse();
        let (again, _) = kept.build();
        let known = |_: &PersonId| Some(summary.clone());
        let now = noon(TODAY);
        prop_assert_eq!(Coverage::new(&practice, &known, now), Coverage::new(&again, &known, now));
    }

    /// What the report calls covered, the gate admits by a code, and what the gate admits by a
    /// password alone, the report never calls covered.
    #[test]
    fn the_report_and_the_gate_agree(pieces in any_pieces(), summary in any_summary()) {
        let (practice, _) = pieces.build();
        let now = noon(TODAY);
        let known = |_: &PersonId| Some(summary.clone());
        let report = Coverage::new(&practice, &known, now);
        for (system, line) in report.lines() {
            if system.enforcement != Enforcement::Enforced {
                continue;
            }
            let answer = practice.gate(&line.person, &system.system, Some(&summary), now);
            let by_code = matches!(answer, GateAnswer::Allow(_));
            match line.status {
                CoverageStatus::Covered { .. }
                | CoverageStatus::Stale { .. }
                | CoverageStatus::Weak { gap: Some(_) } => {
                    prop_assert!(by_code, "{:?} but {:?}", line.status, answer);
                }
                CoverageStatus::InGrace { .. } | CoverageStatus::BeforeGoLive { .. } => {
                    prop_assert!(answer.opens(None));
                }
                CoverageStatus::Pending { asked, .. } => {
                    prop_assert_eq!(answer.opens(None), !asked);
                }
                // A gap explains the lack of a factor; at the gate it opens nothing of itself.
                CoverageStatus::Gap { .. } => {
                    let opens = matches!(answer, GateAnswer::Allow(_));
                    prop_assert!(!opens, "{:?} but {:?}", line.status, answer);
                }
                _ => prop_assert!(!answer.opens(None)),
            }
        }
    }

    #[test]
    fn days_print_as_they_are_read(year in 1900..=9998_u16, month in 0..=13_u8, day in 0..=32_u8) {
        let written = format!("{year:04}-{month:02}-{day:02}");
        let real = (1..=12).contains(&month) && day >= 1 && day <= days_in(year, month);
        prop_assert_eq!(Date::new(year, month, day).is_some(), real);
        prop_assert_eq!(Date::parse(&written).ok(), Date::new(year, month, day));
        if let Ok(date) = Date::parse(&written) {
            prop_assert_eq!(date.to_string(), written);
        }
    }

    #[test]
    fn months_clamp_to_the_end_of_the_month(days in 0..100_000_u32, months in 0..400_u32) {
        let start = date("1970-01-01").plus_days(days);
        let (year, month, day) = parts(start);
        let index = u32::from(year) * 12 + u32::from(month) - 1 + months;
        let (year, month) = (u16::try_from(index / 12).unwrap(), u8::try_from(index % 12 + 1).unwrap());
        let expected = Date::new(year, month, day.min(days_in(year, month))).unwrap();
        prop_assert_eq!(start.plus_months(months), expected);
        prop_assert_eq!(start.plus_years(months / 12), start.plus_months(months / 12 * 12));
        prop_assert_eq!(start.plus_days(months).days_until(start), 0);
        prop_assert_eq!(start.days_until(start.plus_days(months)), months);
    }

    #[test]
    fn six_years_are_kept_and_not_a_day_less(days in 0..60_000_u32, later in 0..4_000_u32) {
        let created = date("1990-01-01").plus_days(days);
        let last = created.plus_days(later);
        let until = Date::retain_until(created, Some(last));
        let (year, month, day) = parts(last);
        let expected = Date::new(year + 6, month, day.min(days_in(year + 6, month))).unwrap();
        prop_assert_eq!(until, expected);
        prop_assert_eq!(Date::retain_until(last, Some(created)), until);
    }

    #[test]
    fn a_moment_falls_on_the_day_whose_start_and_end_hold_it(secs in 0..253_000_000_000_u64, minutes in -720..=840_i16) {
        let offset = UtcOffset::from_minutes(minutes).unwrap();
        let moment = UnixTime::from_secs(secs);
        let day = Date::of(moment, offset);
        prop_assert!(offset.day_start(day) <= moment && moment <= offset.day_end(day));
        prop_assert_eq!(offset.day_end(day).plus(1), offset.day_start(day.plus_days(1)));
        prop_assert_eq!(UtcOffset::parse(&offset.to_string()), Ok(offset));
    }
}

fn days_in(year: u16, month: u8) -> u8 {
    let leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn parts(date: Date) -> (u16, u8, u8) {
    let written = date.to_string();
    (written[..4].parse().unwrap(), written[5..7].parse().unwrap(), written[8..].parse().unwrap())
}

#[test]
fn days_and_offsets_at_their_ends() {
    assert_eq!(date("2024-02-29").plus_years(6), date("2030-02-28"));
    assert_eq!(date("2024-02-29").plus_years(4), date("2028-02-29"));
    assert_eq!(date("2025-08-31").plus_months(6), date("2026-02-28"));
    let last = date("9998-12-31");
    assert_eq!(
        (last.plus_days(1), last.plus_months(u32::MAX), last.plus_years(u32::MAX)),
        (last, last, last)
    );
    assert_eq!(Date::of(UnixTime::from_secs(u64::MAX), UtcOffset::UTC), last);
    assert_eq!(UtcOffset::UTC.day_start(date("1900-01-01")), UnixTime::from_secs(0));
    for wrong in [
        "",
        "2026-1-1",
        "2026-02-29",
        "1899-12-31",
        "9999-01-01",
        "2026-11-20 ",
        "+026-11-20",
        "２026-01-01",
        "2026/11/20",
    ] {
        assert!(Date::parse(wrong).is_err(), "{wrong}");
    }
    for wrong in ["", "z", "+14:01", "-12:01", "06:00", "+6:00", "+06:60", "+0600"] {
        assert!(UtcOffset::parse(wrong).is_err(), "{wrong}");
    }
    assert_eq!(UtcOffset::parse("Z"), Ok(UtcOffset::UTC));
}
