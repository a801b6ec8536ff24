//! What an operation file is believed, and what not: a record that contradicts another, a fact that
//! has not happened, and a factor that this program does not guard.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![allow(clippy::panic, missing_docs)]

#[path = "../../../examples/billing/operation.rs"]
mod operation;
mod office;

use office::{now, practice, refused};

use countersign::account::{DeviceStatus, DeviceSummary};
use countersign::{DeviceId, Method, Summary, UnixTime};
use countersign_billing::coverage::{Coverage, CoverageStatus};
use countersign_billing::date::{Date, UtcOffset};
use countersign_billing::gap::GapState;
use countersign_billing::inventory::Privilege;
use countersign_billing::readiness::{GoLiveBlocker, Readiness};
use countersign_billing::report::{CoverageCsv, CoverageMarkdown, GapsMarkdown, ReadinessMarkdown};
use countersign_billing::rollout::Practice;

/// One error, in the line that holds `line`, which says `what` and names the line with `other`.
fn refuses(edits: &[(&str, &str)], line: &str, what: &str, other: &str) {
    let found = refused(edits);
    assert_eq!(found.len(), 1, "{edits:?}: {found:?}");
    let (at, said, and) = &found[0];
    assert!(at.contains(line), "{edits:?}: at {at}, not {line}");
    assert!(said.contains(what), "{edits:?}: {said}");
    assert!(and.contains(other) && and.is_empty() == other.is_empty(), "{edits:?}: and {and}");
}

#[test]
fn the_office_itself_is_believed() {
    assert_eq!(refused(&[]), []);
}

#[test]
fn enforced_is_what_the_host_names_as_guarded_by_its_own_sign_in() {
    let portal_by_mistake = (
        "kind = \"payer-portal\"\nenforcement = \"attested\"\ninternet_facing = true\ntouches = [\"claims\"]\nsupport = { offers = \"no-mfa\"",
        "kind = \"payer-portal\"\nenforcement = \"enforced\"\ninternet_facing = true\ntouches = [\"claims\"]\nsupport = { offers = \"no-mfa\"",
    );
    let not_named = "county is enforced, and not named as guarded by this program's own sign-in";
    let found = refused(&[portal_by_mistake]);
    assert!(found.iter().any(|it| it.1.contains(not_named) && it.2.contains("own_sign_in")));
    // Named or not, a record that says "no second factor" is not about this program's sign-in.
    let named = ("own_sign_in = [\"desk\"]", "own_sign_in = [\"desk\", \"county\"]");
    let found = refused(&[portal_by_mistake, named]);
    assert!(found.iter().any(|it| it.1.contains("offers no-mfa") && it.2.contains("no-mfa")));
    // Without the key the file means what it meant, but for the portal of a payer.
    let unset = ("own_sign_in = [\"desk\"]\n", "");
    assert_eq!(refused(&[unset]), []);
    assert!(refused(&[unset, portal_by_mistake]).iter().any(|it| it.1.contains("`own_sign_in`")));
    let none = ("own_sign_in = [\"desk\"]", "own_sign_in = []");
    refuses(&[none], "enforcement = \"enforced\"", "desk is enforced, and not named", "");
    let attested = ("enforcement = \"enforced\"", "enforcement = \"attested\"");
    refuses(&[attested], "attested", "desk is named as guarded by", "own_sign_in");
    let unknown = ("own_sign_in = [\"desk\"]", "own_sign_in = [\"desk\", \"dsek\"]");
    refuses(&[unknown], "own_sign_in", "no system is called dsek", "");
}

#[test]
fn a_factor_that_the_system_does_not_offer_was_not_seen_there() {
    let offers = |offer: &str| format!("support = {{ offers = \"{offer}\", seen_on = 2026-08-24");
    let was = "support = { offers = \"app\", seen_on = 2026-08-24";
    let dana = "{ person = \"dana\", method = \"totp\"";
    let with = |method: &str| format!("{{ person = \"dana\", method = \"{method}\"");
    for (offer, method) in
        [("no-mfa", "totp"), ("no-mfa", "passkey"), ("sms-only", "totp"), ("app", "passkey")]
    {
        let found = refused(&[(was, &offers(offer)), (dana, &with(method))]);
        let said = format!("payer offers {offer}, and dana was seen with {method}");
        let found = found.iter().find(|it| it.1 == said).unwrap_or_else(|| panic!("{found:?}"));
        assert!(found.0.contains("dana") && found.2.contains(offer), "{found:?}");
    }
    let seen = |offer: &str, method: &str| {
        refused(&[
            (was, &offers(offer)),
            (dana, &with(method)),
            ("\"karen\", method = \"totp\"", "\"karen\", method = \"sms\""),
        ])
    };
    for (offer, method) in [
        ("sms-only", "sms"),
        ("app", "sms"),
        ("app", "hotp"),
        ("phishing-resistant", "pki"),
        ("unknown", "totp"),
    ] {
        assert_eq!(seen(offer, method), [], "{offer}, {method}");
    }
}

