//! What sockets alone cost: a process that answers every request with the same bytes, without looking at it. No server that reads and
//! writes once for each request can be faster, whatever is in it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Wrong;
use crate::http::{Answer, Connection, Request};
use crate::measure::{self, Operation, Round, Worker};
use crate::process::{self, Cores, Server};
use crate::tokens::unexpected;

/// As much as a small document.
const BODY_BYTES: usize = 1_024;

/// Measures it on the server's core, with the same generator.
pub fn measure(
    cores: Cores,
    folder: &std::path::Path,
    connections: usize,
    time: Duration,
    rounds: usize,
) -> Result<Round, Wrong> {
    let address = process::free_address()?;
    let mut command = cores.command(&std::env::current_exe()?);
    command.args(["--bench", "--bare-answers", &address.port().to_string()]);
    let log = folder.join("bare.log");
    let server = Server::launch(command, address, String::new(), "/", &log)?;
    let rounds: Result<Vec<Round>, Wrong> =
        (0..rounds).map(|_| measure::run(&server, &Bare, connections, time)).collect();
    Ok(measure::median_of_rounds(&rounds?))
}

/// What the process of [`measure`] does, until it is stopped.
pub fn answer(port: u16) -> Result<(), Wrong> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {BODY_BYTES}\r\n\r\n{}",
                    "x".repeat(BODY_BYTES)
                );
                let mut request = [0; 4_096];
                // A request of the generator comes in one piece, and the next only after the answer.
                while stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    })
}

struct Bare;

impl Operation for Bare {
    fn name(&self) -> &'static str {
        "sockets alone"
    }

    fn worker(&self, _: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        Ok(Box::new(Asking(Request::get("/").into_bytes())))
    }
}

struct Asking(Vec<u8>);

impl Worker for Asking {
    fn request(&mut self) -> Option<&[u8]> {
        Some(&self.0)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let good = answer.status == 200 && answer.body.len() == BODY_BYTES;
        if good { Ok(()) } else { Err(unexpected("the bytes", answer)) }
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        self.check(answer)
    }
}
