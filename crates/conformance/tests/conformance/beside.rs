//! Right with the record, and wrong with what is written beside it: events, columns, notes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use countersign::account::EventKind;
use countersign::{AccountId, Event, Record, Store, Summary, Swap, Write};

use crate::stores::*;

/// A table of records, one of events, and the columns of the summary.
#[derive(Default)]
pub struct Tables {
    pub table: Table,
    pub events: Mutex<HashMap<AccountId, Vec<(u64, Event)>>>,
    pub columns: Mutex<HashMap<AccountId, Summary>>,
}

impl Tables {
    /// The events of one account, in order.
    pub fn trail(&self, id: &AccountId) -> Vec<Event> {
        let mut events = self.events.lock().unwrap().get(id).cloned().unwrap_or_default();
        events.sort_by_key(|(version, _)| *version);
        events.into_iter().map(|(_, event)| event).collect()
    }

    fn append(&self, id: &AccountId, write: &Write<'_>, keep: impl Fn(&Event) -> bool) {
        let version = write.record().version();
        let rows = write.events().iter().filter(|event| keep(event));
        let rows = rows.map(|event| (version, event.clone()));
        self.events.lock().unwrap().entry(*id).or_default().extend(rows);
    }

    fn fill(&self, id: &AccountId, write: &Write<'_>) {
        self.columns.lock().unwrap().insert(*id, write.summary().clone());
    }

    fn swap(
        &self,
        id: &AccountId,
        write: &Write<'_>,
        beside: impl FnOnce(&Tables),
    ) -> Result<Swap, String> {
        // One transaction: whoever writes an account holds its rows.
        let mut rows = self.table.0.lock().unwrap();
        if rows.get(id.as_bytes()).map(Record::version) != write.expected() {
            return Ok(Swap::Stale);
        }
        rows.insert(id.as_bytes().to_vec(), write.record().clone());
        beside(self);
        Ok(Swap::Stored)
    }
}

fn load(tables: &Tables, id: &AccountId) -> Result<Option<Record>, String> {
    load_right(&tables.table, id)
}

wrong! {
    /// Right: all of it in one transaction.
    Complete over Tables, load, |tables, id, write| {
        tables.swap(id, write, |tables| {
            tables.append(id, write, |_| true);
            tables.fill(id, write);
        })
    }
}

wrong! {
    /// No table of events.
    NoEvents over Tables, load, |tables, id, write| {
        tables.swap(id, write, |tables| tables.fill(id, write))
    }
}

wrong! {
    /// PRIMARY KEY (account, version), and ON CONFLICT DO NOTHING.
    OneEventAWrite over Tables, load, |tables, id, write| {
        tables.swap(id, write, |tables| {
            let first = write.events().first();
            tables.append(id, write, |event| Some(event) == first);
            tables.fill(id, write);
        })
    }
}

wrong! {
    /// A column for the last event, not a table.
    NewestEvents over Tables, load, |tables, id, write| {
        tables.swap(id, write, |tables| {
            tables.events.lock().unwrap().remove(id);
            tables.append(id, write, |_| true);
            tables.fill(id, write);
        })
    }
}

wrong! {
    /// Writes the events first, on a connection that commits each statement.
    EventsOfTheStale over Tables, load, |tables, id, write| {
        tables.append(id, write, |_| true);
        tables.swap(id, write, |tables| tables.fill(id, write))
    }
}

wrong! {
    /// Keeps the events that somebody found worth keeping.
    EventsOfAKind over Tables, load, |tables, id, write| {
        tables.swap(id, write, |tables| {
            tables.append(id, write, |event| !matches!(event.kind, EventKind::Rejected(_)));
            tables.fill(id, write);
        })
    }
}

wrong! {
    /// No columns.
    NoSummary over Tables, load, |tables, id, write| {
        tables.swap(id, write, |tables| tables.append(id, write, |_| true))
    }
}

wrong! {
    /// The columns are in the INSERT, and the UPDATE forgets them.
    SummaryOnce over Tables, load, |tables, id, write| {
        tables.swap(id, write, |tables| {
            tables.append(id, write, |_| true);
            if write.expected().is_none() {
                tables.fill(id, write);
            }
        })
    }
}

wrong! {
    /// The columns are another statement, after the transaction.
    SummaryAfterwards over Tables, load, |tables, id, write| {
        let swap = tables.swap(id, write, |tables| tables.append(id, write, |_| true))?;
        a_round_trip();
        if swap == Swap::Stored {
            tables.fill(id, write);
        }
        Ok(swap)
    }
}

/// A store whose notes are wrong: the name, and what becomes of an account that is noted.
macro_rules! notes {
    ($(#[$doc:meta])* $name:ident, $note:expr) => {
        $(#[$doc])*
        pub struct $name(Arc<Table>);

        impl Wrong for $name {
            type World = Table;
            fn open(world: &Arc<Table>) -> $name {
                $name(Arc::clone(world))
            }
        }

        impl Store for $name {
            type Error = String;

            fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
                load_right(&self.0, id)
            }

            fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
                Ok(swap_right(&self.0, id, write))
            }

            fn note(&self, id: &AccountId, _: &[Event]) -> Result<(), String> {
                let note: fn(&Table, &AccountId) -> Result<(), String> = $note;
                note(&self.0, id)
            }
        }
    };
}

notes! {
    /// Notes refer to a row of the account, so the first one makes it.
    NotesMakeARow, |table, id| {
        if table.version(id.as_bytes()).is_none() {
            table.put(id.as_bytes(), Record::new(0, Vec::new()));
        }
        Ok(())
    }
}

notes! {
    /// Notes refer to a row of the account, and there is none.
    NotesNeedARow, |table, id| {
        table.version(id.as_bytes()).map(drop).ok_or("a foreign key is violated".into())
    }
}
