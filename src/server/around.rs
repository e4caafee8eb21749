//! What happens around every request, whatever it asks for: its body arrives in time, a panic is a fault like any other, and the answer
//! carries what every answer does. One layer, since each costs every request an allocation or two.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::App;
use crate::body;
use crate::headers::Asked;
use crate::problem;

/// Answers a request through `next`.
pub(crate) async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let asked = Asked::by(request.headers());
    DefaultBodyLimit::max(body::FORM_MAX_BYTES).apply(&mut request);
    let answered = body::arrives(request, |request| caught(next.run(request)));
    asked.add_to(&app, answered.await)
}

/// What `handler` answers, or the fault that it panicked.
async fn caught(handler: impl Future<Output = Response>) -> Response {
    let mut handler = pin!(handler);
    // A handler that panicked is not polled again, and what it shares with others is behind locks that say so themselves.
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(context))) {
        Ok(polled) => polled,
        Err(panic) => Poll::Ready(problem::panicked(&*panic)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered_wherever_it_comes() {
        let at_once = caught(async { panic!("at once") }).await;
        assert_eq!(at_once.status(), 500);
        let later = caught(async {
            tokio::task::yield_now().await;
            panic!("later: {}", 7)
        });
        assert_eq!(later.await.status(), 500);
        let fine = caught(async { Response::default() }).await;
        assert_eq!(fine.status(), 200);
    }
}
