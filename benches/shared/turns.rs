//! Contestants that take turns: every one runs a short batch in every round, and its fastest batch
//! counts. On a busy machine noise only ever adds, and it adds to all of them alike, so the ratios
//! hold where the nanoseconds do not.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Does the work so many times and says how long it took.
pub type Batch = Box<dyn FnMut(u32) -> Duration>;

/// Work that is timed as it is.
#[allow(dead_code)] // each bench uses a part
pub fn batch<T>(mut work: impl FnMut() -> T + 'static) -> Batch {
    Box::new(move |times| {
        let start = Instant::now();
        for _ in 0..times {
            black_box(work());
        }
        start.elapsed()
    })
}

/// The nanoseconds of each contestant, `None` for those that cannot do the work.
pub fn take_turns(contestants: &mut [Option<Batch>], rounds: u32, times: u32) -> Vec<Option<f64>> {
    let mut best = vec![None; contestants.len()];
    for _ in 0..rounds {
        for (contestant, best) in contestants.iter_mut().zip(&mut best) {
            if let Some(batch) = contestant {
                let nanoseconds = batch(times).as_nanos() as f64 / f64::from(times);
                *best = Some(best.map_or(nanoseconds, |best: f64| best.min(nanoseconds)));
            }
        }
    }
    best
}
