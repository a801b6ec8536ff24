//! The example `scenario` as its readers run it: what it prints, its exit status, and for a bad file the
//! line and what is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use countersign::{AccountId, Mfa, Recommended, Record, SignIn, Store, Summary, Swap};
use countersign::{UnixTime, Verdict, Write};
use program::expect::{Outcome, Report};
use program::stores::{AnyStore, Place};
use program::together::{Parallel, endings};

/// The program itself, for what no file can plant: a step with a race in it.
#[allow(dead_code)]
#[path = "../scenario/main.rs"]
mod program;

#[path = "../../tests/common/keys.rs"]
mod keys;

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// `cargo test` builds the examples beside the tests.
fn scenario() -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop(); // the file
    path.pop(); // deps
    path.push("examples");
    path.push(format!("scenario{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is not built: cargo build --examples", path.display());
    Command::new(path)
}

/// A path that no other test has.
fn place(end: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("scenario-{}-{number}.{end}", std::process::id());
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Standard output, standard error, in which the file is `FILE`, and the exit status.
fn run_with(options: &[&str], text: &str) -> (String, String, i32) {
    let file = place("txt");
    fs::write(&file, text).unwrap();
    let output = scenario().args(options).arg(&file).output().unwrap();
    fs::remove_file(&file).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let stderr = stderr.replace(file.to_str().unwrap(), "FILE");
    (String::from_utf8(output.stdout).unwrap(), stderr, output.status.code().unwrap())
}

fn run(text: &str) -> (String, String, i32) {
    run_with(&[], text)
}

/// Lines of which the first defines phone `P` with the secret of RFC 4226.
fn with_phone(lines: &str) -> String {
    format!("phone P {SECRET}\n{lines}")
}

/// The one line that a file of one step prints of it, without its number and time.
fn step(text: &str) -> String {
    let (printed, complaint, _) = run(text);
    assert_eq!(complaint, "", "{text}");
    let lines: Vec<&str> = printed.lines().collect();
    let line = lines[lines.len() - 2];
    line.splitn(3, ' ').last().unwrap().to_owned()
}

#[test]
fn every_scenario_of_the_repository_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 20, "{files:?}");
    let mut failed = String::new();
    for file in files {
        let head = fs::read_to_string(&file).unwrap();
        assert!(head.starts_with("# "), "{} does not say what it is about", file.display());
        let output = scenario().arg(&file).output().unwrap();
        if !output.status.success() {
            let texts = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
            failed += &format!("{}\n{}\n", file.display(), texts.concat());
        }
    }
    assert!(failed.is_empty(), "\n{failed}");
}

#[test]
fn a_step_is_a_line_and_the_last_line_counts() {
    let text =
        "0 dana bind P -> done\n# a comment\n\n1h dana verify P@-30 -> accepted # and one more\n";
    let expected = "\
2 0 dana bind: done notice=factor-added notice=recovery-codes-replaced
5 3600 dana verify: accepted
2 steps, 2 as expected, 0 not
";
    assert_eq!(run(&with_phone(text)), (expected.to_owned(), String::new(), 0));
}

#[test]
fn an_expectation_that_does_not_hold_is_named() {
    let text = with_phone("0 dana bind P\n1h dana verify 000000 -> accepted|wait no-notice\n");
    let (printed, complaint, status) = run(&text);
    let expected = "\
2 0 dana bind: done notice=factor-added notice=recovery-codes-replaced
3 3600 dana verify: rejected charged notice=suspicious-attempt EXPECTED accepted|wait no-notice
2 steps, 1 as expected, 1 not
";
    assert_eq!((printed.as_str(), complaint.as_str(), status), (expected, "", 1));
}

