//! What the tests of the stores share: a server's address, a line to it that can be cut, and an audit
//! trail as every store has to keep it.
#![allow(dead_code)] // every test crate takes a part of it

#[path = "keys.rs"]
mod keys;

use std::env;
use std::fmt::Debug;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use countersign::{
    AccountId, Algorithm, Mfa, OsRandom, Recommended, Secret, SignIn, Store, Summary, Totp,
    UnixTime, Verdict,
};
use countersign_conformance as conformance;
use serde_json::Value;

pub fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} says where the server is"))
}

/// It works over the line, fails while the line is cut, and works again by itself.
pub fn out_of_reach<S: Store<Error: Debug>>(store: &S, line: &Line) {
    let id = account();
    assert_eq!(store.load(&id).unwrap(), None);
    line.cut();
    conformance::run_unreachable(store).unwrap();
    line.mend();
    assert_eq!(store.load(&id).unwrap(), None);
}

/// A line to a server, over a port of our own, which can be cut.
pub struct Line {
    pub url: String,
    is_cut: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Line {
    pub fn to(url: &str) -> Line {
        let start = url.find('@').unwrap_or(url.find("//").unwrap() + 1) + 1;
        let end = url[start..].find(['/', '?']).map_or(url.len(), |end| start + end);
        let server = url[start..end].to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let (is_cut, streams) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<_>>>::default());
        let (cut, open) = (Arc::clone(&is_cut), Arc::clone(&streams));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if cut.load(Ordering::SeqCst) {
                    continue; // dropped at once
                }
                let server = TcpStream::connect(&server).unwrap();
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || {
                        let _ = io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                open.lock().unwrap().extend([client, server]);
            }
        });
        Line { url: format!("{}{here}{}", &url[..start], &url[end..]), is_cut, streams }
    }

    pub fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}

/// The columns that a host's queries read: the epoch, the devices in use, the recovery codes that are left,
/// the last use, until when codes have to wait, and since when the person is offboarded.
pub type Columns = [Option<i64>; 6];

/// What they hold, given the summary of the last write.
pub fn columns(summary: &Summary) -> Columns {
    let secs = |at: Option<UnixTime>| at.map(|at| at.as_secs() as i64);
    [
        Some(summary.epoch.into()),
        Some(summary.confirmed().count() as i64),
        Some(summary.recovery_codes_left.into()),
        secs(summary.last_used()),
        secs(summary.codes.waiting_until),
        secs(summary.offboarded_at),
    ]
}

/// Enrols, confirms, signs in, is wrong once, and types nonsense three times.
pub fn sign_in<S: Store<Error: Debug>>(store: &S) -> AccountId {
    let now = UnixTime::from_secs(1_800_000_000);
    let mut rng = OsRandom::new().unwrap();
    let mfa = Mfa::new(keys::keyring(7), Recommended);
    let id = account();
    let pending = mfa.account(&id).at(now).enrol("phone", &mut rng).run(store).unwrap();
    let uri = pending.uri("Acme Billing", "dana").unwrap();
    let phone = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
    let code = |at| phone.generate(at).unwrap().expose_str().to_owned();
    let bound = mfa.account(&id).at(now).confirm(pending.id(), &code(now), &mut rng).run(store);
    assert!(matches!(bound, Verdict::Accepted(_)), "{bound:?}");
    let now = now.plus(60);
    let account = mfa.account(&id).at(now);
    let right = account.verify(&code(now), SignIn).run(store);
    assert!(matches!(right, Verdict::Accepted(_)), "{right:?}");
    let older = UnixTime::from_secs(now.as_secs() - 30); // below the one that was accepted: a failure
    let wrong = account.verify(&code(older), SignIn).run(store);
    assert!(matches!(wrong, Verdict::Rejected { .. }), "{wrong:?}");
    for _ in 0..3 {
        let malformed = account.verify("nonsense", SignIn).run(store);
        assert!(matches!(malformed, Verdict::Malformed), "{malformed:?}");
    }
    id
}

/// An account that no other test and no other run has.
pub fn account() -> AccountId {
    static ACCOUNTS: AtomicU32 = AtomicU32::new(0);
    let number = ACCOUNTS.fetch_add(1, Ordering::Relaxed);
    let random = Secret::generate(Algorithm::Sha1, &mut OsRandom::new().unwrap());
    AccountId::new([random.expose_bytes(), &number.to_be_bytes()].concat()).unwrap()
}

pub fn assert_trail(rows: Vec<(i64, String)>) {
    let rows: Vec<(i64, Value)> = rows
        .into_iter()
        .map(|(version, event)| (version, serde_json::from_str(&event).unwrap()))
        .collect();
    let kinds: Vec<(i64, String)> = rows
        .iter()
        .map(|(version, event)| {
            let kind = &event["kind"];
            let name = kind.as_object().map(|kind| kind.keys().next().unwrap().clone());
            (*version, name.unwrap_or_else(|| kind.as_str().unwrap().to_owned()))
        })
        .collect();
    let expected = [
        (1, "enrolment-started"),
        (2, "bound"),
        (2, "recovery-codes-issued"),
        (3, "accepted"),
        (4, "rejected"),
    ];
    let found: Vec<(i64, &str)> =
        kinds.iter().map(|(version, kind)| (*version, kind.as_str())).collect();
    assert_eq!(found, expected);
}
