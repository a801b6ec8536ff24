//! The verifier: it finds what was done to a trail, and nothing in one that is whole.

use std::process::{Command, Output};

use countersign::account::{EventId, EventKind};
use countersign::{AccountId, Event};
use countersign_audit::{Chain, Finding, LineHash, Mark, Verifier, What, to_line};
use proptest::prelude::*;

use crate::life::life;
use crate::samples::{NOW, account};

/// Places of one account: a version and an index.
fn trail(places: &[(u64, u16)]) -> Vec<String> {
    places.iter().map(|place| to_line(&event(account(), *place))).collect()
}

fn event(account: AccountId, (version, index): (u64, u16)) -> Event {
    let mut event = Event::new(account, NOW, EventKind::RecoveryCodesSeen);
    event.id = Some(EventId { account, version, index });
    event
}

fn found(mut verifier: Verifier, lines: &[String]) -> Vec<Finding> {
    let mut found: Vec<_> = lines.iter().flat_map(|line| verifier.line(line)).collect();
    found.extend(verifier.finish());
    found
}

fn said(verifier: Verifier, lines: &[String]) -> Vec<String> {
    found(verifier, lines).iter().map(ToString::to_string).collect()
}

/// The trail of a life, chained, and the marks of the store.
fn chained() -> (Vec<String>, Verifier) {
    let life = life();
    let mut chain = Chain::default();
    let mut verifier = Verifier::chained();
    for (account, version) in life.versions {
        verifier.ends_at(account, Mark { version, hash: None });
    }
    (life.events.iter().map(|event| chain.line(event)).collect(), verifier)
}

#[test]
fn a_whole_trail_has_no_finding() {
    let (lines, verifier) = chained();
    assert!(lines.len() > 30);
    assert_eq!(said(verifier, &lines), [""; 0]);
    let life = life();
    let plain: Vec<_> = life.events.iter().map(to_line).collect();
    assert_eq!(said(Verifier::new(), &plain), [""; 0]);
    let places = trail(&[(1, 0), (1, 1), (1, 2), (2, 0), (3, 0), (3, 1)]);
    assert_eq!(said(Verifier::new(), &places), [""; 0]);
}

#[test]
fn holes_doubles_and_moved_lines_are_named_by_place() {
    for (places, expected) in [
        (&[(2, 0)][..], "line 1, account 3432: 1:0 is missing before 2:0"),
        (&[(1, 1)], "line 1, account 3432: 1:0 is missing before 1:1"),
        (&[(1, 0), (3, 0)], "line 2, account 3432: 2:0 is missing before 3:0"),
        (&[(1, 0), (2, 1)], "line 2, account 3432: 2:0 is missing before 2:1"),
        (&[(1, 0), (1, 2)], "line 2, account 3432: 1:1 is missing before 1:2"),
        (&[(1, 0), (1, 0)], "line 2, account 3432: 1:0 is there again"),
        (&[(1, 0), (2, 0), (1, 0)], "line 3, account 3432: 1:0 is there again"),
        (&[(0, 0)], "line 1, account 3432: 0:0 is there again"),
        (
            &[(1, 0), (3, 0), (2, 0)],
            "line 2, account 3432: 2:0 is missing before 3:0
line 3, account 3432: 2:0 comes after 3:0",
        ),
    ] {
        assert_eq!(said(Verifier::new(), &trail(places)).join("\n"), expected, "{places:?}");
    }
}

/// A file cannot say that its end is gone, and the store can; it also says when a row was put back.
#[test]
fn the_record_says_where_the_trail_ends() {
    let lines = trail(&[(1, 0), (2, 0)]);
    let ends = |version, hash| {
        let mut verifier = Verifier::new();
        verifier.ends_at(account(), Mark { version, hash });
        verifier
    };
    assert_eq!(said(ends(2, None), &lines), [""; 0]);
    let cut = "account 3432: the trail ends at version 2, the record has 3";
    assert_eq!(said(ends(3, None), &lines), [cut]);
    let behind = "account 3432: the record has version 1, older than the trail's 2";
    assert_eq!(said(ends(1, None), &lines), [behind]);
    let gone = "account 3432: the trail ends at version 0, the record has 2";
    assert_eq!(said(ends(2, None), &[]), [gone]);
}

