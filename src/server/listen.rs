//! Sockets, TLS, connections, graceful end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::oidc::mtls::ClientCertificate;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::certificate::OnConnection;
use crate::linger;
use crate::visitor::Peer;

const CONNECTIONS_MAX_COUNT: usize = 10_000;
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
const HEADERS_MAX_BYTES: usize = 64 << 10;
const H2_STREAMS_MAX_COUNT: u32 = 128;
/// How long to pause when the system has no more sockets for us.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A socket that is listened on, and whether TLS is spoken there.
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// The TLS configuration; `None` for plain HTTP, which is for loopback only.
    pub tls: Option<Arc<ServerConfig>>,
    /// What is served there.
    pub router: Router,
}

/// Serves until `stop` says true, then lets requests under way finish.
pub async fn serve(listeners: Vec<Listener>, stop: watch::Receiver<bool>) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX_COUNT));
    let mut loops = tokio::task::JoinSet::new();
    for listener in listeners {
        loops.spawn(accept_loop(listener, Arc::clone(&room), stop.clone()));
    }
    while let Some(done) = loops.join_next().await {
        done.map_err(io::Error::other)?;
    }
    Ok(())
}

async fn accept_loop(listener: Listener, room: Arc<Semaphore>, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let Listener { socket, tls, router } = listener;
    let tls = tls.map(TlsAcceptor::from);
    loop {
        // A place is taken before the next connection: when there is none, the system's own queue holds the callers back.
        let place = Arc::clone(&room).acquire_owned();
        let accepted = async { (place.await, socket.accept().await) };
        let (place, stream, peer) = tokio::select! {
            (Ok(place), accepted) = accepted => match accepted {
                Ok((stream, peer)) => (place, stream, peer),
                Err(error) => {
                    tracing::warn!("accepting a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = stopped(&mut stop) => break,
        };
        let (router, tls, watcher) = (router.clone(), tls.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _place = place;
            connection(router, tls, stream, peer, watcher).await;
        });
    }
    // Closed first: whoever comes now is refused at once instead of waiting for nobody.
    drop(socket);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(DRAIN_TIMEOUT) => tracing::warn!("connections were cut after {DRAIN_TIMEOUT:?}"),
    }
}

/// Waits until the server is to stop, or nobody is left to say so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    stop.wait_for(|stop| *stop).await.map(drop).ok();
}

async fn connection(
    router: Router,
    tls: Option<TlsAcceptor>,
    stream: TcpStream,
    peer: SocketAddr,
    watcher: hyper_util::server::graceful::Watcher,
) {
    stream.set_nodelay(true).ok();
    match tls {
        None => speak(router, stream, peer, None, watcher).await,
        Some(acceptor) => match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let certificate = certificate(stream.get_ref().1);
                speak(router, stream, peer, certificate, watcher).await;
            }
            Ok(Err(error)) => tracing::debug!(%peer, "TLS handshake: {error}"),
            Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
        },
    }
}

/// The certificate that the client showed in the handshake, where it was asked for one.
fn certificate(connection: &ServerConnection) -> Option<OnConnection> {
    let (own, above) = connection.peer_certificates()?.split_first()?;
    let above = above.iter().map(|certificate| certificate.to_vec());
    Some(OnConnection(Arc::new(ClientCertificate::new(own.to_vec(), above))))
}

async fn speak(
    router: Router,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    certificate: Option<OnConnection>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let service = router.map_request(move |request: Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        if let Some(certificate) = &certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        request
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADERS_MAX_BYTES)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX_COUNT)
        .max_header_list_size(HEADERS_MAX_BYTES as u32);
    let (lent, returned) = linger::lend(stream);
    let connection =
        builder.serve_connection(TokioIo::new(lent), TowerToHyperService::new(service)).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%peer, "connection: {error}");
    }
    if let Ok(stream) = returned.await {
        linger::close(stream).await;
    }
}
