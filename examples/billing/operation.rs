//! Reads an operation from a file that a person writes: TOML, one table for each thing.
//!
//! The reader is as strict as the library: a key it does not know, a day the calendar does not
//! have, a second spelling or a record that contradicts another is an error with its line. Facts
//! that forbid something must be written down: `until = "present"` for somebody employed,
//! `status = "open"` for a gap, and every number that a missing line could raise. So a line that
//! gets lost is an error or closes something; it never opens anything.

use std::fmt;
use std::ops::Range;

use countersign::{Method, UnixTime};
use countersign_billing::date::{Date, UtcOffset};
use countersign_billing::gap::{
    CompensatingControl, CompensatingControlKind, FdaDevice, Gap, GapKind, GapResolution,
    GapReview, NewGap, ReviewMonths, VendorAnswer, VendorContact, WrittenChannel,
};
use countersign_billing::inventory::{
    Attestation, BillingData, Client, ClientId, Duty, Employment, Enforcement, GapId, Login,
    LoginKind, OfferedFactor, Person, PersonId, Privilege, SupportRecord, System, SystemId,
    SystemKind, TextLine,
};
use countersign_billing::rollout::{
    CompletedTask, GoLive, Grace, OffboardingTask, Practice, PracticeError, StaleDays,
};
use serde::Deserialize;
use toml::value::{Datetime, Offset};
use toml::{Spanned, Value};

/// The longest file that is read: no operation needs a megabyte.
const LONGEST: usize = 1 << 20;

/// What is wrong with a file, and in which line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, in one line.
    pub what: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for FileError {}

/// Reads an operation.
///
/// # Errors
/// The first thing that is wrong, with its line.
pub fn parse(text: &str) -> Result<Practice, FileError> {
    if text.len() > LONGEST {
        return Err(FileError { line: 1, what: "the file is longer than a megabyte".into() });
    }
    let file: File = toml::from_str(text).map_err(|error| FileError {
        line: line_at(text, error.span().unwrap_or_default().start),
        what: error.message().lines().collect::<Vec<_>>().join("; "),
    })?;
    file.read(&Place { text })
}

fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    before.filter(|byte| **byte == b'\n').count() + 1
}

/// Where in the file something stands, for errors.
struct Place<'t> {
    text: &'t str,
}

impl Place<'_> {
    fn error(&self, span: Range<usize>, what: impl fmt::Display) -> FileError {
        FileError { line: line_at(self.text, span.start), what: what.to_string() }
    }

    /// The value of `make`, or its error with the line of `at`.
    fn of<T, U, E: fmt::Display>(
        &self,
        at: &Spanned<T>,
        make: impl FnOnce(&T) -> Result<U, E>,
    ) -> Result<U, FileError> {
        make(at.get_ref()).map_err(|error| self.error(at.span(), error))
    }

    fn text(&self, at: &Spanned<String>) -> Result<TextLine, FileError> {
        self.of(at, |text| TextLine::new(text))
    }

    fn person(&self, at: &Spanned<String>) -> Result<PersonId, FileError> {
        self.of(at, |text| PersonId::new(text))
    }

    fn people(&self, all: &[Spanned<String>]) -> Result<Vec<PersonId>, FileError> {
        all.iter().map(|at| self.person(at)).collect()
    }

    fn system(&self, at: &Spanned<String>) -> Result<SystemId, FileError> {
        self.of(at, |text| SystemId::new(text))
    }

    fn client(&self, at: &Spanned<String>) -> Result<ClientId, FileError> {
        self.of(at, |text| ClientId::new(text))
    }

    /// A bare TOML date: no time, no offset.
    fn date(&self, at: &Spanned<Datetime>) -> Result<Date, FileError> {
        self.of(at, |written| match written {
            Datetime { date: Some(date), time: None, offset: None } => {
                Date::new(date.year, date.month, date.day).ok_or("a year before 1900")
            }
            _ => Err("a day is written YYYY-MM-DD, without a time"),
        })
    }

    fn dates(&self, at: &Option<Spanned<Datetime>>) -> Result<Option<Date>, FileError> {
        at.as_ref().map(|at| self.date(at)).transpose()
    }

    /// A TOML date and time; without its own offset it is in the operation's.
    fn moment(&self, at: &Spanned<Datetime>, local: UtcOffset) -> Result<UnixTime, FileError> {
        self.of(at, |written| {
            moment(written, local).ok_or("a moment is written YYYY-MM-DDTHH:MM:SS")
        })
    }

    /// One of a few words.
    fn word<T: Copy>(&self, at: &Spanned<String>, words: &[(&str, T)]) -> Result<T, FileError> {
        let found = words.iter().find(|(word, _)| *word == at.get_ref());
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.error(at.span(), format!("{:?} is none of {}", at.get_ref(), known.join(", ")))
        })
    }
}

