//! Work that goes on when its caller has gone.
//!
//! A request that has its place on the way to the register is recorded, whether its caller waits for
//! the answer or not: otherwise anyone could have records read without a trace by hanging up in
//! time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that moves to a task of its own when it is dropped before its end. As long as the
/// caller waits, it costs no task.
pub(super) struct Finish<T: Send + 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T: Send + 'static> Finish<T> {
    /// Makes sure that `work` comes to its end.
    pub(super) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<T: Send + 'static> Future for Finish<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = self.0.as_mut() else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Finish<T> {
    fn drop(&mut self) {
        let Some(work) = self.0.take() else { return };
        // A panic inside drops the work too; polling it again would panic again.
        if std::thread::panicking() {
            return;
        }
        // Outside a runtime the process is ending, and nobody waits for an answer any more.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_whose_caller_has_gone_comes_to_its_end() {
        let (go, gate) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel();
        let mut work = Finish::new(async move {
            let _opened = gate.await;
            let _waiting = done.send(());
        });
        assert!(futures_util::future::poll_immediate(&mut work).await.is_none());
        drop(work);
        go.send(()).unwrap();
        ended.await.unwrap();
    }
}
