//! Did-you-mean.

/// The candidate nearest to `given`, if any is near enough to be what was meant.
///
/// Distance is optimal string alignment (insertions, deletions, replacements and swaps of
/// neighbours count one each); near enough is a third of the longer word, at least one.
///
/// ```
/// assert_eq!(steadfast_options::closest("maxx", ["base", "max"]), Some("max"));
/// assert_eq!(steadfast_options::closest("zebra", ["base", "max"]), None);
/// ```
pub fn closest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    closest_of(given, &mut candidates.into_iter())
}

fn closest_of<'a>(given: &str, candidates: &mut dyn Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (distance(given, candidate), candidate))
        .filter(|&(distance, candidate)| distance <= given.len().max(candidate.len()).div_ceil(3))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_and_missing_letters_are_near() {
        assert_eq!(distance("faliures", "failures"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(
            closest("time_out", ["deadline", "timeout"]),
            Some("timeout")
        );
        assert_eq!(closest("brekaer", ["breaker", "retry"]), Some("breaker"));
    }
}
