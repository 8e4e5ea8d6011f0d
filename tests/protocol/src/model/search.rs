//! Every state that can be reached, the nearest first.

use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::fmt;
use std::hash::{Hash, Hasher};

use super::step::{Action, Rules};
use super::world::World;
use super::{Flaw, Size};

/// A search that found nothing.
#[derive(Clone, Copy, Debug)]
pub struct Searched {
    /// Different states looked at.
    pub states: usize,
    /// Steps to the farthest of them.
    pub depth: usize,
}

/// What is wrong, and the shortest way there.
#[derive(Clone, Debug)]
pub struct Found {
    /// The property that does not hold.
    pub wrong: &'static str,
    /// What happened, in order.
    pub way: Vec<String>,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:", self.wrong)?;
        self.way
            .iter()
            .enumerate()
            .try_for_each(|(at, step)| writeln!(f, "{at:3} {step}"))
    }
}

/// States are known by 64 bits of their hash: of ten million, two share one in a thousand searches, and
/// then one of them is not looked at.
type Mark = u64;

fn mark(world: &World) -> Mark {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

/// Looks at every state within the bounds, with a mistake in the protocol or without.
///
/// # Errors
///
/// The first state found in which a property does not hold.
pub fn search(size: &Size, flaw: Option<Flaw>) -> Result<Searched, Found> {
    let rules = Rules { size, flaw };
    let start = World::new(size);
    let mut came_from: HashMap<Mark, (Mark, u16)> = HashMap::new();
    came_from.insert(mark(&start), (0, 0));
    let mut level = vec![(mark(&start), start.clone())];
    let mut depth = 0;

    while !level.is_empty() {
        let mut next = Vec::new();
        for (from, world) in &level {
            for (number, action) in world.actions(size).iter().enumerate() {
                let after = world.after(action, rules);
                if after.clock > size.ticks {
                    continue;
                }
                let to = mark(&after);
                let Entry::Vacant(entry) = came_from.entry(to) else {
                    continue;
                };
                entry.insert((*from, number as u16));
                if let Some(wrong) = after.wrong(rules) {
                    let way = way(&start, &came_from, to, rules);
                    return Err(Found { wrong, way });
                }
                next.push((to, after));
            }
        }
        level = next;
        depth += 1;
    }
    Ok(Searched {
        states: came_from.len(),
        depth,
    })
}

/// The steps to a state, in words.
fn way(
    start: &World,
    came_from: &HashMap<Mark, (Mark, u16)>,
    to: Mark,
    rules: Rules<'_>,
) -> Vec<String> {
    let mut numbers = Vec::new();
    let (mut at, first) = (to, mark(start));
    while at != first {
        let (from, number) = came_from[&at];
        numbers.push(number);
        at = from;
    }
    let mut world = start.clone();
    let steps = numbers.into_iter().rev().map(|number| {
        let action = world.actions(rules.size).swap_remove(number.into());
        let said = said(&world, &action);
        world = world.after(&action, rules);
        let server = &world.server;
        format!(
            "{said}  → server {:?} in epoch {}",
            server.state, server.epoch
        )
    });
    steps.collect()
}

fn said(world: &World, action: &Action) -> String {
    match action {
        Action::Arrives(place, copies) => {
            format!("arrives ({copies:?}): {:?}", world.network[*place])
        }
        Action::Lost(place) => format!("lost: {:?}", world.network[*place]),
        other => format!("{other:?}"),
    }
}
