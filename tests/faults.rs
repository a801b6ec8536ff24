//! Processes that are killed and connections that are cut in mid-attempt, and afterwards the history:
//! no code accepted twice, no committed failure lost, no record unreadable, every event in step with
//! its version. And eight processes at once on one database.
//!
//! SQLite always runs. PostgreSQL: `.ci/servers cargo test --test faults -- --ignored`.
//!
//! The processes are this binary again, told by the environment to be `child` and nothing else.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

use std::env;
use std::fmt::Debug;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use countersign::otp::Parameters;
use countersign::{
    AccountId, Algorithm, Event, Keyring, Mfa, OsRandom, Purpose, Recommended, Record, Secret,
    Store, Swap, Totp, UnixTime, Verdict, Write,
};
use serde_json::Value;

#[allow(dead_code)]
#[path = "../examples/stores/postgres.rs"]
mod postgres_store;
#[path = "../examples/stores/sqlite.rs"]
mod sqlite_store;

/// Faults in mid-attempt, in each test.
const FAULTS: usize = 200;

#[test]
fn sqlite_survives_the_death_of_its_process() {
    let database = Database::sqlite("killed.sqlite");
    kill_in_mid_attempt(&database, &database.of_a_victim()).unwrap();
}

#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn postgres_survives_the_death_of_its_process() {
    let database = Database::postgres();
    kill_in_mid_attempt(&database, &database.of_a_victim()).unwrap();
}

/// The same test fails over stores that are wrong in the two ways that a kill shows.
#[test]
fn a_store_that_a_kill_breaks_is_seen() {
    // The record in one transaction and its events in the next.
    let database = Database::sqlite("torn.sqlite");
    let seen = kill_in_mid_attempt(&database, &format!("torn:{database}")).unwrap_err();
    assert!(seen.contains("no event"), "{seen}");
    // Stored first, and committed a little later.
    let database = Database::sqlite("behind.sqlite");
    let seen = kill_in_mid_attempt(&database, &format!("behind:{database}")).unwrap_err();
    assert!(seen.contains("was answered and is not in the history"), "{seen}");
}

#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn postgres_survives_the_death_of_its_connection() {
    let database = Database::postgres();
    end_sessions_in_mid_attempt(&database, false).unwrap();
}

/// The same over a store that takes a cut connection for a stored write.
#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn a_store_that_takes_a_cut_for_a_yes_is_seen() {
    let seen = end_sessions_in_mid_attempt(&Database::postgres(), true).unwrap_err();
    assert!(seen.contains("was answered and is not in the history"), "{seen}");
}

#[test]
fn eight_processes_on_sqlite() {
    eight_processes(&Database::sqlite("eight.sqlite"));
}

#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn eight_processes_on_postgres() {
    eight_processes(&Database::postgres());
}

/// Where the records are, and how the tests look behind the store.
enum Database {
    Sqlite(PathBuf),
    Postgres(String),
}

type AnyStore = Box<dyn Store<Error = String> + Send + Sync>;