#[test]
fn who_saw_and_who_was_seen_worked_here_on_that_day() {
    let dana = "seen_on = 2026-10-12, by = \"ines\"";
    let before = (dana, "seen_on = 2021-05-16, by = \"ines\"");
    refuses(&[before], "seen_on = 2021-05-16", "dana did not work here on", "from = 2021-05-17");
    assert_eq!(refused(&[(dana, "seen_on = 2021-05-17, by = \"ines\"")]), [], "the first day");
    let karen = "seen_on = 2026-10-20, by = \"ines\"";
    let tick = ("at = 2026-10-30T17:25:00", "at = 2026-11-02T17:25:00");
    let after = (karen, "seen_on = 2026-10-31, by = \"ines\"");
    refuses(&[after, tick], "seen_on = 2026-10-31", "karen did not work here", "from = 2017-09-11");
    assert_eq!(refused(&[(karen, "seen_on = 2026-10-30, by = \"ines\""), tick]), [], "the last");
    let gone = (dana, "seen_on = 2026-11-12, by = \"karen\"");
    refuses(&[gone], "by = \"karen\"", "karen did not work here on 2026-11-12", "from = 2017");
    let herself = (dana, "seen_on = 2026-10-12, by = \"dana\"");
    refuses(&[herself], "by = \"dana\"", "made by somebody else", "");
    // The same of everybody who signs, asks and looks again.
    for (from, to) in [
        ("{ by = \"omar\", on = 2026-04-20", "{ by = \"late\", on = 2026-04-20"),
        ("asked_by = \"ines\"", "asked_by = \"late\""),
        ("{ by = \"ines\", on = 2026-10-10", "{ by = \"late\", on = 2026-10-10"),
    ] {
        let late = "[[person]]\nid = \"late\"\nname = \"Late\"\nprivilege = \"staff\"\n\
                    employed = { from = 2026-11-02, until = \"present\" }\n\n[[system]]\nid = \"desk\"";
        let hired = ("[[system]]\nid = \"desk\"", late);
        refuses(&[(from, to), hired], to, "late did not work here on", "from = 2026-11-02");
    }
}

#[test]
fn a_tick_from_before_the_last_sight_hides_nothing() {
    let payer = |at| [("at = 2026-10-30T17:25:00", at)];
    let seen = "ticked off before 2026-10-20, when they were last seen there";
    let line = "seen_on = 2026-10-20";
    refuses(&payer("at = 2021-10-30T17:25:00"), "at = 2021", seen, line);
    refuses(&payer("at = 2026-10-19T23:59:59"), "at = 2026-10-19", seen, line);
    assert_eq!(refused(&payer("at = 2026-10-20T00:00:00")), [], "on the day itself");
    // A gap that names them says that they worked there.
    let county = [("at = 2026-10-30T17:30:00", "at = 2026-04-14T17:30:00")];
    refuses(&county, "at = 2026-04-14", "ticked off before 2026-04-15", "found = 2026-04-15");
}

