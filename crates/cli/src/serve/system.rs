//! What a relay asks of the system for its whole process.

/// Files that are made from now on can only be read by their owner.
#[cfg(unix)]
pub(crate) fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// As many open files as the system lets this process have; how many that is, where there is an end.
#[cfg(unix)]
pub(crate) fn allow_many_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if raised.is_ok() { maximum } else { current }
}

/// Elsewhere this is how it is.
#[cfg(not(unix))]
pub(crate) fn keep_files_private() {}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
pub(crate) fn allow_many_files() -> Option<u64> {
    None
}