#[test]
fn each_detail_is_compared() {
    for (wrong, right) in [
        ("rejected uncharged", "rejected charged"),
        ("rejected no-notice", "rejected notice=suspicious-attempt"),
        ("rejected notice=factor-added", "refused|rejected"),
        ("rejected writes=0", "rejected writes=1"),
        ("wait", "rejected charged notice=suspicious-attempt writes=1"),
        ("refused:last-factor", "rejected"),
    ] {
        for (expected, status) in [(wrong, 1), (right, 0)] {
            let text = format!("0 dana bind P\n1h dana verify 000000 -> {expected}\n");
            let (printed, complaint, found) = run(&with_phone(&text));
            assert_eq!((found, complaint.as_str()), (status, ""), "{expected}: {printed}");
            assert_eq!(
                printed.contains(&format!(" EXPECTED {expected}\n")),
                status == 1,
                "{printed}"
            );
        }
    }
}

/// A bad line, and a part of what is said of it.
const BAD: [(&str, &str); 57] = [
    ("0 dana dance P", "'dance' is no verb"),
    ("0 dana", "the verb is missing"),
    ("0", "the person is missing"),
    ("soon dana verify P", "'soon' is neither a time nor a directive"),
    ("1x dana verify P", "neither a time"),
    ("1h2h dana verify P", "neither a time"),
    ("+5 dana verify P", "neither a time"),
    ("-1800000001 dana verify P", "before 1970"),
    ("99999999999999999999 dana verify P", "neither a time"),
    ("\"0\" dana verify P", "neither a time"),
    ("0 \"\" verify P", "is no person"),
    ("0 dana verify", "the code is missing"),
    ("0 dana verify Q", "'Q' is no code and names no phone, token or text"),
    ("0 dana verify Q@-30", "'Q' is no code"),
    ("0 dana verify P@soon", "'soon' is no number of seconds"),
    ("0 dana verify P P", "'P' does not belong here"),
    ("0 dana verify P as=x", "as= does not belong here"),
    ("0 dana verify P for=fun", "'fun' is no purpose"),
    ("0 dana verify P for=action:", "'action:'"),
    ("0 dana verify P for=sign-in for=sign-in", "for= is given twice"),
    ("0 dana verify P from=laptop", "'laptop' names no browser"),
    ("0 dana verify \"P", "a quotation mark is not closed"),
    ("0 dana verify P ->", "nothing is expected behind ->"),
    ("0 dana verify P -> acepted", "'acepted' is no outcome"),
    ("0 dana verify P -> accepted|", "'' is no outcome"),
    ("0 dana verify P -> wait=soon", "'wait=soon' is no outcome"),
    ("0 dana verify P -> refused:", "'refused:' is no outcome"),
    ("0 dana verify P -> accepted gladly", "'gladly' says nothing about an outcome"),
    ("0 dana verify P -> accepted notice=none-such", "'notice=none-such' names no notice"),
    ("0 dana bind Q", "'Q' is no phone or token"),
    ("0 dana bind", "the phone or token is missing"),
    ("0 dana recover 0", "they count from 1"),
    ("0 dana regenerate", "with= is missing"),
    ("0 dana revoke P", "with= or by= is missing"),
    ("0 dana revoke Q with=P", "'Q' names no device"),
    ("0 dana revoke P with=recovery:x", "they count from 1"),
    ("0 dana lost P by=boss", "by= takes OPERATOR/CODE"),
    ("0 dana phone-number 12", "'12'"),
    ("0 dana answer L 123456", "'L' names no text"),
    ("0 dana touch K", "'K' names no passkey"),
    ("0 dana settle L", "'L' names no check"),
    ("0 dana carry for=change-factors as=L", "with= is missing"),
    ("0 dana carry with=P for=change-factors", "as= is missing"),
    ("0 dana carry with=P for=act-for-other as=L", "to= belongs to for=act-for-other"),
    ("0 dana regenerate with=carried:L", "'carried:L' names no carried proof"),
    ("0 dana summary colour", "'colour' is no field"),
    ("phone P GEZDGNBV", "'P' has a meaning already"),
    ("phone Q", "the secret is missing"),
    ("phone Q GEZDGNB1", "the secret is not base32"),
    ("phone Q GEZDGNBV digits=5", "digits= takes 6, 7 or 8"),
    ("phone Q GEZDGNBV period=0", "period= takes 1 to 120"),
    ("token Q GEZDGNBV", "counter= is missing"),
    ("press P 3", "'P' is no token"),
    ("skew P soon", "'soon' is no number of seconds"),
    ("0 dana visit B", "'B' names no browser"),
    ("policy trusted=perhaps", "trusted= takes off or on"),
    ("together", "together without same-time"),
];

