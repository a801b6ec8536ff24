//! Redis against the conformance kit, out of reach, and its audit trail:
//! `.ci/servers cargo test -p countersign-redis -- --ignored`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[path = "../../../tests/common/stores.rs"]
mod stores;

use std::sync::Mutex;

use countersign::{AccountId, Event, Summary};
use countersign_conformance::{self as conformance, Kit};
use countersign_redis::{Error, RedisStore};
use stores::{Line, assert_trail, out_of_reach, sign_in, variable};

#[test]
#[ignore = "needs REDIS_URL: .ci/run starts a server"]
fn redis_keeps_every_promise() {
    let url = variable("REDIS_URL");
    let location = url.clone();
    let client = redis::Client::open(url.clone()).unwrap().get_connection().unwrap();
    let client = Mutex::new(client);
    let kit = Kit::new(move || RedisStore::open(&url))
        .beside(move |id| beside(&mut client.lock().unwrap(), id), |summary| Some(summary.clone()))
        .second_process("the_second_process", location);
    println!("{}", kit.run().unwrap());
}

#[test]
fn the_second_process() {
    conformance::second_process(|url| Kit::new(move || RedisStore::open(&url)));
}

type Beside = (Vec<Event>, Option<Summary>);

/// What the host's commands read beside a record.
fn beside(client: &mut redis::Connection, id: &AccountId) -> redis::RedisResult<Beside> {
    let stream = format!("mfa:{{{id}}}:events");
    let rows: Vec<(String, Vec<(String, String)>)> =
        redis::cmd("XRANGE").arg(stream).arg(&["-", "+"]).query(client)?;
    let event = |(_, fields): &(_, Vec<(_, String)>)| serde_json::from_str(&fields[0].1).unwrap();
    let events = rows.iter().map(event).collect();
    let hash = format!("mfa:{{{id}}}");
    let summary: Option<String> = redis::cmd("HGET").arg(hash).arg("summary").query(client)?;
    Ok((events, summary.map(|summary| serde_json::from_str(&summary).unwrap())))
}

#[test]
#[ignore = "needs REDIS_URL: .ci/run starts a server"]
fn redis_out_of_reach_answers_nothing() {
    let line = Line::to(&variable("REDIS_URL"));
    let store = RedisStore::open(&line.url).unwrap();
    out_of_reach(&store, &line);
}

#[test]
#[ignore = "needs CARELESS_REDIS_URL, with everysec: .ci/run starts a server"]
fn redis_refuses_a_server_that_forgets() {
    let refused = RedisStore::open(&variable("CARELESS_REDIS_URL")).map(drop);
    let Err(Error::NotDurable { setting: "appendfsync", .. }) = refused else {
        panic!("{refused:?}");
    };
}

#[test]
#[ignore = "needs REDIS_URL: .ci/run starts a server"]
fn redis_writes_the_events() {
    let url = variable("REDIS_URL");
    let id = sign_in(&RedisStore::open(&url).unwrap());
    let mut client = redis::Client::open(url).unwrap().get_connection().unwrap();
    let key = format!("mfa:{{{id}}}:events");
    let rows: Vec<(String, Vec<(String, String)>)> =
        redis::cmd("XRANGE").arg(key).arg(&["-", "+"]).query(&mut client).unwrap();
    let row = |(at, fields): (String, Vec<(String, String)>)| {
        (at.split_once('-').unwrap().0.parse().unwrap(), fields[0].1.clone())
    };
    assert_trail(rows.into_iter().map(row).collect());
}