/// Each thing that an attacker on the file does to a chained trail, at every line of it.
#[test]
fn every_edit_deletion_and_swap_is_found() {
    let (lines, _) = chained();
    let kept = marks(&lines); // elsewhere
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut changed = lines.clone();
        change(&mut changed);
        let mut verifier = Verifier::chained();
        kept.iter().for_each(|(account, mark)| verifier.ends_at(*account, *mark));
        found(verifier, &changed)
    };
    assert!(changed(&|_| {}).is_empty());
    for at in 0..lines.len() {
        let removed = changed(&|lines| drop(lines.remove(at)));
        assert!(!removed.is_empty(), "line {at} was removed");
        let twice = changed(&|lines| lines.insert(at, lines[at].clone()));
        assert!(twice.iter().any(|one| matches!(one.what, What::Detached)), "{at} is there twice");
        let edited = changed(&|lines| {
            lines[at] =
                lines[at].replace("\"first_factor_passed\":false", "\"first_factor_passed\":true");
        });
        let is_edited = |one: &Finding| matches!(one.what, What::Edited);
        let was_false = lines[at].contains("\"first_factor_passed\":false");
        assert_eq!(edited.iter().any(is_edited), was_false, "line {at} was edited");
        let stripped = changed(&|lines| {
            let kept = lines[at].split(",\"prev\"").next().unwrap().to_owned() + "}";
            lines[at] = kept;
        });
        assert!(
            stripped.iter().any(|one| matches!(one.what, What::Unchained)),
            "{at} was stripped"
        );
        // Two lines of different accounts may change places: each account's order is kept.
        let is_of_one = |other: usize| account_of(&lines[at]) == account_of(&lines[other]);
        if let Some(next) = (at + 1..lines.len()).find(|next| is_of_one(*next)) {
            let swapped = changed(&|lines| lines.swap(at, next));
            assert!(swapped.len() >= 2, "lines {at} and {next} were swapped");
        }
    }
    // The end of the file.
    let cut = changed(&|lines| lines.truncate(lines.len() - 1));
    assert!(cut.iter().any(|one| matches!(one.what, What::CutOff { .. } | What::OtherEnd)));
}

fn account_of(line: &str) -> &str {
    line.split("\"account\":\"").nth(1).unwrap().split('"').next().unwrap()
}

fn marks(lines: &[String]) -> Vec<(AccountId, Mark)> {
    let mut verifier = Verifier::chained();
    lines.iter().for_each(|line| assert!(verifier.line(line).is_empty()));
    verifier.marks().collect()
}

/// Members that one reader takes and another does not: the hash of the event is right, and the line is
/// not the one that was written.
#[test]
fn a_line_that_two_readers_read_differently_is_found() {
    let (lines, _) = chained();
    let line = &lines[0];
    let doubled = line.replacen("\"actor\":", "\"actor\":\"host\",\"actor\":", 1);
    let blank = line.replacen(',', ", ", 1);
    for respelt in [doubled, blank, format!("{line} ")] {
        let found = found(Verifier::chained(), &[respelt]);
        assert!(matches!(&found[..], [Finding { what: What::Respelt, .. }]), "{found:?}");
    }
}

/// A note has no place: in a trail without hashes its removal does not show, and in a chain it does.
#[test]
fn a_removed_note_shows_in_a_chain() {
    let note = Event::new(account(), NOW, EventKind::Malformed);
    let (first, last) = (event(account(), (1, 0)), event(account(), (2, 0)));
    let plain = [to_line(&first), to_line(&last)];
    assert_eq!(said(Verifier::new(), &plain), [""; 0]);
    let mut chain = Chain::default();
    let lines = [&first, &note, &last].map(|event| chain.line(event));
    let without = [lines[0].clone(), lines[2].clone()];
    let found = said(Verifier::chained(), &without);
    assert_eq!(found, ["line 2, account 3432: the line does not follow the one before it"]);
}

/// Whoever removes the hashes of a line does not get it past a verifier that was not told of a chain.
#[test]
fn a_line_without_a_hash_behind_one_with_a_hash_is_found() {
    let (first, second) = (event(account(), (1, 0)), event(account(), (2, 0)));
    let is_unchained = |found: &[Finding]| matches!(found, [Finding { what: What::Unchained, .. }]);
    let line = Chain::default().line(&first);
    assert!(is_unchained(&found(Verifier::new(), &[line.clone(), to_line(&second)])));
    // Also at the beginning of a rotated file.
    let mark = marks(&[line])[0].1;
    let mut verifier = Verifier::new();
    verifier.begins_after(account(), mark);
    assert!(is_unchained(&found(verifier, &[to_line(&second)])));
}

