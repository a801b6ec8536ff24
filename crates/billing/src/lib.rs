#![doc = include_str!("../README.md")]
// docs.rs says at each item which feature it takes.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
// What the library must not do, its tests may.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

// In reading order: a file uses only files above it. `date` and `inventory` come first because a gap
// names systems and people; `gap` before `rollout` because the gate reads the gaps.
pub mod date;
pub mod table;
pub mod inventory;
pub mod gap;
pub mod rollout;
pub mod offboarding;
pub mod feed;
pub mod coverage;
pub mod readiness;
pub mod report;
