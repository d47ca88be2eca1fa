//! A run as an SVG image, for documents: lanes, axis, legend.
//!
//! It needs no script and no network; its colours follow the reader's light or dark
//! mode, unless one is asked for.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use crate::quantity::Time;
use crate::render::clean::for_xml;
use crate::render::rows::{Row, Rows, Shade, What, rows};
use crate::render::strip::{Scale, marks, strip};
use crate::render::terminal::{mark_label, overlap, warnings};
use crate::run::Run;

/// How an image is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Svg {
    /// Pixels; fewer than 320 are taken for 320.
    pub width: usize,
    /// Dark or light; `None` lets the reader's own choice decide.
    pub dark: Option<bool>,
    /// Tasks that have a row of their own, at most.
    pub rows: usize,
}

impl Default for Svg {
    fn default() -> Self {
        Svg { width: 960, dark: None, rows: 40 }
    }
}

const LEAST_WIDTH: usize = 320;
// Pixels.
const ROW: usize = 26;
const BAR: usize = 18;
const MARGIN: usize = 16;
const TITLE: usize = 34;
const AXIS: usize = 26;
const NOTE: usize = 20;
/// From the middle of a line down to where its text stands: not every program knows
/// `dominant-baseline`.
const BASELINE: usize = 4;
/// Tenths of a pixel of a character: the widest of the fonts at hand has 0.602 of its
/// height, which is 12.
const CHARACTER_TENTHS: usize = 73;
/// Pixels of a bar beside its words, at both ends together.
const BAR_PADDING: usize = 8;
/// Characters of a shortened name, with its ellipsis: fewer don't tell it from others.
const LEAST_OF_NAME: usize = 6;
/// A mark for so many pixels.
const PIXELS_FOR_MARK: usize = 80;

/// The colours of an image, by what they are for.
struct Palette {
    page: &'static str,
    text: &'static str,
    faint: &'static str,
    line: &'static str,
    bad: &'static str,
    /// In the order of [`Shade::ALL`].
    shades: [&'static str; Shade::ALL.len()],
}

const LIGHT: Palette = Palette {
    page: "#ffffff",
    text: "#1f2328",
    faint: "#59636e",
    line: "#d1d9e0",
    bad: "#cf222e",
    shades: ["#2da44e", "#eac54f", "#a5c8f5", "#dfe8f3", "#d9d9d9"],
};
const DARK: Palette = Palette {
    page: "#0d1117",
    text: "#f0f6fc",
    faint: "#9198a1",
    line: "#3d444d",
    bad: "#ff7b72",
    shades: ["#3fb950", "#d29922", "#1f4f86", "#20303f", "#3a3a3a"],
};

impl Palette {
    /// As rules.  Not as variables, which few programs but browsers know.
    fn rules(&self) -> String {
        let Palette { page, text, faint, line, bad, .. } = self;
        let mut rules = format!(
            ".page{{fill:{page}}}text{{fill:{text}}}.faint{{fill:{faint}}}.bad{{fill:{bad}}}\
             line{{stroke:{line}}}"
        );
        for (shade, colour) in Shade::ALL.into_iter().zip(self.shades) {
            // Writing to a string can't fail.
            let _ = write!(rules, ".{}{{fill:{colour}}}", class(shade));
        }
        rules
    }
}

/// Draws a run.
pub fn svg(run: &Run, svg: Svg) -> String {
    let width = svg.width.max(LEAST_WIDTH);
    let rows = rows(run, svg.rows);
    let label = label_pixels(&rows, width);
    let left = MARGIN + label + 8;
    let scale = Scale::of(&rows, width.saturating_sub(left + MARGIN).max(1));
    let notes: Vec<String> = warnings(run).into_iter().chain(rows.notes.iter().cloned()).collect();
    let top = TITLE + AXIS;
    let bottom = top + rows.all.len() * ROW;
    let height = bottom + 16 + NOTE * (1 + notes.len()) + MARGIN;

    let mut image = Image { text: String::new(), left, scale };
    image.head(run, svg, width, height);
    image.axis(top, bottom);
    for (index, row) in rows.all.iter().enumerate() {
        image.row(row, top + index * ROW, label);
    }
    image.legend(&rows, bottom + 16 + NOTE / 2, width);
    for (index, note) in notes.iter().enumerate() {
        let y = bottom + 16 + NOTE * (index + 1) + NOTE / 2;
        image.words(MARGIN, y, "faint", note, characters(width - 2 * MARGIN));
    }
    image.text.push_str("</svg>\n");
    image.text
}

/// Pixels for labels: as many as the longest needs, up to 40 % of the width.
fn label_pixels(rows: &Rows<'_>, width: usize) -> usize {
    let longest = rows
        .all
        .iter()
        .filter(|row| !matches!(row.what, What::Process))
        .map(|row| row.label.width())
        .max()
        .unwrap_or(0);
    pixels(longest).min(width * 2 / 5)
}

struct Image {
    text: String,
    /// Where bars begin.
    left: usize,
    scale: Scale,
}

impl Image {
    fn put(&mut self, piece: std::fmt::Arguments<'_>) {
        // Writing to a string can't fail.
        let _ = self.text.write_fmt(piece);
        self.text.push('\n');
    }

