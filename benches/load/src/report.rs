//! What a run has found, for a reader or for a program.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::course::Pace;
use crate::load::{Ending, Findings, Plan};
use crate::tally::Latencies;

/// A report on one run.
pub(crate) struct Report<'run> {
    /// What was done, such as "echo of 1 KiB".
    pub(crate) work: &'run str,
    pub(crate) plan: &'run Plan,
    pub(crate) findings: &'run Findings,
}

impl Report<'_> {
    /// One line of JSON.  All its names are ours and need no escapes.
    pub(crate) fn json(&self) -> String {
        let Findings { tally, elapsed, server_cpu, ending } = self.findings;
        let Latencies { p50, p90, p99, p999, max } = tally.latencies();
        let us = |latency: Duration| latency.as_secs_f64() * 1e6;
        let errors: Vec<String> = tally
            .failures()
            .map(|(kind, count, _)| format!("\"{}\":{count}", kind.name()))
            .collect();
        let server_cpu_ns =
            server_cpu.map_or_else(|| "null".to_owned(), |used| used.as_nanos().to_string());
        let ending = match ending {
            Ending::AsPlanned => "as planned",
            Ending::Interrupted => "interrupted",
            Ending::Lost(_) => "server lost",
        };
        format!(
            "{{\"requests\":{},\"seconds\":{:.6},\"bytes\":{},\"errors\":{{{}}},\
             \"latency_us\":{{\"p50\":{:.1},\"p90\":{:.1},\"p99\":{:.1},\"p999\":{:.1},\
             \"max\":{:.1}}},\"server_cpu_ns\":{server_cpu_ns},\"ending\":\"{ending}\"}}",
            tally.answered,
            elapsed.as_secs_f64(),
            tally.payload_bytes,
            errors.join(","),
            us(p50),
            us(p90),
            us(p99),
            us(p999),
            us(max),
        )
    }

    /// What failed, in a line; nothing if nothing did.
    pub(crate) fn failures(&self) -> Option<String> {
        let tally = &self.findings.tally;
        let failed = tally.failed_requests();
        let all = tally.answered + failed;
        let kinds: Vec<String> = tally
            .failures()
            .map(|(kind, count, first)| format!("{count} {}, the first: {first}", kind.name()))
            .collect();
        (failed > 0).then(|| format!("{failed} of {all} requests failed: {}", kinds.join("; ")))
    }

    fn pace(&self) -> String {
        match self.plan.pace {
            Pace::Answers => "closed loop".to_owned(),
            Pace::Rate(rate) => format!("open loop of {rate} /s"),
        }
    }
}

/// A table for a reader.
impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Findings { tally, elapsed, server_cpu, .. } = self.findings;
        let Plan { target, connections, .. } = self.plan;
        let plural = if *connections == 1 { "" } else { "s" };
        writeln!(f, "{}, {target}, {connections} connection{plural}, {}", self.work, self.pace())?;
        writeln!(f)?;

        let seconds = elapsed.as_secs_f64();
        let requests = format!("{} in {seconds:.3} s", grouped(tally.answered));
        let rate = match ratio(tally.answered, seconds) {
            rate if rate < 100.0 => format!("{rate:.2}"),
            rate => grouped(round(rate)),
        };
        writeln!(f, "requests    {requests:<28}{rate} /s")?;
        let payload = bytes(tally.payload_bytes);
        let throughput = bytes(round(ratio(tally.payload_bytes, seconds)));
        writeln!(f, "payload     {payload:<28}{throughput}/s")?;
        if let Some(used) = server_cpu {
            let share = used.as_secs_f64() / seconds.max(f64::MIN_POSITIVE) * 100.0;
            let share = format!("{share:.1} % of a core");
            let used_ns = u64::try_from(used.as_nanos()).unwrap_or(u64::MAX);
            let each = match tally.answered {
                0 => String::new(),
                answered => {
                    format!("{} per request", time(Duration::from_nanos(used_ns / answered)))
                }
            };
            writeln!(f, "server CPU  {share:<28}{each}")?;
        }

        let Latencies { p50, p90, p99, p999, max } = tally.latencies();
        let (mut names, mut values) = (String::new(), String::new());
        for (name, value) in
            [("p50", p50), ("p90", p90), ("p99", p99), ("p99.9", p999), ("max", max)]
        {
            write!(names, "{name:<10}")?;
            write!(values, "{:<10}", time(value))?;
        }
        writeln!(f, "latency     {}", names.trim_end())?;
        writeln!(f, "            {}", values.trim_end())?;

        let failures: Vec<String> = tally
            .failures()
            .map(|(kind, count, _)| format!("{} {}", grouped(count), kind.name()))
            .collect();
        match failures.as_slice() {
            [] => writeln!(f, "errors      none"),
            failures => writeln!(f, "errors      {}", failures.join(", ")),
        }
    }
}

// What is shown is rounded anyway.
#[allow(clippy::cast_precision_loss)]
fn ratio(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

// Rates are positive, and saturate far above what a machine can do.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn round(value: f64) -> u64 {
    value.round() as u64
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
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

/// A number of bytes in the largest unit of which it has one.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn bytes(count: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| count >= *unit) {
        Some((unit, name)) if count.is_multiple_of(unit) => format!("{} {name}", count / unit),
        Some((unit, name)) => format!("{:.1} {name}", count as f64 / unit as f64),
        None => format!("{count} B"),
    }
}

