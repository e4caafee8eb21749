//! Decisions (AuthZEN), and the discovery document as the cheapest answer there is.

use audit::checkpoint::LogKey;
use audit::proof::{InclusionProof, Leaf};
use base::Id;
use base::id::Account;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Wrong;
use crate::http::{Answer, Connection, Request};
use crate::measure::{Operation, Worker};
use crate::tokens::{Client, unexpected};

/// A question and its answer.
#[derive(Clone)]
pub struct Question {
    /// The AuthZEN request: subject, action, resource.
    pub request: Value,
    /// The decision that the sample province's policies give.
    pub decision: bool,
    /// Whether the decision must be in the log.
    pub logged: bool,
}

impl Question {
    /// May the official read the data set?
    pub fn reading(official: Id<Account>, data_set: &str, decision: bool, logged: bool) -> Self {
        let request = json!({
            "subject": { "type": "official", "id": official },
            "action": { "name": "read" },
            "resource": { "type": "dataset", "id": data_set },
        });
        Self { request, decision, logged }
    }

    fn check(&self, decision: &Decision<'_>) -> bool {
        decision.decision == self.decision && decision.context.log_entry.is_some() == self.logged
    }
}

#[derive(Deserialize)]
struct Decision<'a> {
    decision: bool,
    #[serde(borrow)]
    context: Context<'a>,
}

#[derive(Deserialize)]
struct Context<'a> {
    log_entry: Option<&'a str>,
}

/// One decision in one request.
pub struct Evaluation<'a> {
    /// What the table calls it.
    pub name: &'static str,
    /// Who asks; may use scope `decision:evaluate`.
    pub client: &'a Client,
    /// What is asked.
    pub question: Question,
}

impl Operation for Evaluation<'_> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn worker(&self, connection: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        let token = self.client.token(connection)?;
        let request = Request::post("/access/v1/evaluation").bearer(&token).json(&self.question.request);
        let prover = Prover::new(connection)?;
        Ok(Box::new(Deciding { request: request.into_bytes(), question: &self.question, prover }))
    }
}

struct Deciding<'a> {
    request: Vec<u8>,
    question: &'a Question,
    prover: Prover,
}

impl Worker for Deciding<'_> {
    fn request(&mut self) -> Option<&[u8]> {
        Some(&self.request)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let decision: Option<Decision<'_>> = serde_json::from_slice(&answer.body).ok();
        match decision {
            Some(decision) if answer.status == 200 && self.question.check(&decision) => Ok(()),
            _ => Err(unexpected(&format!("200 and {}", self.question.decision), answer)),
        }
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let decision: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let context = decision.get("context");
        let reasons =
            ["reason_admin", "reason_user"].iter().all(|name| context.and_then(|c| c.get(*name)).is_some());
        if !reasons {
            return Err(unexpected("reasons", answer));
        }
        match context.and_then(|c| c.get("log_entry")).and_then(Value::as_str) {
            Some(entry) => self.prover.check(entry),
            None => Ok(()),
        }
    }
}

/// Asks the log for proofs that entries are in it, and checks them.
pub struct Prover {
    connection: Connection,
    log: LogKey,
}

impl Prover {
    /// With a connection of its own to the server at the other end of `connection`.
    pub fn new(connection: &Connection) -> Result<Self, Wrong> {
        let mut connection = Connection::open(connection.address()?)?;
        let answer = connection.send(&Request::get("/log/key").into_bytes())?;
        let log = String::from_utf8_lossy(&answer.body).trim().parse();
        Ok(Self { connection, log: log.map_err(|_| unexpected("the log's key", &answer))? })
    }

    /// Fails when the log cannot prove that it holds `entry`.
    pub fn check(&mut self, entry: &str) -> Result<(), Wrong> {
        let request = Request::get(&format!("/v1/log/entries/{entry}/proof"));
        let answer = self.connection.send(&request.into_bytes())?;
        let proof =
            InclusionProof::from_json(&answer.body).ok().filter(|proof| proof.verify(&self.log).is_ok());
        match proof.map(|proof| proof.leaf) {
            Some(Leaf::Entry(found)) if found.id().to_string() == entry => Ok(()),
            _ => Err(unexpected(&format!("the proof of log entry `{entry}`"), &answer)),
        }
    }
}

/// Many decisions in one request.
pub struct Evaluations<'a> {
    /// Who asks; may use scope `decision:evaluate`.
    pub client: &'a Client,
    /// What is asked, over and over until there are [`BATCH_COUNT`].
    pub questions: Vec<Question>,
}

/// How many decisions are in one request of [`Evaluations`].
pub const BATCH_COUNT: u32 = 100;

impl Operation for Evaluations<'_> {
    fn name(&self) -> &'static str {
        "AuthZEN decisions, 100 a request"
    }

    fn in_one_request(&self) -> u32 {
        BATCH_COUNT
    }

    fn worker(&self, connection: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        let token = self.client.token(connection)?;
        let questions: Vec<&Question> = self.questions.iter().cycle().take(BATCH_COUNT as usize).collect();
        let items: Vec<&Value> = questions.iter().map(|question| &question.request).collect();
        let body = json!({ "evaluations": items });
        let request = Request::post("/access/v1/evaluations").bearer(&token).json(&body).into_bytes();
        Ok(Box::new(DecidingMany { request, questions }))
    }
}

struct DecidingMany<'a> {
    request: Vec<u8>,
    questions: Vec<&'a Question>,
}

#[derive(Deserialize)]
struct Decisions<'a> {
    #[serde(borrow)]
    evaluations: Vec<Decision<'a>>,
}

impl Worker for DecidingMany<'_> {
    fn request(&mut self) -> Option<&[u8]> {
        Some(&self.request)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let decisions: Option<Decisions<'_>> = serde_json::from_slice(&answer.body).ok();
        let decisions = decisions.map(|d| d.evaluations).unwrap_or_default();
        let as_expected = decisions.len() == self.questions.len()
            && self.questions.iter().zip(&decisions).all(|(question, decision)| question.check(decision));
        let good = answer.status == 200 && as_expected;
        if good { Ok(()) } else { Err(unexpected("200 and 100 decisions as expected", answer)) }
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let whole: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let items = whole.get("evaluations").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let explained = items.iter().all(|item| item.pointer("/context/reason_admin").is_some());
        if explained { Ok(()) } else { Err(unexpected("reasons", answer)) }
    }
}

/// The provider's metadata.
pub struct Discovery<'a> {
    /// The issuer.
    pub issuer: &'a str,
}

const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

impl Operation for Discovery<'_> {
    fn name(&self) -> &'static str {
        "discovery"
    }

    fn worker(&self, connection: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        let request = Request::get(DISCOVERY_PATH).into_bytes();
        let first = connection.send(&request)?;
        Ok(Box::new(Discovering { request, first, issuer: self.issuer }))
    }
}

struct Discovering<'a> {
    request: Vec<u8>,
    first: Answer,
    issuer: &'a str,
}

impl Worker for Discovering<'_> {
    fn request(&mut self) -> Option<&[u8]> {
        Some(&self.request)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let same = answer.status == 200 && answer.body == self.first.body;
        if same { Ok(()) } else { Err(unexpected("200 and the document as it was before", answer)) }
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let named = document.get("issuer").and_then(Value::as_str) == Some(self.issuer);
        if named { Ok(()) } else { Err(unexpected("the issuer", answer)) }
    }
}