    fn head(&mut self, run: &Run, svg: Svg, width: usize, height: usize) {
        let command = run.command_line();
        let (title, summary) = (for_xml(&command), for_xml(&overlap(run)));
        let rules = match svg.dark {
            Some(true) => DARK.rules(),
            Some(false) => LIGHT.rules(),
            None => {
                format!("{}@media (prefers-color-scheme:dark){{{}}}", LIGHT.rules(), DARK.rules())
            }
        };
        self.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"title desc\">"
        ));
        self.put(format_args!("<title id=\"title\">{title}</title>"));
        self.put(format_args!("<desc id=\"desc\">{summary}</desc>"));
        self.put(format_args!(
            "<style>text{{font:12px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;\
             white-space:pre}}\
             .title{{font-weight:bold}}.right{{text-anchor:end}}.middle{{text-anchor:middle}}\
             {rules}</style>"
        ));
        self.put(format_args!("<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>"));
        let room = characters(width - 2 * MARGIN);
        let line = format!("{command} · {}", overlap(run));
        self.words(MARGIN, TITLE / 2, "title", &line, room);
    }

    /// A line of text, shortened to so many characters.
    fn words(&mut self, x: usize, y: usize, class: &str, text: &str, characters: usize) {
        let text = for_xml(&shortened(text, characters));
        let y = y + BASELINE;
        self.put(format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>"));
    }

    fn axis(&mut self, top: usize, bottom: usize) {
        let (step_ns, marks) = marks(self.scale, self.scale.cells / PIXELS_FOR_MARK);
        let (y, line_top) = (top - AXIS / 2, top - 4);
        for mark in marks {
            let cell = self.scale.cell(self.scale.from_ns.saturating_add(mark));
            let x = self.left + cell;
            self.put(format_args!(
                "<line x1=\"{x}\" y1=\"{line_top}\" x2=\"{x}\" y2=\"{bottom}\"/>"
            ));
            let text = mark_label(mark, step_ns);
            let at_the_end = cell + pixels(text.width()) / 2 > self.scale.cells;
            let class = if at_the_end { "faint right" } else { "faint middle" };
            self.words(x, y, class, &text, text.width());
        }
    }

    fn row(&mut self, row: &Row<'_>, y: usize, label: usize) {
        let middle = y + ROW / 2;
        if let What::Process = row.what {
            let room = characters(self.left + self.scale.cells - MARGIN);
            self.words(MARGIN, middle, "title", &row.label, room);
            return;
        }
        let name = for_xml(&shortened(&row.label, characters(label)));
        let (x, baseline) = (MARGIN + label, middle + BASELINE);
        let whole = for_xml(&row.label);
        self.put(format_args!(
            "<text class=\"right\" x=\"{x}\" y=\"{baseline}\">{name}<title>{whole}</title></text>"
        ));
        let strip = strip(row, self.scale, 8);
        let (bar_y, mut from) = (y + (ROW - BAR) / 2, 0);
        for cells in strip.cells.chunk_by(|a, b| a == b) {
            if let Some(Some(shade)) = cells.first() {
                let (x, width, class) = (self.left + from, cells.len(), class(*shade));
                self.put(format_args!(
                    "<rect class=\"{class}\" x=\"{x}\" y=\"{bar_y}\" width=\"{width}\" \
                     height=\"{BAR}\"/>"
                ));
            }
            from += cells.len();
        }
        for text in &strip.texts {
            if let Some(words) = words_in_bar(&text.what, text.ns, text.to - text.from) {
                let x = self.left + usize::midpoint(text.from, text.to);
                self.words(x, middle, "middle", &words, words.width());
            }
            // So that waits one after another are seen to be several.
            let x = self.left + text.from;
            self.put(format_args!(
                "<rect class=\"page\" x=\"{x}\" y=\"{bar_y}\" width=\"1\" height=\"{BAR}\"/>"
            ));
        }
        if let Some(mishap) = row.mishap() {
            let end = strip.cells.iter().rposition(Option::is_some).map_or(0, |cell| cell + 1);
            let room = characters(self.scale.cells - end.min(self.scale.cells));
            let text = format!("✗ {mishap}");
            let (x, text) = if text.width() < room {
                (self.left + end + 4, text)
            } else {
                (self.left + end.saturating_sub(pixels(1) + 4), "✗".to_owned())
            };
            self.words(x, middle, "bad", &text, text.width());
        }
    }

    fn legend(&mut self, rows: &Rows<'_>, y: usize, width: usize) {
        let mut seen = [false; Shade::ALL.len()];
        for row in &rows.all {
            row.for_each_piece(|piece| seen[piece.shade as usize] |= piece.to_ns > piece.from_ns);
        }
        let mut x = self.left.min(width / 3);
        for shade in Shade::ALL.into_iter().filter(|&shade| seen[shade as usize]) {
            let (box_y, class, noun) = (y - 6, class(shade), shade.noun());
            self.put(format_args!(
                "<rect class=\"{class}\" x=\"{x}\" y=\"{box_y}\" width=\"12\" height=\"12\"/>"
            ));
            self.words(x + 18, y, "faint", noun, noun.len());
            x += 18 + pixels(noun.len()) + 20;
        }
    }
}

