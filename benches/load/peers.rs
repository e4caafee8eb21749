//! Other providers, measured in the same run by the same generator: what `benches/peers/install` put into a folder.
//!
//! Each is set up for speed as its documentation has it: everything in memory, no log of requests. It is asked what we are asked, with the
//! same algorithms and proofs; where its usual way is cheaper, that is measured as well.

use std::path::Path;
use std::sync::Arc;

use base::encoding::from_base64url;
use base::{Clock, SystemClock};
use jose::{Algorithm, Audience, Expect, Jwks, KeySet, Type};
use serde_json::{Value, json};

use crate::Wrong;
use crate::bound::{Key, asserted};
use crate::http::{Answer, Connection, Request};
use crate::measure::{Operation, Worker};
use crate::process::{self, Cores, Server};
use crate::tokens::{basic, unexpected};

const SECRET: &str = "machine:machine-secret-0123456789-0123456789";
/// The client that proves itself with a key.
const KEYED: &str = "keyed";
const ISSUERD_TOML: &str = include_str!("../peers/issuerd.toml");
const ISSUERD_YAML: &str = include_str!("../peers/issuerd.yaml");

/// Another provider that runs.
pub struct Peer {
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
    let password = base::entropy::token(&base::OsEntropy);
    let fill = |text: &str| {
        let folder = work.display().to_string();
        let text = text.replace("@PORT@", &address.port().to_string()).replace("@FOLDER@", &folder);
        text.replace("@PASSWORD@", &password)
    };
    let configuration = work.join("issuerd.toml");
    std::fs::write(&configuration, fill(ISSUERD_TOML))?;
    std::fs::write(work.join("issuerd.yaml"), ISSUERD_YAML)?;
    let mut command = cores.command(program);
    command.args(["-q", "-q", "daemon", "-c"]).arg(&configuration);
    let root = format!("http://localhost:{}", address.port());
    let endpoints = |realm: &str| Endpoints {
        issuer: format!("{root}/realms/{realm}"),
        discovery: format!("/realms/{realm}/.well-known/openid-configuration"),
        jwks: format!("/realms/{realm}/protocol/openid-connect/certs"),
        token: format!("/realms/{realm}/protocol/openid-connect/token"),
        root: root.clone(),
    };
    let (ours, usual) = (endpoints("bench"), endpoints("usual"));
    let server = Server::launch(command, address, root.clone(), &ours.discovery, &work.join("issuerd.log"))?;
    let mut connection = Connection::open(address)?;
    let key = Arc::new(Key::new()?);
    set_up_issuerd(&mut connection, &endpoints("master").token, &password, &key)?;
    let keys = keys(&mut connection, &ours.jwks)?;
    let person = person_token(&mut connection, &ours.token, SECRET, &["alice", "changeme-0123"])?;
    let introspect = Request::post(&format!("{}/introspect", ours.token));
    let introspect = introspect.header("authorization", &format!("Basic {}", basic(SECRET)));
    let user_info = Request::get("/realms/bench/protocol/openid-connect/userinfo").bearer(&person);
    let mut operations = ours.operations("issuerd", &keys, &key)?;
    operations.extend([
        usual.machine("issuerd, EdDSA", &keys),
        usual.proved("issuerd, EdDSA and a secret", &keys, Credentials::Secret)?,
        Asked::fixed(
            "issuerd",
            "introspection",
            introspect.form([("token", person.as_str())]),
            Good::Member("active", true.into()),
        ),
        Asked::fixed("issuerd", "userinfo", user_info, Good::Member("preferred_username", "alice".into())),
    ]);
    Ok(Peer { server, operations })
}

/// What issuerd's administrator does: a key that signs with ES256, and a client that proves itself with `key`.
fn set_up_issuerd(
    connection: &mut Connection,
    token_path: &str,
    password: &str,
    key: &Key,
) -> Result<(), Wrong> {
    let administrator = person_token(connection, token_path, "admin-cli:", &["admin", password])?;
    let client = json!({
        "client_id": KEYED,
        "enabled": true,
        "public_client": false,
        "service_accounts_enabled": true,
        "redirect_uris": ["http://localhost:3000/callback"],
        "client_authenticator_type": "client-jwt",
        "attributes": { "use.jwks.string": "true", "jwks.string": key.jwks().to_string() },
    });
    for (path, asked, good) in [
        ("/admin/realms/bench/keys/rotate", json!({ "algorithm": "ES256" }), 200),
        ("/admin/realms/bench/clients", client, 201),
    ] {
        let request = Request::post(path).bearer(&administrator).json(&asked);
        let answer = connection.send(&request.into_bytes())?;
        if answer.status != good {
            return Err(unexpected(path, &answer));
        }
    }
    Ok(())
}

