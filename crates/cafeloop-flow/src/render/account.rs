//! Where the time went, as tables of lines: a part of the picture of characters.

use unicode_width::UnicodeWidthStr as _;

use crate::quantity::{Time, thousands};
use crate::render::rows::Shade;
use crate::render::terminal::{Ink, Page, overlap};
use crate::run::{Run, Whom};

/// Lines of the tables; what is left is summed in one more.
const MOST_LINES: usize = 10;
/// Of the run's time, the part that has a line of its own.
const LEAST_SHARE: u64 = 1000;
impl Page {
    pub(super) fn where_the_time_went(&mut self, run: &Run) {
        if run.waits.is_empty() && run.busy.is_empty() {
            return;
        }
        self.heading("Where the time went");
        let waits = |whom: Whom| -> Vec<Line> {
            let waits = run.waits.iter().filter(|wait| wait.whom == whom);
            waits
                .map(|wait| Line {
                    total_ns: wait.total_ns,
                    longest_ns: wait.longest_ns,
                    count: wait.count,
                    what: match wait.noun {
                        // A function that says it already.
                        noun if run.names().function(wait.site.code) == noun => {
                            run.place(wait.site)
                        }
                        "" => run.place(wait.site),
                        noun => format!("{} · {noun}", run.place(wait.site)),
                    },
                })
                .collect()
        };
        let busy = run.busy.iter().filter(|busy| busy.total_ns > 0).map(|busy| Line {
            total_ns: busy.total_ns,
            longest_ns: busy.longest_ns,
            count: busy.count,
            what: run.place(busy.site),
        });
        let tables = [
            (Shade::Waiting, "waiting", waits(Whom::Outside)),
            (Shade::Running, "running", busy.collect::<Vec<Line>>()),
            (Shade::Inner, "for tasks", waits(Whom::Tasks)),
            // As `Thread.join` does.
            (Shade::Inner, "joining", waits(Whom::Threads)),
        ];
        let lines = tables.iter().flat_map(|(.., lines)| lines.iter().take(MOST_LINES + 1));
        let times = lines.map(|line| self.shown(&line.times()).width()).max().unwrap_or(0);
        for (shade, noun, lines) in &tables {
            self.table(*shade, noun, lines, times, run.wall_ns());
        }
        // A process that only works has nothing that could overlap.
        if run.metadata.parent_pid == 0 || run.totals.waiting_ns > 0 {
            self.end_line();
            self.paragraph(Ink::Plain, "", 2, &overlap(run));
        }
    }

    fn table(&mut self, shade: Shade, noun: &str, lines: &[Line], times: usize, wall_ns: u64) {
        // The first one always; of the others those that a reader might care about.
        let large = |line: &&Line| line.total_ns >= wall_ns / LEAST_SHARE;
        let shown = lines.iter().take(MOST_LINES).take_while(large).count();
        let (shown, rest) = lines.split_at(shown.max(1).min(lines.len()));
        // A single line that is left out would take as much room as it is.
        let (shown, rest) = if rest.len() == 1 { (lines, &[][..]) } else { (shown, rest) };
        for line in shown {
            self.put(Ink::Shade(shade), &format!("  {noun:<9}"));
            let start =
                format!("{:>8}  {:<times$}  ", Time(line.total_ns).to_string(), line.times());
            self.put(Ink::Plain, &start);
            let used = 11 + start.width();
            let place = self.shown(&line.what);
            if used + place.width() > self.width() {
                self.end_line();
                self.text.push_str(&" ".repeat(21));
            }
            self.put(Ink::Plain, &place);
            self.end_line();
        }
        if !rest.is_empty() {
            let total_ns = rest.iter().fold(0u64, |sum, line| sum.saturating_add(line.total_ns));
            let rest = format!("{} more places", thousands(rest.len() as u64));
            let text = format!("  {noun:<9}{:>8}  {rest}", Time(total_ns).to_string());
            self.put(Ink::Faint, &text);
            self.end_line();
        }
    }
}

/// A line of a table.
struct Line {
    total_ns: u64,
    longest_ns: u64,
    count: u64,
    what: String,
}

impl Line {
    /// How often, and how long each time.
    fn times(&self) -> String {
        match self.count {
            0 | 1 => "once".to_owned(),
            count if self.total_ns / count >= self.longest_ns - self.longest_ns / 100 => {
                format!("{} × {}", thousands(count), Time(self.longest_ns))
            }
            count => format!("{} ×, up to {}", thousands(count), Time(self.longest_ns)),
        }
    }
}
