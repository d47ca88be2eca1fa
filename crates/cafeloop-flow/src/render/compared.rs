//! Two runs of the same program, side by side: what got shorter.
//!
//! Both are drawn on one axis, so that a shorter bar is a shorter time.

use std::collections::BTreeMap;

use crate::findings::find;
use crate::quantity::{Time, percent, thousands};
use crate::render::rows::rows;
use crate::render::strip::Scale;
use crate::render::terminal::{Ink, Page, Terminal, warnings};
use crate::run::{Run, Whom};

/// Waits that are told one by one; the others are summed.
const MOST_LINES: usize = 10;

/// Draws two runs and what differs between them.
pub fn compared(before: &Run, after: &Run, terminal: Terminal) -> String {
    let mut page = Page::new(terminal);
    let shown = [rows(before, terminal.rows), rows(after, terminal.rows)];
    let longest = shown.iter().map(|rows| rows.to_ns - rows.from_ns).max().unwrap_or(0);
    let cells = shown.iter().map(|rows| page.bar(rows)).min().unwrap_or(1);
    for ((name, run), rows) in [("Before", before), ("After", after)].iter().zip(&shown) {
        page.paragraph(
            Ink::Heading,
            "",
            2,
            &format!("{name}: {} · {}", run.command_line(), Time(run.wall_ns())),
        );
        for warning in warnings(run) {
            page.paragraph(Ink::Bad, "! ", 2, &warning);
        }
        let from_ns = rows.from_ns.min(u64::MAX - 1);
        let scale = Scale { from_ns, to_ns: from_ns.saturating_add(longest.max(1)), cells };
        page.lanes(rows, scale, Some(page.width_of_labels(cells)));
        if *name == "Before" {
            page.end_line();
        }
    }
    page.legend(&shown);
    totals(&mut page, before, after);
    waits(&mut page, before, after);
    changes_of_findings(&mut page, before, after);
    page.text
}

fn totals(page: &mut Page, before: &Run, after: &Run) {
    let is_shorter = after.wall_ns() <= before.wall_ns();
    page.heading(if is_shorter { "What got shorter" } else { "What got longer" });
    heads(page);
    let totals = |run: &Run| {
        let totals = run.totals;
        [run.wall_ns(), totals.waiting_ns, totals.ready_ns, totals.running_ns]
    };
    let wall_ns = before.wall_ns();
    let pairs = totals(before).into_iter().zip(totals(after));
    for (name, pair) in ["it took", "waiting", "ready", "running"].iter().zip(pairs) {
        line(page, name, pair, wall_ns, "");
    }
    let overlaps =
        format!("  {:<9}{:>9.1}×{:>10.1}×", "overlap", before.overlap(), after.overlap());
    page.put(Ink::Plain, &overlaps);
    page.end_line();
}

fn heads(page: &mut Page) {
    page.put(Ink::Faint, &format!("  {:<9}{:>10}{:>11}  change", "", "before", "after"));
    page.end_line();
}

fn line(page: &mut Page, name: &str, (before_ns, after_ns): (u64, u64), wall_ns: u64, what: &str) {
    let times = format!(
        "  {name:<9}{:>10}{:>11}  ",
        Time(before_ns).to_string(),
        Time(after_ns).to_string()
    );
    page.put(Ink::Plain, &times);
    let (ink, change) = change(before_ns, after_ns, wall_ns);
    page.put(ink, &format!("{change:<22}"));
    page.put(Ink::Plain, what);
    page.end_line();
}

