//! Results as a table and as JSON.

use serde_json::{Value, json};

use crate::item::{Item, Kind};
use crate::measure::Figures;

/// An item's figures, with the best honest peer found.
pub(crate) struct Result {
    work: &'static str,
    threads: usize,
    goal: Option<f64>,
    figures: Vec<Figures>,
    best_peer: Option<f64>,
}

impl Result {
    pub(crate) fn new(item: &Item, figures: Vec<Figures>) -> Self {
        let peers = figures
            .iter()
            .filter(|figures| figures.kind == Kind::Peer && figures.unfair.is_none());
        let best_peer = peers.map(|figures| figures.nanos).min_by(f64::total_cmp);
        Self {
            work: item.work,
            threads: item.threads,
            goal: item.goal,
            best_peer,
            figures,
        }
    }

    fn ratio(&self, figures: &Figures) -> Option<f64> {
        self.best_peer.map(|best| figures.nanos / best)
    }
}

pub(crate) fn print(result: &Result) {
    let goal = result
        .goal
        .map(|goal| format!(" (goal: {goal:.3} of the best peer)"));
    println!("\n{}{}", result.work, goal.unwrap_or_default());
    println!(
        "  {:<22}{:>10}{:>10}{:>10}",
        "", "ns/call", "of best", "allocs"
    );
    for figures in &result.figures {
        let ratio = result.ratio(figures);
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.3}"));
        let met = met(result, figures).map_or("", |met| if met { "  met" } else { "  MISSED" });
        let note = figures
            .unfair
            .as_deref()
            .map(|why| format!("  not compared: {why}"));
        println!(
            "  {:<22}{:>10.1}{ratio:>10}{:>10.1}{met}{}",
            figures.name,
            figures.nanos,
            figures.allocations,
            note.unwrap_or_default(),
        );
    }
}

fn met(result: &Result, figures: &Figures) -> Option<bool> {
    if figures.kind != Kind::Steadfast {
        return None;
    }
    Some(result.ratio(figures)? <= result.goal?)
}

pub(crate) fn json(results: &[Result]) -> Value {
    let items = results.iter().map(|result| {
        let contenders = result.figures.iter().map(|figures| {
            json!({
                "name": figures.name,
                "kind": format!("{:?}", figures.kind).to_lowercase(),
                "nanos": figures.nanos,
                "ratio": result.ratio(figures),
                "allocations": figures.allocations,
                "goal_met": met(result, figures),
                "not_compared": figures.unfair,
            })
        });
        json!({
            "work": result.work,
            "threads": result.threads,
            "goal": result.goal,
            "best_peer_nanos": result.best_peer,
            "contenders": contenders.collect::<Vec<_>>(),
        })
    });
    Value::Array(items.collect())
}