impl Database {
    fn sqlite(name: &str) -> Database {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{end}", path.display()));
        }
        Database::Sqlite(path)
    }

    fn postgres() -> Database {
        let url = env::var("DATABASE_URL").expect("DATABASE_URL says where the server is");
        postgres_store::create_schema(&url).unwrap();
        Database::Postgres(url)
    }

    /// The store that `name` names: a database, or a wrong store over one.
    fn open(name: &str) -> AnyStore {
        if let Some(path) = name.strip_prefix("torn:") {
            return Box::new(TwoTransactions::open(path, Duration::ZERO));
        }
        if let Some(path) = name.strip_prefix("behind:") {
            return Box::new(TwoTransactions::open(path, Duration::from_millis(2)));
        }
        if name.starts_with("postgres") {
            return Box::new(Said(postgres_store::PostgresStore::open(name).unwrap()));
        }
        Box::new(Said(sqlite_store::SqliteStore::open(name).unwrap()))
    }

    /// How a process opens it that can be [outlived](Database::outlive).
    fn of_a_victim(&self) -> String {
        match self {
            Database::Sqlite(path) => path.display().to_string(),
            Database::Postgres(url) => format!("{url}?application_name={}", victim()),
        }
    }

    /// Waits until the server has noticed that its client is dead: a statement that was sent before
    /// runs to its end, and its commit is as good as any.
    fn outlive(&self) {
        let Database::Postgres(url) = self else { return };
        let mut client = postgres::Client::connect(url, postgres::NoTls).unwrap();
        let sql = "SELECT FROM pg_stat_activity WHERE application_name = $1";
        let started = Instant::now();
        while !client.query(sql, &[&victim()]).unwrap().is_empty() {
            assert!(started.elapsed() < Duration::from_secs(20), "a session without a client");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Every event of the account after version `after`: version, place, event.
    fn events(&self, id: &AccountId, after: u64) -> Vec<(u64, u64, Value)> {
        let after = i64::try_from(after).unwrap();
        let sql = "SELECT version, place, event FROM mfa_event WHERE account = $1 AND version > $2
                    ORDER BY version, place";
        let rows: Vec<(i64, i64, String)> = match self {
            Database::Sqlite(path) => {
                let client = rusqlite::Connection::open(path).unwrap();
                client.busy_timeout(Duration::from_secs(10)).unwrap();
                let mut statement = client.prepare(sql).unwrap();
                let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
                let rows = statement.query_map((id.as_bytes(), after), row).unwrap();
                rows.map(Result::unwrap).collect()
            }
            Database::Postgres(url) => {
                let mut client = postgres::Client::connect(url, postgres::NoTls).unwrap();
                let sql = sql.replace("event FROM", "event::text FROM");
                let rows = client.query(&sql, &[&id.as_bytes(), &after]).unwrap();
                rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
            }
        };
        let number = |number: i64| u64::try_from(number).unwrap();
        let row = |(version, place, event): (i64, i64, String)| {
            (number(version), number(place), serde_json::from_str(&event).unwrap())
        };
        rows.into_iter().map(row).collect()
    }
}

impl std::fmt::Display for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Database::Sqlite(path) => write!(f, "{}", path.display()),
            Database::Postgres(url) => f.write_str(url),
        }
    }
}

/// The name of the sessions that are to end.
fn victim() -> String {
    format!("victim-{}-{:?}", std::process::id(), thread::current().id())
}

/// A store whose errors are sentences.
struct Said<S>(S);

impl<S: Store<Error: Debug>> Store for Said<S> {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        self.0.load(id).map_err(|error| format!("{error:?}"))
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        self.0.swap(id, write).map_err(|error| format!("{error:?}"))
    }
}

/// Wrong: the record and its events in two transactions; and both a while after the answer, if there
/// is a delay.
struct TwoTransactions {
    store: sqlite_store::SqliteStore,
    path: String,
    behind: Option<mpsc::Sender<Batch>>,
    newest: Mutex<Option<Record>>,
}

struct Batch {
    id: AccountId,
    record: Record,
    events: Vec<Event>,
}

impl TwoTransactions {
    fn open(path: &str, delay: Duration) -> TwoTransactions {
        let store = sqlite_store::SqliteStore::open(path).unwrap();
        let behind = (!delay.is_zero()).then(|| {
            let (send, receive) = mpsc::channel::<Batch>();
            let path = path.to_owned();
            thread::spawn(move || {
                for batch in receive {
                    thread::sleep(delay);
                    TwoTransactions::write(&path, &batch, true);
                }
            });
            send
        });
        TwoTransactions { store, path: path.to_owned(), behind, newest: Mutex::default() }
    }

    fn write(path: &str, batch: &Batch, together: bool) {
        let client = rusqlite::Connection::open(path).unwrap();
        client.busy_timeout(Duration::from_secs(10)).unwrap();
        if together {
            client.execute_batch("BEGIN IMMEDIATE").unwrap();
        }
        let version = i64::try_from(batch.record.version()).unwrap();
        let account = batch.id.as_bytes();
        let sql = "UPDATE mfa_account SET version = ?2, record = ?3 WHERE id = ?1";
        client.execute(sql, (account, version, batch.record.as_bytes())).unwrap();
        for (place, event) in (0_i64..).zip(&batch.events) {
            let sql = "INSERT INTO mfa_event (account, version, place, at, event)
                       VALUES (?1, ?2, ?3, 0, ?4)";
            let event = serde_json::to_string(event).unwrap();
            client.execute(sql, (account, version, place, event)).unwrap();
        }
        if together {
            client.execute_batch("COMMIT").unwrap();
        }
    }
}

