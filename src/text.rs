//! Quantities as people read them.

use std::fmt::Display;

/// The parts of a duration, largest first: name, seconds in it.
const PARTS: [(&str, u64); 3] = [("d", 86_400), ("h", 3_600), ("m", 60)];

/// A duration in its two largest parts: `1.2s`, `59s`, `3m05s`, `2h09m`, `4d03h`.
pub(crate) fn duration_ms(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    if seconds < 10 {
        return format!("{seconds}.{}s", milliseconds % 1_000 / 100);
    }
    duration_s(seconds)
}

/// The same for whole seconds.
pub(crate) fn duration_s(seconds: u64) -> String {
    let Some(index) = PARTS.iter().position(|&(_, length)| seconds >= length) else {
        return format!("{seconds}s");
    };
    let (name, length) = PARTS[index];
    let (next_name, next_length) = PARTS.get(index + 1).copied().unwrap_or(("s", 1));
    format!("{}{name}{:02}{next_name}", seconds / length, seconds % length / next_length)
}

/// Bytes in units of 1000, in at most four digits: `999 B`, `1.50 kB`, `12.3 GB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    // Hundredths of the unit; 128 bits because a count may be near the end of 64.
    let (mut hundredths, mut unit) = (u128::from(count) * 100, 0);
    while hundredths >= 100_000 {
        hundredths /= 1_000;
        unit += 1;
    }
    let (whole, part) = (hundredths / 100, hundredths % 100);
    let name = UNITS[unit];
    match (unit, whole) {
        (0, _) | (_, 100..) => format!("{whole} {name}"),
        (_, 10..) => format!("{whole}.{} {name}", part / 10),
        _ => format!("{whole}.{part:02} {name}"),
    }
}

/// `yes` or `no`.
pub(crate) const fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// `1 worker`, `2 workers`.
pub(crate) fn count<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_parts() {
        for (milliseconds, text) in [
            (0, "0.0s"),
            (1_234, "1.2s"),
            (9_999, "9.9s"),
            (10_000, "10s"),
            (59_999, "59s"),
            (60_000, "1m00s"),
            (185_000, "3m05s"),
            (7_740_000, "2h09m"),
            (356_400_000, "4d03h"),
            (u64::MAX, "213503982334d14h"),
        ] {
            assert_eq!(duration_ms(milliseconds), text);
        }
    }

    #[test]
    fn bytes_have_three_digits() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (1_504, "1.50 kB"),
            (99_950, "99.9 kB"),
            (999_999, "999 kB"),
            (12_345_678_901, "12.3 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
