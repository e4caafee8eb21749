//! Logins with a password: how many, beside the bare hash of the same cost, and what they do to everybody else.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use identity::password::{COST, HASH_BYTES};
use yinxin::demo::SamplePerson;

use crate::Wrong;
use crate::browser::Browser;
use crate::http::{Answer, Connection};
use crate::measure::{self, Operation, Round, Worker, median};
use crate::process::{Cores, Server};
use crate::tokens::unexpected;

/// Connections that want something else while others log in.
const OTHERS_COUNT: usize = 8;

/// People log in, each in a browser that is not logged in, from a network of their own.
pub struct LogIn<'a> {
    people: &'a [SamplePerson],
    /// How many people each connection logs in, in turn.
    of_each: usize,
    number: AtomicUsize,
}

impl<'a> LogIn<'a> {
    /// As these people, shared out among so many connections.
    pub fn new(people: &'a [SamplePerson], connections: usize) -> Self {
        Self { people, of_each: (people.len() / connections.max(1)).max(1), number: AtomicUsize::new(0) }
    }

    fn form(&self, connection: &mut Connection) -> Result<Vec<u8>, Wrong> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let person = self.people.get(number % self.people.len().max(1));
        let person = person.ok_or_else(|| Wrong::new("expected at least one person"))?;
        let network = format!("10.{}.{}.1", number / 250 % 250, number % 250);
        Browser::from(&network).login_form(connection, person)
    }
}

impl Operation for LogIn<'_> {
    fn name(&self) -> &'static str {
        "password login"
    }

    fn worker(&self, connection: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        let forms = (0..self.of_each).map(|_| self.form(connection)).collect::<Result<_, _>>()?;
        Ok(Box::new(LoggingIn { forms, next: 0 }))
    }
}

/// The same forms again and again: a page that was opened once may be sent any number of times, and each is a login of its own.
struct LoggingIn {
    forms: Vec<Vec<u8>>,
    next: usize,
}

impl Worker for LoggingIn {
    fn request(&mut self) -> Option<&[u8]> {
        let form = self.forms.get(self.next % self.forms.len().max(1));
        self.next += 1;
        form.map(Vec::as_slice)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let in_session = answer.headers("set-cookie").any(|cookie| cookie.contains("session="));
        if answer.status == 303 && in_session { Ok(()) } else { Err(unexpected("303 and a session", answer)) }
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        self.check(answer)
    }
}

/// Logins, and the bare hash measured right after each round of them.
pub struct BesideBare {
    /// Bare hashes per second of processor time; the median.
    pub bare_per_cpu_second: f64,
    /// Logins are so many times as many; the median of the rounds' ratios, since the machine is not as fast in each.
    pub ratio: f64,
}

impl BesideBare {
    /// Of the rounds' logins and bare hashes, each per second of processor time.
    pub fn of(rounds: &[(f64, f64)]) -> Self {
        Self {
            bare_per_cpu_second: median(rounds.iter().map(|(_, bare)| *bare)),
            ratio: median(rounds.iter().map(|(logins, bare)| logins / bare.max(0.01))),
        }
    }
}

/// The bare hash on the server's core, by a process of its own: hashes per second of its processor time.
pub fn bare_hashes(cores: Cores, time: Duration) -> Result<f64, Wrong> {
    let own = std::env::current_exe()?;
    let mut command: Command = cores.command(&own);
    command.args(["--bench", "--bare-hashes", &time.as_secs().max(1).to_string()]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().parse().map_err(|_| Wrong::new(format!("expected a number of hashes, got `{said}`")))
}

/// What the process of [`bare_hashes`] does: the hash of the product's cost, with memory of its own each time, as a program has it that
/// uses the library as its documentation shows.
pub fn hash_for(seconds: u64) -> Result<f64, Wrong> {
    let failed = |e: argon2::Error| Wrong::new(format!("argon2: {e}"));
    let params = Params::new(COST.memory_kib, COST.passes, COST.lanes, Some(HASH_BYTES)).map_err(failed)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (began, cpu_began, mut count) = (Instant::now(), crate::process::own_cpu_seconds()?, 0.0);
    while began.elapsed().as_secs() < seconds {
        let mut hash = [0; HASH_BYTES];
        argon2
            .hash_password_into(b"a password of some length", b"0123456789abcdef", &mut hash)
            .map_err(failed)?;
        std::hint::black_box(hash);
        count += 1.0;
    }
    Ok(count / (crate::process::own_cpu_seconds()? - cpu_began).max(0.01))
}

/// How long an operation's slowest answers take without and with a storm of logins.
pub struct Storm {
    /// The operation.
    pub name: &'static str,
    /// 99 of 100 answers came within this, in milliseconds, while nobody logged in.
    pub quiet_p99_ms: f64,
    /// And while many did.
    pub storm_p99_ms: f64,
}

/// Measures each of `others` quietly, and again while `connections` log in all the time; medians of `rounds`.
pub fn storm(
    server: &Server,
    people: &[SamplePerson],
    others: &[&dyn Operation],
    connections: usize,
    time: Duration,
    rounds: usize,
) -> Result<Vec<Storm>, Wrong> {
    let logins = LogIn::new(people, connections);
    let one = |other: &&dyn Operation| {
        let (mut quiet, mut stormy) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            quiet.push(good(measure::run(server, *other, OTHERS_COUNT, time)?)?.p99_ms);
            let round = std::thread::scope(|scope| {
                let storm = scope.spawn(|| measure::run(server, &logins, connections, time + time / 2));
                std::thread::sleep(time / 4);
                let round = measure::run(server, *other, OTHERS_COUNT, time);
                let ended = storm.join().map_err(|_| Wrong::new("the storm's thread panicked"))?;
                good(ended?)?;
                round
            });
            stormy.push(good(round?)?.p99_ms);
        }
        Ok(Storm { name: other.name(), quiet_p99_ms: median(quiet), storm_p99_ms: median(stormy) })
    };
    others.iter().map(one).collect()
}

fn good(round: Round) -> Result<Round, Wrong> {
    match round.wrong.first() {
        None => Ok(round),
        Some(wrong) => Err(wrong.clone()),
    }
}