/// A time with three digits, in its unit.
fn time(time: Duration) -> String {
    let ns = time.as_secs_f64() * 1e9;
    let units = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")];
    let (unit, name) = units.into_iter().find(|(unit, _)| ns >= *unit).unwrap_or((1.0, "ns"));
    let value = ns / unit;
    let decimals = match value {
        _ if name == "ns" || value >= 100.0 => 0,
        _ if value >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$} {name}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use insta::assert_snapshot;

    use super::*;
    use crate::connection::Life;
    use crate::course::Bound;
    use crate::failure::{Failure, FailureKind};
    use crate::tally::Tally;
    use crate::target::Target;

    fn plan(pace: Pace, connections: usize) -> Plan {
        Plan {
            target: Target::unix(Path::new("/run/echo.sock")),
            connections,
            life: Life::AllRequests,
            pace,
            bound: Bound::Requests(1000),
            warm_up: Duration::ZERO,
            timeout: Duration::from_secs(5),
            server: None,
        }
    }

    fn findings() -> Findings {
        let mut tally = Tally::new();
        for us in 1..=100_000 {
            tally.answered(Duration::from_micros(us), 1024);
        }
        Findings {
            tally,
            elapsed: Duration::from_millis(1250),
            server_cpu: Some(Duration::from_millis(985)),
            ending: Ending::AsPlanned,
        }
    }

    #[test]
    fn a_reader_gets_a_table() {
        let plan = plan(Pace::Answers, 50);
        let report = Report { work: "echo of 1 KiB", plan: &plan, findings: &findings() };
        assert_snapshot!(report.to_string(), @r"
        echo of 1 KiB, unix /run/echo.sock, 50 connections, closed loop

        requests    100,000 in 1.250 s          80,000 /s
        payload     97.7 MiB                    78.1 MiB/s
        server CPU  78.8 % of a core            9.85 µs per request
        latency     p50       p90       p99       p99.9     max
                    50.0 ms   90.0 ms   99.0 ms   99.9 ms   100 ms
        errors      none
        ");
        assert_eq!(report.failures(), None);
    }

    #[test]
    fn a_program_gets_a_line() {
        let plan = plan(Pace::Answers, 50);
        let report = Report { work: "echo of 1 KiB", plan: &plan, findings: &findings() };
        assert_snapshot!(
            report.json(),
            @r#"{"requests":100000,"seconds":1.250000,"bytes":102400000,"errors":{},"latency_us":{"p50":50004.0,"p90":90046.5,"p99":99024.9,"p999":99942.4,"max":100000.0},"server_cpu_ns":985000000,"ending":"as planned"}"#
        );
    }

    #[test]
    fn failures_are_named_everywhere() {
        let mut tally = Tally::new();
        tally.answered(Duration::from_secs(2), 5);
        tally.failed(Failure::closed());
        tally.failed(Failure::new(FailureKind::WrongBytes, "byte 6 differs"));
        tally.failed(Failure::new(FailureKind::WrongBytes, "byte 7 differs"));
        let findings = Findings {
            tally,
            elapsed: Duration::from_secs(2),
            server_cpu: None,
            ending: Ending::Interrupted,
        };
        let plan = plan(Pace::Rate(0.5), 1);
        let report = Report { work: "echo of 5 B", plan: &plan, findings: &findings };
        assert_snapshot!(report.to_string(), @r"
        echo of 5 B, unix /run/echo.sock, 1 connection, open loop of 0.5 /s

        requests    1 in 2.000 s                0.50 /s
        payload     5 B                         3 B/s
        latency     p50       p90       p99       p99.9     max
                    2.00 s    2.00 s    2.00 s    2.00 s    2.00 s
        errors      1 closed by the server, 2 wrong bytes
        ");
        assert_snapshot!(
            report.json(),
            @r#"{"requests":1,"seconds":2.000000,"bytes":5,"errors":{"closed by the server":1,"wrong bytes":2},"latency_us":{"p50":2000000.0,"p90":2000000.0,"p99":2000000.0,"p999":2000000.0,"max":2000000.0},"server_cpu_ns":null,"ending":"interrupted"}"#
        );
        assert_snapshot!(
            report.failures().unwrap_or_default(),
            @"3 of 4 requests failed: 1 closed by the server, the first: the connection ended before the answer did; 2 wrong bytes, the first: byte 6 differs"
        );
    }

    #[test]
    fn numbers_are_written_for_readers() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 1023, 1024, 1536, 1 << 20, 5 << 29].map(bytes),
            ["0 B", "1023 B", "1 KiB", "1.5 KiB", "1 MiB", "2.5 GiB"]
        );
        assert_eq!(
            [0, 999, 1_000, 12_340, 123_400, 1_234_000, 2_000_000_000]
                .map(|ns| time(Duration::from_nanos(ns))),
            ["0 ns", "999 ns", "1.00 µs", "12.3 µs", "123 µs", "1.23 ms", "2.00 s"]
        );
    }
}