#[test]
fn what_has_not_happened_is_no_fact() {
    for (from, to) in [
        ("trained_on = 2026-09-22", "trained_on = 2026-11-21"),
        ("seen_on = 2026-08-24", "seen_on = 2026-11-21"),
        ("announced_on = 2026-09-14", "announced_on = 2026-11-21"),
        ("seen_on = 2026-10-12", "seen_on = 2026-11-21"),
        ("since = 2026-04-16", "since = 2030-01-01"),
        ("answered_on = 2026-05-22", "answered_on = 2026-11-21"),
        ("asked_on = 2026-04-22", "asked_on = 2026-11-21"),
        ("on = 2026-04-20, until = 2027-04-20", "on = 2026-11-21, until = 2027-04-20"),
        ("on = 2026-10-10", "on = 2026-11-21"),
        ("at = 2026-10-30T17:25:00", "at = 2026-11-21T00:00:00"),
    ] {
        let mut edits = vec![(from, to)];
        if to.contains("announced") {
            edits.push(("{ on = 2026-10-05", "{ on = 2026-12-05"));
        }
        if to.contains("asked") {
            edits.push((", answered_on = 2026-05-22, answer = \"In the spring.\"", ""));
        }
        refuses(&edits, to, "lies in the future", "");
        let today = to.replace("2026-11-21", "2026-11-20").replace("2030-01-01", "2026-11-20");
        edits[0].1 = &today;
        assert_eq!(refused(&edits), [], "{today}");
    }
}

#[test]
fn every_error_of_a_file_comes_at_once() {
    let found = refused(&[
        ("trained_on = 2026-09-22", "trained_on = 2027-09-22"),
        ("duties = [\"security-official\"]", "duties = [\"boss\"]"),
        (
            "touches = [\"claims\"]\nsupport = { offers = \"no-mfa\"",
            "touchs = [\"claims\"]\nsupport = { offers = \"no-mfa\"",
        ),
        ("employed = { from = 2018-01-08", "employed = { from = 2018-01-08T10:00:00"),
        ("at = 2026-10-30T17:25:00", "at = 2026-10-30"),
    ]);
    let said: Vec<&str> = found.iter().map(|it| it.1.as_str()).collect();
    // Nothing is said of the people and the system that are missing for these reasons.
    assert_eq!(said.len(), 5, "{said:?}");
    for (said, what) in said.iter().zip([
        "2027-09-22 lies in the future",
        "a day is written",
        "\"boss\" is none of",
        "unknown field `touchs`",
        "a moment is written",
    ]) {
        assert!(said.contains(what), "{said}: not {what}");
    }
}

fn imported(last_used: Option<UnixTime>) -> DeviceSummary {
    DeviceSummary {
        bound_openly: false,
        id: DeviceId::from_u64(1),
        label: String::from("old phone"),
        method: Method::Totp,
        status: DeviceStatus::Confirmed,
        bound_at: UnixTime::from_secs(now().as_secs() - 86_400),
        last_used,
        drift: 0,
        clock_offset: 0,
        short_secret: false,
        imported: true,
        digits: None,
        fingerprint: None,
    }
}

/// Where Dana is at the desk, with these devices.
fn at_the_desk(practice: &Practice, devices: &[DeviceSummary]) -> CoverageStatus {
    let summary = Summary {
        epoch: 1,
        first_bound_at: devices.iter().map(|device| device.bound_at).min(),
        devices: devices.to_vec(),
        ..Summary::default()
    };
    let report = Coverage::new(practice, &|_| Some(summary.clone()), now());
    let line = report.lines().find(|(system, _)| system.system.as_str() == "desk");
    line.unwrap().1.status.clone()
}

#[test]
fn an_import_covers_from_its_first_use_here() {
    let office = practice(&[]);
    let never = at_the_desk(&office, &[imported(None)]);
    assert_eq!(never, CoverageStatus::NotUsedYet { by: Method::Totp, asked: true });
    assert!(never.is_open() && !never.is_enrolled() && never.name() == "not used yet");
    let later = Some(now().plus(1));
    assert_eq!(at_the_desk(&office, &[imported(later)]), never, "used after the report's moment");
    let covered = CoverageStatus::Covered { by: Method::Totp };
    assert_eq!(at_the_desk(&office, &[imported(Some(now()))]), covered);
    // Beside a factor that is in use, the import takes nothing away.
    let passkey = DeviceSummary { method: Method::Passkey, ..imported(None) };
    let used = DeviceSummary { id: DeviceId::from_u64(2), ..imported(Some(now())) };
    assert_eq!(at_the_desk(&office, &[passkey, used]), covered);
    // A date ahead asks for nothing yet, of those with an import as of those with nothing.
    let ahead = practice(&[("{ on = 2026-10-05", "{ on = 2026-12-05")]);
    let not_asked = at_the_desk(&ahead, &[imported(None)]);
    assert!(!not_asked.is_open() && !not_asked.is_enrolled());
}

