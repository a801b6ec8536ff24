//! An event for the subscribers of `tracing`.

use countersign::Event;
use tracing::Level;

use crate::kinds::{Severity, severity};
use crate::line::{pairs, to_line};

/// Emits an event with the target `countersign`: `INFO` for [`Severity::Info`] and `Notice`, `WARN` for
/// `Warning`, `ERROR` for `Alert`. The fields are `name`, `account`, `at`, who acted in `actor` and
/// `actor_detail.…`, and with them the whole line of [`to_line`] in `event`, for a subscriber that keeps the
/// trail.
pub fn emit(event: &Event) {
    let pairs = pairs(event);
    let found = |wanted: &str| {
        pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    };
    macro_rules! at {
        ($level:expr) => {
            tracing::event!(
                target: "countersign",
                $level,
                name = event.kind.name(),
                account = %event.account,
                version = event.id.map(|id| id.version),
                index = event.id.map(|id| id.index),
                at = event.at.as_secs(),
                actor = found("actor"),
                actor_detail.account = found("actor_detail.account"),
                actor_detail.device = found("actor_detail.device"),
                actor_detail.method = found("actor_detail.method"),
                actor_detail.person = found("actor_detail.person"),
                actor_detail.word = found("actor_detail.word"),
                source = event.source.as_ref().map(tracing::field::display),
                device = event.device.map(tracing::field::display),
                method = event.method.map(|method| method.name()),
                purpose = event.purpose.as_ref().map(tracing::field::display),
                first_factor_passed = event.first_factor_passed,
                event = to_line(event),
            )
        };
    }
    match severity(event) {
        Severity::Info | Severity::Notice => at!(Level::INFO),
        Severity::Warning => at!(Level::WARN),
        Severity::Alert => at!(Level::ERROR),
    }
}
