//! What cannot have a second factor yet, what is done instead, and when somebody looks again.
//!
//! Standard: 45 CFR 164.306(d)(3) (reasons and equivalent measures in writing), 164.308(a)(1)(ii)
//! (B) (risk management); NIST SP 800-63B-4 section 3.2.9 (a restricted authenticator needs notice,
//! an alternative and a plan to leave it). The three `Proposed` kinds and the ceiling of twelve
//! months follow the proposed 164.312(f) (90 FR 898), which is **not in force**.
//!
//! A gap is not an exemption. It has an owner, a reason, controls, names, a question put to the
//! vendor in writing, an approver who is not the owner, an end and a date to look again; it closes
//! because the system supports a factor or because the work moved elsewhere, and never by age. What
//! has lapsed or is overdue for review stays open in the register and excuses nobody.

use std::collections::BTreeSet;
use std::fmt;

use crate::date::Date;
use crate::inventory::{GapId, PersonId, SystemId, TextLine};

mod parts;

pub use parts::*;

/// What a restricted factor means for the one who uses it: shown to every user of SMS codes and
/// acknowledged by name (NIST SP 800-63B-4 section 3.2.9).
pub const SMS_NOTICE: &str = "Codes by SMS are better than a password alone and weaker than every \
other second factor: whoever takes over the phone number, the SIM or the messages on the way \
receives them. They are taken here only because this system offers nothing stronger, and only \
until it does";

/// Where a gap stands on a day. Only [`GapState::Standing`] excuses anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum GapState {
    /// Closed by support or migration.
    Closed {
        /// When.
        on: Date,
    },
    /// Open, approved and reviewed in time; a control that it needs is not there, or the vendor was not
    /// asked in writing.
    Incomplete,
    /// Open; the last day of its approval, its migration or its emergency is over.
    Lapsed {
        /// The last day it counted.
        on: Date,
    },
    /// Open; an exception of a proposed rule, which excuses nothing while the rule is not in force.
    NotInForce,
    /// Open; the review is overdue.
    ReviewOverdue {
        /// When it was due.
        due: Date,
    },
    /// Open, approved and reviewed in time.
    Standing {
        /// When somebody must look again.
        review_due: Date,
    },
    /// Open; no person who may sign has signed, or it was not yet found.
    Unapproved,
}

impl GapState {
    /// What it says in a report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            GapState::Closed { .. } => "closed",
            GapState::Incomplete => "incomplete",
            GapState::Lapsed { .. } => "lapsed",
            GapState::NotInForce => "not in force",
            GapState::ReviewOverdue { .. } => "review overdue",
            GapState::Standing { .. } => "standing",
            GapState::Unapproved => "not approved",
        }
    }
}

/// One entry of the gap register.
///
/// ```
/// use countersign_billing::date::Date;
/// use countersign_billing::gap::{
///     CompensatingControl, CompensatingControlKind, Gap, GapKind, NewGap, ReviewMonths,
/// };
/// use countersign_billing::inventory::{GapId, PersonId, SystemId, TextLine};
///
/// let found = Date::parse("2026-08-31")?;
/// let mut gap = Gap::open(NewGap {
///     id: GapId::new("g1")?,
///     system: SystemId::new("county-portal")?,
///     kind: GapKind::NoMfa,
///     identified_on: found,
///     reason: TextLine::new("The portal asks for a password and nothing else.")?,
///     controls: vec![CompensatingControl {
///         kind: CompensatingControlKind::PasswordManager,
///         since: found,
///         evidence: TextLine::new("Vault entry 'County portal', 28 characters.")?,
///     }],
///     named_users: vec![PersonId::new("dana")?],
///     owner: PersonId::new("ruth")?,
///     review_every: ReviewMonths::SIX,
/// })?;
/// assert!(gap.is_open(found));
/// assert!(gap.approve(PersonId::new("ruth")?, found, found.plus_months(12)).is_err());
/// gap.approve(PersonId::new("omar")?, found, found.plus_months(12))?;
/// assert_eq!(gap.review_due(found).to_string(), "2027-02-28");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Gap {
    id: GapId,
    system: SystemId,
    kind: GapKind,
    identified_on: Date,
    reason: TextLine,
    controls: Vec<CompensatingControl>,
    named_users: Vec<PersonId>,
    names: BTreeSet<PersonId>,
    owner: PersonId,
    review_every: ReviewMonths,
    contacts: Vec<VendorContact>,
    approvals: Vec<GapApproval>,
    reviews: Vec<GapReview>,
    acknowledgements: Vec<SmsAcknowledgement>,
    closing: Option<GapClosure>,
}