/// Dana, of two clients, with a login on the administration of the billing software that goes live in
/// December, and what else is in the file.
fn administering(privilege: &str, clients: &str, more: &str) -> Vec<(String, String)> {
    let head = format!(
        "[[client]]\nid = \"north\"\nname = \"North\"\n\n[[client]]\nid = \"south\"\nname = \"South\"\n\n\
         [[person]]\nid = \"dana\"\nname = \"Dana\"\nprivilege = \"{privilege}\"\nclients = [{clients}]"
    );
    let admin = format!(
        "[[system]]\nid = \"admin\"\nname = \"Admin\"\nkind = \"billing-administration\"\n\
         enforcement = \"attested\"\ninternet_facing = true\ntouches = [\"claims\"]\n\
         support = {{ offers = \"app\", seen_on = 2026-09-01, source = \"Notes\" }}\n\
         go_live = {{ on = 2026-12-01, announced_on = 2026-09-14 }}\nlogins = [\"dana\"]\n\n{more}\n\n\
         [[gap]]\nid = \"g1\""
    );
    let dana = "[[person]]\nid = \"dana\"\nname = \"Dana\"\nprivilege = \"staff\"";
    vec![(dana.into(), head), ("[[gap]]\nid = \"g1\"".into(), admin)]
}

#[test]
fn administrators_are_who_holds_what_one_needs() {
    let both = "\"north\", \"south\"";
    let not_named = ("named_users = [\"dana\", \"karen\"]", "named_users = [\"karen\"]");
    let of = |privilege: &str, clients: &str, more: &str| {
        let edits = administering(privilege, clients, more);
        let edits: Vec<(&str, &str)> = edits.iter().map(|(a, b)| (&**a, &**b)).collect();
        let practice = practice(&[&edits[..], &[not_named]].concat());
        Coverage::new(&practice, &|_| Some(Summary::default()), now())
    };
    let at_admin = |report: &Coverage| {
        let mut lines = report.lines();
        let line = lines.find(|(system, _)| system.system.as_str() == "admin").unwrap().1;
        (line.status.name(), line.status.is_open())
    };
    // Staff by the record, of several clients by what she holds: no date ahead excuses her.
    let report = of("staff", both, "");
    assert_eq!(at_admin(&report), ("not enrolled", true));
    let line = &report.administrators[0];
    assert_eq!((line.person.as_str(), line.as_written), ("dana", false));
    assert_eq!(line.privilege, Privilege::MultiClientAdministrator);
    assert_eq!((line.systems[0].as_str(), line.clients.len()), ("admin", 2));
    let shown = CoverageMarkdown(&report).to_string();
    assert!(
        shown.contains("| Dana | several clients, no exception (**by what they hold"),
        "{shown}"
    );
    let csv = CoverageCsv(&report).to_string();
    let row = csv.lines().find(|row| row.contains(",admin,") && row.contains(",dana,")).unwrap();
    assert!(row.contains(",several clients,"), "{row}");
    // Of one client, the date counts, and she is listed.
    let report = of("staff", "\"north\"", "");
    assert_eq!(at_admin(&report), ("before go-live", false));
    assert_eq!(report.administrators[0].privilege, Privilege::Administrator);
    let report = of("multi-client-administrator", both, "");
    assert!(report.administrators[0].as_written && report.administrators.len() == 1);
    // Nor does a grace or a gap come in, whichever record says it.
    let grace = "[[grace]]\nperson = \"dana\"\nsystem = \"admin\"\nuntil = 2026-12-15\n";
    let edits = administering("staff", both, grace);
    let edits: Vec<(&str, &str)> = edits.iter().map(|(a, b)| (&**a, &**b)).collect();
    let found = refused(&edits);
    let said: Vec<&str> = found.iter().map(|it| it.1.as_str()).collect();
    let no = "dana administers several clients: no grace and no gap, without exception";
    assert_eq!(said, [no, no], "the grace and the gap");
}

const ONE_CONTROL: &str =
    "    { kind = \"password-manager\", since = 2026-04-16, evidence = \"Vault\" },\n";
const THREE_CONTROLS: &str = "    \
    { kind = \"password-manager\", since = 2026-04-16, evidence = \"Vault\" },\n    \
    { kind = \"named-users-only\", since = 2026-04-16, evidence = \"List\" },\n    \
    { kind = \"access-log-review\", since = 2026-11-02, evidence = \"Log\" },\n";