/// After a restart the writer goes on; after the file was rotated the reader does.
#[test]
fn a_chain_goes_on_in_another_file() {
    let (first, second) = (event(account(), (1, 0)), event(account(), (2, 0)));
    let mut verifier = Verifier::chained();
    let line = Chain::default().line(&first);
    assert!(verifier.line(&line).is_empty());
    let marks: Vec<_> = verifier.marks().collect();
    let line = verifier.into_chain().line(&second);

    let mut rotated = Verifier::chained();
    marks.iter().for_each(|(account, mark)| rotated.begins_after(*account, *mark));
    assert_eq!(said(rotated, std::slice::from_ref(&line)), [""; 0]);
    // Without the mark, or with that of another file.
    assert_eq!(found(Verifier::chained(), std::slice::from_ref(&line)).len(), 2);
    let mut wrong = Verifier::chained();
    wrong.begins_after(account(), Mark { version: 1, hash: Some(LineHash::START) });
    assert!(matches!(found(wrong, &[line])[..], [Finding { what: What::Detached, .. }]));
}

fn audit(arguments: &[&str]) -> Output {
    // Built by `cargo test` beside the tests.
    let program = std::env::current_exe().unwrap();
    let program = program.ancestors().nth(2).unwrap().join("examples/audit");
    Command::new(program).args(arguments).output().unwrap()
}

#[test]
fn the_program_says_so_with_its_exit() {
    let folder = std::env::temp_dir().join(format!("countersign-audit-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, lines: &[String]| {
        let path = folder.join(name);
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (lines, _) = chained();
    let whole = file("whole.jsonl", &lines);
    let run = audit(&["verify", "--chained", &whole]);
    assert_eq!((run.status.code(), run.stdout), (Some(0), vec![]));
    let marks = audit(&["marks", &whole]);
    let ends = file("marks", &[String::from_utf8(marks.stdout).unwrap().trim_end().to_owned()]);

    let cut = file("cut.jsonl", &lines[..lines.len() - 1]);
    assert_eq!(audit(&["verify", "--chained", &cut]).status.code(), Some(0));
    let run = audit(&["verify", "--chained", "--ends", &ends, &cut]);
    assert_eq!(run.status.code(), Some(1));
    assert_eq!(String::from_utf8(run.stdout).unwrap().lines().count(), 1);

    let mut torn = lines;
    torn[3].truncate(40);
    torn.insert(0, "x".repeat(20_000));
    let run = audit(&["verify", &file("torn.jsonl", &torn)]);
    assert_eq!(run.status.code(), Some(1));
    assert!(run.stdout.starts_with(b"line 1: the line is not one JSON object\n"));

    for wrong in [
        &["verify"][..],
        &["verify", "/no/such/file"],
        &["verify", "--ends", &whole, &whole],
        &["erase", &whole],
        &[],
    ] {
        let run = audit(wrong);
        assert_eq!((run.status.code(), run.stdout), (Some(2), vec![]), "{wrong:?}");
        assert!(run.stderr.starts_with(b"audit: "));
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

proptest! {
    /// No text makes the verifier panic, and none passes for a line that the library wrote.
    #[test]
    fn any_text_is_read(text in ".{0,80}") {
        let found = Verifier::new().line(&text);
        prop_assert_eq!(found.len(), 1);
    }

    /// One altered byte of a chained line never passes.
    #[test]
    fn no_altered_byte_passes(at in 0_usize..2000, byte in 0_u8..128) {
        let line = Chain::default().line(&crate::samples::full());
        let mut bytes = line.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(altered) = String::from_utf8(bytes) && altered != line {
            let mut verifier = Verifier::chained();
            let mark = Mark { version: 6, hash: Some(LineHash::START) };
            verifier.begins_after(account(), mark);
            let mut before = crate::samples::full();
            before.id = Some(EventId { account: account(), version: 7, index: 0 });
            prop_assert!(!verifier.line(&altered).is_empty(), "{altered}");
        }
    }
}
