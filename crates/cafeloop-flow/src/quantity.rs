//! Times, shares and counts as a reader wants them: three digits and a unit.

use std::fmt;

/// Nanoseconds, written with the unit that suits them, as in "5.00 s".
#[derive(Clone, Copy)]
pub(crate) struct Time(pub(crate) u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0;
        // The next unit begins where rounding would make four digits.
        let (unit, name) = match ns {
            0 => return f.write_str("0 s"),
            1..1_000 => return write!(f, "{ns} ns"),
            1_000..999_500 => (1_000, "µs"),
            999_500..999_500_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        write!(f, "{} {name}", three_digits(ns, unit))
    }
}

/// A number of units, with as many digits after the point as make three.
fn three_digits(number: u64, unit: u64) -> String {
    let hundredths = u128::from(number) * 100 / u128::from(unit);
    let round = |scale: u64| {
        (u128::from(number) * u128::from(scale) + u128::from(unit) / 2) / u128::from(unit)
    };
    match hundredths {
        ..1_000 if round(100) < 1_000 => {
            let value = round(100);
            format!("{}.{:02}", value / 100, value % 100)
        }
        ..10_000 if round(10) < 1_000 => {
            let value = round(10);
            format!("{}.{}", value / 10, value % 10)
        }
        _ => round(1).to_string(),
    }
}

/// A number with its noun, as in "1 task" and "2 tasks".
pub(crate) fn count(number: impl TryInto<u64>, noun: &str) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {noun}"),
        number => format!("{} {noun}s", thousands(number)),
    }
}

/// A number with a comma after each three digits.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes, in the unit that suits them.
pub(crate) fn bytes(number: u64) -> String {
    match number {
        ..1_024 => count(number, "byte"),
        1_024..1_048_576 => format!("{} KiB", three_digits(number, 1 << 10)),
        1_048_576..1_073_741_824 => format!("{} MiB", three_digits(number, 1 << 20)),
        _ => format!("{} GiB", three_digits(number, 1 << 30)),
    }
}

/// A part of a whole, as in "52 %".
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0 %".to_owned();
    }
    let percent = (u128::from(part) * 100 + u128::from(whole) / 2) / u128::from(whole);
    match percent {
        0 if part > 0 => "<1 %".to_owned(),
        _ => format!("{percent} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_the_unit_that_suits() {
        for (ns, text) in [
            (0, "0 s"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (12_345, "12.3 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (9_994_999, "9.99 ms"),
            (9_995_000, "10.0 ms"),
            (99_950_000, "100 ms"),
            (5_000_049_000, "5.00 s"),
            (59_950_000_000, "60.0 s"),
            (3_600_000_000_000, "3600 s"),
            (u64::MAX, "18446744074 s"),
        ] {
            assert_eq!(Time(ns).to_string(), text);
        }
    }

    #[test]
    fn counts_bytes_and_shares() {
        assert_eq!(count(1, "task"), "1 task");
        assert_eq!(count(1_234_567, "task"), "1,234,567 tasks");
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(1_536), "1.50 KiB");
        assert_eq!(bytes(20 << 20), "20.0 MiB");
        assert_eq!(
            (percent(1, 3), percent(1, 1000), percent(1, 0)),
            ("33 %".into(), "<1 %".into(), "0 %".into())
        );
    }
}
