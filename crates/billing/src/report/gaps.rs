//! The gap register and the vendor list, as Markdown.
//!
//! Standard: 45 CFR 164.316(b)(1).

use super::*;

pub(super) struct GapStateText(pub(super) GapState);

impl Display for GapStateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            GapState::Closed { on } => write!(f, "closed {on}"),
            GapState::Incomplete => f.write_str("incomplete, excuses nothing"),
            GapState::Lapsed { on } => write!(f, "lapsed after {on}"),
            GapState::NotInForce => {
                f.write_str("recorded, excuses nothing: the rule is not in force")
            }
            GapState::ReviewOverdue { due } => write!(f, "review overdue since {due}"),
            GapState::Standing { review_due } => write!(f, "standing, review due {review_due}"),
            GapState::Unapproved => f.write_str("not approved"),
        }
    }
}

pub(super) fn gaps(f: &mut fmt::Formatter<'_>, report: &Coverage) -> fmt::Result {
    writeln!(f, "## Gap register\n")?;
    if report.gaps.is_empty() {
        writeln!(f, "No gap is recorded.\n")?;
    }
    for gap in &report.gaps {
        gap_block(f, report, gap)?;
    }
    for system in &report.missing_gaps {
        let found = report.systems.iter().find(|covered| covered.system == *system);
        let name = found.map_or(system.as_str(), |covered| covered.name.as_str());
        writeln!(f, "- **{}** needs a gap and has none open.", Escaped(name))?;
    }
    if report.missing_gaps.is_empty() { Ok(()) } else { writeln!(f) }
}

pub(super) fn gap_block(
    f: &mut fmt::Formatter<'_>,
    report: &Coverage,
    gap: &GapLine,
) -> fmt::Result {
    let name = |person| Name(report, person);
    writeln!(f, "### Gap {}: {}\n", gap.gap, Escaped(gap.system_name.as_str()))?;
    let standing = matches!(gap.state, GapState::Standing { .. } | GapState::Closed { .. });
    let bold = if standing { "" } else { "**" };
    writeln!(f, "- State: {bold}{}{bold}", GapStateText(gap.state))?;
    writeln!(f, "- Kind: {}, found {}", gap.kind, gap.identified_on)?;
    writeln!(f, "- Reason: {}", Escaped(gap.reason.as_str()))?;
    for control in &gap.controls {
        writeln!(
            f,
            "- Compensating control since {}: {} ({})",
            control.since,
            Escaped(control.kind.name()),
            Escaped(control.evidence.as_str()),
        )?;
    }
    for control in &gap.missing_controls {
        writeln!(f, "- **Control not recorded:** {}", Escaped(control))?;
    }
    writeln!(f, "- Named users: {}", Joined(gap.named_users.iter().map(name)))?;
    writeln!(f, "- Owner: {}", name(&gap.owner))?;
    match &gap.approval {
        Some(approval) => writeln!(
            f,
            "- Approved by {} on {}, until {}",
            name(&approval.by),
            approval.on,
            approval.until
        )?,
        None => writeln!(f, "- **Not approved**")?,
    }
    for signed in &gap.not_counted {
        writeln!(
            f,
            "- **Does not count:** signed by {} on {}, who is not the security official or is a named \
             user",
            name(&signed.by),
            signed.on
        )?;
    }
    for review in &gap.reviews {
        let finding = Escaped(review.finding.as_str());
        writeln!(f, "- Reviewed by {} on {}: {finding}", name(&review.by), review.on)?;
    }
    if gap.reviews.is_empty() {
        writeln!(f, "- Not reviewed yet")?;
    }
    for read in &gap.acknowledgements {
        writeln!(f, "- Notice about SMS read by {} on {}", name(&read.person), read.on)?;
    }
    if let Some((plan, by)) = &gap.migration_plan {
        writeln!(f, "- Migration plan, by {by}: {}", Escaped(plan.as_str()))?;
    }
    if !matches!(gap.state, GapState::Closed { .. }) {
        writeln!(f, "- Next review due: {}", gap.review_due)?;
    }
    for contact in &gap.contacts {
        writeln!(f, "- Vendor asked {}", Contact(report, contact))?;
    }
    if gap.contacts.is_empty() {
        writeln!(f, "- **The vendor was not asked in writing**")?;
    }
    if let Some(until) = gap.retain_until {
        writeln!(f, "- Keep until {until}")?;
    }
    writeln!(f)
}

/// A written question and its answer.
pub(super) struct Contact<'r>(pub(super) &'r Coverage, pub(super) &'r VendorContact);

impl Display for Contact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Contact(report, VendorContact { asked_on, asked_by, channel, answer }) = self;
        let asked_by = Name(report, asked_by);
        let channel = match channel {
            WrittenChannel::Email => "email",
            WrittenChannel::Letter => "letter",
            WrittenChannel::Ticket => "ticket",
        };
        write!(f, "on {asked_on} by {asked_by} ({channel})")?;
        let Some(answer) = answer else { return write!(f, "; no answer yet") };
        write!(f, "; answered {}: \"{}\"", answer.on, Escaped(answer.words.as_str()))?;
        match answer.available_on {
            Some(on) => write!(f, "; promised for {on}"),
            None => write!(f, "; no date promised"),
        }
    }
}

/// A person as people call them.
pub(super) struct Name<'r>(pub(super) &'r Coverage, pub(super) &'r PersonId);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Name(report, person) = self;
        // Records come by person.
        let place = report.records.binary_search_by(|record| record.person.cmp(person));
        let found = place.ok().and_then(|place| report.records.get(place));
        Escaped(found.map_or(person.as_str(), |record| record.called.as_str())).fmt(f)
    }
}

pub(super) fn vendors(f: &mut fmt::Formatter<'_>, report: &Coverage) -> fmt::Result {
    writeln!(f, "## Vendor list\n")?;
    if report.vendors.is_empty() {
        return writeln!(f, "Every system in scope offers more than SMS.\n");
    }
    writeln!(f, "| System | Offers | Last written question | Now |")?;
    writeln!(f, "|---|---|---|---|")?;
    for line in &report.vendors {
        writeln!(
            f,
            "| {} | {} | {} | {} |",
            Escaped(line.name.as_str()),
            offer(line.offer),
            OrDash(line.last_contact.as_ref().map(|contact| Contact(report, contact))),
            line.next.name(),
        )?;
    }
    writeln!(f)
}