fn start_oidc_provider(program: &Path, work: &Path, cores: Cores) -> Result<Peer, Wrong> {
    let address = process::free_address()?;
    let key = Arc::new(Key::new()?);
    let mut command = cores.command(Path::new("node"));
    command.env("NODE_ENV", "production").arg(program).arg(address.port().to_string());
    command.arg(key.jwks().to_string());
    let endpoints = Endpoints {
        issuer: format!("http://localhost:{}", address.port()),
        discovery: "/.well-known/openid-configuration".to_owned(),
        jwks: "/jwks".to_owned(),
        token: "/token".to_owned(),
        // It takes its own name from `host`, which is the generator's and has no port.
        root: "http://localhost".to_owned(),
    };
    let log = work.join("oidc-provider.log");
    let server = Server::launch(command, address, endpoints.issuer.clone(), &endpoints.discovery, &log)?;
    let keys = keys(&mut Connection::open(address)?, &endpoints.jwks)?;
    let mut operations = endpoints.operations("oidc-provider", &keys, &key)?;
    operations.push(endpoints.proved("oidc-provider, a secret", &keys, Credentials::Secret)?);
    Ok(Peer { server, operations })
}

/// The token of a person, by the password grant: the quickest way there, and not measured.
fn person_token(
    connection: &mut Connection,
    path: &str,
    client: &str,
    [name, password]: &[&str; 2],
) -> Result<String, Wrong> {
    let form =
        [("grant_type", "password"), ("username", name), ("password", password), ("scope", "openid profile")];
    let request = Request::post(path).header("authorization", &format!("Basic {}", basic(client))).form(form);
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
    issuer: String,
    discovery: String,
    jwks: String,
    token: String,
    /// What stands before the path in the address that a proof names.
    root: String,
}

impl Endpoints {
    /// What every peer does. The client that proves itself does it with `key`.
    fn operations(
        &self,
        whose: &'static str,
        keys: &Arc<KeySet>,
        key: &Arc<Key>,
    ) -> Result<Vec<Asked>, Wrong> {
        let discovery = Request::get(&self.discovery);
        Ok(vec![
            Asked::fixed(whose, "discovery", discovery, Good::Member("issuer", self.issuer.as_str().into())),
            Asked::fixed(whose, "JWKS", Request::get(&self.jwks), Good::Keys),
            self.machine(whose, keys),
            self.proved(whose, keys, Credentials::Key(Arc::clone(key)))?,
        ])
    }

    /// A token for a machine that shows a secret.
    fn machine(&self, whose: &'static str, keys: &Arc<KeySet>) -> Asked {
        let request = Request::post(&self.token).header("authorization", &format!("Basic {}", basic(SECRET)));
        let request = request.form([("grant_type", "client_credentials")]);
        Asked::fixed(whose, "client_credentials, ES256", request, self.token(keys))
    }

    /// A token bound to a key.
    fn proved(
        &self,
        whose: &'static str,
        keys: &Arc<KeySet>,
        credentials: Credentials,
    ) -> Result<Asked, Wrong> {
        let proved = Proved {
            path: self.token.clone(),
            issuer: self.issuer.clone(),
            htu: format!("{}{}", self.root, self.token),
            proofs: Key::new()?,
            credentials,
        };
        Ok(Asked {
            whose,
            name: "client_credentials, DPoP + private_key_jwt",
            sends: Sends::Proved(Box::new(proved)),
            good: self.token(keys),
        })
    }

    fn token(&self, keys: &Arc<KeySet>) -> Good {
        Good::Token { issuer: self.issuer.clone(), keys: Arc::clone(keys) }
    }
}

/// One thing that a peer is asked.
pub struct Asked {
    /// What the table calls the peer, and how it was set up where that is not as we are.
    pub whose: &'static str,
    name: &'static str,
    sends: Sends,
    good: Good,
}

enum Sends {
    /// The same bytes each time.
    Fixed(Vec<u8>),
    /// A proof of its own each time.
    Proved(Box<Proved>),
}

/// A token request with the proof of a key.
struct Proved {
    path: String,
    issuer: String,
    htu: String,
    proofs: Key,
    credentials: Credentials,
}

/// What a client shows.
enum Credentials {
    /// A secret: one verification less.
    Secret,
    /// An assertion signed with this key, as ours does.
    Key(Arc<Key>),
}

impl Proved {
    fn request(&self) -> Result<Vec<u8>, Wrong> {
        let request = Request::post(&self.path).header("dpop", &self.proofs.proof(&self.htu)?);
        let request = match &self.credentials {
            Credentials::Secret => request
                .header("authorization", &format!("Basic {}", basic(SECRET)))
                .form([("grant_type", "client_credentials")]),
            Credentials::Key(key) => request.form(asserted(&key.assertion(KEYED, &self.issuer)?)),
        };
        Ok(request.into_bytes())
    }
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
    fn fixed(whose: &'static str, name: &'static str, request: Request, good: Good) -> Self {
        Self { whose, name, sends: Sends::Fixed(request.into_bytes()), good }
    }

    fn request(&self) -> Result<Vec<u8>, Wrong> {
        match &self.sends {
            Sends::Fixed(bytes) => Ok(bytes.clone()),
            Sends::Proved(proved) => proved.request(),
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
        if matches!(self.of.sends, Sends::Proved(_)) {
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
