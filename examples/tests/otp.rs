//! The example `otp` as a harness runs it: what it prints, its exit status, and for bad input one
//! line on standard error and nothing on standard output.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects)]

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const SECRET_32: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA====";
const SHORT: &str = "JBSWY3DPEHPK3PXP";

/// `cargo test` builds the examples beside the tests.
fn otp() -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop(); // the file
    path.pop(); // deps
    path.push("examples");
    path.push(format!("otp{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is not built: cargo build --examples", path.display());
    Command::new(path)
}

/// Standard output, standard error and the exit status.
fn run_with(arguments: &[&str], input: &str) -> (String, String, i32) {
    let mut command = otp();
    command.args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    drop(writer.join().unwrap()); // a command that reads nothing closes the pipe
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

fn run(line: &str) -> (String, String, i32) {
    let arguments: Vec<&str> = line.split_whitespace().collect();
    run_with(&arguments, "")
}

fn prints(line: &str, expected: &str, status: i32) {
    assert_eq!(run(line), (expected.to_owned(), String::new(), status), "{line}");
}

fn is_bad_input((stdout, stderr, status): (String, String, i32), named: &str, line: &str) {
    assert_eq!((stdout.as_str(), status), ("", 2), "{line}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{line}: {stderr}");
    assert!(stderr.starts_with("otp: ") && stderr.ends_with('\n'), "{line}: {stderr}");
    assert!(stderr.contains(named), "{line}: {named} is not named in: {stderr}");
    assert!(!stderr.contains("GEZDG") && !stderr.contains(SHORT), "{line}: {stderr}");
}

#[test]
fn codes() {
    prints(&format!("hotp --secret {SECRET} --counter 0"), "755224\n", 0);
    prints(&format!("hotp --counter=9 --digits 8 --secret={SECRET}"), "45520489\n", 0);
    prints(&format!("hotp --secret {SECRET} --counter 18446744073709551615"), "094451\n", 0);
    prints(&format!("totp --secret {SECRET} --time 1111111109 --digits 8"), "07081804\n", 0);
    let line = format!("totp --secret {SECRET_32} --time 59 --digits 8 --algorithm sha256");
    prints(&line, "46119246\n", 0);
    let line = format!("totp --secret {SECRET} --time 160 --t0 100 --period 60 --algorithm SHA1");
    prints(&line, "287082\n", 0);
    prints(&format!("totp --secret {SECRET} --time 0"), "755224\n", 0);
}

#[test]
fn verification() {
    let hotp = format!("verify hotp --secret {SECRET}");
    prints(&format!("{hotp} --counter 0 --code 359152"), "accepted counter=2 next=3\n", 0);
    prints(&format!("{hotp} --counter 0 --code 969429"), "rejected\n", 1);
    let line = format!("{hotp} --counter 0 --code 969429 --look-ahead 4");
    prints(&line, "accepted counter=3 next=4\n", 0);
    prints(&format!("{hotp} --counter 3 --code 359152 --look-ahead 50"), "rejected\n", 1);
    prints(
        &format!("{hotp} --counter 18446744073709551615 --code 094451"),
        "accepted counter=18446744073709551615 next=none\n",
        0,
    );

    let totp = format!("verify totp --secret {SECRET} --code 081804");
    prints(&format!("{totp} --time 1111111109"), "accepted step=37037036 drift=+0\n", 0);
    prints(&format!("{totp} --time 1111111139"), "accepted step=37037036 drift=-1\n", 0);
    prints(&format!("{totp} --time 1111111079"), "accepted step=37037036 drift=+1\n", 0);
    prints(&format!("{totp} --time 1111111169"), "rejected\n", 1);
    let line = format!("{totp} --time 1111111169 --backward 2 --forward 0");
    prints(&line, "accepted step=37037036 drift=-2\n", 0);
    prints(&format!("{totp} --time 1111111079 --forward 0"), "rejected\n", 1);
    prints(&format!("{totp} --time 1111111109 --after 37037036"), "rejected\n", 1);
    let line = format!("{totp} --time 1111111109 --after 37037035");
    prints(&line, "accepted step=37037036 drift=+0\n", 0);
    prints(&format!("{totp} --time 5 --t0 6"), "rejected\n", 1);
    // Equal codes at neighbouring steps: the highest.
    let line = format!("verify totp --secret {SECRET} --code 911617 --time 27322140");
    prints(&line, "accepted step=910738 drift=+0\n", 0);
    // Every parameter reaches the verification.
    let line = format!(
        "verify totp --secret {SECRET_32} --time 159 --t0 100 --digits 8 --algorithm sha256 \
         --period 30 --code 46119246 --backward 0 --forward 0"
    );
    prints(&line, "accepted step=1 drift=+0\n", 0);
}

/// F-60 to F-64: a device of another system, and what was odd about its URI.
#[test]
fn imported_uris() {
    let uri = format!(
        "\u{feff}otpauth://totp/Corp:Dept:dana?secret={}%3D%3D%3D%3D%3D%3D&amp;issuer=Corp\
         &amp;algorithm=HmacSHA256&amp;digits=8&amp;period=60\n",
        SECRET[..26].to_lowercase()
    );
    let said = format!(
        "type=totp\nissuer=Corp\nprefix=Corp\naccount=Dept:dana\nsecret={}\nalgorithm=SHA256\n\
         digits=8\nperiod=60\ntolerated=surroundings\ntolerated=html-ampersand\n\
         tolerated=several-colons\ntolerated=algorithm-name\ntolerated=lower-case\n\
         tolerated=padding\n",
        &SECRET[..26]
    );
    for arguments in [["parse", "--import", &uri], ["parse", &uri, "--import"]] {
        assert_eq!(run_with(&arguments, ""), (said.clone(), String::new(), 0));
    }
    is_bad_input(run_with(&["parse", &uri], ""), "does not begin with otpauth://", "strict");
    let bare = uri.trim_matches(['\u{feff}', '\n']);
    is_bad_input(run_with(&["parse", bare], ""), "&amp;", "strict");
    // Nothing to tolerate: the usual lines.
    let line = format!("otpauth://hotp/?secret={SHORT}&counter=7");
    is_bad_input(run_with(&["parse", "--import", &line], ""), "too short: 10 bytes", "short");
    let said = format!(
        "type=hotp\nissuer=\nprefix=\naccount=\nsecret={SHORT}\nalgorithm=SHA1\ndigits=6\n\
         counter=7\ntolerated=missing-account\n"
    );
    let short = ["parse", "--import", "--allow-short-secret", &line];
    assert_eq!(run_with(&short, ""), (said, String::new(), 0));
    let plain = format!("otpauth://totp/a?secret={SECRET}");
    assert_eq!(run_with(&["parse", "--import", &plain], ""), run_with(&["parse", &plain], ""));
    for (line, named) in [
        (format!("parse --import --import {plain}"), "--import is given twice"),
        (format!("parse --import {plain}&x=&amp;y="), "&amp;"),
        (format!("parse --import {plain}&encoder=steam"), "encoder"),
        (format!("hotp --import --secret {SECRET} --counter 0"), "--import is no option"),
        ("vectors --import".to_owned(), "--import is no option"),
    ] {
        is_bad_input(run(&line), named, &line);
    }
}

#[test]
fn uris() {
    let printed = format!(
        "otpauth://totp/ACME%20Co:dana@acme.example?secret={SECRET}&issuer=ACME%20Co\
         &algorithm=SHA1&digits=6&period=30\n"
    );
    let arguments = [
        "uri",
        "totp",
        "--issuer",
        "ACME Co",
        "--account",
        "dana@acme.example",
        "--secret",
        SECRET,
    ];
    assert_eq!(run_with(&arguments, ""), (printed.clone(), String::new(), 0));
    let said = format!(
        "type=totp\nissuer=ACME Co\nprefix=ACME Co\naccount=dana@acme.example\nsecret={SECRET}\n\
         algorithm=SHA1\ndigits=6\nperiod=30\n"
    );
    assert_eq!(run_with(&["parse", printed.trim_end()], ""), (said, String::new(), 0));

    let line = format!(
        "uri hotp --issuer A --account b --secret {SECRET} --counter 7 --digits 8 --algorithm sha512"
    );
    let printed = format!(
        "otpauth://hotp/A:b?secret={SECRET}&issuer=A&algorithm=SHA512&digits=8&counter=7\n"
    );
    prints(&line, &printed, 0);
    let said = format!(
        "type=hotp\nissuer=A\nprefix=A\naccount=b\nsecret={SECRET}\nalgorithm=SHA512\ndigits=8\n\
         counter=7\n"
    );
    prints(&format!("parse {printed}"), &said, 0);
    let said = format!(
        "type=totp\nissuer=\nprefix=\naccount=b\nsecret={SECRET}\nalgorithm=SHA1\ndigits=6\nperiod=30\n"
    );
    prints(&format!("parse otpauth://totp/b?secret={SECRET}"), &said, 0);
    let mismatch = run(&format!("parse otpauth://totp/A:b?secret={SECRET}&issuer=C")).0;
    assert!(mismatch.contains("issuer=C\nprefix=A\n"), "{mismatch}");
}

#[test]
fn short_secrets_need_the_flag_everywhere() {
    let uri = format!("otpauth://totp/A:b?secret={SHORT}");
    let commands = [
        format!("hotp --secret {SHORT} --counter 0"),
        format!("totp --secret {SHORT} --time 0"),
        format!("verify hotp --secret {SHORT} --counter 0 --code 282760"),
        format!("verify totp --secret {SHORT} --time 0 --code 282760"),
        format!("uri totp --issuer A --account b --secret {SHORT}"),
        format!("uri hotp --issuer A --account b --secret {SHORT} --counter 0"),
        format!("parse {uri}"),
    ];
    for command in commands {
        is_bad_input(run(&command), "too short: 10 bytes", &command);
        assert_eq!(run(&format!("{command} --allow-short-secret")).2, 0, "{command}");
    }
    let line = format!("hotp sha1 6 {SHORT} 0\n");
    is_bad_input(run_with(&["batch"], &line), "line 1", &line);
    let (stdout, _, status) = run_with(&["batch", "--allow-short-secret"], &line);
    assert_eq!((stdout.as_str(), status), ("282760\n", 0));
    is_bad_input(run("hotp --secret= --counter 0 --allow-short-secret"), "empty", "no secret");
}

#[test]
fn bad_input_is_named_on_one_line_and_prints_nothing() {
    let bad: &[(&str, &str)] = &[
        ("", "no command"),
        ("frobnicate", "no such command"),
        ("verify", "no such command"),
        ("verify sms", "no such command"),
        ("hotp hotp", "no such command"),
        ("parse", "no such command"),
        ("hotp --counter 0", "--secret is missing"),
        ("hotp --secret S", "--counter is missing"),
        ("totp --secret S", "--time is missing"),
        ("hotp --secret S --counter", "--counter has no value"),
        ("hotp --secret S --counter 1 --counter 1", "--counter is given twice"),
        ("hotp --secret S --counter 1 --allow-short-secret --allow-short-secret", "given twice"),
        ("hotp --secret S --counter 1 --time 5", "--time is no option"),
        ("totp --secret S --time 1 --counter 5", "--counter is no option"),
        ("verify hotp --secret S --counter 1 --code 755224 --forward 1", "--forward is no option"),
        ("vectors --digits 6", "--digits is no option"),
        ("hotp --secret S --counter 1 --frob", "--frob"),
        ("hotp --secret S --counter 1 -x", "-x"),
        ("hotp --secret S --counter +1", "--counter"),
        ("hotp --secret S --counter -1", "--counter"),
        ("hotp --secret S --counter 1.0", "--counter"),
        ("hotp --secret S --counter 0x1", "--counter"),
        ("hotp --secret S --counter=", "--counter"),
        ("hotp --secret S --counter 18446744073709551616", "--counter"),
        ("totp --secret S --time -1", "--time"),
        ("totp --secret S --time 5 --t0 6", "--time is before --t0"),
        ("totp --secret S --time 5 --period 0", "--period"),
        ("totp --secret S --time 5 --period 121", "--period"),
        ("totp --secret S --time 5 --period 286", "--period"),
        ("hotp --secret S --counter 1 --digits 5", "--digits"),
        ("hotp --secret S --counter 1 --digits 9", "--digits"),
        ("hotp --secret S --counter 1 --digits +6", "--digits"),
        ("hotp --secret S --counter 1 --digits 262", "--digits"),
        ("hotp --secret S --counter 1 --algorithm md5", "algorithm"),
        ("hotp --secret S --counter 1 --algorithm sha-1", "algorithm"),
        ("hotp --secret gezdgnbvgy3tqojqgezdgnbvgy3tqojq --counter 1", "base32"),
        ("hotp --secret GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1 --counter 1", "base32"),
        ("hotp --secret GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQM --counter 1", "base32"),
        (
            "hotp --secret gezdgnbvgy3tqojqgezdgnbvgy3tqojqgezdgnbvgy3tqojqgeza==== --counter 1",
            "base32",
        ),
        (
            "hotp --secret GEZDGNBVGY3TQOJQGEZDGNBV-GY3TQOJQGEZDGNBVGY3TQOJQGEZA==== --counter 1",
            "base32",
        ),
        (
            "hotp --secret GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA=== --counter 1",
            "padding",
        ),
        ("hotp --secret S= --counter 1", "padding"),
        ("verify hotp --secret S --counter 1", "--code is missing"),
        ("verify hotp --secret S --counter 1 --code 75522", "--code"),
        ("verify hotp --secret S --counter 1 --code 7552244", "--code"),
        ("verify hotp --secret S --counter 1 --code 75522x", "--code"),
        ("verify hotp --secret S --counter 1 --code 755224 --look-ahead 0", "--look-ahead"),
        ("verify hotp --secret S --counter 1 --code 755224 --look-ahead 51", "--look-ahead"),
        ("verify totp --secret S --time 1 --code 755224 --backward 11", "--backward"),
        ("verify totp --secret S --time 1 --code 755224 --forward 11", "--forward"),
        ("verify totp --secret S --time 1 --code 755224 --forward -1", "--forward"),
        ("verify totp --secret S --time 1 --code 755224 --after -1", "--after"),
        ("uri totp --account b --secret S", "--issuer is missing"),
        ("uri totp --issuer A --secret S", "--account is missing"),
        ("uri totp --issuer A:B --account b --secret S", "issuer has a colon"),
        ("uri totp --issuer A --account b --secret S --t0 5", "T0"),
        ("uri totp --issuer A --account b --secret S --counter 5", "--counter is no option"),
        ("uri hotp --issuer A --account b --secret S --period 30", "--period is no option"),
        ("parse otpauth://hotp/A:b?secret=S", "counter is missing"),
        ("parse otpauth://totp/A:b?secret=S&secret=S", "secret is given twice"),
        ("parse otpauth://totp/A:b?secret=S&digits=5", "digits"),
        ("parse otpauth://totp/A:b%zz?secret=S", "account has a malformed percent escape"),
        ("parse https://example.com", "otpauth"),
        ("parse otpauth://totp/A:b?secret=S otpauth://totp/A:b?secret=S", "no such command"),
    ];
    for (line, named) in bad {
        let whole: Vec<String> = line
            .split_whitespace()
            .map(|word| match word {
                "S" => SECRET.to_owned(),
                "S=" => format!("{SECRET}="),
                word => word.replace("secret=S", &format!("secret={SECRET}")),
            })
            .collect();
        let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
        is_bad_input(run_with(&whole, ""), named, line);
    }
    let spaced = format!("{} {}", &SECRET_32[..8], &SECRET_32[8..]);
    is_bad_input(run_with(&["hotp", "--counter", "1", "--secret", &spaced], ""), "base32", "space");
    is_bad_input(run_with(&["--a\nb"], ""), "a\\nb", "an option with a line break");
}

#[test]
fn batch() {
    let input = format!(
        "hotp sha1 6 {SECRET} 0\nhotp SHA1 6 {SECRET} 1\r\ntotp sha256 8 {SECRET_32} 59\n\
         totp sha1 7 {SECRET} 1111111109\nhotp sha512 8 {SECRET} 18446744073709551615"
    );
    let (stdout, stderr, status) = run_with(&["batch"], &input);
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!((stderr.as_str(), status, lines.len()), ("", 0, 5));
    assert_eq!(lines[..4], ["755224", "287082", "46119246", "7081804"]);
    assert_eq!(run_with(&["batch"], ""), (String::new(), String::new(), 0));

    for bad in [
        "hotp sha1 6",
        "",
        "steam sha1 6 S 0",
        "hotp md5 6 S 0",
        "hotp sha1 9 S 0",
        "hotp sha1 6 s 0",
        "hotp sha1 6 S -1",
        "hotp sha1 6 S +1",
        "hotp sha1 6 S 18446744073709551616",
        "hotp sha1 6 S 0 0",
    ] {
        let bad = bad.replace(" S ", &format!(" {SECRET} "));
        let input = format!("hotp sha1 6 {SECRET} 0\n{bad}\nhotp sha1 6 {SECRET} 1\n");
        is_bad_input(run_with(&["batch"], &input), "line 2", &bad);
    }
}

/// More secrets than are kept at a time, and each of them again after it was forgotten.
#[test]
fn batch_of_many_secrets() {
    let line = |one: usize, other: usize| {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let (a, b) = (char::from(alphabet[one]), char::from(alphabet[other]));
        format!("hotp sha1 6 {a}{b}{} 0\n", &SECRET[2..])
    };
    let pairs = (0..2).flat_map(|_| (0..32).flat_map(|a| (0..32).map(move |b| (a, b))));
    let input: String = pairs.map(|(a, b)| line(a, b)).collect();
    let (stdout, _, status) = run_with(&["batch"], &input);
    let codes: Vec<&str> = stdout.lines().collect();
    assert_eq!((status, codes.len()), (0, 2_048));
    assert_eq!(codes[..1_024], codes[1_024..]);
    assert_ne!(codes[0], codes[1]);
}

#[test]
fn a_reader_that_leaves_is_no_panic() {
    let mut command = otp();
    command.arg("batch").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let line = format!("hotp sha1 6 {SECRET} 0\n");
    stdin.write_all(line.repeat(20_000).as_bytes()).unwrap();
    drop(stdin);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((stderr.as_str(), child.wait().unwrap().code()), ("", Some(0)));
}

#[test]
fn the_rfc_tables_pass() {
    let (stdout, stderr, status) = run("vectors");
    assert_eq!((stderr.as_str(), status), ("", 0));
    assert_eq!(stdout.matches("  pass\n").count(), 28);
    assert!(stdout.ends_with("28 vectors, 0 failed\n"), "{stdout}");
    assert!(!stdout.contains("fail\n"));
}

#[test]
fn help() {
    for line in ["--help", "-h", "hotp --help", "verify totp -h"] {
        let (stdout, stderr, status) = run(line);
        assert!(stdout.starts_with("usage: otp COMMAND"), "{line}: {stdout}");
        assert_eq!((stderr.as_str(), status), ("", 0));
    }
}
