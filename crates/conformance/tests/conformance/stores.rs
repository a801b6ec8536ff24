//! What the wrong stores are made of.

use std::collections::HashMap;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use countersign::{AccountId, AsyncStore, Record, Store, Swap, Write};

/// What lies between two statements of a real store: long enough for another handle to come in
/// between, whatever else the machine is doing. A mere yield was not, about once in fifty runs.
pub fn a_round_trip() {
    thread::sleep(Duration::from_micros(200));
}

/// A store that is wrong, as handles to a shared world.
pub trait Wrong: Store<Error: Debug> + 'static {
    type World: Default + Send + Sync + 'static;
    fn open(world: &Arc<Self::World>) -> Self;
}

pub trait WrongAsync: AsyncStore<Error: Debug> + Send + Sync + 'static {
    type World: Default + Send + Sync + 'static;
    fn open(world: &Arc<Self::World>) -> Self;
}

/// What a right store would hold.
#[derive(Default)]
pub struct Table(pub Mutex<HashMap<Vec<u8>, Record>>);

impl Table {
    pub fn load(&self, key: &[u8]) -> Option<Record> {
        self.0.lock().unwrap().get(key).cloned()
    }

    pub fn put(&self, key: &[u8], record: Record) {
        self.0.lock().unwrap().insert(key.to_vec(), record);
    }

    pub fn version(&self, key: &[u8]) -> Option<u64> {
        self.0.lock().unwrap().get(key).map(Record::version)
    }

    pub fn swap(&self, key: &[u8], expected: Option<u64>, record: Record) -> Swap {
        let mut rows = self.0.lock().unwrap();
        if rows.get(key).map(Record::version) != expected {
            return Swap::Stale;
        }
        rows.insert(key.to_vec(), record);
        Swap::Stored
    }
}

pub fn swap_right(table: &Table, id: &AccountId, write: &Write<'_>) -> Swap {
    table.swap(id.as_bytes(), write.expected(), write.record().clone())
}

/// A wrong store whose handle is a pointer to its world: the name, the world, and two functions.
macro_rules! wrong {
    ($(#[$doc:meta])* $name:ident over $world:ty, $load:expr, $swap:expr $(,)?) => {
        $(#[$doc])*
        pub struct $name(Arc<$world>);

        impl Wrong for $name {
            type World = $world;
            fn open(world: &Arc<$world>) -> $name {
                $name(Arc::clone(world))
            }
        }

        impl Store for $name {
            type Error = String;

            fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
                let load: fn(&$world, &AccountId) -> Result<Option<Record>, String> = $load;
                load(&self.0, id)
            }

            fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
                let swap: fn(&$world, &AccountId, &Write<'_>) -> Result<Swap, String> = $swap;
                swap(&self.0, id, write)
            }
        }
    };
}

pub fn load_right(table: &Table, id: &AccountId) -> Result<Option<Record>, String> {
    Ok(table.load(id.as_bytes()))
}
/// An id that becomes another one.
pub struct Ids<T>(Arc<Table>, std::marker::PhantomData<T>);

pub trait Respell: Send + Sync + 'static {
    fn respell(id: &[u8]) -> Vec<u8>;
}

impl<T: Respell> Wrong for Ids<T> {
    type World = Table;
    fn open(world: &Arc<Table>) -> Ids<T> {
        Ids(Arc::clone(world), std::marker::PhantomData)
    }
}

impl<T: Respell> Store for Ids<T> {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        Ok(self.0.load(&T::respell(id.as_bytes())))
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let id = T::respell(id.as_bytes());
        Ok(self.0.swap(&id, write.expected(), write.record().clone()))
    }
}

macro_rules! respell {
    ($($name:ident: $respell:expr;)*) => {$(
        pub struct $name;
        impl Respell for $name {
            fn respell(id: &[u8]) -> Vec<u8> {
                let respell: fn(&[u8]) -> Vec<u8> = $respell;
                respell(id)
            }
        }
    )*};
}
/// Pending once.
pub async fn pause() {
    let mut paused = false;
    poll_fn(|cx| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

pub struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future: Pin<&mut _> = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
