//! Processes that are killed and connections that are cut in mid-attempt, and afterwards the history:
//! no code accepted twice, no committed failure lost, no record unreadable, every event in step with
//! its version. And eight processes at once on one database.
//!
//! The tests of each store that can be killed include this file. The processes are the test's own
//! binary again, told by the environment to be `child` and nothing else.
#![allow(dead_code)] // every test crate takes a part of it

#[path = "keys.rs"]
mod keys;

use std::env;
use std::fmt::{Debug, Display};
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use countersign::mfa::Fault;
use countersign::otp::Parameters;
use countersign::{
    AccountId, Algorithm, Keyring, Mfa, OsRandom, Recommended, Record, Secret, SignIn, Store, Swap,
    Totp, UnixTime, Verdict, Write,
};
use serde_json::Value;

/// Faults in mid-attempt, in each test.
pub const FAULTS: usize = 200;

/// Where the records are, and how the tests look behind the store. Shown as the name to open.
pub trait Database: Display {
    /// The store that `name` names: a database, or a wrong store over one.
    fn open(name: &str) -> AnyStore;

    /// How a process opens it that can be [outlived](Database::outlive).
    fn of_a_victim(&self) -> String;

    /// Waits until the server has noticed that its client is dead: a statement that was sent before
    /// runs to its end, and its commit is as good as any.
    fn outlive(&self);

    /// Every event of the account after version `after`: version, place, event.
    fn events(&self, id: &AccountId, after: u64) -> Vec<(i64, i64, String)>;
}

pub type AnyStore = Box<dyn Store<Error = String> + Send + Sync>;

/// A store whose errors are sentences.
pub struct Said<S>(pub S);

impl<S: Store<Error: Debug>> Store for Said<S> {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        self.0.load(id).map_err(|error| format!("{error:?}"))
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        self.0.swap(id, write).map_err(|error| format!("{error:?}"))
    }
}

/// The time of a turn. Turns are four days apart, so that no wait and no window of failures reaches
/// from one into the next.
pub fn moment(turn: u64) -> UnixTime {
    UnixTime::from_secs(1_600_000_000 + turn * 4 * 86_400)
}

/// Somebody with a phone, as every process of a test knows them.
pub struct Person {
    mfa: Mfa<Keyring, Recommended>,
    id: AccountId,
    secret: Secret,
}

impl Person {
    pub fn enrol(store: &AnyStore) -> Person {
        static PEOPLE: AtomicU32 = AtomicU32::new(0);
        let number = PEOPLE.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut rng = OsRandom::new().unwrap();
        let random = Secret::generate(Algorithm::Sha1, &mut rng);
        let id = AccountId::new([random.expose_bytes(), &number].concat()).unwrap();
        let mfa = Mfa::new(keys::keyring(7), Recommended);
        let pending = mfa.account(&id).at(moment(0)).enrol("phone", &mut rng).run(store).unwrap();
        let uri = pending.uri("Acme Billing", "dana").unwrap();
        let secret = Secret::from_bytes(uri.secret().expose_bytes()).unwrap();
        let person = Person { mfa, id, secret };
        let code = person.right(0);
        let account = person.mfa.account(&id).at(moment(0));
        let bound = account.confirm(pending.id(), &code, &mut rng).run(store);
        assert!(matches!(bound, Verdict::Accepted(_)), "{bound:?}");
        person
    }

