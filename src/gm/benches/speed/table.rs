//! The figures, beside their targets.

use std::fmt;

use crate::contender::{Round, Row, Size, median};

/// The rounds of every row, in the order in which the rows first came.
#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<Line>,
}

/// Ours beside one peer.
struct Line {
    operation: String,
    peer: &'static str,
    size: Size,
    target: Option<f64>,
    ours: Vec<f64>,
    theirs: Vec<f64>,
    /// Of one round each: how many times as fast ours was.
    ratios: Vec<f64>,
}

impl Table {
    /// Takes in a round of `row`.
    pub(crate) fn add(&mut self, row: &Row, round: Round) {
        for peer in round.peers {
            let line = self.line(row, peer.name, peer.target);
            line.ours.push(round.ours);
            line.theirs.extend(peer.nanoseconds);
            line.ratios.extend(peer.nanoseconds.map(|theirs| theirs / round.ours));
        }
    }

    fn line(&mut self, row: &Row, peer: &'static str, target: Option<f64>) -> &mut Line {
        let known = self.lines.iter().position(|line| line.operation == row.operation && line.peer == peer);
        let index = known.unwrap_or_else(|| {
            let operation = row.operation.clone();
            let (ours, theirs, ratios) = (Vec::new(), Vec::new(), Vec::new());
            self.lines.push(Line { operation, peer, size: row.size, target, ours, theirs, ratios });
            self.lines.len() - 1
        });
        self.lines.get_mut(index).expect("found or just added")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<34} {:>13}  {:<22} {:>13} {:>8} {:>15} {:>9}  held",
            "operation", "ours", "peer", "theirs", "ratio", "least..most", "target"
        )?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        let judged: Vec<bool> = self.lines.iter().filter_map(Line::held).collect();
        let held = judged.iter().filter(|held| **held).count();
        let skipped = self.lines.iter().filter(|line| line.ratios.is_empty()).count();
        writeln!(f, "\n{held} of {} targets held, {skipped} comparisons skipped", judged.len())
    }
}

impl Line {
    fn ratio(&self) -> Option<f64> {
        median(self.ratios.clone())
    }

    /// Judged by the two decimals that are shown.
    fn held(&self) -> Option<bool> {
        Some((self.ratio()? * 100.0).round() >= (self.target? * 100.0).round())
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let speed = |nanoseconds: &[f64]| match (median(nanoseconds.to_vec()), self.size) {
            (None, _) => "skipped".to_owned(),
            (Some(nanoseconds), Size::Operations) => format!("{:.0} op/s", 1e9 / nanoseconds),
            (Some(nanoseconds), Size::Bytes(bytes)) => {
                let bytes = u32::try_from(bytes).map_or(f64::INFINITY, f64::from);
                format!("{:.0} MB/s", bytes * 1e3 / nanoseconds)
            }
        };
        let ratio = self.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2}x"));
        let least = self.ratios.iter().copied().min_by(f64::total_cmp);
        let most = self.ratios.iter().copied().max_by(f64::total_cmp);
        let range = least.zip(most).map_or("-".to_owned(), |(least, most)| format!("{least:.2}..{most:.2}"));
        let target = self.target.map_or("-".to_owned(), |target| format!(">= {target:.1}x"));
        let held = self.held().map_or("-", |held| if held { "yes" } else { "NO" });
        write!(
            f,
            "{:<34} {:>13}  {:<22} {:>13} {ratio:>8} {range:>15} {target:>9}  {held}",
            self.operation,
            speed(&self.ours),
            self.peer,
            speed(&self.theirs),
        )
    }
}
