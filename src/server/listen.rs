//! Sockets, TLS, connections, graceful end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::oidc::mtls::ClientCertificate;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::certificate::OnConnection;
use crate::linger;
use crate::places::{Places, Shares};
use crate::visitor::Peer;

/// All connections together, on all sockets.
pub const CONNECTIONS_MAX_COUNT: u32 = 10_000;
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that begins no request for so long, or for twice as long at most, is let go when those under way are answered.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a client of HTTP/2 is asked whether it is still there, and how long it has for the answer.
const H2_PING_INTERVAL: Duration = Duration::from_secs(20);
const H2_PING_TIMEOUT: Duration = Duration::from_secs(10);
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

/// Serves until `stop` says true, then lets requests under way finish. Each network gets its share of the places, on all sockets together.
pub async fn serve(listeners: Vec<Listener>, shares: Shares, stop: watch::Receiver<bool>) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX_COUNT as usize));
    let places = Places::new(shares);
    let mut loops = tokio::task::JoinSet::new();
    for listener in listeners {
        loops.spawn(accept_loop(listener, Arc::clone(&room), Arc::clone(&places), stop.clone()));
    }
    while let Some(done) = loops.join_next().await {
        done.map_err(io::Error::other)?;
    }
    // Every place is free again when the last connection has ended.
    if tokio::time::timeout(DRAIN_TIMEOUT, room.acquire_many(CONNECTIONS_MAX_COUNT)).await.is_err() {
        tracing::warn!("connections were cut after {DRAIN_TIMEOUT:?}");
    }
    Ok(())
}

async fn accept_loop(
    listener: Listener,
    room: Arc<Semaphore>,
    places: Arc<Places>,
    mut stop: watch::Receiver<bool>,
) {
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
            // The socket is closed at once: whoever comes now is refused instead of waiting for nobody.
            () = stopped(&mut stop) => return,
        };
        // Whose network holds its share is let go unheard, and the place is free for another.
        let Some(share) = places.take(peer.ip()) else { continue };
        let (router, tls, stop) = (router.clone(), tls.clone(), stop.clone());
        tokio::spawn(async move {
            let _held = (place, share);
            connection(router, tls, stream, peer, stop).await;
        });
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
    stop: watch::Receiver<bool>,
) {
    stream.set_nodelay(true).ok();
    match tls {
        None => speak(router, stream, peer, None, stop).await,
        Some(acceptor) => match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let certificate = certificate(stream.get_ref().1);
                speak(router, stream, peer, certificate, stop).await;
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

/// Speaks HTTP on one connection until it ends, is idle for too long, or the server stops.
async fn speak(
    router: Router,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    certificate: Option<OnConnection>,
    mut stop: watch::Receiver<bool>,
) {
    let begun = Arc::new(AtomicU64::new(0));
    let requests = Arc::clone(&begun);
    let service = router.map_request(move |request: Request<hyper::body::Incoming>| {
        requests.fetch_add(1, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        if let Some(certificate) = &certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        request
    });
    let (lent, returned) = linger::lend(stream);
    {
        let builder = builder();
        let connection = builder.serve_connection(TokioIo::new(lent), TowerToHyperService::new(service));
        let mut connection = std::pin::pin!(connection);
        let mut idle = std::pin::pin!(idle(&begun));
        let mut ending = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%peer, "connection: {error}");
                    }
                    break;
                }
                () = stopped(&mut stop), if !ending => ending = true,
                after = idle.as_mut(), if !ending => match after {
                    // Not a single request: there is nobody who would lose anything, and perhaps somebody who means to hold a place.
                    0 => return tracing::debug!(%peer, "no request within {HEADER_TIMEOUT:?}"),
                    _ => ending = true,
                },
            }
            connection.as_mut().graceful_shutdown();
        }
    }
    if let Ok(stream) = returned.await {
        linger::close(stream).await;
    }
}

