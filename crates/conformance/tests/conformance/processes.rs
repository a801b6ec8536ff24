//! Right within one process, and wrong beside another one.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use countersign::{AccountId, Record, Store, Swap, Write};

use crate::stores::*;

/// A directory with a file for each account: what two processes share.
pub struct Directory(PathBuf, IsMine);

/// Whether this process made it, and removes it.
#[derive(PartialEq)]
enum IsMine {
    No,
    Yes,
}

impl Default for Directory {
    fn default() -> Directory {
        static DIRECTORIES: AtomicU32 = AtomicU32::new(0);
        let number = DIRECTORIES.fetch_add(1, Ordering::Relaxed);
        let name = format!("processes-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Directory(path, IsMine::Yes)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.1 == IsMine::Yes {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

struct Lock(PathBuf);

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Directory {
    /// The one that the first process made.
    pub fn at(path: &str) -> Directory {
        Directory(path.into(), IsMine::No)
    }

    pub fn path(&self) -> String {
        self.0.display().to_string()
    }

    fn load(&self, name: &str) -> Result<Option<Record>, String> {
        let Ok(bytes) = fs::read(self.0.join(name)) else { return Ok(None) };
        let (version, bytes) = bytes.split_at_checked(8).ok_or("a file is too short")?;
        let version = u64::from_be_bytes(version.try_into().unwrap());
        Ok(Some(Record::new(version, bytes.to_vec())))
    }

    /// Replaces the file in one step.
    fn put(&self, name: &str, record: &Record) -> Result<(), String> {
        static FILES: AtomicU32 = AtomicU32::new(0);
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let new = self.0.join(format!("new-{}-{number}", std::process::id()));
        let bytes = [&record.version().to_be_bytes(), record.as_bytes()].concat();
        fs::write(&new, bytes).map_err(|error| error.to_string())?;
        fs::rename(&new, self.0.join(name)).map_err(|error| error.to_string())
    }

    fn swap(&self, name: &str, write: &Write<'_>) -> Result<Swap, String> {
        if self.load(name)?.as_ref().map(Record::version) != write.expected() {
            return Ok(Swap::Stale);
        }
        a_round_trip();
        self.put(name, write.record())?;
        Ok(Swap::Stored)
    }

    /// What a right store holds while it compares and writes: a lock that every process sees.
    fn lock(&self) -> Lock {
        let path = self.0.join("lock");
        while let Err(error) = File::create_new(&path) {
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
            thread::sleep(Duration::from_micros(20));
        }
        Lock(path)
    }

    fn swap_right(&self, name: &str, write: &Write<'_>) -> Result<Swap, String> {
        let _lock = self.lock();
        self.swap(name, write)
    }
}

/// Files under a lock of the system: right, also beside another process.
pub struct Files(Arc<Directory>);

impl Wrong for Files {
    type World = Directory;
    fn open(world: &Arc<Directory>) -> Files {
        Files(Arc::clone(world))
    }
}

impl Store for Files {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        self.0.load(&id.to_string())
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        self.0.swap_right(&id.to_string(), write)
    }
}

wrong! {
    /// SELECT, compare, UPDATE, under a mutex of the process.
    ProcessMutex over Directory,
    |directory, id| directory.load(&id.to_string()),
    |directory, id, write| {
        static WRITING: Mutex<()> = Mutex::new(());
        let _writing = WRITING.lock().unwrap();
        directory.swap(&id.to_string(), write)
    }
}

type Cache<T> = LazyLock<Mutex<HashMap<PathBuf, T>>>;

fn cached<T>(cache: &'static Cache<T>) -> MutexGuard<'static, HashMap<PathBuf, T>> {
    cache.lock().unwrap()
}

static RECORDS: Cache<Record> = LazyLock::new(Mutex::default);

wrong! {
    /// Writes through, and answers loads from the memory of the process. A write that is Stale drops
    /// what was remembered.
    WriteThroughCache over Directory,
    |directory, id| {
        let name = id.to_string();
        if let Some(record) = cached(&RECORDS).get(&directory.0.join(&name)) {
            return Ok(Some(record.clone()));
        }
        let _lock = directory.lock();
        let record = directory.load(&name)?;
        if let Some(record) = &record {
            cached(&RECORDS).insert(directory.0.join(&name), record.clone());
        }
        Ok(record)
    },
    |directory, id, write| {
        let name = id.to_string();
        let _lock = directory.lock();
        let swap = directory.swap(&name, write)?;
        let mut records = cached(&RECORDS);
        match swap {
            Swap::Stored => drop(records.insert(directory.0.join(&name), write.record().clone())),
            Swap::Stale => drop(records.remove(&directory.0.join(&name))),
        }
        Ok(swap)
    }
}

static UNKNOWN: Cache<()> = LazyLock::new(Mutex::default);

wrong! {
    /// Remembers who is unknown, until this process creates them.
    RemembersTheUnknown over Directory,
    |directory, id| {
        let path = directory.0.join(id.to_string());
        if cached(&UNKNOWN).contains_key(&path) {
            return Ok(None);
        }
        let _lock = directory.lock();
        let record = directory.load(&id.to_string())?;
        if record.is_none() {
            cached(&UNKNOWN).insert(path, ());
        }
        Ok(record)
    },
    |directory, id, write| {
        let _lock = directory.lock();
        cached(&UNKNOWN).remove(&directory.0.join(id.to_string()));
        directory.swap(&id.to_string(), write)
    }
}

static NUMBERS: LazyLock<Mutex<HashMap<Vec<u8>, usize>>> = LazyLock::new(Mutex::default);

fn interned(id: &AccountId) -> String {
    let mut numbers = NUMBERS.lock().unwrap();
    let next = numbers.len();
    numbers.entry(id.as_bytes().to_vec()).or_insert(next).to_string()
}

wrong! {
    /// Keeps rows under numbers that this process gave the ids, in the order in which it met them.
    InternsIds over Directory,
    |directory, id| directory.load(&interned(id)),
    |directory, id, write| directory.swap_right(&interned(id), write)
}

static MEMORY: Cache<Arc<Table>> = LazyLock::new(Mutex::default);

fn memory(directory: &Directory) -> Arc<Table> {
    Arc::clone(cached(&MEMORY).entry(directory.0.clone()).or_default())
}

wrong! {
    /// `file:name?mode=memory&cache=shared`: every connection of the process sees it, and no other one.
    SharedMemory over Directory,
    |directory, id| load_right(&memory(directory), id),
    |directory, id, write| Ok(swap_right(&memory(directory), id, write))
}

static WRITTEN: Cache<()> = LazyLock::new(Mutex::default);

wrong! {
    /// Reads the primary for what this process wrote, and a replica for the rest.
    ReadsItsWritesOnly over Directory,
    |directory, id| {
        let name = id.to_string();
        let mine = cached(&WRITTEN).contains_key(&directory.0.join(&name));
        directory.load(&if mine { name } else { format!("replica-{name}") })
    },
    |directory, id, write| {
        let name = id.to_string();
        let swap = directory.swap_right(&name, write)?;
        if swap == Swap::Stored {
            cached(&WRITTEN).insert(directory.0.join(&name), ());
            let (directory, record) = (Directory(directory.0.clone(), IsMine::No), write.record().clone());
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(50));
                directory.put(&format!("replica-{name}"), &record)
            });
        }
        Ok(swap)
    }
}