/// What became of a time; a hundredth of it, or a thousandth of the whole run, is no
/// change.
fn change(before_ns: u64, after_ns: u64, wall_ns: u64) -> (Ink, String) {
    let differs_ns = before_ns.abs_diff(after_ns);
    if differs_ns <= (before_ns / 100).max(wall_ns / 1000) {
        return (Ink::Faint, "same".to_owned());
    }
    match (before_ns, after_ns) {
        (0, _) => (Ink::Bad, format!("+{} new", Time(after_ns))),
        (_, 0) => (Ink::Good, format!("−{} gone", Time(before_ns))),
        _ if after_ns < before_ns => {
            let part = percent(differs_ns, before_ns);
            (Ink::Good, format!("−{} ({part} less)", Time(differs_ns)))
        }
        _ if after_ns / before_ns >= 10 => {
            let times = thousands(after_ns / before_ns);
            (Ink::Bad, format!("+{} ({times} ×)", Time(differs_ns)))
        }
        _ => {
            let part = percent(differs_ns, before_ns);
            (Ink::Bad, format!("+{} ({part} more)", Time(differs_ns)))
        }
    }
}

/// How often and how long, before and after.
#[derive(Clone, Copy, Default)]
struct Pair {
    before_ns: u64,
    after_ns: u64,
    before: u64,
    after: u64,
}

fn waits(page: &mut Page, before: &Run, after: &Run) {
    // By function, without lines: those move when a program is changed.
    let mut pairs: BTreeMap<String, Pair> = BTreeMap::new();
    for (run, is_before) in [(before, true), (after, false)] {
        for wait in run.waits.iter().filter(|wait| wait.whom == Whom::Outside) {
            let function = match run.names().function(wait.site.code) {
                "" => "unknown code",
                function => function,
            };
            let pair = pairs.entry(function.to_owned()).or_default();
            let (total_ns, count) = if is_before {
                (&mut pair.before_ns, &mut pair.before)
            } else {
                (&mut pair.after_ns, &mut pair.after)
            };
            *total_ns = total_ns.saturating_add(wait.total_ns);
            *count += wait.count;
        }
    }
    if pairs.is_empty() {
        return;
    }
    page.heading("Waits, by function");
    heads(page);
    let mut pairs: Vec<(String, Pair)> = pairs.into_iter().collect();
    pairs.sort_by_key(|(name, pair)| {
        (u64::MAX - pair.before_ns.abs_diff(pair.after_ns), name.clone())
    });
    let rest = pairs.split_off(pairs.len().min(MOST_LINES));
    for (name, pair) in &pairs {
        let times = if pair.before == pair.after {
            format!("{} ×", thousands(pair.before))
        } else {
            format!("{} → {} ×", thousands(pair.before), thousands(pair.after))
        };
        line(page, &times, (pair.before_ns, pair.after_ns), before.wall_ns(), name);
    }
    if !rest.is_empty() {
        let sum = |of: fn(&Pair) -> u64| {
            rest.iter().fold(0u64, |sum, (_, pair)| sum.saturating_add(of(pair)))
        };
        let name = format!("{} more", rest.len());
        let pair = (sum(|pair| pair.before_ns), sum(|pair| pair.after_ns));
        line(page, &name, pair, before.wall_ns(), "");
    }
}

fn changes_of_findings(page: &mut Page, before: &Run, after: &Run) {
    let names = |run: &Run| {
        let mut names: Vec<&str> = find(run).iter().map(|finding| finding.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    let (before, after) = (names(before), names(after));
    let without = |these: &[&'static str], those: &[&'static str]| -> String {
        let left: Vec<&str> = these.iter().copied().filter(|it| !those.contains(it)).collect();
        left.join(", ")
    };
    page.end_line();
    let (gone, new) = (without(&before, &after), without(&after, &before));
    let both: Vec<&str> = before.iter().copied().filter(|it| after.contains(it)).collect();
    for (ink, what, names) in [
        (Ink::Good, "Findings gone: ", gone),
        (Ink::Bad, "Findings new: ", new),
        (Ink::Plain, "Findings in both: ", both.join(", ")),
    ] {
        if !names.is_empty() {
            page.paragraph(ink, what, 2, &names);
        }
    }
    if before.is_empty() && after.is_empty() {
        page.put(Ink::Good, "No findings in either.");
        page.end_line();
    }
}
