//! Which of many things share a row: those that are alike.

use std::collections::HashMap;
use std::hash::Hash;

/// Things that are many, in as many groups as there are rows.
pub(crate) struct Groups<'a, T> {
    /// Those that are alike, in the order in which the first of each was met.
    pub(crate) alike: Vec<Vec<&'a T>>,
    /// What found no row of its own, and how many groups that would have been.
    pub(crate) rest: Option<(usize, Vec<&'a T>)>,
}

/// Groups by what is the same of them; with too few rows the largest groups have one each.
pub(crate) fn groups<T, K: Eq + Hash>(
    things: Vec<&T>,
    most: usize,
    same: impl Fn(&T) -> K,
) -> Groups<'_, T> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut alike: Vec<Vec<&T>> = Vec::new();
    for thing in things {
        let place = *places.entry(same(thing)).or_insert_with(|| {
            alike.push(Vec::new());
            alike.len() - 1
        });
        alike[place].push(thing);
    }
    if alike.len() <= most {
        return Groups { alike, rest: None };
    }
    let smallest_kept = {
        let mut sizes: Vec<usize> = alike.iter().map(Vec::len).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes[most - 1]
    };
    let (mut kept, mut rest): (Vec<_>, Vec<_>) =
        alike.into_iter().partition(|group| group.len() >= smallest_kept);
    // Of those of the same size, the first ones.
    rest.splice(0..0, kept.split_off(kept.len().min(most.saturating_sub(1))));
    let groups = rest.len();
    Groups { alike: kept, rest: Some((groups, rest.into_iter().flatten().collect())) }
}