/// Ends when no request has begun for too long; with how many had before.
async fn idle(begun: &AtomicU64) -> u64 {
    tokio::time::sleep(HEADER_TIMEOUT).await;
    let mut before = begun.load(Ordering::Relaxed);
    while before > 0 {
        tokio::time::sleep(IDLE_TIMEOUT).await;
        let now = begun.load(Ordering::Relaxed);
        if now == before {
            break;
        }
        before = now;
    }
    before
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADERS_MAX_BYTES)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(H2_PING_INTERVAL)
        .keep_alive_timeout(H2_PING_TIMEOUT)
        .max_concurrent_streams(H2_STREAMS_MAX_COUNT)
        .max_header_list_size(HEADERS_MAX_BYTES as u32);
    builder
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::time::{Instant, timeout};

    use super::*;

    /// A connection that is served, and what tells the server to stop. The clock moves by itself when nobody has anything to do.
    fn connect() -> (DuplexStream, watch::Sender<bool>) {
        let router = Router::new().route("/", get(|| async { "here" })).route(
            "/slow",
            get(|| async {
                tokio::time::sleep(IDLE_TIMEOUT * 5).await;
                "at last"
            }),
        );
        let (client, server) = tokio::io::duplex(16 << 10);
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(speak(router, server, SocketAddr::from(([127, 0, 0, 1], 9)), None, stopped));
        (client, stop)
    }

    /// What comes until the server lets go, and after how long that is.
    async fn until_the_end(client: &mut DuplexStream) -> (String, Duration) {
        let (began, mut said) = (Instant::now(), Vec::new());
        timeout(Duration::from_secs(3_600), client.read_to_end(&mut said)).await.expect("it is let go").ok();
        (String::from_utf8_lossy(&said).into_owned(), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_asks_anything_holds_no_place() {
        for opening in ["", "G", "PRI * HTTP/2.0\r\n\r\nSM", "GET / HTTP/1.1\r\nHost: a"] {
            let (mut client, _stop) = connect();
            client.write_all(opening.as_bytes()).await.unwrap();
            let (said, after) = until_the_end(&mut client).await;
            assert!(!said.contains("200 OK"), "{opening}: {said}");
            assert!(after <= HEADER_TIMEOUT * 2, "{opening}: {after:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_asked_and_then_says_nothing_is_let_go() {
        let (mut client, _stop) = connect();
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let (said, after) = until_the_end(&mut client).await;
        assert!(said.ends_with("here"), "{said}");
        assert!(after <= HEADER_TIMEOUT + IDLE_TIMEOUT * 2, "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn on_http_2_as_well_whether_pings_are_answered_or_not() {
        // The preface, empty settings, and `GET /` (RFC 9113, 3.4; RFC 7541, appendix A: 2, 4, 6).
        let opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        let request = b"\0\0\x06\x01\x05\0\0\0\x01\x82\x84\x86\x41\x01a";
        for answers in [true, false] {
            let (mut client, _stop) = connect();
            client.write_all(&[&opening[..], &request[..]].concat()).await.unwrap();
            let (began, mut body) = (Instant::now(), Vec::new());
            while let Some((kind, flags, payload)) = frame(&mut client).await {
                match kind {
                    0 => body.extend(payload),
                    6 if answers && flags == 0 => {
                        let pong = [&b"\0\0\x08\x06\x01\0\0\0\0"[..], &payload].concat();
                        client.write_all(&pong).await.ok();
                    }
                    _ => {}
                }
            }
            assert_eq!(body, b"here");
            let longest =
                if answers { HEADER_TIMEOUT + IDLE_TIMEOUT * 2 } else { H2_PING_INTERVAL + H2_PING_TIMEOUT };
            assert!(began.elapsed() <= longest + H2_PING_TIMEOUT, "{:?}", began.elapsed());
        }
    }

    /// The next frame: its type, flags and payload (RFC 9113, 4.1); `None` at the end.
    async fn frame(client: &mut DuplexStream) -> Option<(u8, u8, Vec<u8>)> {
        let mut head = [0; 9];
        timeout(Duration::from_secs(3_600), client.read_exact(&mut head))
            .await
            .expect("it is let go")
            .ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        client.read_exact(&mut payload).await.ok()?;
        Some((head[3], head[4], payload))
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_under_way_is_answered_however_long_it_takes_and_when_the_server_stops() {
        for stops in [false, true] {
            let (mut client, stop) = connect();
            client.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.send(stops).unwrap();
            let (said, _) = until_the_end(&mut client).await;
            assert!(said.ends_with("at last"), "{said}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_on_asking_is_served_for_ever() {
        let (mut client, _stop) = connect();
        for _ in 0..100 {
            tokio::time::sleep(HEADER_TIMEOUT / 2).await;
            client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            let mut answer = [0; 512];
            let length = client.read(&mut answer).await.unwrap();
            assert!(answer[..length].ends_with(b"here"));
        }
    }
}
