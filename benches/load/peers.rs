//! Other providers, measured in the same run by the same generator: what `benches/peers/install` put into a folder.
//!
//! Each is set up for speed as its documentation has it: everything in memory, no log of requests.

use std::path::Path;
use std::sync::Arc;

use base::encoding::from_base64url;
use base::{Clock, SystemClock};
use jose::{Algorithm, Audience, Expect, Jwks, KeySet, Type};
use serde_json::Value;

use crate::Wrong;
use crate::bound::Key;
use crate::http::{Answer, Connection, Request};
use crate::measure::{Operation, Worker};
use crate::process::{self, Cores, Server};
use crate::tokens::{basic, unexpected};

const CLIENT: &str = "machine:machine-secret-0123456789-0123456789";
const ISSUERD_TOML: &str = include_str!("../peers/issuerd.toml");
const ISSUERD_YAML: &str = include_str!("../peers/issuerd.yaml");

/// Another provider that runs.
pub struct Peer {
    /// What the table calls it.
    pub name: &'static str,
    /// Its process.
    pub server: Server,
    /// What of it is measured; the names are those of our own operations.
    pub operations: Vec<Asked>,
}

/// Starts the peers that are in `folder`.
pub fn start(folder: &Path, work: &Path, cores: Cores) -> Result<Vec<Peer>, Wrong> {
    let mut peers = Vec::new();
    let issuerd = folder.join("issuerd/bin/issuerd");
    if issuerd.exists() {
        peers.push(start_issuerd(&issuerd, work, cores)?);
    }
    let provider = folder.join("oidc-provider/server.mjs");
    if provider.exists() {
        peers.push(start_oidc_provider(&provider, work, cores)?);
    }
    if peers.is_empty() {
        let here = folder.display();
        return Err(Wrong::new(format!("no peer in `{here}`: run `benches/peers/install`")));
    }
    Ok(peers)
}

fn start_issuerd(program: &Path, work: &Path, cores: Cores) -> Result<Peer, Wrong> {
    let address = process::free_address()?;
    let fill = |text: &str| {
        let folder = work.display().to_string();
        text.replace("@PORT@", &address.port().to_string()).replace("@FOLDER@", &folder)
    };
    let configuration = work.join("issuerd.toml");
    std::fs::write(&configuration, fill(ISSUERD_TOML))?;
    std::fs::write(work.join("issuerd.yaml"), ISSUERD_YAML)?;
    let mut command = cores.command(program);
    command.args(["-q", "-q", "daemon", "-c"]).arg(&configuration);
    let realm = "/realms/bench";
    let endpoints = Endpoints {
        discovery: format!("{realm}/.well-known/openid-configuration"),
        jwks: format!("{realm}/protocol/openid-connect/certs"),
        token: format!("{realm}/protocol/openid-connect/token"),
        root: format!("http://localhost:{}", address.port()),
    };
    let issuer = format!("http://localhost:{}{realm}", address.port());
    let server = Server::launch(command, address, issuer, &endpoints.discovery, &work.join("issuerd.log"))?;
    let mut connection = Connection::open(address)?;
    let keys = keys(&mut connection, &endpoints.jwks)?;
    let operations = endpoints.operations(&server.issuer, &keys)?;
    let person = person_token(&mut connection, &endpoints.token)?;
    let introspect = Request::post(&format!("{}/introspect", endpoints.token));
    let introspect = introspect.header("authorization", &format!("Basic {}", basic(CLIENT)));
    let user_info = Request::get(&format!("{realm}/protocol/openid-connect/userinfo")).bearer(&person);
    let more = [
        Asked::fixed(
            "introspection",
            introspect.form([("token", person.as_str())]),
            Good::Member("active", true.into()),
        ),
        Asked::fixed("userinfo", user_info, Good::Member("preferred_username", "alice".into())),
    ];
    Ok(Peer { name: "issuerd", server, operations: operations.into_iter().chain(more).collect() })
}

fn start_oidc_provider(program: &Path, work: &Path, cores: Cores) -> Result<Peer, Wrong> {
    let address = process::free_address()?;
    let mut command = cores.command(Path::new("node"));
    command.env("NODE_ENV", "production").arg(program).arg(address.port().to_string());
    let endpoints = Endpoints {
        discovery: "/.well-known/openid-configuration".to_owned(),
        jwks: "/jwks".to_owned(),
        token: "/token".to_owned(),
        // It takes its own name from `host`, which is the generator's and has no port.
        root: "http://localhost".to_owned(),
    };
    let issuer = format!("http://localhost:{}", address.port());
    let server =
        Server::launch(command, address, issuer, &endpoints.discovery, &work.join("oidc-provider.log"))?;
    let keys = keys(&mut Connection::open(address)?, &endpoints.jwks)?;
    let operations = endpoints.operations(&server.issuer, &keys)?;
    Ok(Peer { name: "oidc-provider", server, operations })
}

/// The token of a person, by the password grant: the quickest way there, and not measured.
fn person_token(connection: &mut Connection, path: &str) -> Result<String, Wrong> {
    let form = [
        ("grant_type", "password"),
        ("username", "alice"),
        ("password", "changeme-0123"),
        ("scope", "openid profile"),
    ];
    let request = Request::post(path).header("authorization", &format!("Basic {}", basic(CLIENT))).form(form);
    let answer = connection.send(&request.into_bytes())?;
    access_token(&answer).map(str::to_owned).ok_or_else(|| unexpected("a token of a person", &answer))
}

