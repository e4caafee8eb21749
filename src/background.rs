//! What goes on without anybody asking, until the process ends.

use std::sync::Arc;
use std::time::Duration;

use flows::{Env, Fault};
use tokio::task::JoinHandle;

/// How long an entry waits at most for the sequencer to look.
const SEQUENCER_INTERVAL: Duration = Duration::from_secs(1);
/// How long entries wait for others to be placed with them.
const SEQUENCER_PAUSE: Duration = Duration::from_millis(200);
/// How long what another node took back is still taken here, at most.
const REVOCATIONS_INTERVAL: Duration = Duration::from_secs(1);
/// How long a notice that another node wrote, or that is due again, waits at most.
const LOGOUTS_INTERVAL: Duration = Duration::from_secs(5);
/// How often it is looked whether token keys are due to take turns, in looks at whether another node turned them.
const TURN_LOOKS: u32 = 30;
/// How long tokens are signed, at most, with a key whose turn another node ended.
const KEYS_INTERVAL: Duration = Duration::from_secs(2);
/// How often what has had its time is taken away.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// The tasks of a server.
pub struct Background(Vec<JoinHandle<()>>);

impl Background {
    /// Starts them.
    pub fn start(env: &Arc<Env>) -> Self {
        Self(vec![
            tokio::spawn(place_entries(Arc::clone(env))),
            tokio::spawn(read_revocations(Arc::clone(env))),
            tokio::spawn(tell_clients(Arc::clone(env))),
            tokio::spawn(take_turns(Arc::clone(env))),
            tokio::spawn(ping_clients(Arc::clone(env))),
            tokio::spawn(sweep(Arc::clone(env))),
        ])
    }

    /// Stops them where they are: each of their steps is a transaction.
    pub fn stop(self) {
        for task in self.0 {
            task.abort();
        }
    }
}

/// Places log entries as they come.
async fn place_entries(env: Arc<Env>) {
    loop {
        say(flows::log::sequence(&env).await, "sequencing the log");
        // The bell may have rung before its entry was committed, and other nodes' entries ring no bell here.
        tokio::time::timeout(SEQUENCER_INTERVAL, env.log_bell.notified()).await.ok();
        // A short pause lets the entries of a burst share one checkpoint.
        tokio::time::sleep(SEQUENCER_PAUSE).await;
    }
}

async fn read_revocations(env: Arc<Env>) {
    loop {
        say(flows::revocations::read(&env, env.now()).await, "reading what was taken back");
        tokio::time::sleep(REVOCATIONS_INTERVAL).await;
    }
}

async fn tell_clients(env: Arc<Env>) {
    loop {
        say(flows::tell_clients::tell(&env, env.now()).await, "telling applications of a logout");
        tokio::time::timeout(LOGOUTS_INTERVAL, env.logout_bell.notified()).await.ok();
    }
}

async fn take_turns(env: Arc<Env>) {
    loop {
        say(flows::rotate_keys::turn(&env, env.now()).await, "token keys that are due to take turns");
        for _ in 0..TURN_LOOKS {
            tokio::time::sleep(KEYS_INTERVAL).await;
            say(flows::rotate_keys::follow(&env, env.now()).await, "opening the token keys");
        }
    }
}

async fn ping_clients(env: Arc<Env>) {
    loop {
        say(flows::ping_clients::ping(&env, env.now()).await, "telling applications of an answer");
        tokio::time::timeout(LOGOUTS_INTERVAL, env.ping_bell.notified()).await.ok();
    }
}

async fn sweep(env: Arc<Env>) {
    loop {
        say(flows::sweep::sweep(&env, env.now()).await, "taking away what has had its time");
        tokio::time::sleep(SWEEP_INTERVAL).await;
    }
}

/// Says what failed, but not that the cryptographic module is out of service: that was said once, when it began, and what needs it waits
/// for the next start.
fn say<T>(done: Result<T, Fault>, what: &str) {
    match done {
        Err(fault) if fault.out_of_service().is_none() => tracing::error!("{what}: {fault}"),
        Ok(_) | Err(_) => {}
    }
}
