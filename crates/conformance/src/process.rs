//! A second process: the test's executable, started again, with handles to the same records.
//!
//! Standard: none. The two speak in lines, over the second one's input and output.
//!
//! Decides nothing: the first process compares what both saw.

use std::env;
use std::io::{self, BufRead, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign::{AccountId, Record, Swap};

use crate::Sentence;
use crate::draft::{next, record_of};
use crate::kit::Kit;
use crate::opened::Handle;
use crate::promises::{climb, put};

/// Tells the second process where the records are.
const LOCATION: &str = "COUNTERSIGN_SECOND_PROCESS";

/// Begins every answer, because the test harness writes to the same output.
const MARK: &str = "countersign-second-process:";

/// How far apart two processes create one account after the other.
const BEAT: Duration = Duration::from_millis(1);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Serves as the second process, in a test that does nothing else, and returns at once when the test
/// was not started by a [`Kit`].
///
/// `kit` makes a kit for the store that [`Kit::second_process`]'s location leads to; only its way to open
/// handles is used.
///
/// ```
/// use countersign::MemoryStore; // your store in place of this one, which no process shares
/// use countersign_conformance::{Kit, second_process};
/// use std::convert::Infallible;
///
/// // #[test]
/// fn the_second_process() {
///     second_process(|_path| Kit::new(|| Ok::<_, Infallible>(MemoryStore::new())));
/// }
/// the_second_process();
/// ```
pub fn second_process(kit: impl FnOnce(String) -> Kit) {
    let Ok(location) = env::var(LOCATION) else { return };
    let kit = kit(location);
    let (tell, hear) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
        // The first process is gone, and a handle that hangs must not outlive it.
        std::process::exit(0);
    });
    let handle = kit.open();
    answer(&handle.as_ref().map_or_else(Sentence::clone, |_| "ready".into()));
    let Ok(handle) = handle else { return };
    for line in hear {
        answer(&obey(&kit, &handle, &line).unwrap_or_else(|sentence| sentence));
    }
}

/// Writes past the test harness, which catches what is printed.
fn answer(text: &str) {
    let line = format!("\n{MARK}{}\n", text.replace('\n', " "));
    let mut output = io::stdout().lock();
    let _ = output.write_all(line.as_bytes()).and_then(|()| output.flush());
}

/// Does what a line says, and returns the answer.
fn obey(kit: &Kit, handle: &Handle, line: &str) -> Result<String, Sentence> {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["load", id] => Ok(match handle.load(&id_read(id)?)? {
            None => "none".into(),
            Some(record) => format!("{} {}", record.version(), hex(record.as_bytes())),
        }),
        ["put", id, expected] => {
            let id = id_read(id)?;
            let expected = expected.parse().ok();
            let record = record_of(&id, expected.map_or(1, next), OTHER);
            put(handle, &id, expected, &record).map(|swap| format!("{swap:?}"))
        }
        ["create", ids, start] => {
            let ids: Vec<AccountId> = ids.split(',').map(id_read).collect::<Result<_, _>>()?;
            let won = create(handle, &ids, number(start)?, OTHER)?;
            Ok(won.into_iter().map(|won| if won { '1' } else { '0' }).collect())
        }
        ["climb", id, writes, start] => {
            let writes = usize::try_from(number(writes)?).unwrap_or(0);
            let handle = kit.open()?;
            wait_until(number(start)?);
            climb(&handle, &id_read(id)?, OTHER, writes).map(|lost| format!("{lost}"))
        }
        _ => Err(format!("the kit of the second process is another one: {line}")),
    }
}

/// The writer that is the second process.
pub(crate) const OTHER: usize = 31;

fn id_read(text: &str) -> Result<AccountId, Sentence> {
    text.parse().map_err(|error| format!("{error}"))
}