impl Gap {
    /// The longest that one approval counts, in calendar months.
    pub const LONGEST_APPROVAL_MONTHS: u32 = 12;

    /// Opens a gap. It excuses nothing until a person who may sign has approved it.
    ///
    /// # Errors
    /// [`GapError::NoControls`], [`GapError::NoNamedUsers`], [`GapError::NamedTwice`],
    /// [`GapError::Backwards`] for an emergency that ends before it starts and a migration that is
    /// over before the gap is found.
    pub fn open(opening: NewGap) -> Result<Gap, GapError> {
        let NewGap {
            id,
            system,
            kind,
            identified_on,
            reason,
            controls,
            named_users,
            owner,
            review_every,
        } = opening;
        if controls.is_empty() {
            return Err(GapError::NoControls);
        }
        if named_users.is_empty() {
            return Err(GapError::NoNamedUsers);
        }
        let mut names = BTreeSet::new();
        for user in &named_users {
            if !names.insert(user.clone()) {
                return Err(GapError::NamedTwice(user.clone()));
            }
        }
        match &kind {
            GapKind::ProposedEmergency { from, until } if until < from => {
                return Err(GapError::Backwards);
            }
            GapKind::ProposedUnsupportedAsset { migrate_by, .. } if *migrate_by < identified_on => {
                return Err(GapError::Backwards);
            }
            _ => {}
        }
        Ok(Gap {
            id,
            system,
            kind,
            identified_on,
            reason,
            controls,
            named_users,
            names,
            owner,
            review_every,
            contacts: Vec::new(),
            approvals: Vec::new(),
            reviews: Vec::new(),
            acknowledgements: Vec::new(),
            closing: None,
        })
    }

    /// Signs it until `until`. Signing again later is how it goes on; an earlier signature never
    /// counts for longer because a later one is lost.
    ///
    /// # Errors
    /// [`GapError::ApproverIsOwner`]; [`GapError::Backwards`] before the gap was found or to a day
    /// already over; [`GapError::TooLate`] for more than twelve calendar months.
    pub fn approve(&mut self, by: PersonId, on: Date, until: Date) -> Result<(), GapError> {
        self.still_open()?;
        if by == self.owner {
            return Err(GapError::ApproverIsOwner);
        }
        if on < self.identified_on || until < on {
            return Err(GapError::Backwards);
        }
        if until > on.plus_months(Self::LONGEST_APPROVAL_MONTHS) {
            return Err(GapError::TooLate);
        }
        self.approvals.push(GapApproval { by, on, until });
        Ok(())
    }

    /// Records a look at it; the next one is due [`ReviewMonths`] later.
    ///
    /// # Errors
    /// [`GapError::Backwards`] before the gap was found or before the last review.
    pub fn review(&mut self, review: GapReview) -> Result<(), GapError> {
        self.still_open()?;
        let last = self.reviews.last().map_or(self.identified_on, |last| last.on);
        if review.on < last {
            return Err(GapError::Backwards);
        }
        self.reviews.push(review);
        Ok(())
    }

