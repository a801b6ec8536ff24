//! The billing operation and the serialisation without std, over an allocator of the program's own:
//! one person without a factor, found missing in a report, as text and as JSON. Ends with 0, or the
//! number of the check that failed.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::ToString;
use alloc::vec::Vec;

use countersign::coverage::Coverage;
use countersign::date::{Date, UtcOffset};
use countersign::inventory::{
    Employment, Enforcement, Login, LoginKind, Person, PersonId, Privilege, System, SystemId,
    SystemKind, Text, Touches,
};
use countersign::report::CoverageMarkdown;
use countersign::rollout::{GoLive, Operation, StaleDays};
use countersign::{Summary, UnixTime};

countersign_nostd::program!(run);

fn run() -> Result<(), i32> {
    let name = |text| Text::new(text).map_err(|_| 1);
    let day = |text| Date::parse(text).map_err(|_| 2);
    let (dana, claims) = (PersonId::new("dana"), SystemId::new("claims"));
    let (dana, claims) = (dana.map_err(|_| 3)?, claims.map_err(|_| 4)?);

    let mut operation = Operation::new(name("Acme Billing")?, UtcOffset::UTC, StaleDays::THIRTY);
    let person = Person {
        id: dana.clone(),
        name: name("Dana")?,
        privilege: Privilege::Staff,
        duties: Vec::new(),
        employment: Employment::Current { from: day("2026-01-05")? },
        trained_on: None,
        clients: Vec::new(),
    };
    operation.add_person(person).map_err(|_| 5)?;
    let system = System {
        id: claims.clone(),
        name: name("Claims")?,
        kind: SystemKind::PracticeManagement,
        enforcement: Enforcement::Enforced,
        internet_facing: true,
        touches: Touches { claims: true, patient_information: true, payer_communication: false },
        support: None,
    };
    operation.add_system(system).map_err(|_| 6)?;
    let kind = LoginKind::Personal;
    let login = Login { person: dana, system: claims.clone(), kind, attestation: None };
    operation.add_login(login).map_err(|_| 7)?;
    let go_live = GoLive::new(day("2026-03-02")?, day("2026-02-02")?).ok_or(8)?;
    operation.set_go_live(&claims, go_live).map_err(|_| 9)?;

    let nothing = |_: &PersonId| Some(Summary::default());
    let report = Coverage::new(&operation, &nothing, UnixTime::from_secs(1_800_000_000));
    if (report.asked(), report.open()) != (1, 1) {
        return Err(10);
    }
    if !CoverageMarkdown(&report).to_string().contains("Dana") {
        return Err(11);
    }
    let json = serde_json::to_string(&report).map_err(|_| 12)?;
    if json.contains("\"dana\"") { Ok(()) } else { Err(13) }
}
