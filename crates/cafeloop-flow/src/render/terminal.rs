//! A run as a picture of characters: a lane for each task, an axis, where the time
//! went, and what was found.
//!
//! Whoever has the terminal says what it can do; this module looks at nothing.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::findings::{Finding, find};
use crate::quantity::{Time, count};
use crate::render::clean::for_terminal;
use crate::render::rows::{Row, Rows, Shade, What, rows};
use crate::render::strip::{Scale, marks, strip};
use crate::run::{Run, ratio};
use crate::{Ending, Mode};

/// What a terminal can do, and how much of it to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Columns.  Fewer than 40 are taken for 40.
    pub width: usize,
    /// Whether colours may be used: not with `NO_COLOR`, nor if it isn't a terminal.
    pub colour: bool,
    /// Whether it shows more than ASCII.
    pub unicode: bool,
    /// Tasks that have a row of their own, at most; more are grouped by what they run.
    pub rows: usize,
}

impl Default for Terminal {
    fn default() -> Self {
        Terminal { width: 80, colour: false, unicode: true, rows: 40 }
    }
}

const LEAST_WIDTH: usize = 40;
/// Labels may take so much of the width.
const LABEL_PERCENT: usize = 45;
/// A mark for so many columns: its label has six and needs air.
const COLUMNS_FOR_MARK: usize = 12;

/// Draws a run.
pub fn terminal(run: &Run, terminal: Terminal) -> String {
    let mut page = Page::new(terminal);
    page.title(run);
    let rows = rows(run, terminal.rows);
    page.lanes(&rows, Scale::of(&rows, page.bar(&rows)), None);
    page.legend(&[rows]);
    page.summary(run);
    page.text
}

/// A page that is being written.
pub(super) struct Page {
    terminal: Terminal,
    pub(super) text: String,
}

/// How a piece of text stands out.
#[derive(Clone, Copy)]
pub(super) enum Ink {
    Plain,
    Heading,
    Faint,
    Good,
    Bad,
    Shade(Shade),
}

impl Page {
    pub(super) fn new(terminal: Terminal) -> Page {
        let width = terminal.width.max(LEAST_WIDTH);
        Page { terminal: Terminal { width, ..terminal }, text: String::new() }
    }

    pub(super) fn width(&self) -> usize {
        self.terminal.width
    }

    /// Text that this terminal can show.
    pub(super) fn shown(&self, text: &str) -> String {
        let clean = for_terminal(text);
        if self.terminal.unicode {
            return clean;
        }
        clean.chars().map(ascii).collect()
    }

    pub(super) fn put(&mut self, ink: Ink, text: &str) {
        let text = self.shown(text);
        let code = match ink {
            Ink::Plain => "",
            Ink::Heading => "1",
            Ink::Faint | Ink::Shade(Shade::Unknown) => "2",
            Ink::Bad => "31",
            Ink::Good | Ink::Shade(Shade::Running) => "32",
            Ink::Shade(Shade::Ready) => "33",
            Ink::Shade(Shade::Waiting) => "34",
            Ink::Shade(Shade::Inner) => "36",
        };
        if self.terminal.colour && !code.is_empty() && !text.is_empty() {
            // Writing to a string can't fail.
            let _ = write!(self.text, "\x1b[{code}m{text}\x1b[0m");
        } else {
            self.text.push_str(&text);
        }
    }

    pub(super) fn end_line(&mut self) {
        let kept = self.text.trim_end_matches(' ').len();
        self.text.truncate(kept);
        self.text.push('\n');
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.end_line();
        self.put(Ink::Heading, text);
        self.end_line();
    }

    /// A paragraph, broken into lines; all but the first begin with `indent` spaces.
    pub(super) fn paragraph(&mut self, ink: Ink, first: &str, indent: usize, text: &str) {
        let mut line = first.to_owned();
        let mut used = first.width();
        let mut empty = true;
        for word in unbroken(&self.shown(text)) {
            if !empty && used + 1 + word.width() > self.width() {
                self.put(ink, &line);
                self.end_line();
                line = " ".repeat(indent);
                used = indent;
                empty = true;
            }
            if !empty {
                line.push(' ');
                used += 1;
            }
            line.push_str(&word);
            used += word.width();
            empty = false;
        }
        self.put(ink, &line);
        self.end_line();
    }