#[test]
fn a_bad_file_is_named_by_its_line() {
    for (line, named) in BAD {
        let text = with_phone(&format!("# a comment\n{line}\n1h dana verify P\n"));
        let (printed, complaint, status) = run(&text);
        assert_eq!((printed.as_str(), status), ("", 2), "{line}: {complaint}");
        assert!(complaint.starts_with("FILE:3: "), "{line}: {complaint}");
        assert!(complaint.contains(named), "{line}: {complaint}");
        assert_eq!(complaint.lines().count(), 1, "{line}: {complaint}");
    }
}

#[test]
fn a_policy_is_taken() {
    for (policy, expected) in [("open", "done"), ("invited", "refused:proof-required")] {
        let text =
            format!("policy first-enrolment={policy} trusted=on\n0 dana bind P -> {expected}\n");
        let (_, complaint, status) = run(&with_phone(&text));
        assert_eq!((complaint.as_str(), status), ("", 0), "{policy}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let (_, complaint, status) = run("0 dana dance\nsame-time\n0 dana verify Q\n");
    let lines: Vec<&str> = complaint.lines().collect();
    assert_eq!((lines.len(), status), (3, 2), "{complaint}");
    assert!(lines[2].starts_with("FILE:2: same-time without together"), "{complaint}");
}

#[test]
fn of_many_files_the_worst_decides() {
    let files = ["0 dana verify 1 -> malformed\n", "0 dana verify 123456 -> done\n", "0 dana\n"];
    let paths = files.map(|text| {
        let path = place("txt");
        fs::write(&path, text).unwrap();
        path
    });
    for (count, expected) in [(1, 0), (2, 1), (3, 2)] {
        let output = scenario().args(&paths[..count]).output().unwrap();
        assert_eq!(output.status.code(), Some(expected));
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.matches(" steps, ").count(), count.min(2), "{printed}");
    }
    for path in paths {
        fs::remove_file(path).unwrap();
    }
    let missing = scenario().arg("no-such-file.txt").output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8(missing.stderr).unwrap().starts_with("no-such-file.txt: "));
    assert_eq!(scenario().output().unwrap().status.code(), Some(2));
    let postgres = scenario().args(["--store", "postgres:x", "x.txt"]).output().unwrap();
    assert_eq!(postgres.status.code(), Some(2));
}

#[test]
fn words_are_read_as_the_page_says() {
    for (line, outcome) in [
        ("1h dana verify \"574 336\" -> accepted|malformed", None),
        ("1h dana verify \"574336\"", Some("dana verify: accepted")),
        ("1h\tdana\tverify\t574336\r", Some("dana verify: accepted")),
        ("1h dana verify 574336#no blank", Some("dana verify: accepted")),
        ("0d0h60m0s dana verify 574336", Some("dana verify: accepted")),
        ("1h dana verify P@+30", Some("dana verify: accepted")),
        ("1h dana verify P@-1m", Some("dana verify: rejected charged notice=suspicious-attempt")),
        ("1h dana verify x -> malformed", Some("dana verify: malformed uncharged")),
        ("1h dana verify \"x\"", Some("dana verify: malformed uncharged")),
        ("1h dana verify 12345", Some("dana verify: malformed uncharged")),
        ("1h dana recover \"no code\"", Some("dana recover: malformed uncharged")),
        ("1h lee verify 574336", Some("lee verify: rejected uncharged notice=suspicious-attempt")),
        ("9999999999 dana verify P", Some("dana verify: undecided:clock-implausible uncharged")),
    ] {
        let found = step(&with_phone(&format!("0 dana bind P\n{line}\n")));
        if let Some(outcome) = outcome {
            let of = |text: &str| text.split(" notice=").next().unwrap().to_owned();
            assert_eq!(of(&found), of(outcome), "{line}");
        }
    }
}

