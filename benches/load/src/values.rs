//! What the text of one argument may say: sizes, numbers, times.

use std::time::Duration;

/// 1 GiB: a message of an echo is kept in memory, to be compared.
const MOST_MESSAGE_BYTES: usize = 1 << 30;
/// 1 TiB: minutes at the speed of memory.
const MOST_TRANSFER_BYTES: usize = 1 << 40;
/// More than any machine has ports for.
const MOST_CONNECTIONS: usize = 1_000_000;
/// A day.
const LONGEST_SECONDS: f64 = 86_400.0;

/// Reads 64, 64B, 16KiB, 1MiB or 1GiB, from 1 to `most`.
fn size(text: &str, most: usize) -> Option<usize> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
    let (number, unit) = units
        .into_iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))
        .unwrap_or((text, 1));
    let bytes = number.trim_end().parse::<usize>().ok()?.checked_mul(unit)?;
    (1..=most).contains(&bytes).then_some(bytes)
}

pub(crate) fn message_bytes(text: &str) -> Result<usize, &'static str> {
    size(text, MOST_MESSAGE_BYTES).ok_or("expected bytes from 1 to 1GiB, such as 64 or 16KiB")
}

pub(crate) fn transfer_bytes(text: &str) -> Result<usize, &'static str> {
    size(text, MOST_TRANSFER_BYTES).ok_or("expected bytes from 1 to 1024GiB, such as 64MiB")
}

fn count(text: &str, most: usize) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=most).contains(&count) => Ok(count),
        _ => Err(format!("expected a whole number from 1 to {most}")),
    }
}

pub(crate) fn connections(text: &str) -> Result<usize, String> {
    count(text, MOST_CONNECTIONS)
}

pub(crate) fn writes(text: &str) -> Result<usize, String> {
    count(text, 1000)
}

fn number(text: &str, most: f64) -> Option<f64> {
    text.parse().ok().filter(|number| (0.0..=most).contains(number))
}

pub(crate) fn seconds_or_none(text: &str) -> Result<Duration, String> {
    let seconds = number(text, LONGEST_SECONDS).map(Duration::from_secs_f64);
    seconds.ok_or_else(|| format!("expected seconds from 0 to {LONGEST_SECONDS}"))
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = seconds_or_none(text).ok().filter(|seconds| !seconds.is_zero());
    seconds.ok_or_else(|| format!("expected seconds, more than 0 and up to {LONGEST_SECONDS}"))
}

pub(crate) fn rate(text: &str) -> Result<f64, &'static str> {
    // More than any loop could send; less than one a day.
    number(text, 1e9)
        .filter(|rate| *rate >= 1e-5)
        .ok_or("expected requests per second, such as 20000 or 0.5")
}

pub(crate) fn path(text: &str) -> Result<String, &'static str> {
    // Whoever sends a space or a line's end in a path sends another request.
    let is_path = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_path.then(|| text.to_owned()).ok_or("expected a path such as /hello, escaped as in a URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in
            [("1", 1), ("64B", 64), ("1KiB", 1024), ("100 KiB", 102_400), ("1GiB", 1 << 30)]
        {
            assert_eq!(message_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "-1", "1.5KiB", "KiB", "1kb", "2GiB", "99999999999999999999GiB"] {
            assert!(message_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_can_hide_no_second_request() {
        assert!(path("/a%20b?c=d").is_ok());
        for text in ["", "hello", "/a b", "/a\r\nHost: x", "/é"] {
            assert!(path(text).is_err(), "{text:?}");
        }
    }
}
