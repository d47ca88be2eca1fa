//! A row, reduced to as many cells as a picture has room for.

use crate::render::rows::{Row, Rows, Shade};

/// What each cell of a row shows most.
pub(crate) struct Strip {
    /// `None` where there is nothing.
    pub(crate) cells: Vec<Option<Shade>>,
    /// What may be written on a stretch of cells: from, to, and the text.
    pub(crate) texts: Vec<Text>,
}

/// Cells that show one wait, and what it was.
pub(crate) struct Text {
    pub(crate) from: usize,
    pub(crate) to: usize,
    from_ns: u64,
    to_ns: u64,
    shade: Shade,
    /// The function that waits, or else what for.
    pub(crate) what: String,
    pub(crate) ns: u64,
}

/// From times to cells.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
    pub(crate) cells: usize,
}

impl Scale {
    pub(crate) fn of(rows: &Rows<'_>, cells: usize) -> Scale {
        // Something must pass, and be it a nanosecond at the end of all time.
        let from_ns = rows.from_ns.min(u64::MAX - 1);
        Scale { from_ns, to_ns: rows.to_ns.max(from_ns + 1), cells }
    }

    pub(crate) fn span_ns(&self) -> u64 {
        self.to_ns - self.from_ns
    }

    /// The cell in which a time is; the one after the last for the end.
    pub(crate) fn cell(&self, at_ns: u64) -> usize {
        let since_ns = at_ns.saturating_sub(self.from_ns).min(self.span_ns());
        let cell = u128::from(since_ns) * self.cells as u128 / u128::from(self.span_ns());
        usize::try_from(cell).unwrap_or(self.cells)
    }

    /// The border between cells that is nearest to a time.
    fn border(&self, at_ns: u64) -> usize {
        let doubled = Scale { cells: 2 * self.cells, ..*self };
        doubled.cell(at_ns).div_ceil(2)
    }

    /// When a cell begins.
    fn begins_ns(&self, cell: usize) -> u64 {
        let since = u128::from(self.span_ns()) * cell as u128 / self.cells.max(1) as u128;
        self.from_ns.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }
}

/// Reduces a row.  Waits that are wide enough are written upon.
pub(crate) fn strip(row: &Row<'_>, scale: Scale, wide: usize) -> Strip {
    let mut sums = vec![[0u64; Shade::ALL.len()]; scale.cells];
    let mut texts = Vec::new();
    row.for_each_piece(|piece| {
        let (first, last) = (scale.cell(piece.from_ns), scale.cell(piece.to_ns));
        let shade = piece.shade as usize;
        for (cell, sums) in sums.iter_mut().enumerate().take(last + 1).skip(first) {
            let from_ns = piece.from_ns.max(scale.begins_ns(cell));
            let to_ns = piece.to_ns.min(scale.begins_ns(cell + 1));
            sums[shade] = sums[shade].saturating_add(to_ns.saturating_sub(from_ns));
        }
        let (mut first, last) = (scale.border(piece.from_ns), scale.border(piece.to_ns));
        // What lies between two waits and fills no cell is no gap.
        let after = texts.last().filter(|before: &&Text| {
            piece.from_ns.saturating_sub(before.to_ns)
                < scale.span_ns() / scale.cells.max(1) as u64 / 2
        });
        if let Some(before) = after
            && before.to < last
        {
            first = before.to;
        }
        let waits = matches!(piece.shade, Shade::Waiting | Shade::Inner);
        if waits && last - first >= wide && !row.is_shared() {
            let site = row.run.site(piece.chain);
            let function = row.run.names().function(site.code);
            let what = if function.is_empty() { piece.noun } else { function }.to_owned();
            let ns = piece.to_ns.saturating_sub(piece.from_ns);
            let (from_ns, to_ns, shade) = (piece.from_ns, piece.to_ns, piece.shade);
            texts.push(Text { from: first, to: last, from_ns, to_ns, shade, what, ns });
        }
    });
    let cells: Vec<Option<Shade>> = sums.into_iter().map(most).collect();
    widen(&mut texts, &cells, scale);
    Strip { cells, texts }
}

/// Gives waits the cells at their ends that show nothing but them.
fn widen(texts: &mut [Text], cells: &[Option<Shade>], scale: Scale) {
    for index in 0..texts.len() {
        let free_from = index.checked_sub(1).map_or(0, |before| texts[before].to);
        let free_to = texts.get(index + 1).map_or(cells.len(), |after| after.from);
        let text = &mut texts[index];
        let shows = |cell: usize| cells.get(cell) == Some(&Some(text.shade));
        let (first, last) = (scale.cell(text.from_ns), scale.cell(text.to_ns.saturating_sub(1)));
        if first < text.from && first >= free_from && shows(first) {
            text.from = first;
        }
        if last >= text.to && last < free_to && shows(last) {
            text.to = last + 1;
        }
    }
}

/// The shade with the largest part; of equals the first.
fn most(sums: [u64; Shade::ALL.len()]) -> Option<Shade> {
    let mut most = (0, None);
    for (sum, shade) in sums.into_iter().zip(Shade::ALL) {
        if sum > most.0 {
            most = (sum, Some(shade));
        }
    }
    most.1
}

/// Where an axis has its marks: a round step of which `most` fit at most, and the times
/// since the beginning.
pub(crate) fn marks(scale: Scale, most: usize) -> (u64, Vec<u64>) {
    let mut step_ns = 1u64;
    for factor in [2, 5, 10].into_iter().cycle() {
        if scale.span_ns() / step_ns <= most.max(1) as u64 {
            break;
        }
        let decade = 10u64.saturating_pow(step_ns.ilog10());
        step_ns = decade.saturating_mul(factor);
        if step_ns == u64::MAX {
            break;
        }
    }
    let marks = (0..=scale.span_ns() / step_ns).map(|mark| mark * step_ns).collect();
    (step_ns, marks)
}