impl Store for TwoTransactions {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        let newest = self.newest.lock().unwrap().clone();
        Ok(newest.or_else(|| self.store.load(id).unwrap()))
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        if self.load(id)?.as_ref().map(Record::version) != write.expected() {
            return Ok(Swap::Stale);
        }
        let (record, events) = (write.record().clone(), write.events().to_vec());
        let batch = Batch { id: *id, record: record.clone(), events };
        match &self.behind {
            Some(behind) => {
                *self.newest.lock().unwrap() = Some(record);
                behind.send(batch).unwrap();
            }
            None => TwoTransactions::write(&self.path, &batch, false),
        }
        Ok(Swap::Stored)
    }
}

/// Wrong: an error is a stored write.
struct ErrorsAreStored(AnyStore);

impl Store for ErrorsAreStored {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        self.0.load(id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        Ok(self.0.swap(id, write).unwrap_or(Swap::Stored))
    }
}

/// The time of a turn. Turns are four days apart, so that no wait and no window of failures reaches
/// from one into the next.
fn moment(turn: u64) -> UnixTime {
    UnixTime::from_secs(1_600_000_000 + turn * 4 * 86_400)
}

/// Somebody with a phone, as every process of a test knows them.
struct Person {
    mfa: Mfa<Keyring, Recommended>,
    id: AccountId,
    secret: Secret,
}

