//! A summary as text, one fact a line: what the reference prints, and what golden records expect.

use countersign::account::{
    BrowserSummary, DeviceStatus, Standing, ThrottleSummary, TrustedBrowserSummary,
};
use countersign::{Summary, UnixTime};

pub fn of(summary: Option<&Summary>) -> String {
    let Some(summary) = summary else { return "no record\n".into() };
    let Summary {
        epoch,
        first_bound_at,
        offboarded_at,
        standing,
        devices,
        browsers,
        trusted_browsers,
        pending_until,
        recovery_codes_left,
        recovery_codes_seen,
        recovery_replacement_due,
        codes,
        out_of_band,
        emergency_until,
        sealed_with: _, // says nothing of the account
    } = summary;
    let until = match standing {
        Standing::Invited { until }
        | Standing::Pending { until }
        | Standing::Waiting { until }
        | Standing::Reset { until } => {
            format!(" until {}", until.as_secs())
        }
        _ => String::new(),
    };
    let mut text = format!(
        "epoch {epoch}\nfirst bound {}\noffboarded {}\nstanding {}{until}\npending until {}\n\
         emergency until {}\nrecovery codes {recovery_codes_left}, seen {recovery_codes_seen}, \
         replacement due {recovery_replacement_due}\n",
        moment(*first_bound_at),
        moment(*offboarded_at),
        standing.name(),
        moment(*pending_until),
        moment(*emergency_until),
    );
    for (class, throttle) in [("codes", codes), ("out-of-band", out_of_band)] {
        let ThrottleSummary {
            consecutive_failures,
            remembered_failures,
            weight,
            waiting_until,
            closed_to_strangers,
            disabled,
        } = throttle;
        text += &format!(
            "{class}: failures {consecutive_failures} and {remembered_failures}, weight {weight}, \
             waiting until {}, closed to strangers {closed_to_strangers}, disabled {disabled}\n",
            moment(*waiting_until),
        );
    }
    for BrowserSummary { id, used_at } in browsers {
        text += &format!("browser {id}: last used {}\n", used_at.as_secs());
    }
    for TrustedBrowserSummary { id, since, until, used_at, device } in trusted_browsers {
        text += &format!(
            "trusted browser {id}: since {}, until {}, last used {}, by {device}\n",
            since.as_secs(),
            until.as_secs(),
            used_at.as_secs(),
        );
    }
    for device in devices {
        text += &format!(
            "device {} {} {} {:?}: bound {}, last used {}, drift {}, offset {}, short secret {}, \
             imported {}, digits {}, openly {}\n",
            device.id,
            device.method.name(),
            match device.status {
                DeviceStatus::Confirmed => "confirmed",
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
            device.digits.map_or("-".into(), |digits| digits.to_string()),
            device.bound_openly,
        );
    }
    text
}

fn moment(at: Option<UnixTime>) -> String {
    at.map_or("-".into(), |at| at.as_secs().to_string())
}
