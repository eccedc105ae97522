//! Days and hours, where the person is.

use jiff::Timestamp as Moment;
use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sprag_protocol::Timestamp;

/// What time it is, and where.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// Now.
    pub(crate) now: Timestamp,
    /// The zone of the person.
    pub(crate) zone: TimeZone,
}

impl Clock {
    fn zoned(&self, at: Timestamp) -> Option<Zoned> {
        let moment = Moment::from_second(i64::try_from(at.seconds()).ok()?).ok()?;
        Some(moment.to_zoned(self.zone.clone()))
    }

    /// The day of a moment, to tell whether another one is on the same.
    pub(super) fn day(&self, at: Timestamp) -> Option<Date> {
        Some(self.zoned(at)?.date())
    }

    /// Such as `20:44`.
    pub(super) fn time(&self, at: Timestamp) -> String {
        self.zoned(at).map_or_else(|| "--:--".into(), |at| at.strftime("%H:%M").to_string())
    }

    /// Such as `Thu 21 Nov 2024`, and the words for today and yesterday.
    pub(super) fn day_name(&self, at: Timestamp) -> String {
        let Some(zoned) = self.zoned(at) else { return "some day".into() };
        let name = zoned.strftime("%a %-d %b %Y").to_string();
        let today = self.day(self.now);
        if today == Some(zoned.date()) {
            format!("Today, {name}")
        } else if today.and_then(|today| today.yesterday().ok()) == Some(zoned.date()) {
            format!("Yesterday, {name}")
        } else {
            name
        }
    }

    /// As short as it can be: the time today, the day this year, else the year.
    pub(super) fn brief(&self, at: Timestamp) -> String {
        let (Some(zoned), Some(today)) = (self.zoned(at), self.day(self.now)) else {
            return String::new();
        };
        let form = if zoned.date() == today {
            "%H:%M"
        } else if zoned.year() == today.year() {
            "%-d %b"
        } else {
            "%b %Y"
        };
        zoned.strftime(form).to_string()
    }
}
