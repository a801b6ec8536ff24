//! `[[gap]]`, with what was asked, signed, reviewed and read.

use std::ops::Range;

use countersign_billing::date::Date;
use countersign_billing::gap::{
    CompensatingControl, CompensatingControlKind, FdaDevice, Gap, GapKind, GapResolution,
    GapReview, NewGap, ReviewMonths, VendorAnswer, VendorContact, WrittenChannel,
};
use countersign_billing::inventory::GapId;
use countersign_billing::rollout::PracticeError;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::other::is_day;
use super::place::{Place, all_of};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GapTable {
    pub id: Spanned<String>,
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
    pub fn read(&self, place: &Place<'_>) -> Option<Gap> {
        let months = place.of(&self.review_every_months, |months| {
            ReviewMonths::new(*months).ok_or("a gap is reviewed every 1 to 12 months")
        });
        let id = place.of(&self.id, |text| GapId::new(text));
        let (system, kind) = (place.system(&self.system), self.kind(place));
        let (found, reason) = (place.date(&self.found), place.text(&self.reason));
        let controls = all_of(self.controls.iter().map(|table| table.read(place)));
        let (users, owner) = (place.people(&self.named_users), place.person(&self.owner));
        let is_closed = place.word(&self.status, &[("open", false), ("closed", true)]);
        let opening = NewGap {
            id: id?,
            system: system?,
            kind: kind?,
            identified_on: found?,
            reason: reason?,
            controls: controls?,
            named_users: users?,
            owner: owner?,
            review_every: months?,
        };
        let mut gap = place.of(&self.id, |_| Gap::open(opening))?;
        let entries = self.read_entries(place, &mut gap);
        let closed = self.read_closing(place, &mut gap, is_closed?);
        (entries.is_some() && closed.is_some()).then_some(gap)
    }

    /// Questions, signatures, reviews and readers of the notice; each is read, so that each error is
    /// found.
    fn read_entries(&self, place: &Place<'_>, gap: &mut Gap) -> Option<()> {
        let mut read = Vec::new();
        for table in &self.vendor {
            let contact = table.read(place);
            read.push(contact.and_then(|it| place.of(&table.asked_on, |_| gap.ask_vendor(it))));
        }
        for table in &self.approved {
            let (by, on, until) =
                (place.person(&table.by), place.date(&table.on), place.date(&table.until));
            let (Some(by), Some(on), Some(until)) = (by, on, until) else {
                read.push(None);
                continue;
            };
            read.push(place.of(&table.by, |_| gap.approve(by, on, until)));
        }
        for table in &self.reviewed {
            let (by, on, finding) =
                (place.person(&table.by), place.date(&table.on), place.text(&table.finding));
            let (Some(by), Some(on), Some(finding)) = (by, on, finding) else {
                read.push(None);
                continue;
            };
            read.push(place.of(&table.on, |_| gap.review(GapReview { on, by, finding })));
        }
        for table in &self.sms_notice_read {
            let (Some(person), Some(on)) = (place.person(&table.person), place.date(&table.on))
            else {
                read.push(None);
                continue;
            };
            read.push(place.of(&table.person, |_| gap.acknowledge_sms(person, on)));
        }
        read.into_iter().collect()
    }

    fn read_closing(&self, place: &Place<'_>, gap: &mut Gap, is_closed: bool) -> Option<()> {
        match (&self.closed, is_closed) {
            (Some(table), true) => {
                let (on, how) = (place.date(&table.on), table.how(place));
                let (on, how) = (on?, how?);
                place.of(&table.on, |_| gap.close(how, on))
            }
            (None, false) => Some(()),
            _ => {
                let what = "status is \"closed\" exactly when `closed` says how";
                place.refuse(self.status.span(), what);
                None
            }
        }
    }

    /// Where in the table the thing stands that was refused.
    pub fn at(&self, refusal: &PracticeError) -> Range<usize> {
        let person = match refusal {
            PracticeError::NoException(person)
            | PracticeError::NoLogin { person, .. }
            | PracticeError::UnknownPerson(person) => person,
            PracticeError::NothingShared(_) | PracticeError::SupportSaysOtherwise { .. } => {
                return self.kind.span();
            }
            PracticeError::UnknownSystem(_) => return self.system.span(),
            PracticeError::SeenLater { .. } => return self.found.span(),
            PracticeError::Ahead(on) => {
                let mut facts = self.facts();
                return facts
                    .find(|(_, at)| is_day(at, *on))
                    .map_or(self.id.span(), |it| it.1.span());
            }
            PracticeError::NotEmployedThen { person, on } => {
                let mut facts = self.facts().filter_map(|(by, at)| Some((by?, at)));
                let found =
                    facts.find(|(by, at)| by.get_ref() == person.as_str() && is_day(at, *on));
                return found.map_or(self.id.span(), |(by, _)| by.span());
            }
            _ => return self.id.span(),
        };
        let people = self.named_users.iter().chain([&self.owner]);
        let people = people.chain(self.approved.iter().map(|signed| &signed.by));
        let people = people.chain(self.reviewed.iter().map(|looked| &looked.by));
        let mut people = people.chain(self.vendor.iter().map(|asked| &asked.asked_by));
        let found = people.find(|at| at.get_ref() == person.as_str());
        found.unwrap_or(&self.id).span()
    }

    /// Everything that happened, with who did it.
    fn facts(&self) -> impl Iterator<Item = (Option<&Spanned<String>>, &Spanned<Datetime>)> {
        let asked = self.vendor.iter().map(|it| (Some(&it.asked_by), &it.asked_on));
        let answers = self.vendor.iter().filter_map(|it| Some((None, it.answered_on.as_ref()?)));
        let signed = self.approved.iter().map(|it| (Some(&it.by), &it.on));
        let reviewed = self.reviewed.iter().map(|it| (Some(&it.by), &it.on));
        let read = self.sms_notice_read.iter().map(|it| (Some(&it.person), &it.on));
        let closed = self.closed.iter().map(|it| (None, &it.on));
        let found = [(None, &self.found)].into_iter();
        let controls = self.controls.iter().map(|it| (None, &it.since));
        found
            .chain(controls)
            .chain(asked)
            .chain(answers)
            .chain(signed)
            .chain(reviewed)
            .chain(read)
            .chain(closed)
    }

    /// Where a person is said to have worked on a day.
    pub fn sight(&self, person: &str, on: Date) -> Option<Range<usize>> {
        let mut read = self.sms_notice_read.iter().filter(|it| it.person.get_ref() == person);
        let read = read.find(|it| is_day(&it.on, on)).map(|it| it.on.span());
        let named = self.named_users.iter().any(|at| at.get_ref() == person);
        read.or((named && is_day(&self.found, on)).then(|| self.found.span()))
    }

    fn kind(&self, place: &Place<'_>) -> Option<GapKind> {
        let needs = |what: &str| {
            let kind = self.kind.get_ref();
            place.refuse(self.kind.span(), format!("a gap of kind {kind:?} needs `{what}`"));
        };
        let day = |at: &Option<Spanned<Datetime>>, what: &str| match at {
            Some(at) => place.date(at),
            None => {
                needs(what);
                None
            }
        };
        let word = |at: &Option<Spanned<String>>, what: &str| {
            if at.is_none() {
                needs(what);
            }
            at.clone()
        };
        let words = [
            ("no-mfa", 0),
            ("sms-only", 1),
            ("shared-login-platform", 2),
            ("proposed-unsupported-asset", 3),
            ("proposed-emergency", 4),
            ("proposed-fda-device", 5),
        ];
        Some(match place.word(&self.kind, &words)? {
            0 => GapKind::NoMfa,
            1 => GapKind::SmsOnly,
            2 => GapKind::SharedLoginPlatform,
            3 => {
                let plan = word(&self.migration_plan, "migration_plan");
                let migrate_by = day(&self.migrate_by, "migrate_by");
                let migration_plan = place.text(&plan?)?;
                GapKind::ProposedUnsupportedAsset { migration_plan, migrate_by: migrate_by? }
            }
            4 => {
                let from = day(&self.emergency_from, "emergency_from");
                let until = day(&self.emergency_until, "emergency_until");
                GapKind::ProposedEmergency { from: from?, until: until? }
            }
            _ => {
                let device = word(&self.fda_device, "fda_device")?;
                let devices = [
                    ("submitted-before-march-2023", FdaDevice::SubmittedBeforeMarch2023),
                    ("no-longer-supported", FdaDevice::NoLongerSupported),
                ];
                GapKind::ProposedFdaDevice(place.word(&device, &devices)?)
            }
        })
    }
}

impl ControlTable {
    fn read(&self, place: &Place<'_>) -> Option<CompensatingControl> {
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
                place.refuse(self.kind.span(), what);
                return None;
            }
        };
        let (since, evidence) = (place.date(&self.since), place.text(&self.evidence));
        Some(CompensatingControl { kind, since: since?, evidence: evidence? })
    }
}

impl VendorTable {
    fn read(&self, place: &Place<'_>) -> Option<VendorContact> {
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
                place.refuse(self.asked_on.span(), what);
                return None;
            }
        };
        Some(VendorContact {
            asked_on: place.date(&self.asked_on)?,
            asked_by: place.person(&self.asked_by)?,
            channel: place.word(&self.channel, &channels)?,
            answer,
        })
    }
}

impl ClosedTable {
    fn how(&self, place: &Place<'_>) -> Option<GapResolution> {
        match (place.word(&self.by, &[("support", false), ("migration", true)])?, &self.to) {
            (false, None) => Some(GapResolution::Support),
            (true, Some(to)) => Some(GapResolution::Migration { to: place.text(to)? }),
            _ => {
                let what = "`to` says where the work went, for a migration and only there";
                place.refuse(self.by.span(), what);
                None
            }
        }
    }
}
