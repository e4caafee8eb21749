//! The program killed while it works, and on a disk that takes nothing more: what it acknowledged is there, what it did not
//! acknowledge is done whole or not at all.
//!
//! `YINXIN_TEST_KILLS` says how often it is killed, `YINXIN_TEST_SEED` repeats the choices of an earlier run.

use std::sync::Arc;
use std::time::Duration;

use crate::kit::crash::books::Books;
use crate::kit::crash::client::{Answer, Broken, Person, World};
use crate::kit::crash::dice::Dice;
use crate::kit::crash::disk::{IGNORING_THE_LIMITS_SIGNAL, SmallDisk, limit_files};
use crate::kit::crash::grant::Held;
use crate::kit::crash::installation::{Installation, Running};
use crate::kit::crash::journal::{Journal, size_of};
use crate::kit::crash::load::{Load, Work, enter};
use crate::kit::postgres::Database;

/// How often the program is killed at work, when nobody says.
const KILLS_ON_SQLITE: usize = 50;
const KILLS_ON_POSTGRES: usize = 10;
/// When it is killed after the work began.
const LIFE_MILLISECONDS: (u64, u64) = (20, 400);
/// When it is killed after it was started for the first time: the key for RSA alone may take a second.
const FIRST_LIFE_MILLISECONDS: (u64, u64) = (5, 1500);
const FIRST_STARTS: usize = 6;
/// How many people are logged in from the beginning.
const REGULARS_COUNT: usize = 3;
/// The fastest of many starts after a kill says how fast they are: a busy machine makes the others slower.
const RESTART_MAX: Duration = Duration::from_secs(1);
const SMALL_DISK_MEGABYTES: u32 = 16;
/// More than the rest of the log's last page can take.
const REFUSALS_COUNT: usize = 40;
const ALWAYS_READABLE: [&str; 6] = [
    "/livez",
    "/.well-known/openid-configuration",
    "/oauth2/jwks",
    "/oauth2/jwks-sm",
    "/log/checkpoint",
    "/pki/root.pem",
];
/// More acts than the room behind a full disk's last page can take.
const TRIES_MAX_COUNT: usize = 200;

mod sqlite {
    #[tokio::test(flavor = "multi_thread")]
    async fn killed_at_any_moment_it_has_done_what_it_said_and_nothing_by_halves() {
        super::killed_at_any_moment(None, super::KILLS_ON_SQLITE).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn killed_during_its_first_start_it_starts_all_the_same() {
        super::killed_during_its_first_start(None).await;
    }
}

mod postgres {
    use crate::kit::postgres::Database;