    // --- what was recorded

    fn title(&mut self, run: &Run) {
        let mut parts = vec![run.command_line(), Time(run.wall_ns()).to_string()];
        if !run.tasks.is_empty() {
            parts.push(count(run.tasks.len(), "task"));
        }
        let turns = run.threads.iter().fold(0u64, |sum, it| sum.saturating_add(it.turns));
        if turns > 0 {
            parts.push(count(turns, "turn"));
        }
        self.paragraph(Ink::Heading, "", 0, &parts.join(" · "));
        for warning in warnings(run) {
            self.paragraph(Ink::Bad, "! ", 2, &warning);
        }
    }

    // --- lanes

    /// Columns for labels and for bars.
    fn columns(&self, rows: &Rows<'_>) -> (usize, usize) {
        let longest = rows.all.iter().map(|row| self.shown(&row.label).width()).max().unwrap_or(0);
        let label = longest.min(self.width() * LABEL_PERCENT / 100).max(4);
        (label, self.width() - label - 1)
    }

    pub(super) fn bar(&self, rows: &Rows<'_>) -> usize {
        self.columns(rows).1
    }

    /// Columns for labels, if bars have so many.
    pub(super) fn width_of_labels(&self, bar: usize) -> usize {
        self.width().saturating_sub(bar + 1)
    }

    /// Draws rows on a scale, with labels in so many columns, or as many as they need.
    pub(super) fn lanes(&mut self, rows: &Rows<'_>, scale: Scale, label: Option<usize>) {
        let label = label.unwrap_or(self.columns(rows).0);
        if !rows.all.is_empty() {
            self.axis(scale, label);
        }
        for row in &rows.all {
            self.row(row, scale, label);
        }
        for note in &rows.notes {
            self.paragraph(Ink::Faint, "", 0, note);
        }
    }

    fn axis(&mut self, scale: Scale, label: usize) {
        let (step_ns, marks) = marks(scale, (scale.cells / COLUMNS_FOR_MARK).max(2));
        let mut numbers = vec![' '; scale.cells];
        let (line, tick) = if self.terminal.unicode { ('─', '┬') } else { ('-', '+') };
        let mut ticks = vec![line; scale.cells];
        for mark in marks {
            let cell = scale.cell(scale.from_ns.saturating_add(mark));
            let text: Vec<char> = mark_label(mark, step_ns).chars().collect();
            if let Some(place) = ticks.get_mut(cell.min(scale.cells.saturating_sub(1))) {
                *place = tick;
            }
            // The last one stands before its mark, if there is room.
            let cell = cell.min(scale.cells.saturating_sub(text.len()));
            let before = cell.saturating_sub(1);
            if let Some(place) = numbers.get_mut(before..cell + text.len())
                && place.iter().all(|it| *it == ' ')
            {
                place[cell - before..].copy_from_slice(&text);
            }
        }
        for line in [numbers, ticks] {
            self.text.push_str(&" ".repeat(label + 1));
            self.put(Ink::Faint, &line.into_iter().collect::<String>());
            self.end_line();
        }
    }

    fn row(&mut self, row: &Row<'_>, scale: Scale, label: usize) {
        if let What::Process = row.what {
            self.paragraph(Ink::Heading, "", 2, &row.label);
            return;
        }
        let name = self.fit(&row.label, label);
        let padding = " ".repeat((label + 1).saturating_sub(name.width()));
        self.put(Ink::Plain, &name);
        self.text.push_str(&padding);
        let mishap = row.mishap();
        for (shade, text) in self.cells(row, scale, mishap.as_deref()) {
            match shade {
                None if text.trim().is_empty() => self.text.push_str(&text),
                None => self.put(Ink::Bad, &text),
                Some(shade) => self.put(Ink::Shade(shade), &text),
            }
        }
        self.end_line();
    }