/// What a wait's bar says: what for and how long; if that is too long for it, a shortened
/// name and how long, as long as something of the name is left; else how long alone.
fn words_in_bar(what: &str, ns: u64, bar: usize) -> Option<String> {
    let room = characters(bar.saturating_sub(BAR_PADDING));
    let time = Time(ns).to_string();
    let for_name = room.saturating_sub(time.width() + 1);
    if what.width() <= for_name || for_name >= LEAST_OF_NAME {
        let name = shortened(what, for_name);
        return Some(format!("{name} {time}").trim_start().to_owned());
    }
    (time.width() <= room).then_some(time)
}

fn pixels(characters: usize) -> usize {
    (characters * CHARACTER_TENTHS).div_ceil(10)
}

fn characters(pixels: usize) -> usize {
    pixels * 10 / CHARACTER_TENTHS
}

fn class(shade: Shade) -> &'static str {
    match shade {
        Shade::Running => "running",
        Shade::Ready => "ready",
        Shade::Waiting => "waiting",
        Shade::Inner => "inner",
        Shade::Unknown => "unknown",
    }
}

/// A text of so many columns at most; one that is longer ends with an ellipsis.
fn shortened(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if kept.width() + 1 > columns {
            kept.pop();
            break;
        }
    }
    kept + "…"
}
