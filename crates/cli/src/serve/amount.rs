//! Sizes, times and rates as people write them: `64MiB`, `30d`, `10+20/h`.

use std::str::FromStr;
use std::time::Duration;

use sprag_relay::config::Rate;

/// Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// How many at once, and how many in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance(pub(crate) Rate);

/// A number from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u32);

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const UNITS: [(&str, u64); 6] = [
            ("", 1),
            ("B", 1),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("TiB", 1 << 40),
        ];
        measure(text, &UNITS).map(Self).ok_or("give bytes, or a size such as 512KiB, 64MiB or 1GiB")
    }
}

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60)];
        let seconds = measure(text, &UNITS).ok_or("give a time such as 30s, 5m, 12h or 30d")?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

impl FromStr for Allowance {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.trim().strip_suffix("/h").and_then(|text| text.split_once('+'));
        let rate = parts.and_then(|(burst, per_hour)| {
            let (burst, per_hour) = (burst.trim().parse().ok()?, per_hour.trim().parse().ok()?);
            (burst > 0).then_some(Rate { burst, per_hour })
        });
        rate.map(Self).ok_or("give how many at once, and how many more an hour, such as 10+20/h")
    }
}

impl FromStr for Count {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let count = text.trim().parse().ok().filter(|count| *count > 0);
        count.map(Self).ok_or("give a number from 1 to 4294967295")
    }
}

/// A whole number above 0, and one of these units.
fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor).filter(|amount| *amount > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let size = |text: &str| text.parse::<Size>().ok().map(|Size(bytes)| bytes);
        assert_eq!(size("1"), Some(1));
        assert_eq!(size("512 KiB"), Some(512 * 1024));
        assert_eq!(size("64MiB"), Some(64 << 20));
        assert_eq!(size("1TiB"), Some(1 << 40));
        assert_eq!(size("18446744073709551615"), Some(u64::MAX));
        for wrong in ["", "0", "MiB", "-1", "1.5GiB", "64mb", "64 MB", "16777216TiB", "1 2"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times() {
        let seconds = |text: &str| text.parse::<Span>().ok().map(|Span(time)| time.as_secs());
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("5 m"), Some(300));
        assert_eq!(seconds("12h"), Some(43_200));
        assert_eq!(seconds("30d"), Some(2_592_000));
        for wrong in ["", "30", "0s", "1w", "1h30m", "-1d", "99999999999999999999d"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn rates() {
        let rate = |text: &str| text.parse::<Allowance>().ok().map(|Allowance(rate)| rate);
        assert_eq!(rate("10+20/h"), Some(Rate { burst: 10, per_hour: 20 }));
        assert_eq!(rate(" 1 + 0/h"), Some(Rate { burst: 1, per_hour: 0 }));
        for wrong in ["", "10", "10/h", "0+20/h", "10+20", "10+20/m", "-1+2/h", "10+4294967296/h"] {
            assert_eq!(rate(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn counts() {
        let count = |text: &str| text.parse::<Count>().ok().map(|Count(count)| count);
        assert_eq!(count("1"), Some(1));
        assert_eq!(count("4294967295"), Some(u32::MAX));
        for wrong in ["", "0", "-1", "4294967296", "many"] {
            assert_eq!(count(wrong), None, "{wrong}");
        }
    }
}