    /// The bar of a row: cells of one shade at a time, with what is written on them.
    fn cells(
        &self,
        row: &Row<'_>,
        scale: Scale,
        mishap: Option<&str>,
    ) -> Vec<(Option<Shade>, String)> {
        // Of two cells, each would be an end.
        let strip = strip(row, scale, 3);
        let mut cells: Vec<(Option<Shade>, char)> = strip
            .cells
            .iter()
            .map(|&shade| (shade, shade.map_or(' ', |shade| self.glyph(shade))))
            .collect();
        let (begins, ends) = if self.terminal.unicode { ('├', '┤') } else { ('|', '|') };
        for text in &strip.texts {
            let to = text.to.min(cells.len());
            cells[text.from].1 = begins;
            cells[to - 1].1 = ends;
            let whole = format!(" {} {} ", text.what, Time(text.ns));
            for words in [whole, format!(" {} ", text.what)] {
                let words = self.shown(&words);
                let room = to - text.from;
                // Wide characters would shift what follows.
                let narrow = words.width() == words.chars().count();
                if words.trim().is_empty() || !narrow || words.width() + 4 > room {
                    continue;
                }
                let from = text.from + (room - words.width()) / 2;
                for (cell, character) in cells[from..].iter_mut().zip(words.chars()) {
                    cell.1 = character;
                }
                break;
            }
        }
        if let Some(mishap) = mishap {
            // After the end, or over it if there is no room.
            let mark = if self.terminal.unicode { '✗' } else { 'x' };
            let ended = cells.iter().rposition(|cell| cell.0.is_some()).map_or(0, |it| it + 1);
            let text = self.shown(&format!("{mark} {mishap}"));
            let fits = ended + text.width() <= cells.len();
            let text = if fits { text } else { mark.to_string() };
            let from = ended.min(cells.len().saturating_sub(1));
            for (cell, character) in cells.iter_mut().skip(from).zip(text.chars()) {
                *cell = (None, character);
            }
        }
        let mut runs: Vec<(Option<Shade>, String)> = Vec::new();
        for (shade, character) in cells {
            match runs.last_mut() {
                Some((last, text)) if *last == shade => text.push(character),
                _ => runs.push((shade, character.to_string())),
            }
        }
        runs
    }

    fn glyph(&self, shade: Shade) -> char {
        match (shade, self.terminal.unicode) {
            (Shade::Running, true) => '█',
            (Shade::Ready, true) => '▒',
            (Shade::Waiting, true) => '─',
            (Shade::Inner, true) => '┄',
            (Shade::Running, false) => '#',
            (Shade::Ready, false) => '=',
            (Shade::Waiting, false) => '-',
            (Shade::Inner, false) => '.',
            (Shade::Unknown, _) => '?',
        }
    }

    /// A text in so many columns; one that is longer ends with an ellipsis.
    fn fit(&self, text: &str, columns: usize) -> String {
        let text = self.shown(text);
        if text.width() <= columns {
            return text;
        }
        let ellipsis = if self.terminal.unicode { "…" } else { "..." };
        let mut kept = String::new();
        let mut used = ellipsis.width();
        for character in text.chars() {
            used += character.width().unwrap_or(0);
            if used > columns {
                break;
            }
            kept.push(character);
        }
        kept + ellipsis
    }

