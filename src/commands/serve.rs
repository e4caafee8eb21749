//! `yinxin serve`: everything on this machine.

use std::fmt::{self, Write};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use flows::Env;
use server::listen::{self, Listener};
use server::places::Shares;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{self, Writer};

use super::{failed, say};
use crate::background::Background;
use crate::config::{Config, ServeFlags};
use crate::{Place, Seams, StartError, assemble, demo, tls};

const BACKLOG: u32 = 1024;

/// A server that runs in this process.
pub struct Running {
    /// Its environment.
    pub env: Arc<Env>,
    /// The sample province, when it was asked for.
    pub sample: Option<demo::Sample>,
    /// The first administrator's code, when there is no administrator yet.
    pub enrolment_code: Option<base::Secret<String>>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
    background: Background,
}

impl Running {
    /// Assembles everything and serves on `sockets`, and where clients are asked for certificates.
    pub async fn start(config: &Config, sockets: Vec<TcpListener>, seams: Seams) -> Result<Self, StartError> {
        let place = Place {
            data: &config.data,
            database: config.database.as_deref(),
            issuer: config.issuer.clone(),
            outbound: &config.outbound,
            dpop_nonces_required: config.dpop_nonces_required,
            token_keys: config.token_keys,
            sessions: config.sessions,
            certificates: &config.certificates,
            forwarding: &config.forwarding,
            registration: &config.registration,
            upstreams: &config.upstreams,
        };
        let asking =
            config.certificates.listen.iter().map(|address| bind(*address)).collect::<Result<Vec<_>, _>>()?;
        let env = assemble(&place, seams).await?;
        let sample = if config.demo { Some(demo::find_or_seed(&env, &config.data).await?) } else { None };
        flows::look_alikes::work_out(&env).await?;
        let enrolment_code = flows::set_up::enrolment_code(&env).await?;
        let tls = tls::server_config(&config.tls, &env, &config.data).await?;
        let app = server::App::new(Arc::clone(&env), sample.is_some())?;
        let router = server::router(app.clone());
        let ordinary = |socket| Listener { socket, tls: tls.clone(), router: router.clone() };
        let mut listeners: Vec<Listener> = sockets.into_iter().map(ordinary).collect();
        if !asking.is_empty() {
            let tls = tls::server_config_with_certificates(&config.tls, &env, &config.data).await?;
            let router = server::router_with_certificates(app);
            let asking = asking.into_iter().map(|socket| Listener {
                socket,
                tls: Some(Arc::clone(&tls)),
                router: router.clone(),
            });
            listeners.extend(asking);
        }
        let (stop, stopped) = watch::channel(false);
        flows::revocations::read(&env, env.now()).await?;
        let background = Background::start(&env);
        let proxies = [&config.forwarding.proxies[..], &config.certificates.proxies[..]].concat();
        let shares = Shares { of_each: config.connections_per_network, proxies };
        let serving = tokio::spawn(listen::serve(listeners, shares, stopped));
        Ok(Self { env, sample, enrolment_code, stop, serving, background })
    }

    /// Stops accepting, lets requests finish, places the last log entries, closes the database.
    pub async fn stop(self) -> Result<(), StartError> {
        self.stop.send(true).ok();
        let served = self.serving.await.map_err(std::io::Error::other).and_then(|r| r);
        self.background.stop();
        if let Err(fault) = flows::log::sequence(&self.env).await {
            tracing::error!("placing the last entries: {fault}");
        }
        self.env.db.close().await;
        served.map_err(|e| StartError::Configuration(format!("serving: {e}")))
    }
}

/// Runs until a signal comes.
pub async fn run(flags: ServeFlags) -> ExitCode {
    match Box::pin(serve(flags)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn serve(flags: ServeFlags) -> Result<(), StartError> {
    let config = Config::read(flags)?;
    start_logging(&config)?;
    let stop = stop_signal()?;
    let sockets = config.listen.iter().map(|address| bind(*address)).collect::<Result<Vec<_>, _>>()?;
    let running = Running::start(&config, sockets, Seams::default()).await?;
    greet(&config, &running);
    stop.await;
    tracing::info!("stopping");
    running.stop().await
}

fn start_logging(config: &Config) -> Result<(), StartError> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|e| StartError::Configuration(format!("log filter `{}`: {e}", config.log)))?;
    let colours = std::io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    // A line that cannot be written (the log's disk is full) is lost; to complain of it on the same stderr would panic.
    let builder = builder.log_internal_errors(false);
    if config.log_json {
        builder.json().init()
    } else {
        builder.fmt_fields(in_one_line()).init()
    }
    Ok(())
}

/// Fields as they are usually written, but that no text of a stranger begins a line of its own, or colours or turns one.
fn in_one_line() -> impl for<'w> FormatFields<'w> + 'static {
    let written = |writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug| {
        let mut line = OneLine(writer);
        match field.name() {
            "message" => write!(line, "{value:?}"),
            name => write!(line, "{name}={value:?}"),
        }
    };
    format::debug_fn(written).delimited(" ")
}

/// Writes characters that are more than themselves as escapes.
struct OneLine<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| {
            let directs =
                matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if c.is_control() || directs {
                write!(self.0, "{}", c.escape_default())
            } else {
                self.0.write_char(c)
            }
        })
    }
}

/// A socket on `address`. An IPv6 socket is for IPv6 only, so that both kinds can share a port.
pub fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bound().map_err(|e| StartError::Configuration(format!("cannot listen on `{address}`: {e}")))
}

fn greet(config: &Config, running: &Running) {
    let url = |path: &str| config.issuer.url(path);
    say(format!("issuer   {}", config.issuer.as_str()));
    say(format!("console  {}", url("/console")));
    if let Some(code) = &running.enrolment_code {
        say(format!("enrol    {}", url(&format!("/enrol#{}", code.expose()))));
        say("         This link makes the first administrator. It works once, and for a day.");
    }
    if config.demo {
        say(format!("sample   {}", config.data.join(demo::ACCOUNTS_FILE).display()));
        say("         A sample province is loaded; its accounts stand in that file. Nothing of it is real.");
    }
    for address in &config.listen {
        tracing::info!("listening on {address}");
    }
    for address in &config.certificates.listen {
        tracing::info!("listening on {address}, where clients are asked for certificates");
    }
}

/// The signal to stop, listened for from now on: one that comes while everything starts is not lost.
fn stop_signal() -> Result<impl Future<Output = ()>, StartError> {
    let failed = |e| StartError::Configuration(format!("cannot listen for signals: {e}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use super::*;

    /// What was logged.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_stranger_sends_is_no_line_of_the_log() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .fmt_fields(in_one_line())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let sent = "a\n2026-01-01  INFO yinxin: all is well\r\u{1b}[31m\u{202e}\0印";
            tracing::info!(code = "bad", %sent, "refused: {sent}");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let escaped = r"a\n2026-01-01  INFO yinxin: all is well\r\u{1b}[31m\u{202e}\u{0}印";
        assert!(text.ends_with(&format!("refused: {escaped} code=\"bad\" sent={escaped}\n")), "{text}");
    }
}