    #[tokio::test(flavor = "multi_thread")]
    async fn killed_at_any_moment_it_has_done_what_it_said_and_nothing_by_halves() {
        match Database::on_the_server() {
            None => eprintln!("skipped: no YINXIN_TEST_POSTGRES"),
            database => super::killed_at_any_moment(database, super::KILLS_ON_POSTGRES).await,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn killed_during_its_first_start_it_starts_all_the_same() {
        match Database::on_the_server() {
            None => eprintln!("skipped: no YINXIN_TEST_POSTGRES"),
            database => super::killed_during_its_first_start(database).await,
        }
    }
}

async fn killed_at_any_moment(database: Option<Database>, usual_kills: usize) {
    let mut dice = dice();
    let installation = Installation::over(database, &mut dice);
    let kills = kills().unwrap_or(usual_kills);
    let (mut whole, mut held, mut restarts) = (Journal::default(), Held::default(), Vec::new());
    let mut program = installation.start();
    let mut regulars = regulars(&World::enter(installation.issuer(), installation.sample()).await).await;
    for round in 0..kills {
        let world = Arc::new(World::enter(installation.issuer(), installation.sample()).await);
        let people = regulars.into_iter().chain([newcomer(&world, round)]).collect();
        let load = Load::begin(&world, people, &mut dice);
        let life = Duration::from_millis(dice.between(LIFE_MILLISECONDS.0, LIFE_MILLISECONDS.1));
        tokio::time::sleep(life).await; // the moment of the kill is what the story is about
        load.expect_silence();
        program.kill();
        let (people, mut journal) = load.end().await;
        program = installation.start();
        restarts.push(program.started_in);
        let (stay, mut logged_in): (Vec<_>, Vec<_>) =
            people.into_iter().filter(|person| person.is_logged_in).partition(|person| person.is_regular);
        for newcomer in &mut logged_in {
            journal.grants.push(enter(&world, newcomer, "portal").await.unwrap());
        }
        journal.hold_to_it(&world, &mut dice, &mut held).await;
        regulars = stay;
        whole.append(journal);
    }
    let world = World::enter(installation.issuer(), installation.sample()).await;
    whole.hold_to_entries(&world).await;
    program.stop();
    assert_log_is_whole(&installation);
    let mut books = Books::open(&installation).await;
    books.assert_whole().await;
    books.assert_published(&whole).await;
    restarts.sort();
    let (fastest, usual, slowest) = (restarts[0], restarts[restarts.len() / 2], restarts[restarts.len() - 1]);
    eprintln!("{kills} kills; {}; {held}", whole.sum());
    eprintln!("a restart takes {fastest:?} to {slowest:?}, usually {usual:?}");
    assert!(fastest < RESTART_MAX, "a restart takes {fastest:?}");
}

async fn killed_during_its_first_start(database: Option<Database>) {
    let mut dice = dice();
    let installation = Installation::over(database, &mut dice);
    for _ in 0..FIRST_STARTS {
        let life = dice.between(FIRST_LIFE_MILLISECONDS.0, FIRST_LIFE_MILLISECONDS.1);
        installation.start_and_kill_after(Duration::from_millis(life));
    }
    let program = installation.start();
    let world = World::enter(installation.issuer(), installation.sample()).await;
    let mut journal = Journal::default();
    for work in Work::ALL {
        work.once(&world, &mut journal).await.unwrap();
    }
    journal.hold_to_it(&world, &mut dice, &mut Held::default()).await;
    program.stop();
    assert_log_is_whole(&installation);
    let mut books = Books::open(&installation).await;
    books.assert_whole().await;
    let roots = "SELECT COUNT(*) FROM certificate WHERE profile = 'root'";
    assert_eq!(books.count(roots).await, 1, "one authority, however often it began to be made");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_it_refuses_to_write_goes_on_reading_and_recovers() {
    let mut dice = dice();
    let installation = Installation::over(None, &mut dice);
    let folder = tempfile::tempdir().unwrap();
    let disk = match SmallDisk::mount(folder.path(), SMALL_DISK_MEGABYTES) {
        Ok(disk) => disk,
        Err(why) => {
            eprintln!("skipped: no small disk: {why}");
            return;
        }
    };
    let installation = installation.keeping_data_in(&folder.path().join("data"));
    let program = installation.start();
    go_through_a_shortage(&installation, program, |_| disk.fill(), |_| disk.make_room()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_system_fails_its_writes_it_refuses_goes_on_reading_and_recovers() {
    let mut dice = dice();
    let installation = Installation::over(None, &mut dice);
    let program = installation.start_under(IGNORING_THE_LIMITS_SIGNAL);
    let begin = |program: &Running| {
        // Whatever is written goes to the end of the write-ahead log first.
        let end = std::fs::metadata(installation.data().join("yinxin.db-wal")).unwrap().len();
        limit_files(program, Some(end));
    };
    go_through_a_shortage(&installation, program, begin, |program| limit_files(program, None)).await;
}

/// Works with `program`, while nothing can be written, and afterwards.
async fn go_through_a_shortage(
    installation: &Installation,
    program: Running,
    begin: impl FnOnce(&Running),
    end: impl FnOnce(&Running),
) {
    let world = World::enter(installation.issuer(), installation.sample()).await;
    let (mut before, mut after) = (Journal::default(), Journal::default());
    for work in Work::ALL {
        work.once(&world, &mut before).await.unwrap();
    }
    before.hold_to_entries(&world).await; // each has its place in the log
    let mut citizen = Person::new(&world, world.sample.person("li.xiaoman").unwrap(), 1);
    let mut grant = enter(&world, &mut citizen, "portal").await.unwrap();
    Work::Asking.once(&world, &mut after).await.unwrap(); // this one has none yet

    begin(&program);
    for work in Work::ALL {
        assert_is_refused_in_the_end(work, &world, &mut after).await;
    }
    let refused = fault(grant.exchange(&world).await);
    assert_eq!(refused.json()["error"], "server_error", "{refused:?}");
    let mut stranger = Person::new(&world, world.sample.person("chen.apo").unwrap(), 2);
    fault(enter(&world, &mut stranger, "portal").await);
    assert_reading_goes_on(&world, &before).await;
    let audited = installation.audit_verify();
    assert!(audited.status.success(), "the log can be checked all the while: {audited:?}");
    for _ in 0..REFUSALS_COUNT {
        assert_is_refused_in_the_end(Work::Asking, &world, &mut after).await; // the program's log is on the full disk too
    }

    let size = size_of(&world.checkpoint().await);
    end(&program);
    for work in Work::ALL {
        work.once(&world, &mut after).await.unwrap();
    }
    world.wait_for_checkpoint_after(size).await;
    grant.exchange(&world).await.expect("a code that could not be redeemed is still good");
    enter(&world, &mut stranger, "portal").await.unwrap();
    after.grants.push(grant);
    after.append(before);
    after.hold_to_it(&world, &mut Dice::of(0), &mut Held::default()).await;
    program.stop();
    assert_log_is_whole(installation);
    let mut books = Books::open(installation).await;
    books.assert_whole().await;
    books.assert_published(&after).await;
    books.assert_holds_just(&after).await;
}

/// Some may still find room; then the answer is a fault, in the API's form.
async fn assert_is_refused_in_the_end(work: Work, world: &World, journal: &mut Journal) {
    for _ in 0..TRIES_MAX_COUNT {
        let done = work.once(world, journal).await;
        if done.is_err() {
            let refused = fault(done);
            assert_eq!(refused.header("content-type"), "application/problem+json", "{refused:?}");
            return;
        }
    }
    panic!("{work:?} is never refused");
}

/// The answer of a server that could not do what it was asked.
fn fault<T: std::fmt::Debug>(done: Result<T, Broken>) -> Answer {
    match done {
        Err(Broken::Refused(answer)) if [500, 503].contains(&answer.status.as_u16()) => *answer,
        other => panic!("expected a fault, got {other:?}"),
    }
}

async fn assert_reading_goes_on(world: &World, before: &Journal) {
    for path in ALWAYS_READABLE {
        Answer::to(world.get(path)).await.unwrap().with(200).unwrap();
    }
    for sealing in &before.sealings {
        sealing.hold_to_it(world).await;
    }
    for certificate in &before.certificates {
        certificate.hold_to_it(world).await;
    }
    before.hold_to_entries(world).await;
    // A machine's token costs no write.
    let system = world.application("system");
    let form = [("grant_type", "client_credentials")];
    world.token_request(system, &form).await.unwrap().with(200).unwrap();
}

/// People who are logged in before the first kill, and stay so.
async fn regulars(world: &World) -> Vec<Person> {
    let mut regulars = Vec::new();
    for (network, sample) in (251..).zip(world.sample.people.iter().take(REGULARS_COUNT)) {
        let mut person = Person::new(world, sample, network).who_comes_again();
        for application in ["portal", "fund"] {
            enter(world, &mut person, application).await.unwrap();
        }
        regulars.push(person);
    }
    regulars
}

/// Another of the sample's people each round, with a browser that was never here.
fn newcomer(world: &World, round: usize) -> Person {
    let people = &world.sample.people;
    Person::new(world, &people[round % people.len()], u8::try_from(round % 250 + 1).unwrap())
}

fn assert_log_is_whole(installation: &Installation) {
    let checked = installation.audit_verify();
    let told = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{told}{}", String::from_utf8_lossy(&checked.stderr));
    assert!(told.contains("The log is whole"), "{told}");
    assert!(!told.contains("note "), "nothing waits after a good end: {told}");
}

#[expect(clippy::disallowed_methods, reason = "a run is told by the environment what to repeat")]
fn dice() -> Dice {
    let seed = std::env::var("YINXIN_TEST_SEED").ok();
    let seed = seed.map_or_else(Dice::any_seed, |seed| seed.parse().expect("YINXIN_TEST_SEED is a number"));
    eprintln!("YINXIN_TEST_SEED={seed}");
    Dice::of(seed)
}

#[expect(clippy::disallowed_methods, reason = "a run is told by the environment how long it may take")]
fn kills() -> Option<usize> {
    let given = std::env::var("YINXIN_TEST_KILLS").ok()?;
    Some(given.parse().expect("YINXIN_TEST_KILLS is a number"))
}