    /// Records a written question to the vendor.
    ///
    /// # Errors
    /// [`GapError::Backwards`] for an answer before its question.
    pub fn ask_vendor(&mut self, contact: VendorContact) -> Result<(), GapError> {
        self.still_open()?;
        if contact.answer.as_ref().is_some_and(|answer| answer.on < contact.asked_on) {
            return Err(GapError::Backwards);
        }
        self.contacts.push(contact);
        Ok(())
    }

    /// Records that a user of SMS codes has read [`SMS_NOTICE`]. Without it the gate takes no SMS
    /// from them.
    ///
    /// # Errors
    /// [`GapError::NotSms`] for a gap of another kind, [`GapError::NotNamed`] for anybody else than
    /// its named users.
    pub fn acknowledge_sms(&mut self, person: PersonId, on: Date) -> Result<(), GapError> {
        self.still_open()?;
        if self.kind != GapKind::SmsOnly {
            return Err(GapError::NotSms);
        }
        if !self.names.contains(&person) {
            return Err(GapError::NotNamed(person));
        }
        self.acknowledgements.push(SmsAcknowledgement { person, on });
        Ok(())
    }

    /// Closes it. The register keeps it; nothing opens it again.
    ///
    /// # Errors
    /// [`GapError::Backwards`] before the gap was found.
    pub fn close(&mut self, how: GapResolution, on: Date) -> Result<(), GapError> {
        self.still_open()?;
        if on < self.identified_on {
            return Err(GapError::Backwards);
        }
        self.closing = Some(GapClosure { on, how });
        Ok(())
    }

    fn still_open(&self) -> Result<(), GapError> {
        if self.closing.is_some() { Err(GapError::Closed) } else { Ok(()) }
    }

    /// When somebody must look again, seen from `on`: [`ReviewMonths`] after the last review up to
    /// that day, or after the gap was found.
    #[must_use]
    pub fn review_due(&self, on: Date) -> Date {
        let last = self.reviews.iter().map(|review| review.on).filter(|last| *last <= on).max();
        last.unwrap_or(self.identified_on).plus_months(u32::from(self.review_every.months()))
    }

    /// Where its own dates put it on a day, with the signatures that count. The day on which a review is
    /// due, an approval ends or an emergency ends still counts. Whether it excuses a person, the practice
    /// says: [`Practice::gap_state`](crate::rollout::Practice::gap_state).
    pub(crate) fn dated_state(&self, on: Date, counts: impl Fn(&GapApproval) -> bool) -> GapState {
        if let Some(closing) = self.closing.as_ref().filter(|closing| closing.on <= on) {
            return GapState::Closed { on: closing.on };
        }
        let signed = self.approvals.iter().filter(|approval| approval.on <= on && counts(approval));
        let Some(approved_until) = signed.map(|approval| approval.until).max() else {
            return GapState::Unapproved;
        };
        let last_day = match self.kind {
            GapKind::ProposedUnsupportedAsset { migrate_by, .. } => approved_until.min(migrate_by),
            GapKind::ProposedEmergency { from, .. } if on < from => return GapState::Unapproved,
            GapKind::ProposedEmergency { until, .. } => approved_until.min(until),
            _ => approved_until,
        };
        if last_day < on {
            return GapState::Lapsed { on: last_day };
        }
        let review_due = self.review_due(on);
        if review_due < on {
            return GapState::ReviewOverdue { due: review_due };
        }
        GapState::Standing { review_due }
    }

    /// Whether it is open on a day, excused or not.
    #[must_use]
    pub fn is_open(&self, on: Date) -> bool {
        let closed = self.closing.as_ref().is_some_and(|closing| closing.on <= on);
        self.identified_on <= on && !closed
    }

    /// Whether `person` has read the notice about SMS by a day.
    #[must_use]
    pub fn has_read_notice(&self, person: &PersonId, on: Date) -> bool {
        // Only a gap about SMS ever has a reader of the notice.
        let mut read = self.acknowledgements.iter().filter(|read| read.on <= on);
        read.any(|read| read.person == *person)
    }

