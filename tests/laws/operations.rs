//! The law of all operations: whatever is done, in whatever order, with a store that fails at every
//! point, the answers, the summaries and the writes are those of the naive account.

use crate::schedule::{Bench, Narrow, Step, Sync, nodes};

/// As many steps as are played of a longer input: enough to close a class, and few enough to be fast.
const MOST_STEPS: usize = 40;

/// What holds for any schedule: the first byte says whether everybody has an app to begin with, and
/// each eight after it are a step.
///
/// # Panics
/// If it does not.
pub fn hold(data: &[u8]) {
    let Some((first, schedule)) = data.split_first() else { return };
    let nodes = nodes();
    let mut bench: Bench<'_, Narrow, Sync> = Bench::new(&nodes);
    if first % 4 != 0 {
        bench.enrol_everybody();
    }
    for step in Step::schedule(schedule).iter().take(MOST_STEPS) {
        bench.play(step);
    }
    bench.compare_summaries();
}
