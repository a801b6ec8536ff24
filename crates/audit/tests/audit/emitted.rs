//! What a subscriber of `tracing` gets.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use countersign_audit::{Severity, emit, from_line, severity};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::samples::{full, operator, samples};

/// Target, level and fields of each.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<(String, Level, Fields)>>>);

#[derive(Default)]
struct Fields(Vec<(String, String)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push((field.name().into(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name().into(), value.into()));
    }
}

impl Subscriber for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let (target, level) = (event.metadata().target().into(), *event.metadata().level());
        self.0.lock().unwrap().push((target, level, fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn an_event_is_emitted_with_its_level_and_its_fields() {
    let kept = Kept::default();
    tracing::subscriber::with_default(kept.clone(), || samples().iter().for_each(emit));
    let kept = kept.0.lock().unwrap();
    assert_eq!(kept.len(), samples().len());
    for ((target, level, fields), event) in kept.iter().zip(samples()) {
        let expected = match severity(&event) {
            Severity::Info | Severity::Notice => Level::INFO,
            Severity::Warning => Level::WARN,
            Severity::Alert => Level::ERROR,
        };
        assert_eq!((target.as_str(), *level), ("countersign", expected));
        let field = |wanted: &str| {
            fields.0.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
        };
        assert_eq!(field("name"), Some(event.kind.name()));
        assert_eq!(field("account"), Some(event.account.to_string().as_str()));
        assert_eq!(from_line(field("event").unwrap()).unwrap(), event);
        if event.actor == operator() {
            assert_eq!(field("actor"), Some("operator"));
            let of = |name: &str| field(&format!("actor_detail.{name}"));
            assert_eq!((of("account"), of("method")), (Some("626f7373"), Some("totp")));
            assert_eq!(of("device"), Some("000000000000b055"));
            assert_eq!(of("word"), Some("role help-desk, ticket 4711"));
        }
        if event == full() {
            assert_eq!((field("version"), field("index")), (Some("7"), Some("1")));
            assert_eq!(field("method"), Some("totp"));
            assert_eq!(field("device"), Some("0123456789abcdef"));
        }
    }
}
