//! What the library costs over Redis: `.ci/servers cargo bench -p countersign-redis --bench stores`.
//! Without `REDIS_URL`, the library alone.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[path = "../../../benches/shared/stores.rs"]
mod shared;

use std::env;

use countersign_redis::RedisStore;
use shared::{Bare, Lane, begin, random_id, ratio, record_and_event};

fn main() {
    let size = begin();
    let Ok(url) = env::var("REDIS_URL") else { return };
    for connections in [1, 4] {
        let lane = |_| Lane::new(RedisStore::open(&url).unwrap(), BareRedis::open(&url));
        ratio(&size, "Redis", (0..connections).map(lane).collect());
    }
}

struct BareRedis {
    client: redis::Connection,
    swap: redis::Script,
    key: Vec<u8>,
    event: String,
}

impl BareRedis {
    fn open(url: &str) -> BareRedis {
        let mut client = redis::Client::open(url).unwrap().get_connection().unwrap();
        let (record, event) = record_and_event();
        let key = [b"bare:".as_slice(), &random_id()].concat();
        let mut set = redis::cmd("HSET");
        set.arg(&key).arg("version").arg(1).arg("record").arg(record);
        set.exec(&mut client).unwrap();
        let swap = redis::Script::new(
            "if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
             redis.call('HSET', KEYS[1], 'version', ARGV[2], 'record', ARGV[3])
             if ARGV[4] then redis.call('XADD', KEYS[2], ARGV[2] .. '-1', 'event', ARGV[4]) end
             return 1",
        );
        BareRedis { client, swap, key, event }
    }

    fn select_and_update(&mut self, trail: bool) {
        let mut get = redis::cmd("HMGET");
        get.arg(&self.key).arg(&["version", "record"]);
        let (version, record): (u64, Vec<u8>) = get.query(&mut self.client).unwrap();
        let mut swap = self.swap.prepare_invoke();
        swap.key(&self.key).key([&self.key, b":events".as_slice()].concat());
        swap.arg(version).arg(version + 1).arg(record);
        if trail {
            swap.arg(&self.event);
        }
        assert_eq!(swap.invoke::<u8>(&mut self.client).unwrap(), 1);
    }
}

impl Bare for BareRedis {
    fn with_trail(&mut self) {
        self.select_and_update(true);
    }

    fn without_trail(&mut self) {
        self.select_and_update(false);
    }
}