fn number(text: &str) -> Result<u64, Sentence> {
    text.parse().map_err(|error| format!("{error}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Nanoseconds since 1970 on the clock that both processes read.
fn clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(0)
}

/// A moment at which both begin.
pub(crate) fn soon() -> u64 {
    clock().saturating_add(5_000_000)
}

/// Sleeps and then spins, so that two processes begin within microseconds of each other.
pub(crate) fn wait_until(start: u64) {
    let left = start.saturating_sub(clock());
    thread::sleep(Duration::from_nanos(left.saturating_sub(1_000_000)));
    while clock() < start {
        std::hint::spin_loop();
    }
}

/// Creates one account after the other, each at its moment, and says which were Stored.
pub(crate) fn create(
    handle: &Handle,
    ids: &[AccountId],
    start: u64,
    writer: usize,
) -> Result<Vec<bool>, Sentence> {
    let beat = u64::try_from(BEAT.as_nanos()).unwrap_or(0);
    let mut at = start;
    let mut won = Vec::new();
    for id in ids {
        wait_until(at);
        at = at.saturating_add(beat);
        won.push(put(handle, id, None, &record_of(id, 1, writer))? == Swap::Stored);
    }
    Ok(won)
}

/// The second process, as the first one sees it.
pub(crate) struct Other {
    child: Child,
    input: ChildStdin,
    output: Receiver<String>,
}

impl Other {
    pub(crate) fn start(test: &str, location: &str) -> Result<Other, Sentence> {
        let cannot = |error: io::Error| format!("the second process did not start: {error}");
        let mut child = Command::new(env::current_exe().map_err(cannot)?)
            .args([test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"])
            .env(LOCATION, location)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        let (tell, output) = mpsc::channel();
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, lines) = pipes.ok_or("the second process has no pipes")?;
        thread::spawn(move || {
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                if let Some((_, answer)) = line.split_once(MARK) {
                    let _ = tell.send(answer.to_owned());
                }
            }
        });
        let mut other = Other { child, input, output };
        match other.heard()?.as_str() {
            "ready" => Ok(other),
            sentence => Err(format!("in the second process: {sentence}")),
        }
        .map_err(|sentence| {
            format!("{sentence} (started as the test {test:?}, which has to call second_process)")
        })
    }

    pub(crate) fn say(&mut self, line: &str) -> Result<(), Sentence> {
        writeln!(self.input, "{line}")
            .and_then(|()| self.input.flush())
            .map_err(|error| format!("the second process is gone: {error}"))
    }

    pub(crate) fn heard(&mut self) -> Result<String, Sentence> {
        self.output.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Disconnected => {
                "the second process ended without an answer; is there a test of that name?".into()
            }
            RecvTimeoutError::Timeout => format!(
                "the second process did not answer within {} s: a lock that is not given back",
                PATIENCE.as_secs()
            ),
        })
    }

    pub(crate) fn load(&mut self, id: &AccountId) -> Result<Option<Record>, Sentence> {
        self.say(&format!("load {id}"))?;
        let answer = self.heard()?;
        let record = answer.split_once(' ').and_then(|(version, bytes)| {
            let pairs = (0..bytes.len()).step_by(2);
            let byte = |at: usize| u8::from_str_radix(bytes.get(at..at.checked_add(2)?)?, 16).ok();
            Some(Record::new(version.parse().ok()?, pairs.map(byte).collect::<Option<_>>()?))
        });
        match record {
            None if answer != "none" => Err(format!("in the second process: {answer}")),
            record => Ok(record),
        }
    }

    pub(crate) fn put(&mut self, id: &AccountId, expected: Option<u64>) -> Result<Swap, Sentence> {
        let expected = expected.map_or("none".into(), |expected| expected.to_string());
        self.say(&format!("put {id} {expected}"))?;
        match self.heard()?.as_str() {
            "Stored" => Ok(Swap::Stored),
            "Stale" => Ok(Swap::Stale),
            sentence => Err(format!("in the second process: {sentence}")),
        }
    }

    /// Ends it as a kill -9 does: nothing of it runs again.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.end();
    }
}