/// Where Dana is at the county on a day, with all three controls and these edits.
fn at_the_county(edits: &[(&str, &str)], day: &str) -> (GapState, bool) {
    let practice = practice(&[&[(ONE_CONTROL, THREE_CONTROLS)][..], edits].concat());
    let day = UtcOffset::UTC.day_end(Date::parse(day).unwrap());
    let report = Coverage::new(&practice, &|_| Some(Summary::default()), day);
    let mut lines = report.lines().filter(|(system, _)| system.system.as_str() == "county");
    let line = lines.find(|(_, line)| line.person.as_str() == "dana").unwrap().1;
    match &line.status {
        CoverageStatus::Gap { state, .. } => (*state, line.status.is_open()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_gap_excuses_only_with_everything_that_is_needed() {
    let today = "2026-11-20";
    let (standing, open) = at_the_county(&[], today);
    assert!(matches!(standing, GapState::Standing { .. }) && !open, "{standing:?}");
    let incomplete = (GapState::Incomplete, true);
    assert_eq!(at_the_county(&[], "2026-11-01"), incomplete, "before the last control is there");
    for (kind, what) in [
        ("password-manager", "kind = \"other\", what = \"Prayer\""),
        ("named-users-only", "kind = \"other\", what = \"Prayer\""),
        ("access-log-review", "kind = \"other\", what = \"Prayer\""),
    ] {
        let kind = format!("kind = \"{kind}\"");
        assert_eq!(at_the_county(&[(&kind, what)], today), incomplete, "{kind}");
    }
    let asked = "vendor = [\n    { asked_on = 2026-04-22, asked_by = \"ines\", channel = \"letter\", \
                 answered_on = 2026-05-22, answer = \"In the spring.\" },\n]";
    assert_eq!(at_the_county(&[(asked, "vendor = []")], today), incomplete, "the vendor");
    let clerk = ("duties = [\"security-official\"]", "duties = [\"billing-manager\"]");
    assert_eq!(at_the_county(&[clerk], today), (GapState::Unapproved, true), "a clerk signed");
    let named = [
        ("named_users = [\"dana\", \"karen\"]", "named_users = [\"dana\", \"omar\"]"),
        (
            "logins = [\"dana\", \"karen\"]\n\n[[gap]]",
            "logins = [\"dana\", \"karen\", \"omar\"]\n\n[[gap]]",
        ),
    ];
    assert_eq!(
        at_the_county(&named, today),
        (GapState::Unapproved, true),
        "one of its users signed"
    );
    let (overdue, open) = at_the_county(&[], "2027-04-11");
    assert!(matches!(overdue, GapState::ReviewOverdue { .. }) && open, "{overdue:?}");
    let emergency = (
        "kind = \"no-mfa\"\nfound",
        "kind = \"proposed-emergency\"\nemergency_from = 2026-11-01\nemergency_until = 2026-12-31\nfound",
    );
    assert_eq!(at_the_county(&[emergency], today), (GapState::NotInForce, true));
    let sharing = ("kind = \"no-mfa\"\nfound", "kind = \"shared-login-platform\"\nfound");
    refuses(&[sharing], "kind = \"shared", "no login on county is shared", "");
    let report = Coverage::new(&practice(&[clerk]), &|_| None, now());
    let shown = GapsMarkdown(&report).to_string();
    assert!(shown.contains("**Does not count:** signed by Omar on 2026-04-20"), "{shown}");
    let due: Vec<&str> = report.due.iter().map(|due| due.what.as_str()).collect();
    assert!(due.contains(&"County: gap g1: record: access logs reviewed"), "{due:?}");
}

#[test]
fn a_go_live_has_a_ceiling() {
    let on = |on: &str| [("{ on = 2026-10-05", on.to_owned())];
    let refuses_far = |date: &str| {
        let to = format!("{{ on = {date}");
        let edits = on(&to);
        let edits: Vec<(&str, &str)> = edits.iter().map(|(a, b)| (*a, &**b)).collect();
        refused(&edits)
    };
    for far in ["9998-12-31", "2027-09-15"] {
        let found = refuses_far(far);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].1.contains("more than twelve calendar months"), "{found:?}");
    }
    assert_eq!(refuses_far("2027-09-14"), [], "a year to the day");
}

#[test]
fn a_go_live_is_moved_before_it_comes_and_the_move_is_printed() {
    let table = "{ on = 2026-10-05, announced_on = 2026-09-14 }";
    let with = |on: &str, moved: &str| {
        format!("{{ on = {on}, announced_on = 2026-09-14, moved = [\n    {moved}\n] }}")
    };
    let step = |from: &str, on: &str| {
        format!("{{ from = {from}, on = {on}, by = \"ines\", reason = \"The phones are late\" }},")
    };
    let two = step("2026-10-05", "2026-09-20") + "\n    " + &step("2026-11-02", "2026-10-30");
    let practice = practice(&[(table, &with("2027-01-04", &two))]);
    let shown = CoverageMarkdown(&Coverage::new(&practice, &|_| None, now())).to_string();
    assert!(shown.contains("; go-live 2027-01-04, announced 2026-09-14."), "{shown}");
    let moved =
        "**Moved** from 2026-10-05 to 2026-11-02 by Ines on 2026-09-20: The phones are late";
    assert!(shown.contains(moved), "{shown}");
    assert!(shown.contains("**Moved** from 2026-11-02 to 2027-01-04 by Ines on 2026-10-30"));
    let early = UtcOffset::UTC.day_end(Date::parse("2026-10-01").unwrap());
    let early = CoverageMarkdown(&Coverage::new(&practice, &|_| None, early)).to_string();
    assert!(early.contains("from 2026-10-05") && !early.contains("from 2026-11-02"), "{early}");
    for (moved, what) in [
        (step("2026-10-05", "2026-10-05"), "the go-live of 2026-10-05 had come and does not move"),
        (step("2026-10-05", "2026-11-19"), "had come and does not move"),
        (step("2026-10-05", "2026-09-13"), "does not lead from the date before"),
        (step("2026-12-05", "2026-11-21"), "lies in the future"),
        (step("2026-12-05", "2026-09-20").replace("ines", "eve"), "nobody is called eve"),
    ] {
        let edit = with("2027-01-04", &moved);
        let found = refused(&[(table, &edit)]);
        assert_eq!(found.len(), 1, "{moved}: {found:?}");
        assert!(found[0].1.contains(what) && found[0].0.contains("from ="), "{found:?}");
    }
}

#[test]
fn two_people_of_one_name_are_told_apart() {
    let shown = |edits: &[(&str, &str)]| {
        let report = Coverage::new(&practice(edits), &|_| None, now());
        CoverageMarkdown(&report).to_string()
    };
    let same =
        shown(&[("name = \"Karen\"", "name = \"Dana\""), ("name = \"Ines\"", "name = \"Dana\"")]);
    for told in [
        "| Dana (dana) | **no record** |",
        "seen 2026-10-12 by Dana (ines)",
        "| Dana (karen) | the account could not be read |",
        "- Named users: Dana (dana), Dana (karen)",
        "Payer: look again at the factor of Dana (dana)",
    ] {
        assert!(same.contains(told), "{told}\n{same}");
    }
    assert!(!shown(&[]).contains("(dana)"));
}

#[test]
fn a_report_for_a_day_that_has_not_come_says_so() {
    let mark = "**This day has not come.**";
    let office = practice(&[]);
    let shown = |day: &str| {
        let at = UtcOffset::UTC.day_end(Date::parse(day).unwrap());
        let report = Coverage::new(&office, &|_| None, at);
        let readiness = Readiness::new(&office, &|_| None, at);
        assert_eq!(CoverageCsv(&report).to_string().contains(",yes\n"), report.ahead, "{day}");
        [
            CoverageMarkdown(&report).to_string(),
            GapsMarkdown(&report).to_string(),
            ReadinessMarkdown(&readiness).to_string(),
        ]
    };
    assert!(shown("2026-11-20").iter().all(|page| !page.contains(mark)), "the day of the reading");
    assert!(shown("2026-11-21").iter().all(|page| page.contains(mark)));
}

#[test]
fn readiness_asks_for_no_date_where_nothing_is_offered_and_all_are_excused() {
    let verdict = |edits: &[(&str, &str)]| {
        let readiness = Readiness::new(&practice(edits), &|_| Some(Summary::default()), now());
        let county = readiness.systems.into_iter().find(|it| it.system.as_str() == "county");
        county.unwrap().blockers
    };
    assert_eq!(verdict(&[(ONE_CONTROL, THREE_CONTROLS)]), []);
    assert!(verdict(&[]).contains(&GoLiveBlocker::NoDate), "a gap that excuses no person");
}
