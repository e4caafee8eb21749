//! One operation under load: all connections at once, for a given time, with every answer checked.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::Wrong;
use crate::http::{Answer, Connection};
use crate::process::Server;

/// Of so many answers of a connection one is kept and checked fully after the clock has stopped.
const KEPT_ONE_IN: u64 = 100;
/// A connection with so many wrong answers gives up.
const WRONG_MAX_COUNT: usize = 10;

/// Something that the server does.
pub trait Operation: Sync {
    /// What the table calls it.
    fn name(&self) -> &'static str;

    /// How many of what the table counts are in one request.
    fn in_one_request(&self) -> u32 {
        1
    }

    /// What one connection does. Whatever it needs is made here, before the clock starts.
    fn worker(&self, connection: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong>;
}

/// One connection's part of an operation.
pub trait Worker {
    /// The next request; `None` when there is nothing left to do.
    fn request(&mut self) -> Option<&[u8]>;

    /// The check that every answer passes: status and what the content must hold. Cheap.
    fn check(&mut self, answer: &Answer) -> Result<(), Wrong>;

    /// The full check: signatures, digests, log. Not timed.
    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong>;
}

/// What a round showed.
#[derive(Clone, Default)]
pub struct Round {
    /// Per second of wall clock.
    pub per_second: f64,
    /// Per second of the server's processor time.
    pub per_cpu_second: f64,
    /// The server's processor time per second of wall clock.
    pub busy: f64,
    /// Half of the answers came within this.
    pub p50_ms: f64,
    /// 99 of 100 answers came within this.
    pub p99_ms: f64,
    /// How many answers were checked.
    pub checked: u64,
    /// How many of them fully.
    pub checked_fully: u64,
    /// What was wrong with answers.
    pub wrong: Vec<Wrong>,
}

/// Runs `operation` against `server` on `connections` connections for `time`.
pub fn run(
    server: &Server,
    operation: &dyn Operation,
    connections: usize,
    time: Duration,
) -> Result<Round, Wrong> {
    let meetings = Meetings::of(connections + 1);
    std::thread::scope(|scope| {
        let one = || one_connection(server.address, operation, time, &meetings);
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        meetings.ready.wait();
        let (cpu_before, began) = (server.cpu_seconds(), Instant::now());
        meetings.go.wait();
        meetings.done.wait();
        let (elapsed, cpu_after) = (began.elapsed(), server.cpu_seconds());
        let parts: Vec<Part> = threads.into_iter().filter_map(|thread| thread.join().ok()).collect();
        if parts.len() < connections {
            return Err(Wrong::new("the thread of a connection panicked"));
        }
        Ok(sum_up(parts, elapsed.as_secs_f64(), cpu_after? - cpu_before?, operation.in_one_request()))
    })
}

/// Where all connections and the thread that measures wait for each other.
struct Meetings {
    /// Every connection has what it needs.
    ready: Barrier,
    /// The clock runs.
    go: Barrier,
    /// Every connection has its last answer.
    done: Barrier,
}

impl Meetings {
    fn of(count: usize) -> Self {
        Self { ready: Barrier::new(count), go: Barrier::new(count), done: Barrier::new(count) }
    }
}

/// INVARIANT: every connection comes to every meeting, also one that failed; else the others would wait for ever.
fn one_connection(
    address: SocketAddr,
    operation: &dyn Operation,
    time: Duration,
    meetings: &Meetings,
) -> Part {
    let connected = connect(address, operation);
    meetings.ready.wait();
    meetings.go.wait();
    let mut part = Part::default();
    let worker = match connected {
        Ok((mut connection, mut worker)) => {
            part.act(&mut connection, worker.as_mut(), time);
            Some(worker)
        }
        Err(wrong) => {
            part.wrong.push(wrong);
            None
        }
    };
    meetings.done.wait();
    if let Some(mut worker) = worker {
        part.check_kept(worker.as_mut());
    }
    part
}

fn connect<'a>(
    address: SocketAddr,
    operation: &'a dyn Operation,
) -> Result<(Connection, Box<dyn Worker + 'a>), Wrong> {
    let mut connection = Connection::open(address)?;
    let worker = operation.worker(&mut connection)?;
    Ok((connection, worker))
}

/// What one connection saw.
#[derive(Default)]
struct Part {
    latencies_us: Vec<u32>,
    kept: Vec<Answer>,
    checked_fully: u64,
    wrong: Vec<Wrong>,
}

impl Part {
    fn act(&mut self, connection: &mut Connection, worker: &mut dyn Worker, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time && self.wrong.len() < WRONG_MAX_COUNT {
            let Some(request) = worker.request() else { return };
            let sent = Instant::now();
            let answer = match connection.send(request) {
                Ok(answer) => answer,
                Err(error) => return self.wrong.push(error.into()),
            };
            self.latencies_us.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
            match worker.check(&answer) {
                Ok(()) if (self.latencies_us.len() as u64) % KEPT_ONE_IN == 1 => self.kept.push(answer),
                Ok(()) => {}
                Err(wrong) => self.wrong.push(wrong),
            }
        }
    }

    fn check_kept(&mut self, worker: &mut dyn Worker) {
        for answer in std::mem::take(&mut self.kept) {
            match worker.check_fully(&answer) {
                Ok(()) => self.checked_fully += 1,
                Err(wrong) => self.wrong.push(wrong),
            }
        }
    }
}

fn sum_up(parts: Vec<Part>, seconds: f64, cpu_seconds: f64, in_one_request: u32) -> Round {
    let mut latencies_us: Vec<u32> =
        parts.iter().flat_map(|part| part.latencies_us.iter().copied()).collect();
    latencies_us.sort_unstable();
    let checked = latencies_us.len() as u64;
    let done = checked as f64 * f64::from(in_one_request);
    Round {
        per_second: done / seconds,
        per_cpu_second: done / cpu_seconds.max(0.01),
        busy: cpu_seconds / seconds,
        p50_ms: percentile_ms(&latencies_us, 50),
        p99_ms: percentile_ms(&latencies_us, 99),
        checked,
        checked_fully: parts.iter().map(|part| part.checked_fully).sum(),
        wrong: parts.into_iter().flat_map(|part| part.wrong).collect(),
    }
}

fn percentile_ms(sorted_us: &[u32], percent: usize) -> f64 {
    let at = (sorted_us.len() * percent).div_ceil(100).saturating_sub(1);
    sorted_us.get(at).map_or(0.0, |us| f64::from(*us) / 1000.0)
}

/// The medians of several rounds, and the sums of what was checked and found wrong.
pub fn median_of_rounds(rounds: &[Round]) -> Round {
    let of = |field: fn(&Round) -> f64| median(rounds.iter().map(field));
    Round {
        per_second: of(|r| r.per_second),
        per_cpu_second: of(|r| r.per_cpu_second),
        busy: of(|r| r.busy),
        p50_ms: of(|r| r.p50_ms),
        p99_ms: of(|r| r.p99_ms),
        checked: rounds.iter().map(|r| r.checked).sum(),
        checked_fully: rounds.iter().map(|r| r.checked_fully).sum(),
        wrong: rounds.iter().flat_map(|r| r.wrong.iter().cloned()).collect(),
    }
}

/// The middle value; the lower of two middle ones; zero of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}