    fn known_as(text: &str) -> Person {
        let (id, secret) = text.split_once(':').unwrap();
        let bytes = |hex: &str| -> Vec<u8> {
            let digits = hex.as_bytes().chunks(2);
            digits
                .map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap())
                .collect()
        };
        Person {
            mfa: Mfa::new(keys::keyring(7), Recommended),
            id: AccountId::new(bytes(id)).unwrap(),
            secret: Secret::from_base32(secret).unwrap(),
        }
    }

    fn name(&self) -> String {
        format!("{}:{}", self.id, self.secret.expose_base32().expose_str())
    }

    fn right(&self, turn: u64) -> String {
        let phone = Totp::new(&self.secret, Parameters::default());
        phone.generate(moment(turn)).unwrap().expose_str().to_owned()
    }

    /// No code of the steps around the turn, or one time in 300,000 another guess of the same kind.
    fn wrong(&self, turn: u64) -> String {
        let right: u32 = self.right(turn).parse().unwrap();
        format!("{:06}", (right + 500_000) % 1_000_000)
    }

    pub fn attempt(&self, store: &dyn Store<Error = String>, turn: u64, kind: Kind) -> Answer {
        let code = match kind {
            Kind::Right => self.right(turn),
            Kind::Wrong => self.wrong(turn),
        };
        match self.mfa.account(&self.id).at(moment(turn)).verify(&code, SignIn).run(store) {
            Verdict::Accepted(_) => Answer::Accepted,
            // The right code of a turn is refused only as the copy of the one that was accepted.
            Verdict::Rejected { .. } if kind == Kind::Right => Answer::Repeated,
            Verdict::Rejected { .. } => Answer::Rejected,
            Verdict::Wait { .. } => Answer::Wait,
            Verdict::Undecided(Fault::Contended) => Answer::Contended,
            Verdict::Undecided(Fault::Store(_)) => Answer::Lost,
            other => panic!("{other:?}"),
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Right,
    Wrong,
}

/// The attempts of one turn: a right code, the same again, a wrong one.
pub const TURN: [Kind; 3] = [Kind::Right, Kind::Right, Kind::Wrong];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    Accepted,
    /// Counted.
    Rejected,
    /// The copy of the code that was accepted last: refused, and counted nowhere.
    Repeated,
    Wait,
    Contended,
    /// The store failed, or the process died before it had an answer.
    Lost,
}

impl Answer {
    const ALL: [Answer; 6] = [
        Answer::Accepted,
        Answer::Rejected,
        Answer::Repeated,
        Answer::Wait,
        Answer::Contended,
        Answer::Lost,
    ];

    fn parse(text: &str) -> Answer {
        Answer::ALL.into_iter().find(|answer| format!("{answer:?}") == text).unwrap()
    }
}

/// What the history of one account said so far.
#[derive(Default)]
pub struct History {
    version: u64,
    last_factor: u64,
    failures: u16,
    pub accepted: usize,
    pub rejected: usize,
}

impl History {
    /// From the enrolment on.
    pub fn begin(database: &impl Database, store: &AnyStore, person: &Person) -> History {
        let mut history = History::default();
        history.read(database, store, person).unwrap();
        assert_eq!(history.version, 2);
        history
    }

    /// Reads on and says what is wrong. Returns what was decided: when, and accepted or not.
    pub fn read(
        &mut self,
        database: &impl Database,
        store: &AnyStore,
        person: &Person,
    ) -> Result<Vec<(u64, Answer)>, String> {
        let now = moment(0);
        let record = store.load(&person.id).unwrap().ok_or("the record is gone")?;
        let summary = person.mfa.account(&person.id).at(now).summary().run(store);
        let summary = summary.map_err(|error| format!("the record is unreadable: {error}"))?;
        let failures = summary.ok_or("the record is gone")?.codes.consecutive_failures;

        let (mut decided, mut place) = (Vec::new(), 0);
        let number = |number: i64| u64::try_from(number).unwrap();
        for (version, at, event) in database.events(&person.id, self.version) {
            let (version, at) = (number(version), number(at));
            let event: Value = serde_json::from_str(&event).unwrap();
            if version == self.version + 1 {
                (self.version, place) = (version, 0);
            }
            if (version, at) != (self.version, place) {
                return Err(format!(
                    "after event {}.{place} comes {version}.{at}: a version has no event",
                    self.version
                ));
            }
            place += 1;
            let turn = event["at"].as_u64().unwrap();
            if let Some(factor) = event["kind"]["accepted"]["moving_factor"].as_u64() {
                if factor <= self.last_factor {
                    return Err(format!("step {factor} accepted after {}", self.last_factor));
                }
                (self.last_factor, self.failures) = (factor, 0);
                self.accepted += 1;
                decided.push((turn, Answer::Accepted));
            } else if event["kind"].get("rejected").is_some() {
                self.failures += 1;
                self.rejected += 1;
                decided.push((turn, Answer::Rejected));
            }
        }
        if record.version() != self.version {
            return Err(format!(
                "the record has version {}, and the last event {}: a version has no event",
                record.version(),
                self.version
            ));
        }
        if failures != self.failures {
            return Err(format!("{failures} failures in the record, {} in events", self.failures));
        }
        Ok(decided)
    }
}

