//! Everything a flow needs, made once at the start and handed to flows by reference.

use std::sync::{Arc, PoisonError, RwLock};

use base::id::{Account, Session};
use base::{Clock, Entropy, Id, Network, Secret, Timestamp};
use gm::sm4;
use kms::KeyProvider;
use oidc::Client;
use oidc::claims::UserInfo;
use oidc::mtls::TakenAt;
use oidc::software_statement::StatementIssuer;
use pki::Certificate;
use store::Db;
use tokio::sync::{Mutex, Notify};

use crate::decide::Policies;
use crate::error::Fault;
use crate::keyring::Keyring;
use crate::metadata_documents::{DocumentCache, Documents};
use crate::outbound::Outbound;
use crate::passwords::Passwords;
use crate::published_keys::FetchedKeys;
use crate::remembered::Remembered;
use crate::revocations::Revocations;
use crate::rotate_keys::TokenKeyTimes;
use crate::session_limits::SessionLimits;
use crate::shown_once::ShownOnce;
use crate::tokens::VerifiedTokens;
use crate::upstreams::Upstreams;

/// The parts a flow works with.
pub struct Env {
    /// Where `now` comes from; read once per request.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// What is kept.
    pub db: Db,
    /// What makes and opens keys.
    pub keys: Arc<dyn KeyProvider>,
    /// Policies in force.
    pub policies: Policies,
    /// The pool for passwords.
    pub passwords: Passwords,
    /// What the operator set.
    pub settings: Settings,
    /// Secrets of this installation that are not keys.
    pub secrets: Secrets,
    /// Applications as they were read a moment ago.
    pub clients: Remembered<String, Client>,
    /// What may be said of persons, as it was read a moment ago.
    pub persons: Remembered<Id<Account>, UserInfo>,
    /// Access tokens whose signature was found good.
    pub verified_tokens: VerifiedTokens,
    /// Keys that others publish, as they were fetched.
    pub fetched_keys: FetchedKeys,
    /// Documents that register applications, as they were fetched.
    pub documents: DocumentCache,
    /// Calls to addresses that others chose.
    pub outbound: Outbound,
    /// Providers through which people may log in.
    pub upstreams: Upstreams,
    /// What may be shown once, and was.
    pub shown: ShownOnce,
    /// What was taken back while access tokens of it may still be about.
    pub revocations: Revocations,
    /// Rung when an entry was written, for the sequencer.
    pub log_bell: Notify,
    /// Rung when clients must be told of a logout.
    pub logout_bell: Notify,
    /// Rings when a person has answered an application that wants to be told.
    pub ping_bell: Notify,
    /// Held by the one task of this process that places entries.
    pub(crate) sequencing: Mutex<()>,
    keyring: RwLock<Arc<Keyring>>,
}

/// What the operator set, and what follows from it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The provider's name and the base of every URL.
    pub issuer: oidc::Issuer,
    /// The log's name: the issuer without its scheme, and `/log`.
    pub log_origin: audit::checkpoint::Origin,
    /// Whether every proof of a key must carry a nonce of ours (RFC 9449, 8).
    pub dpop_nonces_required: bool,
    /// When the keys that sign tokens take turns.
    pub token_keys: TokenKeyTimes,
    /// How long logins live.
    pub sessions: SessionLimits,
    /// What is made of client certificates.
    pub certificates: Certificates,
    /// Whom to believe where a request comes from.
    pub forwarding: Forwarding,
    /// Who registers without an official.
    pub registration: SelfRegistration,
}

/// Proxies in front that say where a request comes from.
#[derive(Clone, Debug, Default)]
pub struct Forwarding {
    /// Where they are.
    pub proxies: Vec<Network>,
    /// The header in which they say it, in lower case: addresses, the nearest last.
    pub header: String,
}

/// Registration by software: who may vouch for it, and whether documents register.
#[derive(Clone, Debug, Default)]
pub struct SelfRegistration {
    /// Who may vouch for software.
    pub statement_issuers: Vec<StatementIssuer>,
    /// Whether software registers only when somebody vouches for it.
    pub statements_required: bool,
    /// Whether a client's identifier may be the address of its registration.
    pub documents: Documents,
}

/// Client certificates: where they come from, and who may have issued them.
#[derive(Clone, Debug, Default)]
pub struct Certificates {
    /// Where they are asked for.
    pub taken_at: TakenAt,
    /// Authorities that may issue them, beside the built-in one.
    pub roots: Vec<Certificate>,
    /// Proxies that are believed what certificate a client showed them.
    pub proxies: Vec<Network>,
    /// The header in which they say it, in lower case.
    pub header: String,
}

impl Settings {
    /// The settings of a provider called `issuer`.
    pub fn new(issuer: oidc::Issuer) -> Result<Self, Fault> {
        let name = issuer.as_str().split_once("://").map_or(issuer.as_str(), |(_, rest)| rest);
        let log_origin = format!("{name}/log").parse()?;
        Ok(Self {
            issuer,
            log_origin,
            dpop_nonces_required: false,
            token_keys: TokenKeyTimes::default(),
            sessions: SessionLimits::default(),
            certificates: Certificates::default(),
            forwarding: Forwarding::default(),
            registration: SelfRegistration::default(),
        })
    }
}

/// Secrets derived from the installation's own, one for each use.
pub struct Secrets {
    /// Binds forms to the browser they were shown in.
    pub forms: Secret<[u8; 32]>,
    /// Makes index values of identity numbers and user names.
    pub index: Secret<[u8; 32]>,
    /// Makes the successors of refresh tokens.
    pub refresh: Secret<[u8; 32]>,
    /// Makes the nonces of proofs.
    pub nonces: Secret<[u8; 32]>,
    /// Makes the names under which people are known in one sector alone.
    pub pairwise: Secret<[u8; 32]>,
    /// Makes the keys under which sessions have their names in one sector alone.
    pub sessions: Secret<[u8; 32]>,
}

