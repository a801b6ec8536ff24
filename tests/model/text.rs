//! A summary as text, one fact a line: what the reference prints, and what golden records expect.

use countersign::account::{DeviceStatus, ThrottleSummary};
use countersign::{Summary, UnixTime};

pub fn of(summary: Option<&Summary>) -> String {
    let Some(summary) = summary else { return "no record\n".into() };
    let Summary {
        epoch,
        first_bound_at,
        offboarded_at,
        devices,
        pending_until,
        recovery_codes_left,
        recovery_replacement_due,
        codes,
        recovery,
        out_of_band,
        external,
        emergency_until,
    } = summary;
    let mut text = format!(
        "epoch {epoch}\nfirst bound {}\noffboarded {}\npending until {}\nemergency until {}\n\
         recovery codes {recovery_codes_left}, replacement due {recovery_replacement_due}\n",
        moment(*first_bound_at),
        moment(*offboarded_at),
        moment(*pending_until),
        moment(*emergency_until),
    );
    let classes = [
        ("codes", codes),
        ("recovery", recovery),
        ("out-of-band", out_of_band),
        ("external", external),
    ];
    for (class, ThrottleSummary { consecutive_failures, waiting_until, disabled }) in classes {
        text += &format!(
            "{class}: failures {consecutive_failures}, waiting until {}, disabled {disabled}\n",
            moment(*waiting_until),
        );
    }
    for device in devices {
        text += &format!(
            "device {} {} {} {:?}: bound {}, last used {}, drift {}, offset {}, short secret {}, \
             imported {}\n",
            device.id,
            device.method.name(),
            match device.status {
                DeviceStatus::Confirmed => "confirmed",
                DeviceStatus::Disabled => "disabled",
                DeviceStatus::Lost => "lost",
                DeviceStatus::Revoked => "revoked",
            },
            device.label,
            device.bound_at.as_secs(),
            moment(device.last_used),
            device.drift,
            device.clock_offset,
            device.short_secret,
            device.imported,
        );
    }
    text
}

fn moment(at: Option<UnixTime>) -> String {
    at.map_or("-".into(), |at| at.as_secs().to_string())
}
