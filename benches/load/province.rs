//! What of the sample province takes part: applications, people, decisions, a seal, a certificate type.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, SystemClock};
use jose::{Algorithm, Jwks, KeySet};
use seal::TrustAnchors;
use serde::Deserialize;
use serde_json::Value;
use yinxin::demo::{ACCOUNTS_FILE, Sample, SampleApplication, SamplePerson};

use crate::Wrong;
use crate::bound::Bound;
use crate::decisions::{Discovery, Evaluation, Evaluations, Question};
use crate::documents::{self, Issuing, Sealing, Verifying};
use crate::http::{Connection, Request};
use crate::logins::LogIn;
use crate::measure::Operation;
use crate::process::Server;
use crate::tokens::{
    Authorize, Client, ClientCredentials, CodeExchange, Introspection, LoggedIn, PublishedKeys, Refresh,
    Rules, UserInfo, unexpected,
};

/// The sample province, entered: people are logged in, a document is sealed.
pub struct Province {
    sample: Sample,
    /// People who do nothing but log in, so that nobody else's login is one too many (`sessions_per_person`).
    crowd: Vec<SamplePerson>,
    rules: Arc<Rules>,
    portal: LoggedIn,
    bound: Bound,
    system: Client,
    system_sm2: Client,
    trust: TrustAnchors,
    seal: String,
    letter: Vec<u8>,
    sealed: Vec<u8>,
    application: Value,
}

impl Province {
    /// Reads the sample's accounts from the data folder and does what must be done once; `crowd` are those who log in.
    pub fn enter(server: &Server, data: &Path, crowd: Vec<SamplePerson>) -> Result<Self, Wrong> {
        let path = data.join(ACCOUNTS_FILE);
        let sample: Sample = serde_json::from_slice(&std::fs::read(&path)?)
            .map_err(|e| Wrong::new(format!("`{}`: {e}", path.display())))?;
        let mut connection = Connection::open(server.address)?;
        let rules = Arc::new(Rules { issuer: server.issuer.clone(), keys: keys(&mut connection)? });
        let portal = client(&sample, "portal", Some("openid profile"))?;
        let portal = LoggedIn::new(&mut connection, portal, &sample.people, Arc::clone(&rules))?;
        let token = &sample.initial_access_token;
        let bound = Bound::register(&mut connection, &rules.issuer, token)?;
        let system = client(&sample, "system", None)?;
        let trust = documents::anchors(&mut connection)?;
        let seal = sample.seals.first().ok_or_else(|| missing("a seal"))?.id.to_string();
        let letter = documents::letter(SystemClock.now())?;
        let sealing = Sealing { client: &system, seal: &seal, document: &letter, trust: &trust };
        let request = sealing.request(&mut connection)?;
        let sealed = connection.send(&request)?;
        if sealed.status != 201 {
            return Err(unexpected("a sealed document", &sealed));
        }
        let application = application(&mut connection, &sample)?;
        let system_sm2 = client(&sample, "system-sm2", None)?;
        let sealed = sealed.body;
        Ok(Self {
            sample,
            crowd,
            rules,
            portal,
            bound,
            system,
            system_sm2,
            trust,
            seal,
            letter,
            sealed,
            application,
        })
    }

