//! One way of doing one operation, and how it is measured beside the others.

use std::time::Duration;

use gm::cpu::{self, Level};

use crate::cpu_time;
use crate::gmsm::Gmsm;

/// An operation, ours, and those it is set beside.
pub(crate) struct Row {
    pub(crate) operation: String,
    pub(crate) size: Size,
    ours: Contender,
    peers: Vec<Peer>,
}

/// What the table counts per second.
#[derive(Clone, Copy)]
pub(crate) enum Size {
    Operations,
    Bytes(usize),
}

struct Peer {
    name: &'static str,
    target: Option<f64>,
    contender: Contender,
}

/// How long and how often a round measures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    samples: usize,
    sample_milliseconds: u16,
}

/// What a round found: nanoseconds of one operation, ours and each peer's. A peer that is not there has none.
pub(crate) struct Round {
    pub(crate) ours: f64,
    pub(crate) peers: Vec<PeerRound>,
}

pub(crate) struct PeerRound {
    pub(crate) name: &'static str,
    pub(crate) target: Option<f64>,
    pub(crate) nanoseconds: Option<f64>,
}

impl Row {
    pub(crate) fn new(operation: impl Into<String>, size: Size, ours: Contender) -> Self {
        Self { operation: operation.into(), size, ours, peers: Vec::new() }
    }

    /// Sets `contender` beside ours; `target` is how many times as fast ours must be.
    pub(crate) fn beside(mut self, name: &'static str, target: Option<f64>, contender: Contender) -> Self {
        self.peers.push(Peer { name, target, contender });
        self
    }

    /// Sets gmsm's `operation` beside ours.
    pub(crate) fn beside_gmsm(self, target: Option<f64>, operation: impl Into<String>) -> Self {
        self.beside("gmsm", target, Contender::new(Work::Gmsm(operation.into())))
    }

    /// One round: samples of all contenders in turn, so that what slows one down slows all; the median of each one's samples.
    pub(crate) fn measure(&mut self, plan: Plan, mut gmsm: Option<&mut Gmsm>) -> Round {
        let mut ours = Vec::new();
        let mut theirs = vec![Vec::new(); self.peers.len()];
        for _ in 0..plan.samples {
            ours.extend(self.ours.sample(plan, None));
            for (peer, samples) in self.peers.iter_mut().zip(&mut theirs) {
                samples.extend(peer.contender.sample(plan, gmsm.as_deref_mut()));
            }
        }
        let peers = self.peers.iter().zip(theirs).map(|(peer, samples)| PeerRound {
            name: peer.name,
            target: peer.target,
            nanoseconds: median(samples),
        });
        Round { ours: median(ours).expect("ours is always there"), peers: peers.collect() }
    }
}

impl Plan {
    pub(crate) const FULL: Self = Self { samples: 5, sample_milliseconds: 10 };
    pub(crate) const BRIEF: Self = Self { samples: 1, sample_milliseconds: 0 };
}

/// One way of doing one operation.
pub(crate) struct Contender {
    work: Work,
    /// The level under which the work was prepared and runs.
    level: Level,
    /// How many operations one call does.
    operations: u32,
    /// How many calls fill a sample; 0 until it was found out.
    calls: u32,
}

enum Work {
    Here(Box<dyn FnMut()>),
    Gmsm(String),
}

impl Contender {
    fn new(work: Work) -> Self {
        Self { work, level: cpu::level(), operations: 1, calls: 0 }
    }

    /// `call` does the operation once; that its result was right is its own business, in each call or before the first.
    pub(crate) fn once(call: impl FnMut() + 'static) -> Self {
        Self::new(Work::Here(Box::new(call)))
    }

    /// `call` does the operation `operations` times.
    pub(crate) fn batch(operations: u32, call: impl FnMut() + 'static) -> Self {
        Self { operations, ..Self::once(call) }
    }

    /// What `prepare` makes under `level`, and under that level it will run.
    pub(crate) fn at(level: Level, prepare: impl FnOnce() -> Self) -> Self {
        let before = cpu::level();
        cpu::limit(level);
        let this = prepare();
        cpu::limit(before);
        this
    }

    /// Nanoseconds of one operation in one sample; `None` for a peer that is not there.
    fn sample(&mut self, plan: Plan, gmsm: Option<&mut Gmsm>) -> Option<f64> {
        let budget = Duration::from_millis(plan.sample_milliseconds.into());
        match &mut self.work {
            Work::Gmsm(operation) => gmsm.map(|gmsm| gmsm.measure(operation, budget)),
            Work::Here(call) => {
                let before = cpu::level();
                cpu::limit(self.level);
                if self.calls == 0 {
                    self.calls = calibrated(call, budget);
                }
                let spent = run(call, self.calls).as_secs_f64() * 1e9;
                cpu::limit(before);
                Some(spent / f64::from(self.calls) / f64::from(self.operations))
            }
        }
    }
}

/// How many calls fill the budget, found by doubling.
fn calibrated(call: &mut dyn FnMut(), budget: Duration) -> u32 {
    let mut calls = 1_u32;
    loop {
        let spent = run(call, calls);
        if spent >= budget / 4 {
            let fitting = f64::from(calls) * budget.as_secs_f64() / spent.as_secs_f64();
            return (fitting as u32).max(1);
        }
        calls = calls.saturating_mul(2);
    }
}

fn run(call: &mut dyn FnMut(), calls: u32) -> Duration {
    let before = cpu_time::now();
    for _ in 0..calls {
        call();
    }
    cpu_time::now() - before
}

/// The middle one; of an even number the upper.
pub(crate) fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}