#[test]
fn a_token_shows_each_code_once() {
    let text = format!("token T {SECRET} counter=0\n0 dana bind T -> done\n");
    for (more, outcome) in [
        ("1h dana verify 287082", "accepted"),
        ("1h dana verify T", "accepted"),
        ("press T 1\n1h dana verify 359152", "accepted"),
        ("press T 4\n1h dana verify T", "accepted"),
        ("press T 5\n1h dana verify T", "rejected"),
    ] {
        let found = step(&format!("{text}{more}\n"));
        assert!(found.starts_with(&format!("dana verify: {outcome}")), "{more}: {found}");
    }
}

#[test]
fn a_phone_knows_only_its_own_clock() {
    for (skew, outcome) in [("30", "accepted"), ("-30", "accepted"), ("1m", "rejected")] {
        let found = step(&with_phone(&format!("0 dana bind P\nskew P {skew}\n1h dana verify P\n")));
        assert!(found.starts_with(&format!("dana verify: {outcome}")), "{skew}: {found}");
    }
    let other = format!("phone P {SECRET} sha256 digits=8 period=60\n0 dana bind P -> done\n");
    let found = step(&format!("{other}1h dana verify P -> accepted\n"));
    assert_eq!(found, "dana verify: accepted");
}

#[test]
fn a_store_is_another_deployment_and_a_name_is_a_key() {
    let text = with_phone(
        "keys A\n0 dana bind P -> done\nstore B\n1h dana verify P -> rejected\n\
         1h dana summary devices -> 0\nstore main\n1h dana verify P -> accepted\n\
         keys B A\n2h dana verify P -> accepted\nkeys B\n3h dana verify P -> accepted\n\
         keys A\n4h dana verify P -> undecided:unknown-key|undecided:record\n\
         store B\n4h lee bind P -> done\nstore main\n4h lee verify P -> rejected\n",
    );
    let (printed, complaint, status) = run(&text);
    assert_eq!((status, complaint.as_str()), (0, ""), "{printed}");
}

#[test]
fn the_same_file_prints_the_same_over_any_store() {
    let text = with_phone(
        "0 dana bind P\nstore B\n0 dana bind P\nstore main\n1h dana recover 1\nsame-time\n\
         2h dana recover 2\n2h dana recover 2\n2h dana verify P\ntogether\n\
         3h dana summary recovery-left -> 8\n3h dana text as=L -> refused:nothing-bound\n",
    );
    let in_memory = run(&text);
    assert_eq!((in_memory.2, in_memory.1.as_str()), (0, ""), "{}", in_memory.0);
    assert_eq!(run(&text), in_memory);
    let path = place("sqlite");
    let option = format!("sqlite:{}", path.display());
    // A second run empties what the first one left.
    for _ in 0..2 {
        assert_eq!(run_with(&["--store", &option], &text), in_memory);
    }
    assert!(fs::metadata(&path).unwrap().len() > 0);
}

