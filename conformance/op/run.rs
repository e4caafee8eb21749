//! Runs modules, several at once, and tells of each as it ends.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::finding::{Finding, fail};
use super::modules::{MODULES, Module};
use super::options::Options;
use super::plans::{PLANS, Plan};
use super::test::{Outcome, Test};
use super::world::World;

/// No module takes longer; the slowest wait for codes to grow old.
const MODULE_SECONDS: u64 = 900;

/// What became of one module in one plan.
pub(crate) struct Row {
    pub(crate) plan: &'static Plan,
    pub(crate) module: &'static str,
    pub(crate) outcome: Outcome,
    /// Why it was skipped.
    pub(crate) skipped: Option<String>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) seconds: f64,
}

/// Runs everything that the options ask for, in the order of the table.
pub(crate) async fn all(world: &Arc<World>) -> Vec<Row> {
    let chosen = choose(&world.options);
    let total = chosen.len();
    let places = Arc::new(Semaphore::new(world.options.jobs.max(1)));
    let mut running = JoinSet::new();
    for (at, (plan, module)) in chosen.into_iter().enumerate() {
        let (world, places) = (Arc::clone(world), Arc::clone(&places));
        running.spawn(async move {
            // A closed semaphore would mean that the run is over; then there is nobody to wait for.
            let _place = places.acquire_owned().await;
            (at, one(&world, plan, module).await)
        });
    }
    let mut rows = Vec::new();
    while let Some(ended) = running.join_next().await {
        let Ok((at, row)) = ended else { continue };
        tell(&row, rows.len() + 1, total, world.options.verbose);
        rows.push((at, row));
    }
    rows.sort_by_key(|(at, _)| *at);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// The modules of every chosen plan.
fn choose(options: &Options) -> Vec<(&'static Plan, &'static Module)> {
    let any = |wanted: &[String], matches: &dyn Fn(&str) -> bool| {
        wanted.is_empty() || wanted.iter().any(|w| matches(w))
    };
    let plans = PLANS.iter().filter(|plan| {
        any(&options.plan, &|wanted| plan.name.starts_with(wanted))
            && any(&options.variant, &|wanted| plan.label.is_empty() || plan.label == wanted)
    });
    plans
        .flat_map(|plan| {
            MODULES
                .iter()
                .filter(|module| module.lists.contains(&plan.list) && (module.applies)(plan.variant))
                .map(move |module| (plan, module))
        })
        .filter(|(_, module)| any(&options.module, &|wanted| module.name.contains(wanted)))
        .collect()
}

async fn one(world: &Arc<World>, plan: &'static Plan, module: &'static Module) -> Row {
    let begun = Instant::now();
    let mut test = Test::new(world, plan.variant);
    let within = Duration::from_secs(MODULE_SECONDS);
    // A stop has been taken down by whoever stopped.
    let ended = tokio::time::timeout(within, (module.run)(&mut test)).await;
    if ended.is_err() {
        test.note(
            fail("ModuleTimeout", "-").result(Err(format!("expected an end within {MODULE_SECONDS} s"))),
        );
    }
    test.unregister().await;
    let (outcome, skipped, findings) = test.finish();
    Row { plan, module: module.name, outcome, skipped, findings, seconds: begun.elapsed().as_secs_f64() }
}

fn tell(row: &Row, done: usize, total: usize, verbose: bool) {
    let mut out = io::stdout().lock();
    let plan = if row.plan.label.is_empty() {
        row.plan.name.to_owned()
    } else {
        format!("{} ({})", row.plan.name, row.plan.label)
    };
    let line =
        format!("[{done}/{total}] {:7} {plan}: {} ({:.1} s)", row.outcome.as_str(), row.module, row.seconds);
    // Nobody can be told when the output is closed; the exit code still says how it went.
    let _ = writeln!(out, "{line}");
    for words in row.words(verbose) {
        let _ = writeln!(out, "      {words}");
    }
}
