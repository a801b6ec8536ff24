//! Redis against the conformance kit, out of reach, and its audit trail:
//! `.ci/servers cargo test -p countersign-redis -- --ignored`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[path = "../../../tests/common/stores.rs"]
mod stores;

use countersign_conformance as conformance;
use countersign_redis::{Error, RedisStore};
use stores::{Line, assert_trail, out_of_reach, sign_in, variable};

#[test]
#[ignore = "needs REDIS_URL: .ci/run starts a server"]
fn redis_keeps_every_promise() {
    let url = variable("REDIS_URL");
    println!("{}", conformance::run(move || RedisStore::open(&url)).unwrap());
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