fn moment(written: &Datetime, local: UtcOffset) -> Option<UnixTime> {
    let (date, time) = (written.date?, written.time?);
    let offset = match written.offset {
        None => local,
        Some(Offset::Z) => UtcOffset::UTC,
        Some(Offset::Custom { minutes }) => UtcOffset::from_minutes(minutes)?,
    };
    let date = Date::new(date.year, date.month, date.day)?;
    let seconds = u64::from(time.hour) * 3_600
        + u64::from(time.minute) * 60
        + u64::from(time.second.unwrap_or(0)).min(59);
    Some(offset.day_start(date).plus(seconds)).filter(|moment| moment.is_plausible())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    utc_offset: Spanned<String>,
    stale_after_days: Option<Spanned<u16>>,
    #[serde(default)]
    client: Vec<ClientTable>,
    #[serde(default)]
    person: Vec<PersonTable>,
    #[serde(default)]
    system: Vec<SystemTable>,
    #[serde(default)]
    grace: Vec<GraceTable>,
    #[serde(default)]
    gap: Vec<GapTable>,
    #[serde(default)]
    done: Vec<DoneTable>,
}

impl File {
    fn read(&self, place: &Place<'_>) -> Result<Practice, FileError> {
        let offset = place.of(&self.utc_offset, |text| UtcOffset::parse(text))?;
        let stale = self.stale_after_days.as_ref();
        let stale = stale
            .map(|at| place.of(at, |days| StaleDays::new(*days).ok_or("1 to 365 days")))
            .transpose()?
            .unwrap_or(StaleDays::THIRTY);
        let mut operation = Practice::new(place.text(&self.name)?, offset, stale);
        for table in &self.client {
            let client = Client { id: place.client(&table.id)?, name: place.text(&table.name)? };
            place.of(&table.id, |_| operation.add_client(client))?;
        }
        for table in &self.person {
            let person = table.read(place, offset)?;
            place.of(&table.id, |_| operation.add_person(person))?;
        }
        for table in &self.system {
            let system = table.read(place)?;
            place.of(&table.id, |_| operation.add_system(system))?;
        }
        for table in &self.system {
            table.read_logins(place, &mut operation)?;
        }
        for table in &self.grace {
            table.read(place, &mut operation)?;
        }
        for table in &self.gap {
            let gap = table.read(place)?;
            operation.add_gap(gap).map_err(|refusal| place.error(table.at(&refusal), refusal))?;
        }
        for table in &self.done {
            table.read(place, &mut operation)?;
        }
        Ok(operation)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientTable {
    id: Spanned<String>,
    name: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonTable {
    id: Spanned<String>,
    name: Spanned<String>,
    privilege: Spanned<String>,
    #[serde(default)]
    duties: Vec<Spanned<String>>,
    employed: EmployedTable,
    trained_on: Option<Spanned<Datetime>>,
    #[serde(default)]
    clients: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmployedTable {
    from: Spanned<Datetime>,
    until: Spanned<Value>,
}

impl PersonTable {
    fn read(&self, place: &Place<'_>, offset: UtcOffset) -> Result<Person, FileError> {
        let privileges = [
            ("staff", Privilege::Staff),
            ("administrator", Privilege::Administrator),
            ("multi-client-administrator", Privilege::MultiClientAdministrator),
        ];
        let duties = [
            ("billing-manager", Duty::BillingManager),
            ("security-official", Duty::SecurityOfficial),
            ("systems-administrator", Duty::SystemsAdministrator),
        ];
        let duties = self.duties.iter().map(|at| place.word(at, &duties));
        Ok(Person {
            id: place.person(&self.id)?,
            name: place.text(&self.name)?,
            privilege: place.word(&self.privilege, &privileges)?,
            duties: duties.collect::<Result<_, _>>()?,
            employment: self.employed.read(place, offset)?,
            trained_on: place.dates(&self.trained_on)?,
            clients: self.clients.iter().map(|at| place.client(at)).collect::<Result<_, _>>()?,
        })
    }
}

impl EmployedTable {
    /// `until` is `"present"`, the last day, or the moment.
    fn read(&self, place: &Place<'_>, offset: UtcOffset) -> Result<Employment, FileError> {
        let from = place.date(&self.from)?;
        place.of(&self.until, |until| {
            let at = match until {
                Value::String(text) if text == "present" => {
                    return Ok(Employment::Current { from });
                }
                Value::Datetime(Datetime { date: Some(day), time: None, .. }) => {
                    let day = Date::new(day.year, day.month, day.day);
                    day.map(|day| offset.day_end(day).plus(1)) // the last day still counts
                }
                Value::Datetime(written) => moment(written, offset),
                _ => None,
            };
            let at = at.ok_or("until is \"present\", the last day, or a moment")?;
            Ok::<_, &str>(Employment::Ended { from, at })
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SystemTable {
    id: Spanned<String>,
    name: Spanned<String>,
    kind: Spanned<String>,
    enforcement: Spanned<String>,
    internet_facing: bool,
    touches: Vec<Spanned<String>>,
    support: Option<SupportTable>,
    go_live: Option<GoLiveTable>,
    #[serde(default)]
    logins: Vec<Spanned<String>>,
    #[serde(default)]
    shared_logins: Vec<Spanned<String>>,
    #[serde(default)]
    attested: Vec<AttestedTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SupportTable {
    offers: Spanned<String>,
    seen_on: Spanned<Datetime>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoLiveTable {
    on: Spanned<Datetime>,
    announced_on: Spanned<Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttestedTable {
    person: Spanned<String>,
    method: Spanned<String>,
    seen_on: Spanned<Datetime>,
    by: Spanned<String>,
}

impl SystemTable {
    fn read(&self, place: &Place<'_>) -> Result<System, FileError> {
        let kinds = SystemKind::ALL.map(|kind| (kind.name(), kind));
        let enforcements =
            [("attested", Enforcement::Attested), ("enforced", Enforcement::Enforced)];
        let offers = [
            OfferedFactor::Unknown,
            OfferedFactor::NoMfa,
            OfferedFactor::SmsOnly,
            OfferedFactor::App,
            OfferedFactor::PhishingResistant,
        ]
        .map(|offer| (offer.name(), offer));
        let mut touches = BillingData::default();
        for at in &self.touches {
            let words = [("claims", 0), ("patient-information", 1), ("payer-communication", 2)];
            match place.word(at, &words)? {
                0 => touches.claims = true,
                1 => touches.patient_information = true,
                _ => touches.payer_communication = true,
            }
        }
        let support = self.support.as_ref().map(|table| {
            Ok(SupportRecord {
                offer: place.word(&table.offers, &offers)?,
                seen_on: place.date(&table.seen_on)?,
                source: place.text(&table.source)?,
            })
        });
        Ok(System {
            id: place.system(&self.id)?,
            name: place.text(&self.name)?,
            kind: place.word(&self.kind, &kinds)?,
            enforcement: place.word(&self.enforcement, &enforcements)?,
            internet_facing: self.internet_facing,
            touches,
            support: support.transpose()?,
        })
    }

    fn read_logins(&self, place: &Place<'_>, operation: &mut Practice) -> Result<(), FileError> {
        let system = place.system(&self.id)?;
        // An administrator may type an SMS attestation; what it is worth is the report's matter.
        let methods = Method::ALL.map(|method| (method.name(), method));
        let personal = self.logins.iter().map(|at| (at, LoginKind::Personal));
        let shared = self.shared_logins.iter().map(|at| (at, LoginKind::Shared));
        for (at, kind) in personal.chain(shared) {
            let mut seen =
                self.attested.iter().filter(|seen| seen.person.get_ref() == at.get_ref());
            let (first, second) = (seen.next(), seen.next());
            if let Some(second) = second {
                return Err(place.error(second.person.span(), "attested twice"));
            }
            let attestation = first.map(|table| {
                Ok(Attestation {
                    method: place.word(&table.method, &methods)?,
                    seen_on: place.date(&table.seen_on)?,
                    by: place.person(&table.by)?,
                })
            });
            let login = Login {
                person: place.person(at)?,
                system: system.clone(),
                kind,
                attestation: attestation.transpose()?,
            };
            place.of(first.map_or(at, |seen| &seen.by), |_| operation.add_login(login))?;
        }
        for seen in &self.attested {
            let has_login = self.logins.iter().chain(&self.shared_logins);
            if !has_login.map(Spanned::get_ref).any(|person| person == seen.person.get_ref()) {
                return Err(place.error(seen.person.span(), "attested without a login"));
            }
        }
        if let Some(table) = &self.go_live {
            let (on, announced_on) = (place.date(&table.on)?, place.date(&table.announced_on)?);
            let go_live = GoLive::new(on, announced_on).ok_or_else(|| {
                place.error(table.announced_on.span(), "announced after the date itself")
            })?;
            place.of(&table.on, |_| operation.set_go_live(&system, go_live))?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GraceTable {
    person: Spanned<String>,
    system: Spanned<String>,
    until: Spanned<Datetime>,
}

impl GraceTable {
    /// The last day is written; the grace ends with it.
    fn read(&self, place: &Place<'_>, operation: &mut Practice) -> Result<(), FileError> {
        let (person, system) = (place.person(&self.person)?, place.system(&self.system)?);
        let until = operation.offset().day_end(place.date(&self.until)?).plus(1);
        place.of(&self.until, |_| operation.add_grace(&system, &person, Grace::restore(until)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GapTable {
    id: Spanned<String>,
    system: Spanned<String>,
    status: Spanned<String>,
    kind: Spanned<String>,
    migration_plan: Option<Spanned<String>>,
    migrate_by: Option<Spanned<Datetime>>,
    emergency_from: Option<Spanned<Datetime>>,
    emergency_until: Option<Spanned<Datetime>>,
    fda_device: Option<Spanned<String>>,
    found: Spanned<Datetime>,
    reason: Spanned<String>,
    owner: Spanned<String>,
    named_users: Vec<Spanned<String>>,
    review_every_months: Spanned<u8>,
    controls: Vec<ControlTable>,
    #[serde(default)]
    vendor: Vec<VendorTable>,
    #[serde(default)]
    approved: Vec<ApprovedTable>,
    #[serde(default)]
    reviewed: Vec<ReviewedTable>,
    #[serde(default)]
    sms_notice_read: Vec<NoticeTable>,
    closed: Option<ClosedTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlTable {
    kind: Spanned<String>,
    what: Option<Spanned<String>>,
    since: Spanned<Datetime>,
    evidence: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VendorTable {
    asked_on: Spanned<Datetime>,
    asked_by: Spanned<String>,
    channel: Spanned<String>,
    answered_on: Option<Spanned<Datetime>>,
    answer: Option<Spanned<String>>,
    available_on: Option<Spanned<Datetime>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovedTable {
    by: Spanned<String>,
    on: Spanned<Datetime>,
    until: Spanned<Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReviewedTable {
    by: Spanned<String>,
    on: Spanned<Datetime>,
    finding: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeTable {
    person: Spanned<String>,
    on: Spanned<Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClosedTable {
    on: Spanned<Datetime>,
    by: Spanned<String>,
    to: Option<Spanned<String>>,
}

impl GapTable {
    fn read(&self, place: &Place<'_>) -> Result<Gap, FileError> {
        let months = place.of(&self.review_every_months, |months| {
            ReviewMonths::new(*months).ok_or("a gap is reviewed every 1 to 12 months")
        });
        let opening = NewGap {
            id: place.of(&self.id, |text| GapId::new(text))?,
            system: place.system(&self.system)?,
            kind: self.kind(place)?,
            identified_on: place.date(&self.found)?,
            reason: place.text(&self.reason)?,
            controls: self.controls.iter().map(|it| it.read(place)).collect::<Result<_, _>>()?,
            named_users: place.people(&self.named_users)?,
            owner: place.person(&self.owner)?,
            review_every: months?,
        };
        let mut gap = place.of(&self.id, |_| Gap::open(opening))?;
        for table in &self.vendor {
            let contact = table.read(place)?;
            place.of(&table.asked_on, |_| gap.ask_vendor(contact))?;
        }
        for table in &self.approved {
            let (by, on) = (place.person(&table.by)?, place.date(&table.on)?);
            let until = place.date(&table.until)?;
            place.of(&table.by, |_| gap.approve(by, on, until))?;
        }
        for table in &self.reviewed {
            let (by, on) = (place.person(&table.by)?, place.date(&table.on)?);
            let finding = place.text(&table.finding)?;
            place.of(&table.on, |_| gap.review(GapReview { on, by, finding }))?;
        }
        for table in &self.sms_notice_read {
            let (person, on) = (place.person(&table.person)?, place.date(&table.on)?);
            place.of(&table.person, |_| gap.acknowledge_sms(person, on))?;
        }
        let is_closed = place.word(&self.status, &[("open", false), ("closed", true)])?;
        match (&self.closed, is_closed) {
            (Some(table), true) => {
                let (on, how) = (place.date(&table.on)?, table.how(place)?);
                place.of(&table.on, |_| gap.close(how, on))?;
            }
            (None, false) => {}
            _ => {
                let what = "status is \"closed\" exactly when `closed` says how";
                return Err(place.error(self.status.span(), what));
            }
        }
        Ok(gap)
    }

    /// Where in the table the thing stands that was refused.
    fn at(&self, refusal: &PracticeError) -> Range<usize> {
        let person = match refusal {
            PracticeError::NoException(person)
            | PracticeError::NoLogin { person, .. }
            | PracticeError::UnknownPerson(person) => person,
            PracticeError::SupportSaysOtherwise { .. } => return self.kind.span(),
            PracticeError::UnknownSystem(_) => return self.system.span(),
            _ => return self.id.span(),
        };
        let people = self.named_users.iter().chain([&self.owner]);
        let people = people.chain(self.approved.iter().map(|signed| &signed.by));
        let people = people.chain(self.reviewed.iter().map(|looked| &looked.by));
        let mut people = people.chain(self.vendor.iter().map(|asked| &asked.asked_by));
        let found = people.find(|at| at.get_ref() == person.as_str());
        found.unwrap_or(&self.id).span()
    }

    fn kind(&self, place: &Place<'_>) -> Result<GapKind, FileError> {
        let needs = |what: &str| {
            let kind = self.kind.get_ref();
            place.error(self.kind.span(), format!("a gap of kind {kind:?} needs `{what}`"))
        };
        let words = [
            ("no-mfa", 0),
            ("sms-only", 1),
            ("shared-login-platform", 2),
            ("proposed-unsupported-asset", 3),
            ("proposed-emergency", 4),
            ("proposed-fda-device", 5),
        ];
        Ok(match place.word(&self.kind, &words)? {
            0 => GapKind::NoMfa,
            1 => GapKind::SmsOnly,
            2 => GapKind::SharedLoginPlatform,
            3 => {
                let plan = self.migration_plan.as_ref().ok_or_else(|| needs("migration_plan"))?;
                let by = place.dates(&self.migrate_by)?.ok_or_else(|| needs("migrate_by"))?;
                GapKind::ProposedUnsupportedAsset {
                    migration_plan: place.text(plan)?,
                    migrate_by: by,
                }
            }
            4 => GapKind::ProposedEmergency {
                from: place.dates(&self.emergency_from)?.ok_or_else(|| needs("emergency_from"))?,
                until: place
                    .dates(&self.emergency_until)?
                    .ok_or_else(|| needs("emergency_until"))?,
            },
            _ => {
                let device = self.fda_device.as_ref().ok_or_else(|| needs("fda_device"))?;
                let devices = [
                    ("submitted-before-march-2023", FdaDevice::SubmittedBeforeMarch2023),
                    ("no-longer-supported", FdaDevice::NoLongerSupported),
                ];
                GapKind::ProposedFdaDevice(place.word(device, &devices)?)
            }
        })
    }
}

impl ControlTable {
    fn read(&self, place: &Place<'_>) -> Result<CompensatingControl, FileError> {
        let words = [
            ("password-manager", 0),
            ("named-users-only", 1),
            ("access-log-review", 2),
            ("other", 3),
        ];
        let kind = match (place.word(&self.kind, &words)?, &self.what) {
            (0, None) => CompensatingControlKind::PasswordManager,
            (1, None) => CompensatingControlKind::NamedUsersOnly,
            (2, None) => CompensatingControlKind::AccessLogReview,
            (3, Some(what)) => CompensatingControlKind::Other(place.text(what)?),
            _ => {
                let what = "`what` says what it is, for the kind \"other\" and only there";
                return Err(place.error(self.kind.span(), what));
            }
        };
        let (since, evidence) = (place.date(&self.since)?, place.text(&self.evidence)?);
        Ok(CompensatingControl { kind, since, evidence })
    }
}

impl VendorTable {
    fn read(&self, place: &Place<'_>) -> Result<VendorContact, FileError> {
        let channels = [
            ("email", WrittenChannel::Email),
            ("letter", WrittenChannel::Letter),
            ("ticket", WrittenChannel::Ticket),
        ];
        let answer = match (&self.answered_on, &self.answer, &self.available_on) {
            (Some(on), Some(words), available_on) => Some(VendorAnswer {
                on: place.date(on)?,
                words: place.text(words)?,
                available_on: place.dates(available_on)?,
            }),
            (None, None, None) => None,
            _ => {
                let what = "an answer has both `answered_on` and `answer`";
                return Err(place.error(self.asked_on.span(), what));
            }
        };
        Ok(VendorContact {
            asked_on: place.date(&self.asked_on)?,
            asked_by: place.person(&self.asked_by)?,
            channel: place.word(&self.channel, &channels)?,
            answer,
        })
    }
}

impl ClosedTable {
    fn how(&self, place: &Place<'_>) -> Result<GapResolution, FileError> {
        match (place.word(&self.by, &[("support", false), ("migration", true)])?, &self.to) {
            (false, None) => Ok(GapResolution::Support),
            (true, Some(to)) => Ok(GapResolution::Migration { to: place.text(to)? }),
            _ => {
                let what = "`to` says where the work went, for a migration and only there";
                Err(place.error(self.by.span(), what))
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DoneTable {
    leaver: Spanned<String>,
    task: Spanned<String>,
    system: Option<Spanned<String>>,
    client: Option<Spanned<String>>,
    by: Spanned<String>,
    at: Spanned<Datetime>,
}

impl DoneTable {
    fn read(&self, place: &Place<'_>, operation: &mut Practice) -> Result<(), FileError> {
        let words = [("remove-login", 0), ("change-shared-password", 1), ("notify-client", 2)];
        let task = match (place.word(&self.task, &words)?, &self.system, &self.client) {
            (0, Some(system), None) => OffboardingTask::RemoveLogin(place.system(system)?),
            (1, Some(system), None) => OffboardingTask::ChangeSharedPassword(place.system(system)?),
            (2, None, Some(client)) => OffboardingTask::NotifyClient(place.client(client)?),
            _ => {
                let what = "a login or password names its `system`, a notice its `client`";
                return Err(place.error(self.task.span(), what));
            }
        };
        let completed = CompletedTask {
            leaver: place.person(&self.leaver)?,
            task,
            by: place.person(&self.by)?,
            at: place.moment(&self.at, operation.offset())?,
        };
        operation.add_completed_task(completed).map_err(|refusal| {
            let at = match &refusal {
                PracticeError::NoSuchTask => self.system.as_ref().or(self.client.as_ref()),
                PracticeError::NotTheirs(_) => Some(&self.by),
                PracticeError::UnknownPerson(person) if person.as_str() == self.by.get_ref() => {
                    Some(&self.by)
                }
                _ => None,
            };
            place.error(at.unwrap_or(&self.leaver).span(), refusal)
        })
    }
}