fn keys(connection: &mut Connection, path: &str) -> Result<Arc<KeySet>, Wrong> {
    let answer = connection.send(&Request::get(path).into_bytes())?;
    let bad = |e: &dyn std::fmt::Display| Wrong::new(format!("`{path}`: {e}"));
    let set = Jwks::from_json(&answer.body).map_err(|e| bad(&e))?;
    let mut keys = KeySet::new();
    set.keys().iter().try_for_each(|key| keys.insert(key)).map_err(|e| bad(&e))?;
    Ok(Arc::new(keys))
}

struct Endpoints {
    discovery: String,
    jwks: String,
    token: String,
    /// What stands before the path in the address that a proof names.
    root: String,
}

impl Endpoints {
    /// What every peer does.
    fn operations(&self, issuer: &str, keys: &Arc<KeySet>) -> Result<Vec<Asked>, Wrong> {
        let token = || Good::Token { issuer: issuer.to_owned(), keys: Arc::clone(keys) };
        let authorization = format!("Basic {}", basic(CLIENT));
        let machine = Request::post(&self.token).header("authorization", &authorization);
        let proved = Asked {
            name: "client_credentials, DPoP + private_key_jwt",
            sends: Sends::Proved {
                path: self.token.clone(),
                authorization: authorization.clone(),
                htu: format!("{}{}", self.root, self.token),
                key: Box::new(Key::new()?),
            },
            good: token(),
        };
        Ok(vec![
            Asked::fixed("discovery", Request::get(&self.discovery), Good::Member("issuer", issuer.into())),
            Asked::fixed("JWKS", Request::get(&self.jwks), Good::Keys),
            Asked::fixed(
                "client_credentials, ES256",
                machine.form([("grant_type", "client_credentials")]),
                token(),
            ),
            proved,
        ])
    }
}

/// One thing that a peer is asked.
pub struct Asked {
    name: &'static str,
    sends: Sends,
    good: Good,
}

enum Sends {
    /// The same bytes each time.
    Fixed(Vec<u8>),
    /// A token request with a proof of its own each time. The client shows its secret, which costs the peer less than an assertion.
    Proved { path: String, authorization: String, htu: String, key: Box<Key> },
}

/// What a good answer is.
enum Good {
    /// 200 and this member.
    Member(&'static str, Value),
    /// 200 and keys.
    Keys,
    /// 200 and a token that its keys verify.
    Token { issuer: String, keys: Arc<KeySet> },
}

impl Asked {
    fn fixed(name: &'static str, request: Request, good: Good) -> Self {
        Self { name, sends: Sends::Fixed(request.into_bytes()), good }
    }

    fn request(&self) -> Result<Vec<u8>, Wrong> {
        match &self.sends {
            Sends::Fixed(bytes) => Ok(bytes.clone()),
            Sends::Proved { path, authorization, htu, key } => {
                let proof = key.proof(htu)?;
                let request =
                    Request::post(path).header("authorization", authorization).header("dpop", &proof);
                Ok(request.form([("grant_type", "client_credentials")]).into_bytes())
            }
        }
    }
}

impl Operation for Asked {
    fn name(&self) -> &'static str {
        self.name
    }

    fn worker(&self, _: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        Ok(Box::new(Asking { current: self.request()?, of: self }))
    }
}

struct Asking<'a> {
    current: Vec<u8>,
    of: &'a Asked,
}

impl Worker for Asking<'_> {
    fn request(&mut self) -> Option<&[u8]> {
        if matches!(self.of.sends, Sends::Proved { .. }) {
            self.current = self.of.request().ok()?;
        }
        Some(&self.current)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let good = answer.status == 200
            && match &self.of.good {
                Good::Member(name, value) => member(&answer.body, name).as_ref() == Some(value),
                Good::Keys => answer.body.starts_with(b"{\"keys\":["),
                Good::Token { issuer, .. } => {
                    let claims = access_token(answer)
                        .and_then(|token| token.split('.').nth(1))
                        .and_then(from_base64url);
                    let said = claims.and_then(|json| member(&json, "iss"));
                    said.as_ref().and_then(Value::as_str) == Some(issuer)
                }
            };
        if good { Ok(()) } else { Err(unexpected("a good answer of a peer", answer)) }
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let Good::Token { issuer, keys } = &self.of.good else { return self.check(answer) };
        let token = access_token(answer).ok_or_else(|| unexpected("an access token", answer))?;
        let expect = Expect {
            typ: Type::IsOrPlain("at+jwt"),
            issuer,
            audience: Audience::Any,
            now: SystemClock.now(),
            leeway_seconds: 1,
            ahead_seconds: 1,
            algorithms: &[Algorithm::Es256, Algorithm::EdDsa],
        };
        keys.verify(token, &expect)
            .map(drop)
            .map_err(|e| Wrong::new(format!("a peer's token: {}", e.reason())))
    }
}

fn member(json: &[u8], name: &str) -> Option<Value> {
    let said: Value = serde_json::from_slice(json).ok()?;
    said.get(name).cloned()
}

fn access_token(answer: &Answer) -> Option<&str> {
    #[derive(serde::Deserialize)]
    struct Said<'a> {
        access_token: &'a str,
    }
    serde_json::from_slice::<Said<'_>>(&answer.body).ok().map(|said| said.access_token)
}