    /// Everything that is measured, in the order of the table.
    pub fn operations(
        &self,
        time: Duration,
        connections: usize,
    ) -> Result<Vec<Box<dyn Operation + '_>>, Wrong> {
        let (client, trust) = (&self.system, &self.trust);
        Ok(vec![
            Box::new(Discovery { issuer: &self.rules.issuer }),
            Box::new(PublishedKeys),
            Box::new(ClientCredentials { name: "client_credentials, ES256", client, rules: &self.rules }),
            Box::new(ClientCredentials {
                name: "client_credentials, SM2",
                client: &self.system_sm2,
                rules: &self.rules,
            }),
            Box::new(&self.bound),
            Box::new(Authorize(&self.portal)),
            Box::new(CodeExchange { people: &self.portal, time }),
            Box::new(Refresh(&self.portal)),
            Box::new(UserInfo(&self.portal)),
            Box::new(Introspection(&self.portal)),
            Box::new(Evaluation { name: "AuthZEN decision, grade 2", client, question: self.grade_2()? }),
            Box::new(Evaluation {
                name: "AuthZEN decision, grade 3 (logged)",
                client,
                question: self.grade_3()?,
            }),
            Box::new(Evaluations { client, questions: self.unlogged()? }),
            Box::new(Sealing { client, seal: &self.seal, document: &self.letter, trust }),
            Box::new(Issuing { client, application: self.application.clone(), trust }),
            Box::new(Verifying { sealed: &self.sealed }),
            Box::new(self.log_in(connections)),
        ])
    }

    /// Logins with a password, over so many connections.
    pub fn log_in(&self, connections: usize) -> LogIn<'_> {
        LogIn::new(&self.crowd, connections)
    }

    /// Those who do nothing but log in.
    pub fn crowd(&self) -> &[SamplePerson] {
        &self.crowd
    }

    fn grade_2(&self) -> Result<Question, Wrong> {
        Ok(Question::reading(self.official("lin.zhixing")?, "gushan-permits", true, false))
    }

    fn grade_3(&self) -> Result<Question, Wrong> {
        Ok(Question::reading(self.official("lin.zhixing")?, "gushan-residents", true, true))
    }

    /// Permitted and refused, all below grade 3.
    fn unlogged(&self) -> Result<Vec<Question>, Wrong> {
        let (head, grid, other) =
            (self.official("lin.zhixing")?, self.official("zhao.yi")?, self.official("wang.shouyi")?);
        Ok(vec![
            Question::reading(head, "gushan-permits", true, false),
            Question::reading(head, "grid1-visits", true, false),
            Question::reading(grid, "grid1-visits", true, false),
            Question::reading(grid, "gushan-permits", false, false),
            Question::reading(other, "gushan-parks", false, false),
        ])
    }

    fn official(&self, user_name: &str) -> Result<base::Id<base::id::Account>, Wrong> {
        self.sample.person(user_name).map(|person| person.id).ok_or_else(|| missing(user_name))
    }
}

fn missing(what: &str) -> Wrong {
    Wrong::new(format!("the sample province lacks {what}"))
}

/// The application with this short name; it asks for `scope`, or for all that it may.
fn client(sample: &Sample, name: &str, scope: Option<&str>) -> Result<Client, Wrong> {
    let application: &SampleApplication = sample.application(name).ok_or_else(|| missing(name))?;
    let algorithm = Algorithm::parse(&application.alg);
    Ok(Client {
        id: application.client_id.clone(),
        secret: application.client_secret.clone(),
        redirect_uri: application.redirect_uris.first().cloned().unwrap_or_default(),
        scope: scope.unwrap_or(&application.scope).to_owned(),
        algorithm: algorithm.ok_or_else(|| missing("a known algorithm"))?,
    })
}

/// The keys of both published sets.
fn keys(connection: &mut Connection) -> Result<KeySet, Wrong> {
    let mut keys = KeySet::new();
    for path in ["/oauth2/jwks", "/oauth2/jwks-sm"] {
        let answer = connection.send(&Request::get(path).into_bytes())?;
        let bad = |e: &dyn std::fmt::Display| Wrong::new(format!("`{path}`: {e}"));
        let set = Jwks::from_json(&answer.body).map_err(|e| bad(&e))?;
        set.keys().iter().try_for_each(|key| keys.insert(key)).map_err(|e| bad(&e))?;
    }
    Ok(keys)
}

/// An application for a residence permit by the first citizen.
fn application(connection: &mut Connection, sample: &Sample) -> Result<Value, Wrong> {
    #[derive(Deserialize)]
    struct Catalogue {
        types: Vec<ecert::CertificateType>,
    }
    let answer = connection.send(&Request::get("/v1/certificate-types").into_bytes())?;
    let catalogue: Option<Catalogue> = serde_json::from_slice(&answer.body).ok();
    let types = catalogue.ok_or_else(|| unexpected("the catalogue of certificate types", &answer))?.types;
    let code = sample.certificate_types.get("residence").ok_or_else(|| missing("residence permits"))?;
    let type_ = types.iter().find(|type_| type_.code == *code).ok_or_else(|| missing("residence permits"))?;
    let citizen = |person: &SamplePerson| Some((person.name.clone(), person.id_number.clone()?));
    let (name, number) = sample.people.iter().find_map(citizen).ok_or_else(|| missing("a citizen"))?;
    Ok(documents::application(type_, (&name, &number)))
}
