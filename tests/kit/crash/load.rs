//! Those who work with the program until it falls silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio::task::JoinSet;

use super::client::{Answer, Broken, Person, World};
use super::dice::Dice;
use super::grant::Grant;
use super::journal::{Certificate, Journal, Sealing};
use crate::kit::documents;

/// How often a grant is refreshed at most.
const REFRESHES_MAX_COUNT: u64 = 3;
/// The applications that people log in to.
const APPLICATIONS: [&str; 2] = ["portal", "fund"];

/// People and systems at work.
pub(crate) struct Load {
    /// Set when the program is about to be killed: before that, silence is a complaint.
    is_killed: Arc<AtomicBool>,
    people: JoinSet<(Person, Journal)>,
    systems: JoinSet<Journal>,
}

impl Load {
    /// Sets `people` to log in, and systems to seal, to issue, and to ask for decisions.
    pub(crate) fn begin(world: &Arc<World>, people: Vec<Person>, dice: &mut Dice) -> Self {
        let mut load = Self { is_killed: Arc::default(), people: JoinSet::new(), systems: JoinSet::new() };
        for mut person in people {
            let (world, is_killed, mut dice) = (Arc::clone(world), Arc::clone(&load.is_killed), dice.split());
            load.people.spawn(async move {
                let mut journal = Journal::default();
                let (what, broken) = loop {
                    if let Err(broken) = visit(&world, &mut person, &mut dice, &mut journal).await {
                        break broken;
                    }
                };
                note(&mut journal, what, broken, &is_killed);
                (person, journal)
            });
        }
        for work in Work::ALL {
            let (world, is_killed) = (Arc::clone(world), Arc::clone(&load.is_killed));
            load.systems.spawn(async move {
                let mut journal = Journal::default();
                let broken = loop {
                    if let Err(broken) = work.once(&world, &mut journal).await {
                        break broken;
                    }
                };
                note(&mut journal, work.name(), broken, &is_killed);
                journal
            });
        }
        load
    }

    /// From now on silence is what everyone expects.
    pub(crate) fn expect_silence(&self) {
        self.is_killed.store(true, Ordering::SeqCst);
    }

    /// Waits until everyone has noticed; what they were told.
    pub(crate) async fn end(self) -> (Vec<Person>, Journal) {
        let (people, journals): (Vec<_>, Vec<_>) = self.people.join_all().await.into_iter().unzip();
        let mut journal = Journal::default();
        journals.into_iter().chain(self.systems.join_all().await).for_each(|other| journal.append(other));
        (people, journal)
    }
}

/// How somebody's work ended: cut off by the kill, or in a way that must not be.
fn note(journal: &mut Journal, what: &'static str, broken: Broken, is_killed: &AtomicBool) {
    match broken {
        Broken::Silent(_) if is_killed.load(Ordering::SeqCst) => {
            *journal.cut_off.entry(what).or_default() += 1;
        }
        Broken::Silent(error) => {
            journal.complaints.push(format!("{what}: silent before the kill: {error:?}"))
        }
        Broken::Refused(answer) => journal.complaints.push(format!("{what}: {answer:?}")),
        Broken::Unexpected(got) => journal.complaints.push(format!("{what}: {got}")),
    }
}

/// A person enters an application, which redeems the code and refreshes a few times, or never.
async fn visit(
    world: &World,
    person: &mut Person,
    dice: &mut Dice,
    journal: &mut Journal,
) -> Result<(), (&'static str, Broken)> {
    let entering = if person.is_logged_in { "entering an application" } else { "logging in" };
    let name = APPLICATIONS[usize::from(dice.once_in(2))];
    let mut grant = enter(world, person, name).await.map_err(|broken| (entering, broken))?;
    let mut used = Ok(());
    for _ in 0..dice.between(0, REFRESHES_MAX_COUNT + 2) {
        used = grant.exchange(world).await.map_err(|broken| ("exchanging", broken));
        if used.is_err() {
            break;
        }
    }
    journal.grants.push(grant);
    used
}

/// `person` enters the application called `name`: a grant whose code nobody has shown yet.
pub(crate) async fn enter(world: &World, person: &mut Person, name: &'static str) -> Result<Grant, Broken> {
    let application = world.application(name);
    let (address, verifier) = world.login_address(application);
    Ok(Grant::new(name, verifier, person.code_at(address, application).await?))
}

/// What systems do all day.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    Sealing,
    Issuing,
    Asking,
}

impl Work {
    pub(crate) const ALL: [Self; 3] = [Self::Sealing, Self::Issuing, Self::Asking];

    const fn name(self) -> &'static str {
        match self {
            Self::Sealing => "sealing",
            Self::Issuing => "issuing",
            Self::Asking => "asking",
        }
    }

    /// Does it once, and writes down what was acknowledged.
    pub(crate) async fn once(self, world: &World, journal: &mut Journal) -> Result<(), Broken> {
        match self {
            Self::Sealing => journal.sealings.push(seal(world).await?),
            Self::Issuing => journal.certificates.push(issue(world).await?),
            Self::Asking => {
                journal.decisions.push(ask(world).await?);
                journal.checkpoints.push(Answer::to(world.get("/log/checkpoint")).await?.with(200)?.text());
            }
        }
        Ok(())
    }
}

async fn seal(world: &World) -> Result<Sealing, Broken> {
    let path = format!("/v1/seals/{}/documents", world.sample.seals[0].id);
    let document = documents::one_page("停水通知（示例）");
    let answer = Answer::to(world.post(&path).body(document)).await?.with(201)?;
    Ok(Sealing { entry: answer.header("yinxin-log-entry"), file: answer.body })
}

async fn issue(world: &World) -> Result<Certificate, Broken> {
    let citizen = world.sample.person("li.xiaoman").unwrap();
    let application = json!({
        "type_code": world.sample.certificate_types["residence"],
        "holder_name": citizen.name,
        "holder_type": "111",
        "holder_code": citizen.id_number,
        "surface": { "address": "榕城市鼓山区东街街道军门社区 1 号", "since": "2026-01-01" },
    });
    let answer = Answer::to(world.post("/v1/certificates").json(&application)).await?.with(201)?;
    let issued = answer.json();
    let text = |name: &str| issued[name].as_str().expect(name).to_owned();
    Ok(Certificate { identifier: text("identifier"), sm3: text("sm3"), entry: text("log_entry") })
}

/// Asks about data of grade 3; the decision is given with its log entry.
async fn ask(world: &World) -> Result<String, Broken> {
    let request = json!({
        "subject": { "type": "official", "id": world.sample.person("lin.zhixing").unwrap().id },
        "action": { "name": "read" },
        "resource": { "type": "dataset", "id": "gushan-residents" },
    });
    let answer = Answer::to(world.post("/access/v1/evaluation").json(&request)).await?.with(200)?;
    let entry = answer.json()["context"]["log_entry"].as_str().map(str::to_owned);
    entry.ok_or_else(|| Broken::Unexpected(format!("a decision without a log entry: {}", answer.text())))
}
