//! Connections that end in stages, so that an answer given early is not lost (RFC 9112, 9.6).
//!
//! A server that refuses a body it has not read to the end, and closes, makes TCP throw away what the client has not read yet:
//! the client sees a reset where `413 Content Too Large` was sent. So our half of the connection is closed first; what still
//! comes is read and thrown away, within limits, until the client closes its half.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::oneshot;

/// Most that is read after the end; more than the largest body that is taken anywhere.
const LINGER_MAX_BYTES: u64 = 128 << 20;
/// How long it may take.
const LINGER_TIMEOUT: Duration = Duration::from_secs(10);

/// Lends `stream` out; what is lent comes back through the second value when its borrower lets it go.
pub(crate) fn lend<S>(stream: S) -> (Lent<S>, oneshot::Receiver<S>) {
    let (back, returned) = oneshot::channel();
    (Lent { stream: Some(stream), back: Some(back) }, returned)
}

/// Closes our half of `stream`, and waits for the other.
pub(crate) async fn close<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let staged = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_MAX_BYTES), &mut tokio::io::sink()).await
    };
    // However it ends: everything that the client may still read was sent before.
    tokio::time::timeout(LINGER_TIMEOUT, staged).await.map(drop).ok();
}

/// A stream that goes back to its owner when dropped.
pub(crate) struct Lent<S> {
    stream: Option<S>,
    back: Option<oneshot::Sender<S>>,
}

impl<S> Drop for Lent<S> {
    fn drop(&mut self) {
        if let (Some(stream), Some(back)) = (self.stream.take(), self.back.take()) {
            back.send(stream).map_err(drop).ok();
        }
    }
}

impl<S: Unpin> Lent<S> {
    /// The stream; it is there until the drop.
    fn stream(&mut self) -> io::Result<Pin<&mut S>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lent<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lent<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_still_sends_reads_the_answer_before_the_connection_ends() {
        let (client, server) = tokio::io::duplex(1_024);
        let serving = async {
            let (mut lent, returned) = lend(server);
            lent.write_all(b"413").await.unwrap();
            drop(lent);
            close(returned.await.unwrap()).await;
        };
        let asking = async {
            let (mut answers, mut body) = tokio::io::split(client);
            body.write_all(&[b'a'; 100_000]).await.unwrap();
            body.shutdown().await.unwrap();
            let mut answer = String::new();
            answers.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let ((), answer) = tokio::join!(serving, asking);
        assert_eq!(answer, "413");
    }
}
