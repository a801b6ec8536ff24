//! An event in the Open Cybersecurity Schema Framework.
//!
//! Standard: OCSF 1.7.0, classes Authentication (3002) and Account Change (3001) of the category Identity &
//! Access Management (3). From 1.9.0 on Account Change is deprecated; the version is in `metadata`.

use std::net::IpAddr;

use countersign::account::{Actor, AnyPurpose, Source};
use countersign::{Event, Method};
use serde_json::{Map, Value, json};

use crate::cef;
use crate::kinds::{Activity, row, severity};
use crate::line::members;
use crate::origin::Origin;

const SCHEMA: &str = "1.7.0";

/// Writes an event as one JSON object of OCSF, on one line. What OCSF has no attribute for is in
/// `unmapped`, as the members of [`to_line`](crate::to_line).
/// ```
/// use countersign::account::EventKind;
/// use countersign::{AccountId, Event, UnixTime};
/// use countersign_audit::{Origin, ocsf};
/// let (id, at) = (AccountId::new("42")?, UnixTime::from_secs(1_800_000_000));
/// let origin = Origin::new("db1", "acme-billing", 32473);
/// let found = ocsf(&Event::new(id, at, EventKind::Bound { replaces: None }), &origin);
/// assert!(found.contains(r#""type_uid":300110"#)); // Account Change: MFA Factor Enable
/// # Ok::<(), countersign::account::AccountIdError>(())
/// ```
#[must_use]
pub fn ocsf(event: &Event, origin: &Origin) -> String {
    let (row, name) = (row(event), event.kind.name());
    let (class, activity, activity_name) = activity(event, row.activity);
    let (severity_id, severity) = severity(event).of_ocsf();
    let (status_id, status) = if row.failed { (2, "Failure") } else { (1, "Success") };
    let is_authentication = class == 3002;
    let mut found = json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "actor": actor(event, origin),
        "auth_factors": event.method.map(|method| [factor(method)]),
        "category_name": "Identity & Access Management",
        "category_uid": 3,
        "class_name": if is_authentication { "Authentication" } else { "Account Change" },
        "class_uid": class,
        "message": format!("{name} of account {}", event.account),
        "metadata": {
            "event_code": name,
            "log_version": "1",
            "original_event_uid": event.id.map(|id| {
                format!("{}:{}:{}", id.account, id.version, id.index)
            }),
            "product": {
                "name": "countersign",
                "vendor_name": "countersign",
                "version": env!("CARGO_PKG_VERSION"),
            },
            "version": SCHEMA,
        },
        "severity": severity,
        "severity_id": severity_id,
        "src_endpoint": event.source.as_ref().map(endpoint),
        "status": status,
        "status_code": name,
        "status_id": status_id,
        "time": event.at.as_secs().saturating_mul(1000),
        "type_uid": u32::from(class).saturating_mul(100).saturating_add(u32::from(activity)),
        "unmapped": members(event),
        "user": { "uid": event.account.to_string() },
    });
    if let Value::Object(found) = &mut found {
        if is_authentication {
            found.insert("is_mfa".into(), is_mfa(event).into());
            found.insert("service".into(), json!({ "name": origin.program }));
        }
        found.retain(|_, value| !value.is_null());
    }
    if let Some(Value::Object(metadata)) = found.get_mut("metadata") {
        metadata.retain(|_, value| !value.is_null());
    }
    found.to_string()
}

/// The program, if it is the host's word; the person, if there is one; what an operator may, if the host
/// said it. `None` where nothing was proved.
fn actor(event: &Event, origin: &Origin) -> Option<Value> {
    let mut found = Map::new();
    if let Actor::Host(_) = event.actor {
        found.insert("app_name".into(), origin.program.as_str().into());
    }
    if let Actor::Operator { word: Some(word), .. } = &event.actor {
        let policy = json!({ "name": word.as_str() });
        found.insert("authorizations".into(), json!([{ "policy": policy }]));
    }
    found.extend(cef::actor(event).map(|uid| ("user".into(), json!({ "uid": uid }))));
    Some(found).filter(|found| !found.is_empty()).map(Value::Object)
}

/// Whether a second factor came with the first: not where something else took its place.
const fn is_mfa(event: &Event) -> bool {
    use Method::{Emergency, Pass, RecoveryCode, TrustedBrowser};
    let is_instead = matches!(event.method, Some(Emergency | Pass | RecoveryCode | TrustedBrowser));
    event.first_factor_passed && !is_instead
}

/// The class, the activity, and its name: the source's own for "other".
fn activity(event: &Event, activity: Activity) -> (u16, u8, &'static str) {
    let opens_session = matches!(event.purpose, None | Some(AnyPurpose::SignIn));
    match activity {
        Activity::Logon if opens_session => (3002, 1, "Logon"),
        Activity::Preauth => (3002, 6, "Preauth"),
        Activity::Logon | Activity::OtherAuthentication => (3002, 99, event.kind.name()),
        Activity::Disable => (3001, 5, "Disable"),
        Activity::Lock => (3001, 9, "Lock"),
        Activity::FactorEnable => (3001, 10, "MFA Factor Enable"),
        Activity::FactorDisable => (3001, 11, "MFA Factor Disable"),
        Activity::Unlock => (3001, 12, "Unlock"),
        Activity::OtherChange => (3001, 99, event.kind.name()),
    }
}

fn factor(method: Method) -> Value {
    let (id, name) = match method {
        Method::Sms => (1, "SMS"),
        Method::Totp | Method::Hotp => (7, "OTP"),
        Method::Passkey => (10, "WebAuthn"),
        Method::Pki
        | Method::RecoveryCode
        | Method::Emergency
        | Method::Pass
        | Method::TrustedBrowser => (99, method.name()),
    };
    let mut factor = json!({ "factor_type": name, "factor_type_id": id });
    if let Value::Object(factor) = &mut factor {
        match method {
            Method::Totp => drop(factor.insert("is_totp".into(), true.into())),
            Method::Hotp => drop(factor.insert("is_hotp".into(), true.into())),
            _ => {}
        }
    }
    factor
}

fn endpoint(source: &Source) -> Value {
    match source.as_str().parse::<IpAddr>() {
        Ok(address) => json!({ "ip": address.to_string() }),
        Err(_) => json!({ "name": source.as_str() }),
    }
}