/// Whether the history has exactly what was answered, in order, and of the attempts that lost their
/// answer at most one decision each.
pub fn compare(attempts: &[(u64, Answer)], decided: &[(u64, Answer)]) -> Result<(), String> {
    let mut decided = decided.iter().peekable();
    for (turn, answer) in attempts {
        let at = moment(*turn).as_secs();
        match answer {
            Answer::Accepted | Answer::Rejected => {
                if decided.next() != Some(&(at, *answer)) {
                    return Err(format!(
                        "{answer:?} in turn {turn} was answered and is not in the history"
                    ));
                }
            }
            Answer::Lost => {
                let _ = decided.next_if(|(when, _)| *when == at);
            }
            Answer::Repeated | Answer::Wait | Answer::Contended => {}
        }
    }
    match decided.next() {
        None => Ok(()),
        Some(event) => Err(format!("{event:?} is in the history and nobody tried it")),
    }
}

/// Starts a process that tries and tries, kills it in mid-attempt, compares; and again.
pub fn kill_in_mid_attempt<D: Database>(database: &D, store: &str) -> Result<(), String> {
    let person = Person::enrol(&D::open(&database.to_string()));
    let here = D::open(&database.to_string());
    let mut history = History::begin(database, &here, &person);
    let (mut turn, mut hit, mut committed, mut waits) = (1, 0, 0, 0);
    let started = Instant::now();
    for nth in 0_u64.. {
        if hit >= FAULTS {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(240), "{hit} kills, and no time left");
        let mut process = Process::start(store, "try", &[&person.name(), &turn.to_string()]);
        // Now and then before the first attempt, mostly somewhere in the first few.
        let first = process.hear();
        thread::sleep(Duration::from_micros(nth * 3_779 % 120_000));
        let lines = process.kill(first);
        database.outlive();

        let mut attempts = Vec::new();
        for line in &lines {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["try", at] => attempts.push((at.parse().unwrap(), Answer::Lost)),
                ["answer", answer] => attempts.last_mut().unwrap().1 = Answer::parse(answer),
                _ => panic!("{line}"),
            }
        }
        let lost = attempts.iter().filter(|(_, answer)| *answer == Answer::Lost).count();
        let decided = history.read(database, &here, &person)?;
        compare(&attempts, &decided)?;
        hit += lost;
        let answered = attempts
            .iter()
            .filter(|(_, answer)| matches!(answer, Answer::Accepted | Answer::Rejected));
        committed += decided.len() - answered.count();
        waits += attempts.iter().filter(|(_, answer)| *answer == Answer::Wait).count();
        // The next process tries the interrupted turn again, from its right code on.
        turn = attempts.last().map_or(turn, |(turn, _)| *turn);
    }
    println!(
        "{hit} kills in mid-attempt, {committed} of them after the commit; {} accepted, {} \
         rejected, {waits} waits, {turn} turns",
        history.accepted, history.rejected
    );
    assert!(
        history.accepted > FAULTS / 2 && history.rejected > FAULTS / 2,
        "the attempts were real"
    );
    Ok(())
}

