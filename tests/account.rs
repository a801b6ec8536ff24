//! The account layer: a day from enrolment to offboarding, the truth tables, the audit trail, bad input,
//! records as stores keep them, and the throttle in numbers.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[macro_use]
mod common;

#[allow(dead_code)] // each test takes a part of it
#[path = "data/rows.rs"]
mod rows;

#[path = "account/main_job.rs"]
mod main_job;

#[path = "account/events.rs"]
mod events;

#[path = "account/tables.rs"]
mod tables;

#[path = "account/bad_input.rs"]
mod bad_input;

#[path = "account/typed.rs"]
mod typed;

#[path = "account/keys.rs"]
mod keys;

#[path = "account/records.rs"]
mod records;

#[path = "account/texts.rs"]
mod texts;

#[path = "account/throttle.rs"]
mod throttle;

#[path = "account/browsers.rs"]
mod browsers;

#[path = "account/crossing.rs"]
mod crossing;

#[path = "account/trusted.rs"]
mod trusted;

#[path = "account/assurance.rs"]
mod assurance;

#[path = "account/unlock.rs"]
mod unlock;

#[path = "account/devices.rs"]
mod devices;

#[path = "account/recovery.rs"]
mod recovery;

#[path = "account/standing.rs"]
mod standing;