impl Secrets {
    /// The index value of `value` among the `kind`s: the same for the same value, and useless without the secret.
    pub fn index_of(&self, kind: &str, value: &str) -> [u8; 32] {
        gm::hmac::hmac_sm3(self.index.expose(), &[kind.as_bytes(), &[0], value.as_bytes()])
    }

    /// The name of `account` in `sector`: the same each time, and not to be linked with any other without the secret (OIDC Core, 8.1).
    pub(crate) fn pairwise_subject(&self, sector: &str, account: Id<Account>) -> String {
        let account = account.to_string();
        let message = [sector.as_bytes(), &[0], account.as_bytes()];
        base::encoding::base64url(&gm::hmac::hmac_sm3(self.pairwise.expose(), &message))
    }

    /// The name of `session` in `sector`: as for people, but that it can be turned back (`docs/adr/0025-a-session-has-a-name-in-each-sector.md`).
    pub(crate) fn pairwise_session(&self, sector: &str, session: Id<Session>) -> String {
        let mut block = session.to_bytes();
        self.key_of_sessions(sector).encrypt_block(&mut block);
        base::encoding::base64url(&block)
    }

    /// The session whose name in `sector` would be `name`; whether there is one is not looked at.
    pub(crate) fn session_in(&self, sector: &str, name: &str) -> Option<Id<Session>> {
        let mut block: sm4::Block = base::encoding::from_base64url(name)?.try_into().ok()?;
        self.key_of_sessions(sector).decrypt_block(&mut block);
        Some(Id::from_bytes(block))
    }

    fn key_of_sessions(&self, sector: &str) -> sm4::Key {
        let mac = gm::hmac::hmac_sm3(self.sessions.expose(), &[sector.as_bytes()]);
        let mut key = [0; 16];
        key.copy_from_slice(mac.split_at(16).0);
        sm4::Key::new(&key)
    }

    /// The successor of the refresh token `token`: the same each time, and nobody else's to know, even with the whole database.
    pub(crate) fn successor(&self, token: &str) -> String {
        base::encoding::base64url(&gm::hmac::hmac_sm3(self.refresh.expose(), &[token.as_bytes()]))
    }

    /// What an application asks the token endpoint with for the request `id`: nobody else's to know, even with the whole database.
    pub(crate) fn auth_req_id(&self, id: base::Id<base::id::DeferredRequest>) -> String {
        let id = id.to_string();
        let parts: [&[u8]; 3] = [b"auth-req-id", &[0], id.as_bytes()];
        base::encoding::base64url(&gm::hmac::hmac_sm3(self.forms.expose(), &parts))
    }

    /// What goes along with the login at an upstream provider whose state is `state`: nobody else's to know, even with the whole database.
    pub(crate) fn of_state(&self, what: &str, state: &str) -> String {
        let parts: [&[u8]; 3] = [what.as_bytes(), &[0], state.as_bytes()];
        base::encoding::base64url(&gm::hmac::hmac_sm3(self.forms.expose(), &parts))
    }

    /// What a form shown in the browser `browser` must carry back.
    pub fn form_token(&self, browser: &str) -> String {
        base::encoding::base64url(&gm::hmac::hmac_sm3(
            self.forms.expose(),
            &[b"form", &[0], browser.as_bytes()],
        ))
    }

    /// Whether `shown` is what a form from the browser `browser` must carry.
    pub fn is_form_token(&self, browser: &str, shown: &str) -> bool {
        base::encoding::same_bytes(self.form_token(browser).as_bytes(), shown.as_bytes())
    }
}

/// The parts of an [`Env`] that its maker supplies.
pub struct Parts {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The dice.
    pub entropy: Arc<dyn Entropy>,
    /// The database, its schema up to date.
    pub db: Db,
    /// The key provider.
    pub keys: Arc<dyn KeyProvider>,
    /// The policies.
    pub policies: Policies,
    /// The settings.
    pub settings: Settings,
    /// Calls to addresses that others chose.
    pub outbound: Outbound,
    /// Providers through which people may log in.
    pub upstreams: Upstreams,
}

impl Env {
    /// An environment from parts and what [`crate::set_up`] made or found.
    pub(crate) fn new(parts: Parts, keyring: Keyring, secrets: Secrets, passwords: Passwords) -> Self {
        Self {
            clock: parts.clock,
            entropy: parts.entropy,
            db: parts.db,
            keys: parts.keys,
            policies: parts.policies,
            passwords,
            settings: parts.settings,
            secrets,
            clients: Remembered::default(),
            persons: Remembered::default(),
            verified_tokens: VerifiedTokens::default(),
            fetched_keys: FetchedKeys::default(),
            documents: DocumentCache::default(),
            outbound: parts.outbound,
            upstreams: parts.upstreams,
            shown: ShownOnce::default(),
            revocations: Revocations::default(),
            log_bell: Notify::new(),
            logout_bell: Notify::new(),
            ping_bell: Notify::new(),
            sequencing: Mutex::new(()),
            keyring: RwLock::new(Arc::new(keyring)),
        }
    }

    /// The present instant. Handlers read it once and pass it down.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The keys in force.
    pub fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another set of keys comes into force.
    pub fn replace_keyring(&self, keyring: Keyring) {
        *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keyring);
        self.verified_tokens.forget();
    }
}