    /// Whether the vendor was asked in writing by a day.
    #[must_use]
    pub fn is_asked(&self, on: Date) -> bool {
        self.contacts.iter().any(|contact| contact.asked_on <= on)
    }

    /// Which of the three controls for a portal without any second factor are missing on a day; none for
    /// other kinds. A control counts from the day since which it is there.
    pub fn missing_controls(&self, on: Date) -> impl Iterator<Item = CompensatingControlKind> {
        let needed = if self.kind == GapKind::NoMfa {
            &CompensatingControlKind::FOR_NO_MFA[..]
        } else {
            &[]
        };
        let there = move |needed: &CompensatingControlKind| {
            let mut there = self.controls.iter().filter(|control| control.since <= on);
            there.any(|control| control.kind == *needed)
        };
        needed.iter().filter(move |needed| !there(needed)).cloned()
    }

    /// Until the end of which day it must be kept: six years from the day it closed, or, while it
    /// is in effect, `None`: for ever so far.
    #[must_use]
    pub fn retain_until(&self) -> Option<Date> {
        let closing = self.closing.as_ref()?;
        Some(Date::retain_until(self.identified_on, Some(closing.on)))
    }

    /// Every day on which it says that something happened. Ends, plans and promises are none.
    pub(crate) fn facts(&self) -> impl Iterator<Item = Date> {
        let answers = self.contacts.iter().filter_map(|contact| contact.answer.as_ref());
        [self.identified_on]
            .into_iter()
            .chain(self.controls.iter().map(|control| control.since))
            .chain(self.contacts.iter().map(|contact| contact.asked_on))
            .chain(answers.map(|answer| answer.on))
            .chain(self.approvals.iter().map(|approval| approval.on))
            .chain(self.reviews.iter().map(|review| review.on))
            .chain(self.acknowledgements.iter().map(|read| read.on))
            .chain(self.closing.iter().map(|closing| closing.on))
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &GapId {
        &self.id
    }

    /// The system.
    #[must_use]
    pub fn system(&self) -> &SystemId {
        &self.system
    }

    /// Why.
    #[must_use]
    pub fn kind(&self) -> &GapKind {
        &self.kind
    }

    /// When it was found.
    #[must_use]
    pub fn identified_on(&self) -> Date {
        self.identified_on
    }

    /// The reason in words.
    #[must_use]
    pub fn reason(&self) -> &TextLine {
        &self.reason
    }

    /// What is done instead; never empty.
    #[must_use]
    pub fn controls(&self) -> &[CompensatingControl] {
        &self.controls
    }

    /// Who works there in spite of it; never empty.
    #[must_use]
    pub fn named_users(&self) -> &[PersonId] {
        &self.named_users
    }

    /// Whether it names this person.
    #[must_use]
    pub fn names(&self, person: &PersonId) -> bool {
        self.names.contains(person)
    }

    /// Who answers for it.
    #[must_use]
    pub fn owner(&self) -> &PersonId {
        &self.owner
    }

    /// How often it is looked at again.
    #[must_use]
    pub fn review_every(&self) -> ReviewMonths {
        self.review_every
    }

    /// The questions put to the vendor, in the order recorded.
    #[must_use]
    pub fn contacts(&self) -> &[VendorContact] {
        &self.contacts
    }

    /// The signatures, in the order recorded.
    #[must_use]
    pub fn approvals(&self) -> &[GapApproval] {
        &self.approvals
    }

    /// The reviews, oldest first.
    #[must_use]
    pub fn reviews(&self) -> &[GapReview] {
        &self.reviews
    }

    /// Who has read the notice about SMS.
    #[must_use]
    pub fn acknowledgements(&self) -> &[SmsAcknowledgement] {
        &self.acknowledgements
    }

    /// How and when it closed.
    #[must_use]
    pub fn closing(&self) -> Option<&GapClosure> {
        self.closing.as_ref()
    }
}