#[test]
fn a_database_that_is_not_a_scenarios_is_left_alone() {
    let path = place("sqlite");
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE patients (name TEXT); INSERT INTO patients VALUES ('Lee');")
        .unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    let option = format!("--store=sqlite:{}", path.display());
    let (printed, complaint, status) = run_with(&[&option], "0 dana verify 123456\n");
    assert_eq!((printed.as_str(), status), ("", 2));
    assert!(complaint.contains("not from a scenario"), "{complaint}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// Every order, not only the one of the file.
#[test]
fn what_happens_at_the_same_time_is_tried_in_every_order() {
    let race = |first: &str, second: &str| {
        let text = format!(
            "0 dana bind P -> done\nsame-time\n1h dana verify P -> {first}\n\
             1h dana verify P -> {second}\ntogether\n"
        );
        run(&with_phone(&text))
    };
    let (printed, _, status) = race("accepted|rejected", "accepted|rejected");
    assert_eq!(status, 0, "{printed}");
    for (first, second) in [("accepted", "accepted|rejected"), ("accepted|rejected", "rejected")] {
        let (printed, _, status) = race(first, second);
        assert_eq!(status, 1, "{printed}");
        assert_eq!(printed.matches(" EXPECTED ").count(), 1, "{printed}");
    }
    // A token shows two codes, whatever the order; one may burn the other.
    let text = format!(
        "token T {SECRET} counter=0\n0 dana bind T\nsame-time\n1h dana verify T -> accepted|rejected\n\
         1h dana verify T -> accepted\ntogether\n2h dana verify 969429 -> accepted\n"
    );
    let (printed, _, status) = run(&text);
    assert_eq!(status, 0, "{printed}");
}

fn parallel<'a>(
    store: &'a AnyStore,
    count: usize,
    step: impl Fn(&AnyStore) -> Outcome + Copy + 'a,
) -> Vec<Parallel<'a>> {
    let one = move || -> Box<program::together::Repeatable<'a>> {
        Box::new(move |store| {
            let (charged, notices, writes) = (false, Vec::new(), 0);
            Report { outcome: step(store), charged, notices, writes }
        })
    };
    (0..count).map(|_| Parallel { store, place: 0, step: one() }).collect()
}

/// How many of the steps were accepted, for each ending.
fn accepted(endings: &[Vec<Report>]) -> Vec<usize> {
    let accepted = |report: &&Report| report.outcome == Outcome::Accepted;
    let mut counts: Vec<usize> =
        endings.iter().map(|ending| ending.iter().filter(accepted).count()).collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// Accepts what nothing was stored for yet, and has two races: it forgets what it read, and reads the
/// version again before it writes.
#[test]
fn a_planted_race_is_found() {
    let id = AccountId::new("dana").unwrap();
    let careless = |store: &AnyStore| {
        let Ok(None) = store.load(&id) else { return Outcome::Rejected };
        let Ok(found) = store.load(&id) else { return Outcome::Rejected };
        let expected = found.map(|found| found.version());
        let (record, summary) =
            (Record::new(expected.unwrap_or(0) + 1, vec![1]), Summary::default());
        match store.swap(&id, &Write::new(expected, &record, &summary, &[])) {
            Ok(Swap::Stored) => Outcome::Accepted,
            _ => Outcome::Rejected,
        }
    };
    let store = Place::Memory.empty(1).unwrap();
    for count in [2, 3] {
        let found = endings(&parallel(&*store, count, careless)).unwrap();
        let most = accepted(&found).last().copied();
        assert_eq!(most, Some(count), "{found:?}");
    }
    assert!(Store::load(&*store, &id).unwrap().is_none(), "nothing reached the store itself");
}

/// The same code in three sessions: accepted once, in every order.
#[test]
fn a_code_is_accepted_once_in_every_order() {
    let now = UnixTime::from_secs(1_800_003_600);
    let mfa = Mfa::new(keys::keyring(7), Recommended);
    let id = AccountId::new("dana").unwrap();
    let store = Place::Memory.empty(1).unwrap();
    let mut rng = countersign::OsRandom::new().unwrap();
    let earlier = mfa.account(&id).at(program::ZERO);
    let pending = earlier.enrol("Phone", &mut rng).run(&*store).unwrap();
    let uri = pending.uri("A", "b").unwrap();
    let phone = countersign::Totp::new(uri.secret(), uri.totp_parameters().unwrap());
    let code = |at| phone.generate(at).unwrap().expose_str().to_owned();
    let first = code(program::ZERO);
    assert!(earlier.confirm(pending.id(), &first, &mut rng).run(&*store).accepted().is_some());
    let typed = code(now);
    let verify = |store: &AnyStore| match mfa.account(&id).at(now).verify(&typed, SignIn).run(store)
    {
        Verdict::Accepted(_) => Outcome::Accepted,
        _ => Outcome::Rejected,
    };
    for count in [2, 3, 4, 6] {
        let found = endings(&parallel(&*store, count, verify)).unwrap();
        assert_eq!(accepted(&found), [1], "{found:?}");
        assert_eq!(found.len(), count, "each of them can be the one");
    }
}
