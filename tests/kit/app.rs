//! The whole service in this process, with the sample province, a database of its own, and a clock that a story moves.

use std::sync::Arc;

use base::{Clock, Timestamp};
use flows::Env;
use reqwest::{Client, ClientBuilder};
use tempfile::TempDir;
use yinxin::browser::Browser;
use yinxin::commands::serve::{Running, bind};
use yinxin::config::{Config, Tls};
use yinxin::demo::Sample;
use yinxin::{Place, Seams};

use super::clock::{BEGINNING, FixedClock};
use super::postgres::Database;
use super::randomness::Randomness;

/// Where a story's data is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// In the data folder.
    Sqlite,
    /// On the server that `YINXIN_TEST_POSTGRES` names.
    Postgres,
}

/// Makes of each `async fn name(app: TestApp) { … }` the tests `sqlite::name` and `postgres::name`.
macro_rules! stories {
    ($($(#[$attribute:meta])* async fn $name:ident($app:ident: TestApp) $story:block)+) => {
        $($(#[$attribute])* async fn $name($app: $crate::kit::app::TestApp) $story)+

        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $crate::kit::app::Engine::Sqlite.tells(super::$name).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $crate::kit::app::Engine::Postgres.tells(super::$name).await;
            })+
        }
    };
}
pub(crate) use stories;

impl Engine {
    /// Tells `story` on this engine, with an application of its own.
    pub(crate) async fn tells<F: Future<Output = ()>>(self, story: impl FnOnce(TestApp) -> F) {
        let database = match self {
            Self::Sqlite => None,
            Self::Postgres => match Database::on_the_server() {
                Some(database) => Some(database),
                None => return eprintln!("skipped: no YINXIN_TEST_POSTGRES"),
            },
        };
        story(TestApp::over(database).await).await;
    }
}

/// The service with the sample province, until dropped.
pub(crate) struct TestApp {
    running: Option<Running>,
    config: Config,
    database: Option<Database>,
    _folder: TempDir,
    /// The clock that it reads.
    pub(crate) clock: Arc<FixedClock>,
    /// The randomness that it draws.
    pub(crate) randomness: Arc<Randomness>,
    /// Where it is, and what its tokens say: `http://127.0.0.1:PORT`.
    pub(crate) issuer: String,
    /// Who and what lives in the sample province.
    pub(crate) sample: Sample,
    /// The first administrator's code.
    pub(crate) enrolment_code: String,
}

impl TestApp {
    /// Starts it over an empty database; `None` is the one in its folder.
    async fn over(database: Option<Database>) -> Self {
        Self::with(tempfile::tempdir().unwrap(), database).await
    }

    /// Starts it over an empty database in memory, where there is such a place: the disk takes no time that anybody would measure.
    pub(crate) async fn in_memory() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self::with(folder.unwrap(), None).await
    }

    async fn with(folder: TempDir, database: Option<Database>) -> Self {
        let socket = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let issuer = format!("http://{address}");
        let config = Config {
            data: folder.path().join("data"),
            listen: vec![address],
            issuer: issuer.parse().unwrap(),
            database: database.as_ref().map(Database::address),
            demo: true,
            tls: Tls::Off,
            outbound: yinxin::config::Outbound::default(),
            certificates: yinxin::config::Certificates::default(),
            forwarding: flows::env::Forwarding::default(),
            connections_per_network: 1_000,
            dpop_nonces_required: false,
            token_keys: flows::rotate_keys::TokenKeyTimes::default(),
            sessions: flows::session_limits::SessionLimits::default(),
            registration: flows::env::SelfRegistration::default(),
            upstreams: Vec::new(),
            log_json: false,
            log: "warn".to_owned(),
        };
        let (clock, randomness) = (Arc::new(FixedClock::at(BEGINNING)), Arc::new(Randomness::default()));
        let mut running = Running::start(&config, vec![socket], seams(&clock, &randomness)).await.unwrap();
        let sample = running.sample.take().expect("the sample province");
        let enrolment_code = running.enrolment_code.take().expect("nobody has enrolled").expose().clone();
        Self {
            running: Some(running),
            config,
            database,
            _folder: folder,
            clock,
            randomness,
            issuer,
            sample,
            enrolment_code,
        }
    }

    /// Another installation beside it, with an empty database in a folder of its own.
    pub(crate) async fn another_installation(&self) -> Self {
        Self::over(None).await
    }

    /// Stops it, as a signal would.
    pub(crate) async fn stop(&mut self) {
        self.running.take().expect("it runs").stop().await.unwrap();
    }

    /// Starts it again at the same address on what it left.
    pub(crate) async fn start(&mut self) {
        assert!(self.running.is_none(), "it runs");
        let sockets = self.config.listen.iter().map(|address| bind(*address).unwrap()).collect();
        let seams = seams(&self.clock, &self.randomness);
        self.running = Some(Running::start(&self.config, sockets, seams).await.unwrap());
    }

    /// Starts it again as `changed` says.
    pub(crate) async fn restart_with(&mut self, changed: impl FnOnce(&mut Config)) {
        self.stop().await;
        changed(&mut self.config);
        self.start().await;
    }

    /// Another node on the same data, which does not serve.
    pub(crate) async fn another_node(&self) -> Arc<Env> {
        let Config { data, database, issuer, .. } = &self.config;
        let outbound = yinxin::config::Outbound::default();
        let place = Place {
            data,
            database: database.as_deref(),
            issuer: issuer.clone(),
            outbound: &outbound,
            dpop_nonces_required: false,
            token_keys: flows::rotate_keys::TokenKeyTimes::default(),
            sessions: self.config.sessions,
            certificates: &self.config.certificates,
            forwarding: &self.config.forwarding,
            registration: &self.config.registration,
            upstreams: &self.config.upstreams,
        };
        yinxin::assemble(&place, seams(&self.clock, &self.randomness)).await.unwrap()
    }

    /// Time passes.
    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(seconds);
    }

    /// The present instant.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The address of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// The environment of its flows, to look at what is kept.
    pub(crate) fn env(&self) -> &Arc<Env> {
        &self.running.as_ref().expect("it runs").env
    }

    /// What it was started with: the data folder, the database.
    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    /// Which engine it is on.
    pub(crate) const fn engine(&self) -> Engine {
        if self.database.is_some() { Engine::Postgres } else { Engine::Sqlite }
    }

    /// A browser with nothing in it.
    pub(crate) fn browser(&self) -> Browser {
        self.browser_with(|builder| builder.cookie_store(true))
    }

    /// A browser whose client is made as `made` says; it brings the cookie jar.
    pub(crate) fn browser_with(&self, made: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Browser {
        Browser::over(made(Client::builder().no_proxy()), &self.issuer).unwrap()
    }

    /// A client without cookies, for APIs. It follows no redirect.
    pub(crate) fn http(&self) -> Client {
        Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
    }
}

fn seams(clock: &Arc<FixedClock>, randomness: &Arc<Randomness>) -> Seams {
    Seams { clock: Arc::<FixedClock>::clone(clock), entropy: Arc::<Randomness>::clone(randomness) }
}
