//! What is counted.

/// The jobs of one group commit.
pub(crate) fn commit_batch(jobs: usize) {
    metrics::histogram!("sprag_commit_batch_jobs").record(u32::try_from(jobs).unwrap_or(u32::MAX));
}
