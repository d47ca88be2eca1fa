//! Whether to look for the next datagram, or for more of a stream, before it is reported.

/// So many reports in a row are waited for after a look found too little.
const PATIENCE: u8 = 16;

/// A run of so many looks with success pays for the one without that ends it: that costs
/// 230 ns, and a report that isn't needed 250.
const WORTH: u32 = 2;

/// Guesses whether more wait from what was found last.
///
/// Where many send at once, each report of the kernel's brings one datagram, though the
/// next waits behind it; to look for that costs less than to be told.  Where each waits
/// for its answer, a look is in vain.
#[derive(Debug)]
pub(super) enum Looks {
    /// What is reported is received, for so many reports more.
    Waiting(u8),
    /// So many were found by looking, since the last report.
    Finding(u32),
}

impl Default for Looks {
    fn default() -> Self {
        Looks::Waiting(PATIENCE)
    }
}

impl Looks {
    /// Something was received; whether to look for what comes next.
    pub(super) fn found(&mut self) -> bool {
        *self = match *self {
            Looks::Waiting(0) => Looks::Finding(0),
            Looks::Waiting(left) => Looks::Waiting(left - 1),
            Looks::Finding(count) => Looks::Finding(count.saturating_add(1)),
        };
        matches!(self, Looks::Finding(_))
    }

    /// Nothing was there.
    pub(super) fn found_nothing(&mut self) {
        if let Looks::Finding(count) = *self {
            *self = Looks::Waiting(if count >= WORTH { 0 } else { PATIENCE });
        }
    }
}