    pub(super) fn legend(&mut self, rows: &[Rows<'_>]) {
        let mut seen = [false; Shade::ALL.len()];
        for row in rows.iter().flat_map(|rows| &rows.all) {
            row.for_each_piece(|piece| seen[piece.shade as usize] |= piece.to_ns > piece.from_ns);
        }
        if !seen.contains(&true) {
            return;
        }
        self.end_line();
        let mut first = true;
        for shade in Shade::ALL.into_iter().filter(|&shade| seen[shade as usize]) {
            self.text.push_str(if first { "" } else { "   " });
            first = false;
            let glyph = self.glyph(shade).to_string();
            self.put(Ink::Shade(shade), &glyph);
            self.put(Ink::Faint, &format!(" {}", shade.noun()));
        }
        self.end_line();
    }

    // --- where the time went

    fn summary(&mut self, run: &Run) {
        self.where_the_time_went(run);
        let found = find(run);
        if found.is_empty() {
            self.end_line();
            self.put(Ink::Good, "No findings.");
            self.end_line();
        }
        self.findings(&found);
        self.children(run);
    }

    /// Of children that have nothing to find it need not be said one by one.
    fn children(&mut self, run: &Run) {
        for child in run.children.iter().filter(|child| !child.is_empty()) {
            self.heading(&for_title(&run.child_title(child)));
            self.where_the_time_went(child);
            self.findings(&find(child));
            self.children(child);
        }
    }

    fn findings(&mut self, findings: &[Finding]) {
        if findings.is_empty() {
            return;
        }
        self.heading("Findings");
        let mut told = Vec::new();
        for finding in findings {
            self.put(Ink::Bad, &format!("  {}", finding.name));
            self.end_line();
            self.paragraph(Ink::Plain, "    ", 4, &finding.saw);
            // Whoever has read it once needs it no more.
            if !told.contains(&finding.why) {
                told.push(finding.why);
                self.paragraph(Ink::Faint, "    why: ", 9, finding.why);
            }
            if !told.contains(&finding.advice.as_str()) {
                told.push(&finding.advice);
                self.paragraph(Ink::Plain, "    do:  ", 9, &finding.advice);
            }
        }
    }
}

/// A sentence's beginning.
fn for_title(text: &str) -> String {
    text.replacen("process", "Process", 1)
}

/// The overlap factor, in a sentence.
pub(super) fn overlap(run: &Run) -> String {
    format!(
        "Overlap {:.1}×: {} of waiting in {}.",
        run.overlap(),
        Time(run.totals.waiting_ns),
        Time(run.wall_ns())
    )
}

/// What a reader must know before believing the picture.
pub(super) fn warnings(run: &Run) -> Vec<String> {
    let mut warnings = Vec::new();
    if run.ending != Ending::Complete {
        warnings.push(run.ending.to_string());
    }
    if run.dropped > 0 {
        let why = match run.metadata.mode {
            Mode::Ring => ": the recording keeps only the newest",
            Mode::Full => "",
        };
        warnings.push(format!("{} missing{why}", are(run.dropped, "event")));
    }
    if run.losses.unknown > 0 {
        warnings.push(format!(
            "{} of kinds that this version doesn't know",
            are(run.losses.unknown, "event")
        ));
    }
    if run.losses.misplaced > 0 {
        warnings.push(format!("{} out of place", are(run.losses.misplaced, "piece")));
    }
    if run.losses.homeless > 0 {
        warnings.push(format!(
            "{} without a place in the recorder's table",
            are(run.losses.homeless, "name")
        ));
    }
    warnings
}

fn are(number: u64, noun: &str) -> String {
    format!("{} {}", count(number, noun), if number == 1 { "is" } else { "are" })
}

/// The words of a text, with each number and its unit as one.
fn unbroken(text: &str) -> Vec<String> {
    const UNITS: [&str; 7] = ["s", "ms", "µs", "us", "ns", "%", "×"];
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let unit = word.trim_end_matches(['.', ',', ';', ':', ')']);
        match words.last_mut() {
            Some(number)
                if UNITS.contains(&unit) && number.ends_with(|it: char| it.is_ascii_digit()) =>
            {
                number.push(' ');
                number.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// A mark's time, with as many digits as its step needs.
pub(super) fn mark_label(mark_ns: u64, step_ns: u64) -> String {
    let (unit_ns, unit) = match step_ns {
        1_000_000_000.. => (1_000_000_000, "s"),
        1_000_000.. => (1_000_000, "ms"),
        1_000.. => (1_000, "µs"),
        _ => (1, "ns"),
    };
    // Steps below a second of times above it are read better in seconds.
    if mark_ns >= 1_000_000_000 && unit_ns < 1_000_000_000 {
        return format!("{} s", ratio(mark_ns, 1_000_000_000));
    }
    if mark_ns == 0 { "0".to_owned() } else { format!("{} {unit}", mark_ns / unit_ns) }
}

/// The same in ASCII, as far as we write it; a question mark else.
fn ascii(character: char) -> char {
    match character {
        '─' | '−' => '-',
        '→' => '>',
        '·' => '|',
        '×' => 'x',
        'µ' => 'u',
        '…' => '.',
        _ if character.is_ascii() => character,
        _ => '?',
    }
}