impl Person {
    fn enrol(store: &AnyStore) -> Person {
        static PEOPLE: AtomicU32 = AtomicU32::new(0);
        let number = PEOPLE.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut rng = OsRandom::new().unwrap();
        let random = Secret::generate(Algorithm::Sha1, &mut rng);
        let id = AccountId::new([random.expose_bytes(), &number].concat()).unwrap();
        let now = moment(0);
        let mfa = Mfa::new(Keyring::new([7; 32]), Recommended);
        let pending = mfa.enrol(&id, "phone", &mut rng, now).run(store).unwrap().done().unwrap();
        let uri = pending.uri("Acme Billing", "dana").unwrap();
        let secret = Secret::from_bytes(uri.secret().expose_bytes()).unwrap();
        let person = Person { mfa, id, secret };
        let code = person.right(0);
        let mfa = &person.mfa;
        let bound = mfa.confirm(&id, pending.id(), &code, &mut rng, now).run(store).unwrap();
        assert!(bound.accepted().is_some());
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
            mfa: Mfa::new(Keyring::new([7; 32]), Recommended),
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

    fn attempt(&self, store: &dyn Store<Error = String>, turn: u64, kind: Kind) -> Answer {
        let code = match kind {
            Kind::Right => self.right(turn),
            Kind::Wrong => self.wrong(turn),
        };
        match self.mfa.verify(&self.id, &code, Purpose::SignIn, moment(turn)).run(store) {
            Ok(Verdict::Accepted(_)) => Answer::Accepted,
            Ok(Verdict::Rejected { .. }) => Answer::Rejected,
            Ok(Verdict::Wait { .. }) => Answer::Wait,
            Err(countersign::mfa::Error::Contended) => Answer::Contended,
            Err(countersign::mfa::Error::Store(_)) => Answer::Lost,
            other => panic!("{other:?}"),
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Right,
    Wrong,
}

/// The attempts of one turn: a right code, the same again, a wrong one.
const TURN: [Kind; 3] = [Kind::Right, Kind::Right, Kind::Wrong];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Answer {
    Accepted,
    Rejected,
    Wait,
    Contended,
    /// The store failed, or the process died before it had an answer.
    Lost,
}

impl Answer {
    const ALL: [Answer; 5] =
        [Answer::Accepted, Answer::Rejected, Answer::Wait, Answer::Contended, Answer::Lost];

    fn parse(text: &str) -> Answer {
        Answer::ALL.into_iter().find(|answer| format!("{answer:?}") == text).unwrap()
    }
}

/// What the history of one account said so far.
#[derive(Default)]
struct History {
    version: u64,
    last_factor: u64,
    failures: u16,
    accepted: usize,
    rejected: usize,
}

impl History {
    /// From the enrolment on.
    fn begin(database: &Database, store: &AnyStore, person: &Person) -> History {
        let mut history = History::default();
        history.read(database, store, person).unwrap();
        assert_eq!(history.version, 2);
        history
    }

    /// Reads on and says what is wrong. Returns what was decided: when, and accepted or not.
    fn read(
        &mut self,
        database: &Database,
        store: &AnyStore,
        person: &Person,
    ) -> Result<Vec<(u64, Answer)>, String> {
        let now = moment(0);
        let record = store.load(&person.id).unwrap().ok_or("the record is gone")?;
        let summary = person.mfa.summary(&person.id, now).run(store);
        let summary = summary.map_err(|error| format!("the record is unreadable: {error}"))?;
        let failures = summary.ok_or("the record is gone")?.codes.consecutive_failures;

        let (mut decided, mut place) = (Vec::new(), 0);
        for (version, at, event) in database.events(&person.id, self.version) {
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
fn compare(attempts: &[(u64, Answer)], decided: &[(u64, Answer)]) -> Result<(), String> {
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
            Answer::Wait | Answer::Contended => {}
        }
    }
    match decided.next() {
        None => Ok(()),
        Some(event) => Err(format!("{event:?} is in the history and nobody tried it")),
    }
}

/// Starts a process that tries and tries, kills it in mid-attempt, compares; and again.
fn kill_in_mid_attempt(database: &Database, store: &str) -> Result<(), String> {
    let person = Person::enrol(&Database::open(&database.to_string()));
    let here = Database::open(&database.to_string());
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
        thread::sleep(Duration::from_micros(nth * 3_779 % 40_000));
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

/// One thread tries and tries; another one ends its sessions.
fn end_sessions_in_mid_attempt(database: &Database, wrong: bool) -> Result<(), String> {
    let here = Database::open(&database.to_string());
    let person = Person::enrol(&here);
    let mut history = History::begin(database, &here, &person);
    let name = victim();
    let mut store = Database::open(&database.of_a_victim());
    if wrong {
        store = Box::new(ErrorsAreStored(store));
    }
    let over = AtomicBool::new(false);
    let (attempts, ended) = thread::scope(|scope| {
        let trying = scope.spawn(|| {
            let mut attempts = Vec::new();
            for turn in 1.. {
                for kind in TURN {
                    let answer = person.attempt(&store, turn, kind);
                    attempts.push((turn, answer));
                    // After a lost answer the next turn, so that each decision has one place.
                    if answer == Answer::Lost {
                        break;
                    }
                }
                if over.load(Ordering::Relaxed) {
                    break;
                }
            }
            attempts
        });
        let mut client = postgres::Client::connect(&database.to_string(), postgres::NoTls).unwrap();
        let sql =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
        let sql = client.prepare(sql).unwrap();
        let (mut ended, started) = (0, Instant::now());
        for nth in 0_u64.. {
            if ended >= FAULTS + FAULTS / 2 || started.elapsed() > Duration::from_secs(120) {
                break;
            }
            thread::sleep(Duration::from_micros(10_000 + nth * 7_333 % 40_000));
            ended += client.query(&sql, &[&name]).unwrap().len();
        }
        over.store(true, Ordering::Relaxed);
        (trying.join().unwrap(), ended)
    });
    let lost = attempts.iter().filter(|(_, answer)| *answer == Answer::Lost).count();
    let decided = history.read(database, &here, &person)?;
    compare(&attempts, &decided)?;
    println!(
        "{ended} sessions ended, {lost} attempts lost their answer; {} accepted, {} rejected",
        history.accepted, history.rejected
    );
    assert!(lost >= FAULTS, "{lost} attempts were interrupted");
    assert!(history.accepted > FAULTS / 2, "the attempts were real");
    Ok(())
}

/// Eight processes, all with the same codes at the same time: on one account, then on a hundred.
fn eight_processes(database: &Database) {
    const PROCESSES: usize = 8;
    let store = Database::open(&database.to_string());
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
                for _ in 0..accounts {
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
            }
        }
        let accepted: usize = histories.iter().map(|history| history.accepted).sum();
        assert_eq!(accepted, accounts * turns);
        println!("{accounts} accounts, {turns} turns, {PROCESSES} processes: {accepted} accepted");
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
#[test]
#[ignore = "the other processes of these tests; by itself it does nothing"]
fn child() {
    let Ok(task) = env::var("COUNTERSIGN_TASK") else { return };
    let store = Database::open(&env::var("COUNTERSIGN_STORE").unwrap());
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
                    let answer = people[place].attempt(&store, turn, Kind::Right);
                    say(format!("{place} {answer:?}"));
                }
            }
        }
        other => panic!("{other:?}"),
    }
}
