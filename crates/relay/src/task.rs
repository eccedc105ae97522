//! Work that is finished whether or not its caller waits for the answer.

use std::future::Future;

use crate::error::Failure;

/// Does the work to its end, also where the connection breaks meanwhile and the handler is dropped.
pub(crate) async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a task did not end");
        Err(Failure::internal())
    })
}

/// Computes something that takes milliseconds, away from the threads that serve connections.
pub(crate) async fn computed<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a computation did not end");
        Err(Failure::internal())
    })
}