/// Eight processes, all with the same codes at the same time, a right and a wrong one each turn: on one
/// account, then on a hundred.
pub fn eight_processes<D: Database>(database: &D) {
    const PROCESSES: usize = 8;
    let store = D::open(&database.to_string());
    for (accounts, turns) in [(1, 60), (100, 3)] {
        let people: Vec<Person> = (0..accounts).map(|_| Person::enrol(&store)).collect();
        let mut histories: Vec<History> =
            people.iter().map(|person| History::begin(database, &store, person)).collect();
        let names: Vec<String> = people.iter().map(Person::name).collect();
        let mut processes: Vec<Process> = (0..PROCESSES)
            .map(|nth| {
                let nth = nth.to_string();
                let mut arguments = vec![nth.as_str()];
                arguments.extend(names.iter().map(String::as_str));
                Process::start(&database.to_string(), "hammer", &arguments)
            })
            .collect();
        for process in &mut processes {
            assert_eq!(process.hear().as_deref(), Some("ready"));
        }
        for turn in 1..=turns {
            processes.iter_mut().for_each(|process| process.tell(&turn.to_string()));
            let mut answers = vec![Vec::new(); accounts];
            for process in &mut processes {
                for _ in 0..2 * accounts {
                    let line = process.hear().expect("a process that lives");
                    let (nth, answer) = line.split_once(' ').unwrap();
                    answers[nth.parse::<usize>().unwrap()].push(Answer::parse(answer));
                }
            }
            for ((person, history), answers) in people.iter().zip(&mut histories).zip(answers) {
                let count = |kind| answers.iter().filter(|answer| **answer == kind).count();
                assert_eq!(count(Answer::Accepted), 1, "turn {turn}: {answers:?}");
                assert_eq!(count(Answer::Lost), 0, "turn {turn}: {answers:?}");
                let rejected = history.rejected;
                history.read(database, &store, person).unwrap();
                assert_eq!(history.rejected - rejected, count(Answer::Rejected));
                assert!(count(Answer::Rejected) <= 5, "turn {turn}: {answers:?}");
            }
        }
        let accepted: usize = histories.iter().map(|history| history.accepted).sum();
        let rejected: usize = histories.iter().map(|history| history.rejected).sum();
        assert_eq!(accepted, accounts * turns);
        assert!(rejected > accounts * turns, "{rejected}");
        println!(
            "{accounts} accounts, {turns} turns, {PROCESSES} processes: {accepted} accepted, {rejected} \
             rejected"
        );
    }
}

/// One of our processes, and what it says.
struct Process {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Process {
    fn start(store: &str, task: &str, arguments: &[&str]) -> Process {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
            .env("COUNTERSIGN_STORE", store)
            .env("COUNTERSIGN_TASK", task)
            .env("COUNTERSIGN_ARGUMENTS", arguments.join(" "))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, lines) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || {
            // A line that the kill cut short was not said.
            for line in stderr.split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8(line).unwrap();
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Process { stdin: child.stdin.take().unwrap(), child, lines }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    fn hear(&mut self) -> Option<String> {
        self.lines.recv_timeout(Duration::from_secs(60)).ok()
    }

    /// SIGKILL, and everything that was said until then.
    fn kill(mut self, first: Option<String>) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut lines: Vec<String> = first.into_iter().collect();
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(60)) {
            lines.push(line);
        }
        lines
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the processes run. Says on the standard error what it is about to do and what came of it,
/// each in one write.
pub fn child<D: Database>() {
    let Ok(task) = env::var("COUNTERSIGN_TASK") else { return };
    let store = D::open(&env::var("COUNTERSIGN_STORE").unwrap());
    let arguments = env::var("COUNTERSIGN_ARGUMENTS").unwrap();
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let say = |line: String| std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
    match (task.as_str(), arguments.as_slice()) {
        ("try", [person, turn]) => {
            let person = Person::known_as(person);
            for turn in turn.parse().unwrap().. {
                for kind in TURN {
                    say(format!("try {turn}"));
                    say(format!("answer {:?}", person.attempt(&store, turn, kind)));
                }
            }
        }
        ("hammer", [nth, people @ ..]) => {
            let nth: usize = nth.parse().unwrap();
            let people: Vec<Person> = people.iter().map(|name| Person::known_as(name)).collect();
            say("ready".into());
            for turn in std::io::stdin().lines() {
                let turn = turn.unwrap().parse().unwrap();
                for step in 0..people.len() {
                    // Each process begins elsewhere and all of them meet.
                    let place = (nth * people.len() / 8 + step) % people.len();
                    for kind in [Kind::Right, Kind::Wrong] {
                        let answer = people[place].attempt(&store, turn, kind);
                        say(format!("{place} {answer:?}"));
                    }
                }
            }
        }
        other => panic!("{other:?}"),
    }
}
